"""The filter before the search: places in bulk data where a needle may stand.

Bulk data are searched behind a filter that is a *necessary condition*, so that it can pass over
nothing: whoever holds a needle of at least seven bytes holds, somewhere in it, four bytes that
start at a multiple of four. The data are therefore read as 32-bit words, each word hashed (without
the bit of each byte that tells upper from lower case) and looked up among the hashes of the
needles' words; where the table says yes, once more together with its neighbour, and only where
that says yes, too, the needle itself is compared. Where every 16-bit word is less than 0x2020, as
in pictures of 12 bits, no two neighbouring bytes are both printable, so only UTF-16 can be there.
Its needles have 14 bytes and more, of which eight lie at a multiple of eight: if the needle starts
at an odd place (or is big-endian at an even one), a word of it is greater than 0x2020.
"""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIECE_BYTES = 576 << 10
"""Longest piece of bulk data: a CT slice as a whole, and small enough for a processor's cache."""
BULK_MINIMUM = 7
"""Bytes of the shortest needle that the filter knows."""
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
_ANCHORED = re.compile(rb"[\x20-\x7e]{3}")
_WORD_BYTES, _ROW_BYTES, _BEFORE = 4, 16, 4


class Form(NamedTuple):
    """A needle in one encoding.

    Attributes
    ----------
    folded
        Its bytes in lower case.
    kind
        Kind of the needle.
    characters
        How many count against chance.
    wide
        Whether it is in UTF-16.
    exact
        The spellings that count in bulk data.
    """

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


class Sieve:
    """The necessary condition, for needles of a certain length and more."""

    def __init__(self, forms: list[Form]) -> None:
        narrow = [form.folded for form in forms if not form.wide]
        wide = [form.folded for form in forms if form.wide]
        self._any = bool(forms)
        self._all = _Tables([*narrow, *wide])
        self._wide = _WideTables(wide)
        self._signed = all(_is_anchored(one) for one in narrow)
        self._screens = self._signed or all(min(one) >= 0x20 for one in narrow)  # noqa: PLR2004 - the first printable character

    def places(self, piece: bytearray) -> list[int]:
        """Give every place where a needle may stand."""
        if not self._any or len(piece) < BULK_MINIMUM:
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
        matrix = _starts(needles, 0)
        lengths = np.array([len(needle) for needle in needles], np.intp)
        for offset in range(8):
            rows = np.ascontiguousarray(matrix[lengths >= offset + 8, offset : offset + 8])
            words = rows.view("<u8").ravel() & _FOLD_8
            self._first[(words * _FACTOR_8) >> _SHIFT_8] = True
            self._second[(words * _OTHER_FACTOR_8) >> _SHIFT_8] = True

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
        matrix = _starts(needles, _BEFORE)
        lengths = np.array([len(needle) for needle in needles], np.intp)
        for offset in range(4):
            self._add(matrix[:, offset : offset + 12], lengths - offset - 4)

    def _add(self, around: NDArray[np.uint8], rest: NDArray[np.intp]) -> None:
        """Add a word of each needle.

        Parameters
        ----------
        around
            Shape (needles, 12): the word before it, the word, the word after it.
        rest
            Bytes that the needle has after the word.
        """
        last, word, following = np.ascontiguousarray(around).view("<u4").T & _FOLD
        hashes = word * _FACTOR
        places = hashes >> _SHIFT
        self._first[places] = True
        for way, neighbour, chosen in (
            (_NEXT, following, rest >= _WORD_BYTES),
            (_HALF_NEXT, following & np.uint32(_LOW), (rest >= 2) & (rest < _WORD_BYTES)),  # noqa: PLR2004 - half a word
            (_HALF_LAST, last & np.uint32(_HIGH), rest < 2),  # noqa: PLR2004 - half a word
        ):
            self._ways[places[chosen]] |= np.uint8(1 << way)
            mixed = hashes[chosen] + neighbour[chosen] * _OTHER_FACTOR
            self._joint[way, mixed >> _SHIFT] = True

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


def _starts(needles: list[bytes], before: int) -> NDArray[np.uint8]:
    """Give the first bytes of each needle, zeros before it and where it ends.

    Returns
    -------
    NDArray[np.uint8]
        Shape (needles, 16).
    """
    lead = b"\0" * before
    rows = ((lead + needle[: _ROW_BYTES - before]).ljust(_ROW_BYTES, b"\0") for needle in needles)
    return np.frombuffer(b"".join(rows), np.uint8).reshape(-1, _ROW_BYTES)


def _is_anchored(needle: bytes) -> bool:
    """Tell whether a needle has three ASCII characters in a row."""
    return _ANCHORED.search(needle) is not None
