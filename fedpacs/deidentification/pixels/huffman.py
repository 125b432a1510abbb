"""Huffman tables of JPEG: read, looked up sixteen bits at a time, and lengthened by missing codes.

References
----------
ITU-T T.81 B.2.4.2 (table specification), C (codes), F.1.2 (DC and AC symbols).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from numpy.typing import NDArray

_LONGEST = 16
_WINDOWS = 1 << _LONGEST
_LARGEST_CATEGORY = 15
ZERO_RUN = 0xF0
END_OF_BLOCK = 0x00
BLOCK_DONE = 100
BROKEN = 200


class HuffmanTable:
    """A table of codes.

    Parameters
    ----------
    counts
        How many codes there are of 1, 2, ..., 16 bits.
    symbols
        What they stand for, shortest first.

    Raises
    ------
    DamagedPixelsError
        If the codes do not fit.
    """

    __slots__ = ("_following", "codes", "counts", "lengths", "symbols", "values")

    def __init__(self, counts: bytes, symbols: bytes) -> None:
        if len(counts) != _LONGEST or sum(counts) != len(symbols) or not symbols:
            raise DamagedPixelsError("A code table of a compressed frame is damaged.")
        self.counts = counts
        self.symbols = symbols
        self.codes: dict[int, tuple[int, int]] = {}
        self.lengths = np.zeros(_WINDOWS, np.uint8)
        self.values = np.zeros(_WINDOWS, np.uint8)
        code = place = 0
        for length, count in enumerate(counts, start=1):
            for _ in range(count):
                first = code << (_LONGEST - length)
                last = (code + 1) << (_LONGEST - length)
                if last > _WINDOWS:
                    raise DamagedPixelsError("A code table of a compressed frame is damaged.")
                self.lengths[first:last] = length
                self.values[first:last] = symbols[place]
                self.codes.setdefault(symbols[place], (code, length))
                code += 1
                place += 1
                self._following = (code, length)
            code <<= 1

    def dc_steps(self) -> NDArray[np.uint8]:
        """Give how many bits a difference takes, by the next sixteen bits; 0 for no code."""
        size = np.where(self.values <= _LARGEST_CATEGORY + 1, self.values, 0)
        known = (self.lengths > 0) & (self.values <= _LARGEST_CATEGORY + 1)
        return np.where(known, self.lengths + size, 0).astype(np.uint8)

    def ac_steps(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Give how many bits and how many coefficients a symbol takes, by the next sixteen bits.

        `BLOCK_DONE` coefficients end a block; `BROKEN` stands for no code.
        """
        size = self.values & 0x0F
        run = (self.values >> 4) + 1
        run[(size == 0) & (self.values != ZERO_RUN)] = BROKEN
        run[self.values == END_OF_BLOCK] = BLOCK_DONE
        run[self.lengths == 0] = BROKEN
        return (self.lengths + size).astype(np.uint8), run.astype(np.uint8)

    def lengthened(self, symbols: Collection[int]) -> HuffmanTable:
        """Give a table with codes for more symbols; every old code stays what it is.

        Parameters
        ----------
        symbols
            Symbols without a code.

        Raises
        ------
        UnsupportedObjectError
            If there is no room behind the old codes (``deid.pixel-encoding``).
        """
        following, longest = self._following
        for length in range(longest, _LONGEST + 1):
            first = following << (length - longest)
            if first + len(symbols) < 1 << length:  # the code of all ones stays free (T.81 C)
                counts = bytearray(self.counts)
                counts[length - 1] += len(symbols)
                return HuffmanTable(bytes(counts), self.symbols + bytes(sorted(symbols)))
        raise UnsupportedObjectError(
            "A compressed frame has no code left for black.", code="deid.pixel-encoding"
        )

    def segment(self, place: int) -> bytes:
        """Give the table as a marker segment of its own.

        Parameters
        ----------
        place
            Class and destination, as the segment has them.
        """
        content = bytes([place]) + self.counts + self.symbols
        return b"\xff\xc4" + (len(content) + 2).to_bytes(2, "big") + content


def tables_of(content: bytes) -> Iterator[tuple[int, HuffmanTable]]:
    """Read the tables of a marker segment: class and destination, and the table.

    Parameters
    ----------
    content
        The segment without its marker and length.

    Raises
    ------
    DamagedPixelsError
        If a table is damaged.
    """
    position = 0
    while position < len(content):
        counts = content[position + 1 : position + 1 + _LONGEST]
        start = position + 1 + _LONGEST
        end = start + sum(counts)
        yield content[position], HuffmanTable(counts, content[start:end])
        position = end


def category(value: int) -> int:
    """Give how many bits a difference needs (T.81 table F.1).

    Parameters
    ----------
    value
        The difference.
    """
    return abs(value).bit_length()


def extra_bits(value: int, size: int) -> int:
    """Give the bits that follow the code of a difference (T.81 F.1.2.1.1).

    Parameters
    ----------
    value
        The difference.
    size
        Its category.
    """
    return value if value >= 0 else value + (1 << size) - 1
