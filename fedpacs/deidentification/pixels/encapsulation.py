"""Encapsulated pixel data: which fragments are which frame, and written anew around changed frames.

Only item headers are read, whatever the size; a frame's bytes are read when it is asked for.

References
----------
PS3.5 A.4 (encapsulated pixel data); PS3.3 C.7.6.3.1.8 (Extended Offset Table).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.errors import DamagedPixelsError
from fedpacs.deidentification.pixels.jpeg_2000 import JP2_START
from fedpacs.deidentification.pixels.streams import J2K_START, JPEG_START

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from fedpacs.deidentification.dicom.parsed import ParsedObject

EXTENDED_OFFSETS = 0x7FE00001
EXTENDED_LENGTHS = 0x7FE00002
_ITEM = b"\xfe\xff\x00\xe0"
_ITEM_HEADER_BYTES = 8
STARTS = (JPEG_START, J2K_START, JP2_START)
_STREAM_START_BYTES = 12
_LARGEST_OFFSET = 0xFFFFFFFF
_CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Fragment:
    """One item of encapsulated pixel data.

    Parameters
    ----------
    start
        Position of its item header in the value of the pixel data.
    length
        Bytes of its content.
    """

    start: int
    length: int

    @property
    def end(self) -> int:
        """Position after it."""
        return self.start + _ITEM_HEADER_BYTES + self.length


class EncapsulatedPixels:
    """The frames of encapsulated pixel data.

    Parameters
    ----------
    parsed
        An object with encapsulated pixel data.
    frames
        Number of frames that the header names.

    Raises
    ------
    DamagedPixelsError
        If the items do not add up, or are not as many frames as the header names.

    Attributes
    ----------
    tables_true
        Whether the offset tables, where there are any, say where the frames are and nothing else.
    """

    __slots__ = ("_frames", "_offset", "_parsed", "_table", "tables_true")

    def __init__(self, parsed: ParsedObject, frames: int) -> None:
        if parsed.pixel is None:
            raise DamagedPixelsError("The object has no pixel data.")
        self._parsed = parsed
        self._offset = parsed.pixel.offset
        fragments = self._fragments(parsed.pixel.length)
        self._table = fragments[0].length
        basic = self._basic_offsets(fragments[0])
        extended = self._extended_offsets()
        starts = self._starts_of_table(fragments[1:], frames, basic or extended)
        self.tables_true = all(
            not present or self._starts_of_table(fragments[1:], frames, offsets) is not None
            for present, offsets in (
                (self._table, basic),
                (parsed.get(EXTENDED_OFFSETS) is not None, extended),
            )
        )
        self._frames = self._assigned(fragments[1:], frames, starts)

    def __len__(self) -> int:
        """Count the frames."""
        return len(self._frames)

    def frame(self, number: int) -> bytes:
        """Give the compressed stream of a frame, its fragments joined.

        Parameters
        ----------
        number
            Frame, from 0.
        """
        return b"".join(
            self._read(fragment.start + _ITEM_HEADER_BYTES, fragment.length)
            for fragment in self._frames[number]
        )

    def write(
        self, out: BinaryIO, stream_of: Callable[[int], bytes | None]
    ) -> Mapping[int, Element | None]:
        """Write the value anew: changed frames as one fragment each, all others as they are.

        Parameters
        ----------
        out
            Empty file, open for reading and writing.
        stream_of
            Gives the new stream of a frame, or None to leave its fragments as they are; asked once
            for each frame, in their order.

        Returns
        -------
        Mapping[int, Element | None]
            The extended offset table, where the object has one, as it must be now.
        """
        table = len(self._frames) * 4 if self._table else 0
        out.write(_ITEM + struct.pack("<L", table) + bytes(table))
        base = out.tell()
        offsets, lengths = [], []
        for number, fragments in enumerate(self._frames):
            offsets.append(out.tell() - base)
            stream = stream_of(number)
            if stream is not None:
                lengths.append(len(stream))
                out.write(_ITEM + struct.pack("<L", len(stream) + len(stream) % 2))
                out.write(stream + b"\0" * (len(stream) % 2))
            else:
                lengths.append(-1)
                self._copy(out, fragments)
        if table:
            out.seek(4)
            self._write_table(out, offsets)
        return self._extended(offsets, lengths)

    def _write_table(self, out: BinaryIO, offsets: list[int]) -> None:
        if offsets[-1] > _LARGEST_OFFSET:
            raise DamagedPixelsError("The frames no longer fit their basic offset table.")
        out.write(struct.pack(f"<L{len(offsets)}L", len(offsets) * 4, *offsets))

    def _copy(self, out: BinaryIO, fragments: tuple[Fragment, ...]) -> None:
        for fragment in fragments:
            position = fragment.start
            while position < fragment.end:
                chunk = self._read(position, min(_CHUNK_BYTES, fragment.end - position))
                out.write(chunk)
                position += len(chunk)

    def _read(self, position: int, size: int) -> bytes:
        content = self._parsed.source.read(self._offset + position, size)
        if len(content) != size:
            raise DamagedPixelsError("The pixel data end before what their items say.")
        return content

    def _fragments(self, length: int) -> list[Fragment]:
        """Give every item; the first is the basic offset table."""
        found = []
        position = 0
        while position < length:
            header = self._read(position, _ITEM_HEADER_BYTES)
            (size,) = struct.unpack_from("<L", header, 4)
            if not header.startswith(_ITEM) or position + 8 + size > length:
                raise DamagedPixelsError("The compressed pixel data do not consist of items.")
            found.append(Fragment(position, size))
            position += _ITEM_HEADER_BYTES + size
        if not found:
            raise DamagedPixelsError("The compressed pixel data are empty.")
        return found

    def _basic_offsets(self, table: Fragment) -> list[int]:
        if table.length % 4:
            return []
        content = self._read(table.start + _ITEM_HEADER_BYTES, table.length)
        return list(struct.unpack(f"<{table.length // 4}L", content))

    def _extended_offsets(self) -> list[int]:
        table = self._parsed.get(EXTENDED_OFFSETS)
        lengths = self._parsed.get(EXTENDED_LENGTHS)
        if table is None or lengths is None or len(table.value) != len(lengths.value):
            return []
        count = len(table.value) // 8
        order = "<" if self._parsed.little else ">"
        return list(struct.unpack_from(f"{order}{count}Q", table.value))

    def _assigned(
        self, fragments: list[Fragment], frames: int, starts: list[int] | None
    ) -> list[tuple[Fragment, ...]]:
        if starts is None and len(fragments) == frames:
            starts = list(range(frames))
        if starts is None and frames == 1:
            starts = [0]
        if starts is None:
            starts = [
                number
                for number, fragment in enumerate(fragments)
                if self._read(
                    fragment.start + 8, min(_STREAM_START_BYTES, fragment.length)
                ).startswith(STARTS)
            ]
        if len(starts) != frames or starts[0] != 0 or not fragments:
            raise DamagedPixelsError("There are not as many compressed frames as the header says.")
        ends = [*starts[1:], len(fragments)]
        return [tuple(fragments[a:b]) for a, b in zip(starts, ends, strict=True)]

    def _starts_of_table(
        self, fragments: list[Fragment], frames: int, offsets: list[int]
    ) -> list[int] | None:
        """Give the first fragment of each frame, or None when the table cannot be believed."""
        if len(offsets) != frames or not fragments:
            return None
        base = fragments[0].start
        by_offset = {fragment.start - base: n for n, fragment in enumerate(fragments)}
        starts = [by_offset.get(offset, -1) for offset in offsets]
        believable = starts[0] == 0 and all(a < b for a, b in pairwise(starts))
        return starts if believable else None

    def _extended(self, offsets: list[int], lengths: list[int]) -> Mapping[int, Element | None]:
        if self._parsed.get(EXTENDED_OFFSETS) is None:
            return {}
        if any(len(fragments) != 1 for fragments in self._frames):
            return {EXTENDED_OFFSETS: None, EXTENDED_LENGTHS: None}
        order = "<" if self._parsed.little else ">"
        before = self._parsed.get(EXTENDED_LENGTHS)
        count = len(self._frames)
        old = (
            struct.unpack(f"{order}{count}Q", before.value)
            if before is not None and len(before.value) == count * 8
            else tuple(fragments[0].length for fragments in self._frames)
        )
        now = [new if new >= 0 else kept for new, kept in zip(lengths, old, strict=True)]
        return {
            EXTENDED_OFFSETS: Element(
                EXTENDED_OFFSETS, "OV", struct.pack(f"{order}{count}Q", *offsets)
            ),
            EXTENDED_LENGTHS: Element(
                EXTENDED_LENGTHS, "OV", struct.pack(f"{order}{count}Q", *now)
            ),
        }
