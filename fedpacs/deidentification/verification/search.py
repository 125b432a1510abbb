"""One search for many values in all bytes of a file, at one and a half to four gigabytes a second.

Bulk data are searched behind a filter that is a *necessary condition*, so that it can pass over
nothing; see `sieve`.

How short a needle may be is a matter of chance. A byte of an uncompressed 8-bit picture says about
six bits; among *n* bytes and *k* needles (each as written, in lower, upper and title case) the
chance of a false hit is about ``n k 2**(-6 m)`` for *m* characters, and must stay below one in ten
thousand files. For 526 kB and 100 needles that is seven characters, for 300 MB nine. What is
shorter is searched in the header and in decoded values only. With four characters or fewer, chance
would strike even there, so those count in decoded values and as whole words only.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from ahocorasick_rs import BytesAhoCorasick

from fedpacs.deidentification.verification.sieve import BULK_MINIMUM, Form, Sieve
from fedpacs.deidentification.verification.standard import vocabulary

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

MINIMUM_BYTES = 6
"""Shortest needle that is looked for in the header's bytes."""
OVERLAP_BYTES = 128
"""What two neighbouring pieces of bulk data must share."""
PREFIX_CHARACTERS = 12
_LONGEST = 64
_REMEMBERED = 4096
_FALSE_ALARMS = 1e-4
_BITS_A_CHARACTER = 6
_WIDE_CODECS = ("utf-16-le", "utf-16-be")
_UID_CHARACTERS = b"0123456789."
_DIGITS = b"0123456789"


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
    return max(BULK_MINIMUM, math.ceil(math.log2(chances) / _BITS_A_CHARACTER))


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
        forms: dict[bytes, Form] = {}
        others = tuple(codecs)
        for needle in needles:
            for form in _forms(needle, others):
                if form.folded in forms:
                    form = form._replace(exact=form.exact | forms[form.folded].exact)  # noqa: PLW2901 - one form with all spellings
                forms[form.folded] = form
        self._forms = list(forms.values())
        self._automaton = BytesAhoCorasick([form.folded for form in self._forms] or [b"\0" * 64])
        self._filters: dict[int, Sieve] = {}

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
            sieve = self._filters[shortest] = Sieve([*forms, *self._starts])
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


@lru_cache(maxsize=_REMEMBERED)
def _forms(needle: Needle, codecs: tuple[str, ...]) -> tuple[Form, ...]:
    return tuple(_written(needle, codecs))


def _written(needle: Needle, codecs: tuple[str, ...]) -> Iterator[Form]:
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
                yield Form(folded, needle.kind, min(characters, length), wide, exact)


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
