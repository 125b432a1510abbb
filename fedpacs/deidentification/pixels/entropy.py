"""The entropy-coded bits of a JPEG scan: where each block lies, and blocks put in others' places.

Blocks are found without decoding them: at every bit position the length of the symbol that would
start there is looked up at once, and the walk only adds lengths.

References
----------
ITU-T T.81 F.2.2 (decoding of Huffman-coded blocks), F.1.2.3 (byte stuffing).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError
from fedpacs.deidentification.pixels.huffman import (
    BLOCK_DONE,
    END_OF_BLOCK,
    HuffmanTable,
    category,
    extra_bits,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_CHUNK_BYTES = 1 << 17
_LARGEST_BLOCK_BYTES = 64 * 4 + 8
_COEFFICIENTS = 64


@dataclass(frozen=True, slots=True)
class CodedBlocks:
    """Where the blocks of a restart interval lie.

    Parameters
    ----------
    content
        The interval's bytes, stuffing taken out.
    starts
        (N + 1,) bit positions of the blocks, and of the end of the last.
    ac_starts
        (N,) bit positions behind each block's DC difference.
    differences
        (N,) DC differences.
    """

    content: bytes
    starts: NDArray[np.int64]
    ac_starts: NDArray[np.int64]
    differences: NDArray[np.int64]


class BlockWalker:
    """Finds the blocks of an interval.

    Parameters
    ----------
    cycle
        DC and AC table of each block of an MCU, in their order.
    """

    __slots__ = ("_ac", "_cycle", "_dc")

    def __init__(self, cycle: Sequence[tuple[HuffmanTable, HuffmanTable]]) -> None:
        self._cycle = cycle
        self._dc = {id(dc): dc.dc_steps() for dc, _ in cycle}
        self._ac = {id(ac): ac.ac_steps() for _, ac in cycle}

    def blocks(self, coded: bytes, count: int) -> CodedBlocks:
        """Find the blocks of an interval.

        Parameters
        ----------
        coded
            The interval as it stands in the stream.
        count
            How many blocks it must hold.

        Raises
        ------
        DamagedPixelsError
            If there are fewer, or the codes are none.
        """
        content = coded.replace(b"\xff\x00", b"\xff")
        starts, ac_starts = self._walk(content, count)
        if starts[-1] > len(content) * 8:
            raise DamagedPixelsError("A compressed frame ends before its last block.")
        begin = np.array(starts[:-1], np.int64)
        behind = np.array(ac_starts, np.int64)
        differences = self._differences(content, begin, behind)
        return CodedBlocks(content, np.array(starts, np.int64), behind, differences)

    def _walk(self, content: bytes, count: int) -> tuple[list[int], list[int]]:
        starts: list[int] = []
        ac_starts: list[int] = []
        position = 0
        while len(starts) < count:
            first = position >> 3
            steps = self._steps(content[first : first + _CHUNK_BYTES])
            size = min(_CHUNK_BYTES, len(content) - first)
            last = len(content) <= first + _CHUNK_BYTES
            limit = size * 8 if last else (size - _LARGEST_BLOCK_BYTES) * 8
            before = len(starts)
            position = first * 8 + _walk_chunk(
                steps, (position & 7, limit, first * 8), count, (starts, ac_starts)
            )
            if len(starts) == before or (last and len(starts) < count):
                raise DamagedPixelsError("A compressed frame ends before its last block.")
        starts.append(position)
        return starts, ac_starts

    def _steps(self, chunk: bytes) -> list[tuple[bytes, bytes, bytes]]:
        """Look up the length of every symbol at every bit position of a chunk."""
        padded = np.frombuffer(chunk + b"\xff" * (_LARGEST_BLOCK_BYTES + 4), np.uint8)
        wide = padded.astype(np.uint32)
        three = wide[:-2] << 16 | wide[1:-1] << 8 | wide[2:]
        windows = np.empty((len(three), 8), np.uint16)
        for bit in range(8):
            windows[:, bit] = three >> (8 - bit) & 0xFFFF
        flat = windows.reshape(-1)
        dc = {key: table[flat].tobytes() for key, table in self._dc.items()}
        ac = {key: (a[flat].tobytes(), b[flat].tobytes()) for key, (a, b) in self._ac.items()}
        return [(dc[id(first)], *ac[id(second)]) for first, second in self._cycle]

    def _differences(
        self, content: bytes, begin: NDArray[np.int64], behind: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        codes = _bits_at(content, begin, 16)
        lengths = np.empty(len(begin), np.int64)
        for place, (table, _) in enumerate(self._cycle):
            here = slice(place, None, len(self._cycle))
            lengths[here] = table.lengths[codes[here]]
        sizes = behind - begin - lengths
        values = _bits_at(content, begin + lengths, 16) >> (16 - sizes)
        negative = (sizes > 0) & (values < 1 << np.maximum(sizes - 1, 0))
        found: NDArray[np.int64] = np.where(negative, values - (1 << sizes) + 1, values)
        return found


def _walk_chunk(
    steps: list[tuple[bytes, bytes, bytes]],
    where: tuple[int, int, int],
    count: int,
    found: tuple[list[int], list[int]],
) -> int:
    """Add up lengths until the chunk or the blocks end; give the position in the chunk."""
    position, limit, base = where
    starts, ac_starts = found
    number = len(starts)
    period = len(steps)
    while number < count and position < limit:
        dc, ac_bits, ac_run = steps[number % period]
        starts.append(base + position)
        step = dc[position]
        position += step
        ac_starts.append(base + position)
        filled = 1
        while filled < _COEFFICIENTS:
            filled += ac_run[position]
            position += ac_bits[position]
        if not step or (filled != _COEFFICIENTS and not BLOCK_DONE < filled < 2 * BLOCK_DONE):
            raise DamagedPixelsError("A compressed frame holds codes that are none.")
        number += 1
    return position


def _bits_at(content: bytes, positions: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Give the next bits at each position."""
    padded = np.frombuffer(content + b"\xff" * 8, np.uint8)
    places = np.minimum(positions >> 3, len(content) + 4)
    word = (
        padded[places].astype(np.int64) << 16
        | padded[places + 1].astype(np.int64) << 8
        | padded[places + 2]
    )
    found: NDArray[np.int64] = word >> (24 - count - (positions & 7)) & ((1 << count) - 1)
    return found


