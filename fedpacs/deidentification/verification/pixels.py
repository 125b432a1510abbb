"""The pixel data before and after: the same bytes, unless it was declared that they changed.

Three things may go undeclared, for they are no picture: what lies behind the last frame, bits that
the header says hold no value (an overlay may hide there), and text beside a compressed picture.

References
----------
PS3.5 A.4 (encapsulation); PS3.15 E.3.1, E.3.2.
"""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.verification.codestreams import (
    has_text,
    same_picture,
    size_of,
)
from fedpacs.deidentification.verification.finding import Finding, finding
from fedpacs.deidentification.verification.leaves import PIXELS
from fedpacs.deidentification.verification.search import OVERLAP_BYTES
from fedpacs.deidentification.verification.sieve import PIECE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fedpacs.deidentification.verification.parsed import Extent, Parsed

_CHANGES_PIXELS = frozenset({"113101", "113102"})
_GEOMETRY = (0x00280002, 0x00280004, 0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280103)
_PHOTOMETRIC = 0x00280004
_LEAKS = {"uid": "deid.leak-uid", "date": "deid.leak-date"}
_ROWS, _COLUMNS = 0x00280010, 0x00280011
_BITS_STORED, _HIGH_BIT = 0x00280101, 0x00280102
_LARGE_BYTES = 64 << 20
_ONE_IN = 4
_WORDS = {8: "<u1", 16: "<u2", 32: "<u4"}
_SAMPLES, _BITS, _FRAMES = 0x00280002, 0x00280100, 0x00280008


class Buffers:
    """Two pieces of memory that are filled again and again.

    Parameters
    ----------
    thorough
        Whether every piece of very large bulk data is compared with the original's. If not, only
        the first, the last and one in four others, drawn by lot, are; all of them are searched.
    """

    def __init__(self, *, thorough: bool = True) -> None:
        self.thorough = thorough
        self._first = bytearray()
        self._second = bytearray()

    def read(self, descriptor: int, start: int, size: int, *, second: bool = False) -> bytearray:
        """Read exactly `size` bytes.

        Raises
        ------
        OSError
            If there are not as many.
        """
        piece = self._second if second else self._first
        if len(piece) != size:
            piece = bytearray(size)
            if second:
                self._second = piece
            else:
                self._first = piece
        if os.preadv(descriptor, [piece], start) != size:
            raise OSError
        return piece


def bulk_findings(
    old: Parsed | None,
    new: Parsed,
    look: Callable[[bytearray, int], Iterator[str]],
    options: frozenset[str],
    buffers: Buffers,
) -> Iterator[Finding]:
    """Search all bulk data of the output, and compare the pixel data with the original's.

    Parameters
    ----------
    old
        The original; None when there is none to compare with.
    look
        Gives the kinds of what is found in a piece of the bulk data; takes the size of all of it.
    options
        Codes of CID 7050 that are carried out.
    """
    for tag in {*new.extents, *(old.extents if old else ())} & set(PIXELS):
        if old is not None and (tag in old.extents) != (tag in new.extents):
            yield finding("deid.pixels-changed", tag)
    for tag, extent in new.extents.items():
        if tag not in PIXELS:
            yield finding("deid.unlisted-attribute", tag)
        before = old.extents.get(tag) if old is not None else None
        same = before is not None and _is_whole(before, (new, extent))
        kinds: set[str] = set()
        for kind, equal in _pieces((old, before if same else None), (new, extent), look, buffers):
            kinds |= kind
            same = same and equal
        yield from (leak(kind) for kind in kinds)
        if extent.undefined and tag in PIXELS:
            yield from _codestream_findings(new, extent)
        if old is not None and before is not None and not same:
            yield from _change_findings((old, before), (new, extent), options)


def leak(kind: str) -> Finding:
    """Give the finding for a needle that was found in bytes."""
    return Finding(_LEAKS.get(kind, "deid.leak-in-bytes"))


def _is_whole(before: Extent, after: tuple[Parsed, Extent]) -> bool:
    """Tell whether the output has all bytes of the picture; what lay behind it may be gone."""
    new, extent = after
    if _span(before) == _span(extent):
        return True
    surplus = not before.undefined and not extent.undefined and _span(before) > _span(extent)
    return surplus and _span(extent) in _native_sizes(new)


def _native_sizes(new: Parsed) -> tuple[int, int]:
    """Give the bytes of an uncompressed picture as the header has it, without and with padding."""
    order = "little" if new.syntax.little else "big"
    bits = 1
    for tag in (_ROWS, _COLUMNS, _SAMPLES, _BITS):
        bits *= int.from_bytes(new.value(tag) or b"\1", order)  # type: ignore[arg-type]  # one of the two words
    frames = new.text(_FRAMES)
    bits *= int(frames) if frames.isdigit() else 1
    if new.text(_PHOTOMETRIC).endswith("_422"):
        bits = bits * 2 // 3
    size = (bits + 7) // 8
    return size, size + size % 2


