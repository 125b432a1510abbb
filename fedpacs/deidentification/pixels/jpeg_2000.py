"""JPEG 2000: what stands beside the picture in a code stream or its file format, taken out.

References
----------
ITU-T T.800 Annexes A (segments) and I (boxes); T.814 (HTJ2K).
"""

from __future__ import annotations

import re
import struct

from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError
from fedpacs.deidentification.pixels.streams import J2K_START, only_padding, segment_of

JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"
_END_MARKER = b"\xff\xd9"
_END = 0xD9
_VERSION = rb"v?\d{1,2}(?:\.\d{1,3}){1,2}"
_J2K_ENCODER = re.compile(
    rb"\x00[\x00\x01](?:Created by (?:GDCM/)?OpenJPEG(?: version)? "
    + _VERSION + rb"|Created by OpenJPEG"
    rb"|Kakadu-" + _VERSION + rb"|Creator: JasPer Version " + _VERSION + rb"|OpenJPH Ver "
    + _VERSION + rb"\.?)\x00*"
)  # fmt: skip
_J2K_COMMENT = 0x64
_J2K_LENGTHS = 0x55
_J2K_TILE = 0x90
_J2K_DATA = 0x93
_OF_J2K = frozenset(
    {0x50, 0x51, 0x52, 0x53, 0x56, 0x57, 0x58, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, 0x61, 0x63,
     _J2K_LENGTHS, *range(0x70, 0x80)}
)  # fmt: skip
_TILE_SEGMENT_BYTES = 12
_SRGB, _GREY = b"\1\0\0\0\0\0\x10", b"\1\0\0\0\0\0\x11"
_BOXES = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c"})
_HEADER_BOXES = frozenset({b"ihdr", b"bpcc", b"colr", b"pclr", b"cmap", b"cdef", b"res "})


def code_stream_of(stream: bytes) -> bytes:
    """Take a JPEG 2000 stream out of its file format; other streams are given back.

    Parameters
    ----------
    stream
        The frame.

    Raises
    ------
    UnsupportedObjectError
        If the file format changes the colours (``deid.pixel-encoding``).
    """
    if not stream.startswith(JP2_START):
        return stream
    inner = b""
    for kind, start, end in _boxes(stream):
        if kind == b"jp2h":
            header = stream[start:end]
            if {b"pclr", b"cmap", b"cdef"} & {name for name, _, _ in _boxes(header)}:
                raise UnsupportedObjectError(
                    "A compressed frame maps its colours in a way that cannot be kept.",
                    code="deid.pixel-encoding",
                )
        if kind == b"jp2c":
            inner = stream[start:end]
    return inner


def strip_jpeg_2000(stream: bytes) -> bytes:
    """Take comments and unknown segments out of a JPEG 2000 code stream.

    Parameters
    ----------
    stream
        The frame.

    Returns
    -------
    bytes
        The very same object when there is nothing to take out.

    Raises
    ------
    DamagedPixelsError
        If its segments cannot be told apart.
    """
    header, position = _j2k_header(stream, 2, _J2K_TILE)
    parts = [J2K_START[:2], header]
    body: list[bytes] = []
    changed = len(header) != position - 2
    cut_tiles = False
    while stream[position : position + 2] == b"\xff\x90":
        part, end, cut = _tile_part(stream, position)
        body.append(part)
        cut_tiles |= cut
        position = end
    if cut_tiles:
        parts[1] = _without_lengths(header)  # optional, and no longer true
    tail = stream[position : position + 2]
    if tail == _END_MARKER:
        position += 2
        body.append(_END_MARKER)
    elif any(stream[position:]):
        raise DamagedPixelsError("A compressed frame is damaged between its tiles.")
    if not (changed or cut_tiles) and only_padding(stream, position):
        return stream
    return b"".join(parts + body)


def _j2k_header(stream: bytes, position: int, last: int) -> tuple[bytes, int]:
    """Give a main or tile-part header as it may stay, and where the segment after it starts."""
    parts: list[bytes] = []
    while True:
        marker, end = segment_of(stream, position)
        if marker == last:
            return b"".join(parts), position
        content = stream[position + 4 : end]
        if marker in _OF_J2K or (marker == _J2K_COMMENT and _J2K_ENCODER.fullmatch(content)):
            parts.append(stream[position:end])
        elif marker in {_J2K_TILE, _J2K_DATA, _END}:
            raise DamagedPixelsError("A compressed frame holds no picture.")
        position = end


