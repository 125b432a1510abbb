"""JPEG with the discrete cosine transform: blocks made black, all others' coefficients untouched.

Nothing is decoded to pixels and nothing is quantised again. The blocks that a box touches become
uniform; the code of every other block is copied bit by bit. Sequential Huffman-coded streams of 8
and 12 bits with any sampling, any number of scans and restart intervals are understood; progressive
and arithmetic ones are not, and DICOM no longer has them.

References
----------
ITU-T T.81 A (blocks and MCUs), B.2 (segments), E.1.4 (restart intervals), F (sequential process).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError
from fedpacs.deidentification.pixels.entropy import BlockWalker, changed_differences, with_black
from fedpacs.deidentification.pixels.huffman import (
    END_OF_BLOCK,
    HuffmanTable,
    category,
    tables_of,
)
from fedpacs.deidentification.pixels.jpeg_blocks import BlockLayout, JpegFrame
from fedpacs.deidentification.pixels.streams import BASELINE, EXTENDED, segment_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.entropy import CodedBlocks

_TABLES, _QUANTISATION, _RESTART, _SCAN, _END = 0xC4, 0xDB, 0xDD, 0xDA, 0xD9
_OTHER_FRAMES = frozenset(range(0xC0, 0xD0)) - {_TABLES, BASELINE, EXTENDED}
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_RESTART_MARKER = re.compile(rb"\xff+[\xd0-\xd7]")
_AC = 0x10


@dataclass(slots=True)
class _State:
    """What the segments before a scan say."""

    frame: JpegFrame | None = None
    interval: int = 0
    tables: dict[int, HuffmanTable] | None = None
    first_steps: dict[int, int] | None = None


def mask_blocks(stream: bytes, boxes: Sequence[Box], levels: Sequence[int]) -> bytes:
    """Make every block uniform that a box touches.

    Parameters
    ----------
    stream
        A sequential JPEG stream, stripped of all that is no picture.
    boxes
        Inside the frame, px.
    levels
        What each component becomes: -1 for its lowest value, 0 for its middle, 1 for its highest.

    Raises
    ------
    DamagedPixelsError
        If the stream is damaged.
    UnsupportedObjectError
        If it is progressive or arithmetic (``deid.pixel-encoding``).
    """
    state = _State(tables={}, first_steps={})
    parts = [stream[:2]]
    position = 2
    while position < len(stream):
        marker, end = segment_of(stream, position)
        segment = stream[position:end]
        position = end
        if marker == _END:
            parts.append(segment)
            break
        content = segment.lstrip(b"\xff")[3:]
        _take_up(state, marker, content)
        if marker != _SCAN:
            parts.append(segment)
            continue
        found = _AFTER_SCAN.search(stream, end)
        position = found.start() if found else len(stream)
        scan = _Scan(state, content)
        masked = scan.masked(stream[end:position], boxes, levels)
        parts.extend([*scan.more_tables, segment, masked])
    return b"".join(parts)


def _take_up(state: _State, marker: int, content: bytes) -> None:
    if marker in _OTHER_FRAMES:
        raise UnsupportedObjectError(
            "A frame is compressed in a way that cannot be masked.", code="deid.pixel-encoding"
        )
    if marker in {BASELINE, EXTENDED}:
        state.frame = JpegFrame.of(content)
    elif marker == _TABLES and state.tables is not None:
        state.tables.update(tables_of(content))
    elif marker == _QUANTISATION and state.first_steps is not None:
        state.first_steps.update(_first_steps(content))
    elif marker == _RESTART:
        state.interval = int.from_bytes(content[:2], "big")


def _first_steps(content: bytes) -> dict[int, int]:
    """Give the quantisation step of the DC coefficient of each table."""
    found = {}
    position = 0
    while position < len(content):
        size = 1 + (content[position] >> 4)
        found[content[position] & 15] = int.from_bytes(
            content[position + 1 : position + 1 + size], "big"
        )
        position += 1 + 64 * size
    return found


class _Scan:
    """One scan of a stream."""

    def __init__(self, state: _State, content: bytes) -> None:
        if state.frame is None or state.tables is None or state.first_steps is None:
            raise DamagedPixelsError("A compressed frame does not say its size.")
        self.frame = state.frame
        self.interval = state.interval
        self.steps = state.first_steps
        count = content[0] if content else 0
        names = content[1 : 1 + 2 * count : 2]
        choices = content[2 : 2 + 2 * count : 2]
        by_name = {component.name: n for n, component in enumerate(self.frame.components)}
        try:
            self.members = [by_name[name] for name in names]
            self.places = [(choice >> 4, _AC | choice & 15) for choice in choices]
            self.tables = [(state.tables[dc], state.tables[ac]) for dc, ac in self.places]
        except KeyError:
            raise DamagedPixelsError("A compressed frame lacks a table.") from None
        if not self.members or len(self.tables) != len(self.members):
            raise DamagedPixelsError("A compressed frame does not describe its scans.")
        self.more_tables: list[bytes] = []

    def masked(self, coded: bytes, boxes: Sequence[Box], levels: Sequence[int]) -> bytes:
        """Give the scan's data with the blocks uniform that a box touches."""
        layout = BlockLayout.of(self.frame, self.members)
        touched = layout.touched(boxes)
        intervals = self._intervals(coded, layout)
        cycle = [self.tables[kind] for kind in layout.kinds[: layout.per_mcu]]
        walker = BlockWalker(cycle)
        work: list[tuple[int, CodedBlocks, dict[int, int], NDArray[np.int64]]] = []
        for number, (start, end, content) in enumerate(intervals):
            places = np.flatnonzero(touched[start:end])
            if not len(places):
                continue
            kinds = layout.kinds[start:end]
            black = {int(n): self._black(int(kinds[n]), levels) for n in places}
            work.append((number, walker.blocks(content, end - start), black, kinds))
        tables = self._complete_tables(work)
        parts = [content for _, _, content in intervals]
        for number, blocks, black, kinds in work:
            parts[number] = with_black(blocks, black, kinds, tables)
        return _with_restarts(parts)

    def _black(self, kind: int, levels: Sequence[int]) -> int:
        """Give the DC coefficient of a uniform block."""
        member = self.members[kind]
        level = levels[min(member, len(levels) - 1)]
        step = max(self.steps.get(self.frame.components[member].quantisation, 1), 1)
        half = 8 << (self.frame.precision - 1)
        return level * -(-half // step)  # rounded outward: decoders cut off what is beyond

    def _complete_tables(
        self, work: list[tuple[int, CodedBlocks, dict[int, int], NDArray[np.int64]]]
    ) -> list[tuple[HuffmanTable, HuffmanTable]]:
        """Give the tables with a code for all that is written; those changed become segments."""
        needed: dict[int, set[int]] = {}
        for _, blocks, black, kinds in work:
            for number, value in changed_differences(blocks, black, kinds).items():
                needed.setdefault(self.places[kinds[number]][0], set()).add(category(value))
            for number in black:
                needed.setdefault(self.places[kinds[number]][1], set()).add(END_OF_BLOCK)
        by_place = {
            place: table
            for places, tables in zip(self.places, self.tables, strict=True)
            for place, table in zip(places, tables, strict=True)
        }
        for place, symbols in needed.items():
            missing = symbols - by_place[place].codes.keys()
            if missing:
                by_place[place] = by_place[place].lengthened(missing)
                self.more_tables.append(by_place[place].segment(place))
        return [(by_place[dc], by_place[ac]) for dc, ac in self.places]

    def _intervals(self, coded: bytes, layout: BlockLayout) -> list[tuple[int, int, bytes]]:
        """Give first block, end and data of each restart interval."""
        pieces = _RESTART_MARKER.split(coded)
        total = len(layout.kinds)
        size = self.interval * layout.per_mcu or total
        if len(pieces) != -(-total // size):
            raise DamagedPixelsError("A compressed frame has not the intervals that it says.")
        return [
            (number * size, min((number + 1) * size, total), piece)
            for number, piece in enumerate(pieces)
        ]


def _with_restarts(parts: list[bytes]) -> bytes:
    joined = [parts[0]]
    for number, part in enumerate(parts[1:]):
        joined.extend([bytes([0xFF, 0xD0 + number % 8]), part])
    return b"".join(joined)