def _span(extent: Extent) -> int:
    return extent.end - extent.start


def _pieces(
    old: tuple[Parsed | None, Extent | None],
    new: tuple[Parsed, Extent],
    look: Callable[[bytearray, int], Iterator[str]],
    buffers: Buffers,
) -> Iterator[tuple[set[str], bool]]:
    parsed, extent = new
    origin, before = old
    size = _span(extent)
    offset = 0
    while offset < size:
        length = min(PIECE_BYTES, size - offset)
        piece = buffers.read(parsed.descriptor, extent.start + offset, length)
        equal = True
        if (
            origin is not None
            and before is not None
            and (buffers.thorough or _is_drawn(offset, length, size))
        ):
            other = buffers.read(origin.descriptor, before.start + offset, length, second=True)
            equal = piece == other or _same_values(other, piece, parsed)
        yield set(look(piece, size)), equal
        offset += length
        if offset < size:
            offset -= OVERLAP_BYTES


def _is_drawn(offset: int, length: int, size: int) -> bool:
    """Draw the pieces that are compared: all of them, but for very large data."""
    edge = offset == 0 or offset + length >= size
    return size <= _LARGE_BYTES or edge or secrets.randbelow(_ONE_IN) == 0


def _same_values(before: bytearray, after: bytearray, new: Parsed) -> bool:
    """Tell whether pieces are the same but for bits that hold no picture and were cleared."""
    order = "little" if new.syntax.little else "big"
    allocated, stored, high = (
        int.from_bytes(new.value(tag) or b"\0", order)  # type: ignore[arg-type]  # one of the two words
        for tag in (_BITS, _BITS_STORED, _HIGH_BIT)
    )
    if allocated not in _WORDS or not 0 < stored <= high + 1 <= allocated or stored == allocated:
        return False
    form = _WORDS[allocated] if new.syntax.little else _WORDS[allocated].replace("<", ">")
    if len(after) % (allocated // 8):
        return False
    old, now = np.frombuffer(before, form), np.frombuffer(after, form)
    used = np.array(((1 << stored) - 1) << (high + 1 - stored)).astype(old.dtype)
    return bool(np.all((now == old) | (now == old & used)))


def _codestream_findings(new: Parsed, extent: Extent) -> Iterator[Finding]:
    if any(has_text(new.descriptor, start, end) for start, end in frames(new, extent)):
        yield finding("deid.text-beside-picture", extent.tag)


def _change_findings(
    old: tuple[Parsed, Extent], new: tuple[Parsed, Extent], options: frozenset[str]
) -> Iterator[Finding]:
    """Judge pixel data that changed: declared, or nothing but text beside the picture is gone."""
    (before, was), (after, extent) = old, new
    declared = bool(options & _CHANGES_PIXELS)
    if not declared and not _only_text_is_gone(old, new):
        yield finding("deid.pixels-changed", extent.tag)
        return
    for tag in _GEOMETRY:
        if tag != _PHOTOMETRIC and before.value(tag) != after.value(tag):
            yield finding("deid.geometry", tag)
    if (
        extent.undefined != was.undefined
        or (not extent.undefined and not _is_whole(was, new))
        or (extent.undefined and not _sizes_agree(after, extent))
    ):
        yield finding("deid.geometry", extent.tag)


def _sizes_agree(new: Parsed, extent: Extent) -> bool:
    """Tell whether every picture has the size that the header says."""
    order = "little" if new.syntax.little else "big"
    rows = int.from_bytes(new.value(_ROWS) or b"", order)  # type: ignore[arg-type]  # one of the two words
    columns = int.from_bytes(new.value(_COLUMNS) or b"", order)  # type: ignore[arg-type]  # one of the two words
    for start, end in frames(new, extent):
        size = size_of(new.descriptor, start, end)
        if size is not None and size != (rows, columns):
            return False
    return True


def _only_text_is_gone(old: tuple[Parsed, Extent], new: tuple[Parsed, Extent]) -> bool:
    if not (old[1].undefined and new[1].undefined):
        return False
    before, after = list(frames(*old)), list(frames(*new))
    return len(before) == len(after) and all(
        same_picture((old[0].descriptor, *one), (new[0].descriptor, *two))
        for one, two in zip(before, after, strict=True)
    )


def frames(parsed: Parsed, extent: Extent) -> Iterator[tuple[int, int]]:
    """Give start and end of every fragment; the offset table is left out."""
    position = extent.start
    order = "little" if parsed.syntax.little else "big"
    first = True
    while position + 8 <= extent.end:
        head = os.pread(parsed.descriptor, 8, position)
        length = int.from_bytes(head[4:], order)  # type: ignore[arg-type]  # one of the two words
        if head[:2] not in {b"\xfe\xff", b"\xff\xfe"} or head[2:4] in {b"\xdd\xe0", b"\xe0\xdd"}:
            return
        if not first:
            yield position + 8, position + 8 + length
        first = False
        position += 8 + length
