"""One search for many values in all bytes of a file, at more than two gigabytes a second.

Bulk data are searched behind a filter that is a *necessary condition*, so that it can pass over
nothing: whoever holds a needle of at least seven bytes holds, somewhere in it, four bytes that
start at a multiple of four. The data are therefore read as 32-bit words, each word hashed (without
the bit of each byte that tells upper from lower case) and looked up among the hashes of the
needles' words; where the table says yes, once more together with its neighbour, and only where
that says yes, too, the needle itself is compared. Where every 16-bit word is less than 0x2020, as
in pictures of 12 bits, no two neighbouring bytes are both printable, so only UTF-16 can be there.
Its needles have 14 bytes and more, of which eight lie at a multiple of eight: if the needle starts
at an odd place (or is big-endian at an even one), a word of it is greater than 0x2020.

How short a needle may be is a matter of chance. A byte of an uncompressed 8-bit picture says about
six bits; among *n* bytes and *k* needles (each as written, in lower, upper and title case) the
chance of a false hit is about ``n k 2**(-6 m)`` for *m* characters, and must stay below one in ten
thousand files. For 526 kB and 100 needles that is seven characters, for 300 MB nine. What is
shorter is searched in the header and in decoded values only. With four characters or fewer, chance
would strike even there, so those count in decoded values and as whole words only.
"""

from __future__ import annotations

import math
import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from ahocorasick_rs import BytesAhoCorasick

from fedpacs.deidentification.verification.standard import vocabulary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from numpy.typing import NDArray

MINIMUM_BYTES = 6
"""Shortest needle that is looked for in the header's bytes."""
OVERLAP_BYTES = 128
"""What two neighbouring pieces of bulk data must share."""
PIECE_BYTES = 576 << 10
"""Longest piece of bulk data: a CT slice as a whole, and small enough for a processor's cache."""
PREFIX_CHARACTERS = 12
_LONGEST = 64
_BULK_MINIMUM = 7
_FALSE_ALARMS = 1e-4
_BITS_A_CHARACTER = 6
_PRINTABLE_WORD = 0x2020
_FOLD = np.uint32(0xDFDFDFDF)
_FACTOR = np.uint32(0x9E3779B1)
_OTHER_FACTOR = np.uint32(0x85EBCA77)
_FOLD_8 = np.uint64(0xDFDFDFDFDFDFDFDF)
_FACTOR_8 = np.uint64(0x9E3779B97F4A7C15)
_OTHER_FACTOR_8 = np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFT_8 = np.uint64(48)
_BEYOND_LATIN = np.uint64(0xFF00FF00FF00FF00)
_NOTHING = np.uint64(0)
_PATIENCE = 64
_LOW, _HIGH = 0x0000FFFF, 0xFFFF0000
_NEXT, _HALF_NEXT, _HALF_LAST = range(3)
_SHIFT = np.uint32(16)
_WIDE_CODECS = ("utf-16-le", "utf-16-be")
_UID_CHARACTERS = b"0123456789."
_DIGITS = b"0123456789"
_ANCHOR = 3


class Needle(NamedTuple):
    """What is looked for.

    Attributes
    ----------
    text
        As it was written.
    kind
        ``uid``, ``date``, ``word`` (a person's name) or ``text``.
    """

    text: str
    kind: str


class _Form(NamedTuple):
    folded: bytes
    kind: str
    characters: int
    wide: bool
    exact: frozenset[bytes]


