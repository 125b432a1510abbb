"""What stands beside the picture in compressed pixel data: comments, application data, remains.

JPEG and JPEG 2000 have room for text that no viewer shows, and that a search for known values does
not know. Only what encoders write of themselves is let through.

References
----------
ITU-T T.81 B.1 and B.2.4 (JPEG; T.87 for JPEG-LS); ITU-T T.800 Annex A (JPEG 2000); PS3.5 A.4.
"""

from __future__ import annotations

import re
import struct
from typing import TYPE_CHECKING

from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ITEM = b"\xfe\xff\x00\xe0"
_STARTS = (b"\xff\xd8", b"\xff\x4f\xff\x51")
_END = b"\xff\xd9"
_PICTURE_FOLLOWS = frozenset({0x90, 0x93, 0xD9, 0xDA})
_COMMENTS = frozenset({0x64, 0xFE, *range(0xE0, 0xF0)})
_OF_AN_ENCODER = re.compile(
    rb"(?:JFIF\0.{9}|Adobe.{0,9}|SPIFF\0.{0,24}|mrfx.{0,4}"
    rb"|LEAD Technologies Inc\. V\d\.\d\d"
    rb"|\0[\0\1](?:Created by (?:GDCM/)?OpenJPEG(?: version)?[ \d.]{0,12}"
    rb"|Kakadu-v?[\d.]{1,8}|Creator: JasPer Version [\d.]{1,12}))\0*",
    re.DOTALL,
)
_PADDING = b"\0\xff"


def admit_codestreams(content: bytes, frames: int) -> None:
    """Let compressed pixel data in, or refuse them.

    Parameters
    ----------
    content
        Value of Pixel Data: the offset table and the fragments, each an item.
    frames
        Number of Frames.

    Raises
    ------
    UnsupportedObjectError
        If there is text or data beside the picture (``deid.text-beside-picture``).
    DamagedPixelsError
        If there are not as many pictures as frames, or the fragments are no items.
    """
    pictures = list(_pictures(content))
    if len(pictures) > frames:
        raise DamagedPixelsError("The pixel data hold more pictures than the header says.")
    for picture in pictures:
        if not picture.startswith(_STARTS):
            continue  # run-length encoding has no room for comments
        end = picture.rfind(_END)
        tail = picture[end + len(_END) :] if end >= 0 else b""
        if tail.strip(_PADDING) or not all(map(_of_an_encoder, _comments(picture))):
            raise UnsupportedObjectError(
                "There is something beside the picture in its compressed data.",
                code="deid.text-beside-picture",
            )


def _pictures(content: bytes) -> Iterator[bytes]:
    """Give each picture with its fragments joined; the first item is the offset table."""
    picture = b""
    for number, fragment in enumerate(_items(content)):
        if number == 0:
            continue
        if picture and (fragment.startswith(_STARTS) or not picture.startswith(_STARTS)):
            yield picture
            picture = b""
        picture += fragment
    if picture:
        yield picture


def _items(content: bytes) -> Iterator[bytes]:
    position = 0
    while content.startswith(_ITEM, position):
        (length,) = struct.unpack_from("<L", content, position + 4)
        position += 8
        yield content[position : position + length]
        position += length


def _comments(picture: bytes) -> Iterator[bytes]:
    """Give the content of every comment and application segment before the first scan or tile."""
    position = 2
    while position + 4 <= len(picture) and picture[position] == 0xFF:  # noqa: PLR2004 - every marker starts so
        marker = picture[position + 1]
        if marker in _PICTURE_FOLLOWS:
            return
        (length,) = struct.unpack_from(">H", picture, position + 2)
        if marker in _COMMENTS:
            yield picture[position + 4 : position + 2 + length]
        position += 2 + max(length, 2)


def _of_an_encoder(comment: bytes) -> bool:
    return not comment.strip(_PADDING) or _OF_AN_ENCODER.fullmatch(comment) is not None
