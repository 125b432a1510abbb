"""What stands beside the picture in a compressed frame, taken out without touching the picture.

JPEG, JPEG-LS and JPEG 2000 have room for text that no viewer shows: comments, application data,
segments that decoders skip, bytes between the segments and after the end. Only what is part of the
picture stays, and what encoders write of themselves in a form that holds nothing else.

References
----------
ITU-T T.81 B.1 and B.2.4 (JPEG; T.87 for JPEG-LS); PS3.5 A.4 (encapsulated pixel data).
"""

from __future__ import annotations

import re

from fedpacs.deidentification.errors import DamagedPixelsError
from fedpacs.deidentification.pixels.jpeg_2000 import (
    JP2_START,
    strip_jp2,
    strip_jpeg_2000,
)
from fedpacs.deidentification.pixels.streams import (
    J2K_START,
    JPEG_START,
    only_padding,
    segment_of,
)

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
_ADOBE = re.compile(
    rb"Adobe(?:\x00{1,7}|\x00[\x64\x65](?:[\x00\x40\x80\xc0]\x00){2}[\x00-\x02])", re.DOTALL
)
_ANY_ADOBE = re.compile(rb"Adobe.{6}[\x00-\x02].*", re.DOTALL)
_SPIFF = re.compile(  # T.84 F.1.5: size and resolution are all it has room for
    rb"SPIFF\x00[\x00-\x02]{2}[\x00-\x04][\x01-\x04](?:\x00\x00..){2}[\x00-\x0f][\x01-\x10]"
    rb"[\x00-\x06][\x00-\x02](?:\x00\x00..){2}|\x00\x00\x00\x01\xff\xd8",
    re.DOTALL,
)
_TRANSFORM_OF_HP = re.compile(rb"mrfx[\x00-\x05]")
_ENCODER = re.compile(rb"LEAD Technologies Inc\. V\d\.\d\d\x00?")


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
        return strip_jpeg_2000(stream)
    if stream.startswith(JP2_START):
        return strip_jp2(stream)
    return stream


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
    if only_padding(stream, end) and not changed:
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
    if marker == 0xE8 and any(form.fullmatch(content) for form in (_SPIFF, _TRANSFORM_OF_HP)):  # noqa: PLR2004 - APP8
        return segment
    if marker == 0xFE and _ENCODER.fullmatch(content):  # noqa: PLR2004 - COM
        return segment
    return b""
