"""What stands beside the picture in a compressed frame, taken out without touching the picture.

JPEG, JPEG-LS and JPEG 2000 have room for text that no viewer shows: comments, application data,
segments that decoders skip, bytes between the segments and after the end. Only what is part of the
picture stays, and what encoders write of themselves in a form that holds nothing else.

References
----------
ITU-T T.81 B.1 and B.2.4 (JPEG; T.87 for JPEG-LS); ITU-T T.800 Annexes A and I (JPEG 2000);
PS3.5 A.4 (encapsulated pixel data).
"""

from __future__ import annotations

import re
import struct

from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError
from fedpacs.deidentification.pixels.streams import segment_of

JPEG_START = b"\xff\xd8"
J2K_START = b"\xff\x4f\xff\x51"
JP2_START = b"\0\0\0\x0cjP  \r\n\x87\n"
_END_MARKER = b"\xff\xd9"
_SCAN = 0xDA
_END = 0xD9
_JPEG_LS = 0xF7
_OF_A_PICTURE = frozenset(range(0xC0, 0xE0)) - {0xC8, 0xD8, *range(0xD0, 0xD8)}
_OF_JPEG_LS = frozenset({0xF7, 0xF8})
_APPLICATION = range(0xE0, 0xF0)
_IN_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7]")
_IN_JPEG_LS_SCAN = re.compile(rb"\xff[\x80-\xcf\xd8-\xff]")
_NEXT_MARKER = re.compile(rb"\xff[^\x00\xff]")
_JFIF = re.compile(rb"JFIF\x00\x01[\x00-\x02][\x00-\x02].{4}\x00\x00", re.DOTALL)
_ADOBE = re.compile(rb"Adobe\x00[\x64\x65]\x00\x00\x00\x00[\x00-\x02]")
_ANY_ADOBE = re.compile(rb"Adobe.{6}[\x00-\x02].*", re.DOTALL)
_TRANSFORM_OF_HP = re.compile(rb"mrfx[\x00-\x05]")
_ENCODER = re.compile(rb"LEAD Technologies Inc\. V\d\.\d\d\x00?")
_VERSION = rb"v?\d{1,2}(?:\.\d{1,2}){1,2}"
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


def strip_fragment(stream: bytes) -> bytes:
    """Take everything out of a compressed frame that is not part of the picture.

    Parameters
    ----------
    stream
        The frame: its fragments joined. Streams other than JPEG, JPEG-LS and JPEG 2000 are given
        back: the run-length encoding has no room for text.

    Returns
    -------
    bytes
        The very same object when there is nothing to take out, so that ``is`` tells.

    Raises
    ------
    DamagedPixelsError
        If its segments cannot be told apart.
    """
    if stream.startswith(JPEG_START):
        return _stripped_jpeg(stream)
    if stream.startswith(J2K_START):
        return _stripped_j2k(stream)
    if stream.startswith(JP2_START):
        return _stripped_jp2(stream)
    return stream


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


def _stripped_jpeg(stream: bytes) -> bytes:
    segments, end = _jpeg_segments(stream)
    jpeg_ls = any(marker == _JPEG_LS for marker, _, _ in segments)
    parts = [JPEG_START]
    changed = False
    for marker, start, stop in segments:
        segment = stream[start:stop]
        if marker in _OF_A_PICTURE or (jpeg_ls and marker in _OF_JPEG_LS):
            parts.append(segment)
        else:
            kept = _kept(marker, segment)
            changed |= kept is not segment
            parts.append(kept)
    changed |= sum(map(len, parts)) != end
    if _only_padding(stream, end) and not changed:
        return stream
    return b"".join(parts)


def _jpeg_segments(stream: bytes) -> tuple[list[tuple[int, int, int]], int]:
    """Give marker, start and stop of each segment, scans with their data, and the stream's end."""
    segments = []
    position = 2
    following = _IN_SCAN
    while position < len(stream):
        if stream[position] != 0xFF:  # noqa: PLR2004 - remains between segments are left out
            found = _NEXT_MARKER.search(stream, position)
            if found is None:
                break
            position = found.start()
        marker, end = segment_of(stream, position)
        if marker == 0xD8:  # noqa: PLR2004 - T.81 table B.1, SOI
            raise DamagedPixelsError("A compressed frame holds more than one picture.")
        if marker == _JPEG_LS:
            following = _IN_JPEG_LS_SCAN
        if marker == _SCAN:
            found = following.search(stream, end)
            end = found.start() if found else len(stream)
        segments.append((marker, position, end))
        position = end
        if marker == _END:
            break
    if not any(marker == _SCAN for marker, _, _ in segments):
        raise DamagedPixelsError("A compressed frame holds no picture.")
    return segments, position


def _kept(marker: int, segment: bytes) -> bytes:
    """Give a comment or application segment as it may stay; often nothing of it."""
    content = segment.lstrip(b"\xff")[3:]
    if marker == _APPLICATION[0] and _JFIF.fullmatch(content):
        return segment
    if marker == 0xEE:  # noqa: PLR2004 - APP14: says whether colours are transformed
        if _ADOBE.fullmatch(content):
            return segment
        if _ANY_ADOBE.fullmatch(content):
            return b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + content[11:12]
    if marker == 0xE8 and _TRANSFORM_OF_HP.fullmatch(content):  # noqa: PLR2004 - APP8, changes colours
        return segment
    if marker == 0xFE and _ENCODER.fullmatch(content):  # noqa: PLR2004 - COM
        return segment
    return b""


def _only_padding(stream: bytes, end: int) -> bool:
    tail = stream[end:]
    if JPEG_START + b"\xff" in tail or J2K_START in tail:
        raise DamagedPixelsError("A compressed frame holds more than one picture.")
    return not tail or tail == b"\xff" or not any(tail)


def _stripped_j2k(stream: bytes) -> bytes:
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
    if not (changed or cut_tiles) and _only_padding(stream, position):
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


def _stripped_jp2(stream: bytes) -> bytes:
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
            content = _stripped_j2k(content.rstrip(b"\0"))
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
