"""One search for many values in all bytes of a file, at more than two gigabytes a second.

Bulk data are searched behind a filter that is a *necessary condition*, so that it can pass over
nothing: whoever holds a needle of at least seven bytes holds, somewhere in it, four bytes that
start at a multiple of four. The data are therefore read as 32-bit words, each word hashed (the low
five bits of each byte, so that upper and lower case are alike) and looked up among the hashes of
the needles' words; only where the table says yes, the needle itself is compared. Where every 16-bit
word is less than 0x2020, as in pictures of 12 bits, no two neighbouring bytes are both printable:
only UTF-16 can be there, whose needles have 14 bytes and more, so every second word suffices.

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
_FOLD = np.uint32(0x1F1F1F1F)
_FACTOR = np.uint32(0x9E3779B1)
_SHIFT = np.uint32(16)
_WIDE_CODECS = ("utf-16-le", "utf-16-be")
_UID_CHARACTERS = b"0123456789."
_DIGITS = b"0123456789"
_ANCHOR = 3
_ONE, _TWO = 1, 2


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
        self.hits: NDArray[np.uint8] = np.empty(words, np.uint8)


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

    def in_header(self, content: bytes, extra: Iterable[str] = ()) -> Iterator[str]:
        """Give the kind of every needle that stands in bytes that are no bulk data.

        Parameters
        ----------
        extra
            UIDs to look for besides.
        """
        lower = content.lower()
        if any(_has_uid(lower, uid) for uid in extra):
            yield "uid"
        if not self._forms:
            return
        for number, start, end in self._automaton.find_matches_as_indexes(lower, overlapping=True):
            form = self._forms[number]
            if form.wide or _stands(lower, start, end, form.kind):
                yield form.kind

    def in_bulk(self, piece: bytearray, size: int, extra: Collection[str] = ()) -> Iterator[str]:
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
            if extra and any(_has_uid(lower, uid) for uid in extra):
                yield "uid"
            found = self._automaton.find_matches_as_indexes(lower, overlapping=True)
            for number, first, last in found:
                form = self._forms[number]
                if form.characters < shortest or around[first:last] not in form.exact:
                    continue
                if form.wide or form.kind == "word" or _stands(lower, first, last, form.kind):
                    yield form.kind


def _has_uid(lower: bytes, uid: str) -> bool:
    if any(uid.encode(codec) in lower for codec in _WIDE_CODECS):
        return True
    narrow = uid.encode("utf-8")
    start = lower.find(narrow)
    while start >= 0:
        if _stands(lower, start, start + len(narrow), "uid"):
            return True
        start = lower.find(narrow, start + 1)
    return False


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
                characters = len(text) if wide else length
                yield _Form(folded, needle.kind, min(characters, length), wide, exact)


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
        self._all = _Tables([*narrow, *wide], 4)
        self._wide = _Tables(wide, 8)
        self._signed = all(_is_anchored(one) for one in narrow)
        self._screens = self._signed or all(min(one) >= 0x20 for one in narrow)  # noqa: PLR2004 - the first printable character

    def places(self, piece: bytearray) -> Iterator[int]:
        """Give every place where a needle may stand."""
        if not self._any or len(piece) < _BULK_MINIMUM:
            return iter(())
        if self._screens:
            halves = np.frombuffer(piece, "<i2" if self._signed else "<u2", len(piece) // 2)
            if halves.size and int(halves.max()) < _PRINTABLE_WORD and not len(piece) % 2:
                return self._wide.places(piece)
        return self._all.places(piece)


class _Tables:
    """Hashes of the needles' words, for every position that a word can have in its needle."""

    def __init__(self, needles: list[bytes], stride: int) -> None:
        self._stride = stride
        self._any = bool(needles)
        self._first: NDArray[np.uint8] = np.zeros(1 << 16, np.uint8)
        self._second: NDArray[np.bool_] = np.zeros(1 << 16, np.bool_)
        for needle in needles:
            for offset in range(stride):
                place = _hash(needle[offset : offset + 4])
                if offset + 8 <= len(needle):
                    self._first[place] = max(self._first[place], _ONE)
                    self._second[_hash(needle[offset + 4 : offset + 8])] = True
                else:
                    self._first[place] = _TWO

    def places(self, piece: bytearray) -> Iterator[int]:
        if not self._any:
            return
        every = np.frombuffer(piece, "<u4", len(piece) // 4)
        words = every[:: self._stride // 4]
        count = words.size
        hashes, places = _workspace.hashes[:count], _workspace.places[:count]
        hits = _workspace.hits[:count]
        np.bitwise_and(words, _FOLD, out=hashes)
        np.multiply(hashes, _FACTOR, out=hashes)
        np.right_shift(hashes, _SHIFT, out=places, casting="unsafe")
        self._first.take(places, out=hits, mode="clip")
        found = np.flatnonzero(hits)
        if not found.size:
            return
        nexts = found * (self._stride // 4) + 1
        inside = np.minimum(nexts, every.size - 1)
        second = self._second[((every[inside] & _FOLD) * _FACTOR) >> _SHIFT]
        keep = (hits[found] == _TWO) | second | (nexts >= every.size)
        yield from (found[keep] * self._stride).tolist()


def _hash(word: bytes) -> int:
    number = int.from_bytes(word, "little") & int(_FOLD)
    return ((number * int(_FACTOR)) & 0xFFFFFFFF) >> int(_SHIFT)


def _is_anchored(needle: bytes) -> bool:
    """Tell whether a needle has three ASCII characters in a row."""
    run = 0
    for byte in needle:
        run = run + 1 if 0x20 <= byte < 0x7F else 0  # noqa: PLR2004 - the printable range
        if run == _ANCHOR:
            return True
    return False