def with_black(
    blocks: CodedBlocks,
    black: dict[int, int],
    kinds: NDArray[np.int64],
    tables: Sequence[tuple[HuffmanTable, HuffmanTable]],
) -> bytes:
    """Put uniform blocks in the places of others; every other coefficient stays what it is.

    Parameters
    ----------
    blocks
        The interval.
    black
        DC coefficient of each block that becomes uniform.
    kinds
        (N,) component of each block.
    tables
        DC and AC table of each component.

    Returns
    -------
    bytes
        The interval as it stands in a stream.
    """
    changed = changed_differences(blocks, black, kinds)
    bits = np.unpackbits(np.frombuffer(blocks.content, np.uint8))
    parts: list[NDArray[np.uint8]] = []
    done = 0
    for number in sorted(changed):
        start, end = blocks.starts[number], blocks.starts[number + 1]
        dc, ac = tables[kinds[number]]
        parts.append(bits[done:start])
        parts.append(_code_bits(dc, changed[number]))
        if number in black:
            parts.append(_bit_array(*ac.codes[END_OF_BLOCK]))
        else:
            parts.append(bits[blocks.ac_starts[number] : end])
        done = end
    parts.append(bits[done : blocks.starts[-1]])
    whole = np.concatenate(parts)
    padding = np.ones(-len(whole) % 8, np.uint8)
    return np.packbits(np.concatenate([whole, padding])).tobytes().replace(b"\xff", b"\xff\x00")


def changed_differences(
    blocks: CodedBlocks, black: dict[int, int], kinds: NDArray[np.int64]
) -> dict[int, int]:
    """Give the DC differences that change: of blocks that become uniform, and of those after them.

    Parameters
    ----------
    blocks
        The interval.
    black
        DC coefficient of each block that becomes uniform.
    kinds
        (N,) component of each block.
    """
    changed: dict[int, int] = {}
    for kind in np.unique(kinds):
        places = np.flatnonzero(kinds == kind)
        before = np.cumsum(blocks.differences[places])
        after = before.copy()
        for index, number in enumerate(places):
            if int(number) in black:
                after[index] = black[int(number)]
        now = np.diff(after, prepend=0)
        moved = (now != blocks.differences[places]) | np.isin(places, list(black))
        changed.update(zip(places[moved].tolist(), now[moved].tolist(), strict=True))
    return changed


def _code_bits(table: HuffmanTable, difference: int) -> NDArray[np.uint8]:
    size = category(difference)
    code, length = table.codes[size]
    return _bit_array(code << size | extra_bits(difference, size), length + size)


def _bit_array(value: int, count: int) -> NDArray[np.uint8]:
    places = np.arange(count - 1, -1, -1)
    return (value >> places & 1).astype(np.uint8)