class _Workspace(threading.local):
    """Memory that is used again for every piece."""

    def __init__(self) -> None:
        words = PIECE_BYTES // 4
        self.hashes: NDArray[np.uint32] = np.empty(words, np.uint32)
        self.places: NDArray[np.intp] = np.empty(words, np.intp)
        self.folded: NDArray[np.uint64] = np.empty(words // 2, np.uint64)
        self.products: NDArray[np.uint64] = np.empty(words // 2, np.uint64)
        self.hits: NDArray[np.bool_] = np.empty(words, np.bool_)


_workspace = _Workspace()


def minimum_characters(size: int, needles: int) -> int:
    """Give the shortest needle that chance does not find in bulk data.

    Parameters
    ----------
    size
        Bytes of the bulk data.
    needles
        Number of forms that are looked for.
    """
    chances = max(size, 1) * max(needles, 1) / _FALSE_ALARMS
    return max(_BULK_MINIMUM, math.ceil(math.log2(chances) / _BITS_A_CHARACTER))


class Matcher:
    """A search for a set of needles.

    Parameters
    ----------
    needles
        What must not be found.
    codecs
        Character sets besides UTF-8 and UTF-16.
    prefixes
        Starts, of at least `PREFIX_CHARACTERS`, of UIDs that single searches will add.
    """

    def __init__(
        self,
        needles: Collection[Needle],
        codecs: Iterable[str] = (),
        prefixes: Collection[str] = (),
    ) -> None:
        self._prefixes = tuple(sorted(prefixes))
        self._starts = [
            form
            for prefix in self._prefixes
            for form in _forms(Needle(prefix[:PREFIX_CHARACTERS], "uid"), ())
        ]
        forms: dict[bytes, _Form] = {}
        for needle in needles:
            for form in _forms(needle, codecs):
                if form.folded in forms:
                    form = form._replace(exact=form.exact | forms[form.folded].exact)  # noqa: PLW2901 - one form with all spellings
                forms[form.folded] = form
        self._forms = list(forms.values())
        self._automaton = BytesAhoCorasick([form.folded for form in self._forms] or [b"\0" * 64])
        self._filters: dict[int, _Filter] = {}

    def covers(self, uid: str) -> bool:
        """Tell whether a UID may be added to a single search."""
        return uid.startswith(self._prefixes)

    def in_header(self, content: bytes, extra: Iterable[Uid] = ()) -> Iterator[str]:
        """Give the kind of every needle that stands in bytes that are no bulk data.

        Parameters
        ----------
        extra
            UIDs to look for besides.
        """
        lower = content.lower()
        if any(uid.is_in(lower) for uid in extra):
            yield "uid"
        if not self._forms:
            return
        for number, start, end in self._automaton.find_matches_as_indexes(lower, overlapping=True):
            form = self._forms[number]
            if form.wide or _stands(lower, start, end, form.kind):
                yield form.kind

    def in_bulk(self, piece: bytearray, size: int, extra: Collection[Uid] = ()) -> Iterator[str]:
        """Give the kind of every needle that stands in a piece of bulk data.

        Parameters
        ----------
        piece
            At most `PIECE_BYTES`; pieces overlap by `OVERLAP_BYTES`.
        size
            Bytes of the whole bulk data.
        extra
            UIDs to look for besides; `covers` must be true of them.
        """
        shortest = minimum_characters(size, len(self._forms))
        sieve = self._filters.get(shortest)
        if sieve is None:
            forms = [form for form in self._forms if form.characters >= shortest]
            sieve = self._filters[shortest] = _Filter([*forms, *self._starts])
        for place in sieve.places(piece):
            start = max(0, place - 2 * _LONGEST)
            around = bytes(piece[start : place + 2 * _LONGEST])
            lower = around.lower()
            if extra and any(uid.is_in(lower) for uid in extra):
                yield "uid"
            found = self._automaton.find_matches_as_indexes(lower, overlapping=True)
            for number, first, last in found:
                form = self._forms[number]
                if form.characters < shortest or around[first:last] not in form.exact:
                    continue
                if form.wide or form.kind == "word" or _stands(lower, first, last, form.kind):
                    yield form.kind


class Uid(NamedTuple):
    """A UID to look for besides a matcher's needles: as it is written, and in UTF-16."""

    narrow: bytes
    wide: tuple[bytes, ...]

    @classmethod
    def of(cls, uid: str) -> Uid:
        """Encode a UID."""
        return cls(uid.encode("utf-8"), tuple(uid.encode(codec) for codec in _WIDE_CODECS))

    def is_in(self, content: bytes) -> bool:
        """Tell whether it stands in bytes, and not as a part of another one."""
        start = content.find(self.narrow)
        while start >= 0:
            if _stands(content, start, start + len(self.narrow), "uid"):
                return True
            start = content.find(self.narrow, start + 1)
        return any(form in content for form in self.wide)


def _forms(needle: Needle, codecs: Iterable[str]) -> Iterator[_Form]:
    text = needle.text
    cases = {text, text.lower(), text.upper(), text.title()}
    for codec in dict.fromkeys(("utf-8", *_WIDE_CODECS, *codecs)):
        try:
            exact = frozenset(case.encode(codec)[:_LONGEST] for case in cases)
        except (UnicodeEncodeError, LookupError):
            continue  # a character set that cannot hold the text cannot leak it
        wide = codec in _WIDE_CODECS
        for folded in {one.lower() for one in exact}:
            length = len(folded)
            if length >= MINIMUM_BYTES and b"\x1b" not in folded:
                characters = _wide_characters(text) if wide else length
                yield _Form(folded, needle.kind, min(characters, length), wide, exact)


def _wide_characters(text: str) -> int:
    """Count characters; without one of ASCII, UTF-16 needs one more to be found at odd places."""
    return len(text) - (not any("!" <= character <= "~" for character in text))


def _stands(content: bytes, start: int, end: int, kind: str) -> bool:
    """Tell whether a hit is no part of something longer: a UID, a number, another word."""
    before = content[start - 1 : start] if start else b""
    after = content[end : end + 1]
    if kind == "uid":
        return not (before and before in _UID_CHARACTERS) and not (
            after and after in _UID_CHARACTERS
        )
    if kind == "date":
        return not (before and before in _DIGITS) and not (after and after in _DIGITS)
    if kind == "word" and (before.isalpha() or after.isalpha()):
        return _longer_word(content, start, end) not in vocabulary()
    return True


def _longer_word(content: bytes, start: int, end: int) -> str:
    while start and content[start - 1 : start].isalpha():
        start -= 1
    while content[end : end + 1].isalpha():
        end += 1
    return content[start:end].decode("ascii", "replace")


class _Filter:
    """The necessary condition, for needles of a certain length and more."""

    def __init__(self, forms: list[_Form]) -> None:
        narrow = [form.folded for form in forms if not form.wide]
        wide = [form.folded for form in forms if form.wide]
        self._any = bool(forms)
        self._all = _Tables([*narrow, *wide])
        self._wide = _WideTables(wide)
        self._signed = all(_is_anchored(one) for one in narrow)
        self._screens = self._signed or all(min(one) >= 0x20 for one in narrow)  # noqa: PLR2004 - the first printable character

    def places(self, piece: bytearray) -> list[int]:
        """Give every place where a needle may stand."""
        if not self._any or len(piece) < _BULK_MINIMUM:
            return []
        if self._screens and not len(piece) % 2:
            halves = np.frombuffer(piece, "<i2" if self._signed else "<u2")
            if int(halves.max()) < _PRINTABLE_WORD:
                return self._wide.places(piece)
        return self._all.places(piece)


class _WideTables:
    """Hashes of eight bytes of UTF-16 needles, for data of which every 16-bit word is small."""

    def __init__(self, needles: list[bytes]) -> None:
        self._any = bool(needles)
        self._latin = all(not any(one[1::2]) or not any(one[::2]) for one in needles)
        self._wait = 0
        self._first: NDArray[np.bool_] = np.zeros(1 << 16, np.bool_)
        self._second: NDArray[np.bool_] = np.zeros(1 << 16, np.bool_)
        for needle in needles:
            for offset in range(min(8, len(needle) - 7)):
                word = int.from_bytes(needle[offset : offset + 8], "little") & int(_FOLD_8)
                self._first[(word * int(_FACTOR_8) >> 48) & 0xFFFF] = True
                self._second[(word * int(_OTHER_FACTOR_8) >> 48) & 0xFFFF] = True

    def places(self, piece: bytearray) -> list[int]:
        if not self._any:
            return []
        words = np.frombuffer(piece, "<u8", len(piece) // 8)
        few = self._few(words)
        if few is not None:
            if not few.size:
                return []
            folded = words[few] & _FOLD_8
            kept = self._first[(folded * _FACTOR_8) >> _SHIFT_8]
            kept &= self._second[(folded * _OTHER_FACTOR_8) >> _SHIFT_8]
            return [8 * int(place) for place in few[kept]]
        folded, hashes = _workspace.folded[: words.size], _workspace.products[: words.size]
        hits = _workspace.hits[: words.size]
        np.bitwise_and(words, _FOLD_8, out=folded)
        np.multiply(folded, _FACTOR_8, out=hashes)
        np.right_shift(hashes, _SHIFT_8, out=hashes)
        self._first.take(hashes.view(np.int64), out=hits, mode="clip")
        found = np.flatnonzero(hits)
        if not found.size:
            return []
        kept = self._second[(folded[found] * _OTHER_FACTOR_8) >> _SHIFT_8]
        return [8 * int(place) for place in found[kept]]

    def _few(self, words: NDArray[np.uint64]) -> NDArray[np.intp] | None:
        """Give the words that may be four Latin characters; None when they are too many to list.

        Where they were too many, the next pieces are not asked.
        """
        self._wait -= 1
        if not self._latin or self._wait >= 0:
            return None
        folded, hits = _workspace.folded[: words.size], _workspace.hits[: words.size]
        np.bitwise_and(words, _BEYOND_LATIN, out=folded)
        np.equal(folded, _NOTHING, out=hits)
        if int(np.count_nonzero(hits)) > words.size // 16:
            self._wait = _PATIENCE
            return None
        return np.flatnonzero(hits)


class _Tables:
    """Hashes of the needles' words, for every position that a word can have in its needle.

    A word that hits must hit again together with its neighbour: the next one where the needle goes
    on for long enough, the first half of the next, or the second half of the one before.
    """

    def __init__(self, needles: list[bytes]) -> None:
        self._any = bool(needles)
        self._first: NDArray[np.bool_] = np.zeros(1 << 16, np.bool_)
        self._ways: NDArray[np.uint8] = np.zeros(1 << 16, np.uint8)
        self._joint: NDArray[np.bool_] = np.zeros((3, 1 << 16), np.bool_)
        for needle in needles:
            for offset in range(4):
                self._add(needle, offset)

    def _add(self, needle: bytes, offset: int) -> None:
        word = _number(needle, offset)
        rest = len(needle) - offset - 4
        if rest >= 4:  # noqa: PLR2004 - the bytes of a word
            way, neighbour = _NEXT, _number(needle, offset + 4)
        elif rest >= 2:  # noqa: PLR2004 - the bytes of half a word
            way, neighbour = _HALF_NEXT, _number(needle, offset + 4) & _LOW
        else:
            way, neighbour = _HALF_LAST, _number(needle, offset - 4) & _HIGH
        place = word * int(_FACTOR) >> 16 & 0xFFFF
        self._first[place] = True
        self._ways[place] |= 1 << way
        mixed = word * int(_FACTOR) + neighbour * int(_OTHER_FACTOR)
        self._joint[way, mixed >> 16 & 0xFFFF] = True

    def places(self, piece: bytearray) -> list[int]:
        if not self._any:
            return []
        every = np.frombuffer(piece, "<u4", len(piece) // 4)
        count = every.size
        hashes, places = _workspace.hashes[:count], _workspace.places[:count]
        hits = _workspace.hits[:count]
        np.bitwise_and(every, _FOLD, out=hashes)
        np.multiply(hashes, _FACTOR, out=hashes)
        np.right_shift(hashes, _SHIFT, out=places, casting="unsafe")
        self._first.take(places, out=hits, mode="clip")
        found = np.flatnonzero(hits)
        if not found.size:
            return []
        kept = self._confirmed(every, found, hashes[found], self._ways[places[found]])
        return [4 * int(place) for place in found[kept]]

    def _confirmed(
        self,
        every: NDArray[np.uint32],
        at: NDArray[np.intp],
        hashes: NDArray[np.uint32],
        ways: NDArray[np.uint8],
    ) -> NDArray[np.bool_]:
        following = every[np.minimum(at + 1, every.size - 1)] & _FOLD
        last = every[np.maximum(at - 1, 0)] & _FOLD
        kept = at + 1 >= every.size
        for way, neighbour in (
            (_NEXT, following),
            (_HALF_NEXT, following & np.uint32(_LOW)),
            (_HALF_LAST, last & np.uint32(_HIGH)),
        ):
            mixed = (hashes + neighbour * _OTHER_FACTOR) >> _SHIFT
            kept |= (ways & (1 << way) != 0) & self._joint[way, mixed]
        return kept


def _number(needle: bytes, offset: int) -> int:
    """Give the word at a place of a needle, folded; what lies outside of the needle is zero."""
    word = bytes(needle[i] if 0 <= i < len(needle) else 0 for i in range(offset, offset + 4))
    return int.from_bytes(word, "little") & int(_FOLD)


def _is_anchored(needle: bytes) -> bool:
    """Tell whether a needle has three ASCII characters in a row."""
    run = 0
    for byte in needle:
        run = run + 1 if 0x20 <= byte < 0x7F else 0  # noqa: PLR2004 - the printable range
        if run == _ANCHOR:
            return True
    return False