def _tile_part(stream: bytes, position: int) -> tuple[bytes, int, bool]:
    """Give a tile part as it may stay, where it ends, and whether something was taken out."""
    if len(stream) < position + _TILE_SEGMENT_BYTES + 2:
        raise DamagedPixelsError("A compressed frame ends in the middle of a tile.")
    (size,) = struct.unpack_from(">L", stream, position + 6)
    if size:
        end = min(position + size, len(stream))
    else:
        end = stream.rfind(_END_MARKER, position)
        end = end if end >= 0 else len(stream)
    start = position + _TILE_SEGMENT_BYTES
    header, data = _tile_header(stream, start)
    if data > end:
        raise DamagedPixelsError("A compressed frame ends in the middle of a tile.")
    removed = data - start - len(header)
    if not removed:
        return stream[position:end], end, False
    first = bytearray(stream[position:start])
    if size:
        struct.pack_into(">L", first, 6, size - removed)
    return bytes(first) + header + stream[data:end], end, True


def _tile_header(stream: bytes, start: int) -> tuple[bytes, int]:
    if stream[start : start + 2] == b"\xff\x93":
        return b"", start
    position = start
    parts = []
    while stream[position : position + 2] != b"\xff\x93":
        marker, end = segment_of(stream, position)
        content = stream[position + 4 : end]
        if marker in {_J2K_TILE, _END}:
            raise DamagedPixelsError("A compressed frame holds a tile without data.")
        if marker in _OF_J2K or (marker == _J2K_COMMENT and _J2K_ENCODER.fullmatch(content)):
            parts.append(stream[position:end])
        position = end
    return b"".join(parts), position


def _without_lengths(header: bytes) -> bytes:
    parts, position = [], 0
    while position < len(header):
        marker, end = segment_of(header, position)
        if marker != _J2K_LENGTHS:
            parts.append(header[position:end])
        position = end
    return b"".join(parts)


def _boxes(content: bytes) -> list[tuple[bytes, int, int]]:
    """Give kind, start and end of the content of each box (T.800 I.4)."""
    found = []
    position = 0
    while position + 8 <= len(content):
        length, kind = struct.unpack_from(">L4s", content, position)
        start = position + 8
        if length == 1 and position + 16 <= len(content):
            (length,) = struct.unpack_from(">Q", content, position + 8)
            start = position + 16
        end = position + length if length else len(content)
        if end < start or end > len(content):
            break
        found.append((kind, start, end))
        position = end
    return found


def _box(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">L4s", len(content) + 8, kind) + content


def strip_jp2(stream: bytes) -> bytes:
    """Take boxes of text and other data out of the JPEG 2000 file format.

    Parameters
    ----------
    stream
        The frame.

    Returns
    -------
    bytes
        The very same object when there is nothing to take out.

    Raises
    ------
    DamagedPixelsError
        If it holds no picture, or more than one.
    """
    parts = []
    pictures = 0
    for kind, start, end in _boxes(stream):
        content = stream[start:end]
        if kind not in _BOXES:
            continue
        if kind == b"jp2h":
            content = _stripped_jp2_header(content)
        if kind == b"jp2c":
            pictures += 1
            content = strip_jpeg_2000(content.rstrip(b"\0"))
        parts.append(_box(kind, content))
    if pictures != 1:
        raise DamagedPixelsError("A compressed frame holds no picture, or more than one.")
    stripped = b"".join(parts)
    return stream if stripped == stream or stripped + b"\0" == stream else stripped


def _stripped_jp2_header(content: bytes) -> bytes:
    """Leave a colour profile out: the header of the object says what the colours are."""
    parts = []
    samples = 0
    for kind, start, end in _boxes(content):
        if kind == b"ihdr":
            samples = int.from_bytes(content[start + 8 : start + 10], "big")
        if kind not in _HEADER_BOXES:
            continue
        if kind == b"colr" and (content[start : start + 1] != b"\1" or end - start != len(_SRGB)):
            parts.append(_box(kind, _SRGB if samples > 2 else _GREY))  # noqa: PLR2004 - colours
        else:
            parts.append(_box(kind, content[start:end]))
    return b"".join(parts)
