"""What stands beside the picture in JPEG and JPEG 2000: read here a second time, on its own.

References
----------
ITU-T T.81 B.1 and B.2.4 (JPEG; T.87 for JPEG-LS); ITU-T T.800 Annex A (JPEG 2000).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_JPEG, _JPEG_2000 = b"\xff\xd8", b"\xff\x4f"
_BOXES = b"\x00\x00\x00\x0cjP  "
_PICTURE_BOXES = frozenset({b"jP  ", b"ftyp", b"jp2h", b"jp2c"})
_END = b"\xff\xd9"
_SCAN, _TILE = 0xDA, 0x90
_COMMENTS = frozenset({0x64, 0xFE, *range(0xE0, 0xF0)})
_FRAMES = frozenset({*range(0xC0, 0xD0), 0xF7}) - {0xC4, 0xC8, 0xCC}
_SIZE_2000 = 0x51
_HARMLESS = re.compile(
    rb"JFIF\0.*|JFXX\0.{1,3}|Adobe.{0,9}|SPIFF\0.*|mrfx.{0,4}|ICC_PROFILE\0.*"
    rb"|LEAD Technologies Inc\. V[\d.]{1,6}|(?:\0[\0\1])?[^\d]*"
    rb"(?:OpenJPEG|Kakadu|JasPer|GDCM|libjpeg|IJG|CharLS)[ \w./:()-]{0,40}",
    re.DOTALL | re.IGNORECASE,
)
_PADDING = b"\0\xff"
_HEAD_BYTES = 1 << 16
_TAIL_BYTES = 4096
_RUN = re.compile(rb"[\x20-\x7e]{3,}|(?:[\x20-\x7e]\0){3,}")
_PIECE_BYTES = 1 << 20
_MAXIMUM_BYTES = 64 << 20


def has_text(descriptor: int, start: int, end: int) -> bool:
    """Tell whether a fragment holds text that is no part of its picture.

    Parameters
    ----------
    descriptor
        Open file.
    start, end
        Where the fragment lies.
    """
    if os.pread(descriptor, len(_BOXES), start) == _BOXES:
        if any(_RUN.search(text) for text in _texts_in_boxes(descriptor, start, end)):
            return True
        start, end = _codestream(descriptor, start, end)
    head = os.pread(descriptor, min(_HEAD_BYTES, end - start), start)
    if head[:2] not in {_JPEG, _JPEG_2000}:
        return False
    for content in _comments(head):
        stripped = content.strip(_PADDING)
        if _RUN.search(content) and not _HARMLESS.fullmatch(stripped):
            return True
    return _has_tail(descriptor, start, end)


def _has_tail(descriptor: int, start: int, end: int) -> bool:
    first = max(start, end - _TAIL_BYTES)
    tail = os.pread(descriptor, end - first, first)
    place = tail.rfind(_END)
    if place < 0:
        return False  # the picture goes on in the next fragment
    return _RUN.search(tail, place + 2) is not None


def _boxes(descriptor: int, start: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Give type, start and end of the content of every box of a JP2 file; the rest has no type."""
    while start + 8 <= end:
        head = os.pread(descriptor, 16, start)
        length, before = int.from_bytes(head[:4], "big"), 8
        if length == 1:
            length, before = int.from_bytes(head[8:16], "big"), 16
        stop = start + length if length else end
        if (length and length < before) or stop > end:
            break
        yield head[4:8], start + before, stop
        start = stop
    if start < end:
        yield b"", start, end


def _texts_in_boxes(descriptor: int, start: int, end: int) -> Iterator[bytes]:
    for kind, first, stop in _boxes(descriptor, start, end):
        if kind not in _PICTURE_BOXES:
            yield os.pread(descriptor, min(_HEAD_BYTES, stop - first), first)


def _codestream(descriptor: int, start: int, end: int) -> tuple[int, int]:
    """Find the codestream in a JP2 file."""
    for kind, first, stop in _boxes(descriptor, start, end):
        if kind == b"jp2c":
            return first, stop
    return end, end


def _segments(head: bytes) -> Iterator[tuple[int, int, int]]:
    """Give marker, start and end of every segment before the first scan or tile."""
    position = 2
    while position + 4 <= len(head) and head[position] == 0xFF:  # noqa: PLR2004 - every marker starts so
        marker = head[position + 1]
        if marker == 0xFF:  # noqa: PLR2004 - a fill byte
            position += 1
            continue
        if marker in {_SCAN, _TILE}:
            return
        length = max(2, int.from_bytes(head[position + 2 : position + 4], "big"))
        yield marker, position, position + 2 + length
        position += 2 + length


def _comments(head: bytes) -> Iterator[bytes]:
    for marker, start, end in _segments(head):
        if marker in _COMMENTS:
            yield head[start + 4 : end]


def size_of(descriptor: int, start: int, end: int) -> tuple[int, int] | None:
    """Give rows and columns of the picture that starts a fragment; None when it says none."""
    if os.pread(descriptor, len(_BOXES), start) == _BOXES:
        start, end = _codestream(descriptor, start, end)
    head = os.pread(descriptor, min(_HEAD_BYTES, end - start), start)
    if head[:2] == _JPEG:
        for marker, first, _ in _segments(head):
            if marker in _FRAMES:
                rows = int.from_bytes(head[first + 5 : first + 7], "big")
                return rows, int.from_bytes(head[first + 7 : first + 9], "big")
    if head[:2] == _JPEG_2000:
        for marker, first, _ in _segments(head):
            if marker == _SIZE_2000:
                sizes = [
                    int.from_bytes(head[first + at : first + at + 4], "big")
                    for at in range(6, 22, 4)
                ]
                return sizes[1] - sizes[3], sizes[0] - sizes[2]
    return None


def same_picture(one: tuple[int, int, int], two: tuple[int, int, int]) -> bool:
    """Tell whether two fragments are the same but for comments and padding.

    Parameters
    ----------
    one, two
        Descriptor, start and end.
    """
    if max(one[2] - one[1], two[2] - two[1]) > _MAXIMUM_BYTES:
        return False
    return _bare(*one) == _bare(*two)


def _bare(descriptor: int, start: int, end: int) -> bytes:
    if os.pread(descriptor, len(_BOXES), start) == _BOXES:
        start, end = _codestream(descriptor, start, end)
    content = os.pread(descriptor, end - start, start)
    if content[:2] not in {_JPEG, _JPEG_2000}:
        return content
    parts = [content[:2]]
    last = 2
    for marker, first, stop in _segments(content):
        if marker not in _COMMENTS:
            parts.append(content[first:stop])
        last = stop
    rest = content[last:]
    place = rest.rfind(_END)
    parts.append(rest[: place + 2] if place >= 0 else rest)
    return b"".join(parts)
