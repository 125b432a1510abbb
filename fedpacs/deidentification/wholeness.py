"""The check that a file is whole: every length that it states is covered by its bytes.

A parser that meets the end of a cut file stops and gives what it has. An object that lost its end
must not pass as a smaller object, so the lengths are added up here, without decoding a value.

References
----------
PS3.5 7.1 (data elements), 7.5 (sequences), A.4 (encapsulated pixel data).
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

from fedpacs.deidentification.errors import CutObjectError

_PREAMBLE_BYTES = 132
_META_GROUP = 2
_HEADER_BYTES = 8
_UNDEFINED = 0xFFFFFFFF
_ITEM = (0xFFFE, 0xE000)
_ITEM_END = (0xFFFE, 0xE00D)
_SEQUENCE_END = (0xFFFE, 0xE0DD)
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_FRAGMENT_VRS = frozenset({b"OB", b"OW"})
_MAXIMUM_DEPTH = 64


@dataclass(frozen=True, slots=True)
class _Header:
    tag: tuple[int, int]
    vr: bytes
    length: int
    value: int


@dataclass(frozen=True, slots=True)
class _Syntax:
    implicit: bool
    little: bool

    def header(self, content: bytes, position: int) -> _Header:
        order = "<" if self.little else ">"
        group, element = struct.unpack_from(f"{order}HH", content, position)
        tag = (group, element)
        if self.implicit or group == _ITEM[0]:
            (length,) = struct.unpack_from(f"{order}L", content, position + 4)
            return _Header(tag, b"", length, position + 8)
        vr = content[position + 4 : position + 6]
        if vr in _LONG_VRS:
            (length,) = struct.unpack_from(f"{order}L", content, position + 8)
            return _Header(tag, vr, length, position + 12)
        (length,) = struct.unpack_from(f"{order}H", content, position + 6)
        return _Header(tag, vr, length, position + 8)


_META_SYNTAX = _Syntax(implicit=False, little=True)


def check_whole(content: bytes, *, implicit: bool, little: bool, deflated: bool) -> None:
    """Check that a file is whole.

    Parameters
    ----------
    content
        The file's bytes.
    implicit, little, deflated
        How the data set is encoded, as found by the parser.

    Raises
    ------
    CutObjectError
        If it ends too early, or with bytes that belong to no element.
    """
    try:
        start = _start(content)
        if deflated:
            content, start = _inflated(content[start:]), 0
        _elements(content, start, _Syntax(implicit, little), depth=0)
    except (struct.error, zlib.error):
        raise CutObjectError("The file ends in the middle of an element.") from None


def _start(content: bytes) -> int:
    """Position of the data set, after preamble and file meta information."""
    position = _PREAMBLE_BYTES if content[128:132] == b"DICM" else 0
    while position < len(content):
        if struct.unpack_from("<H", content, position)[0] != _META_GROUP:
            break
        header = _META_SYNTAX.header(content, position)
        position = header.value + header.length
    return position


def _inflated(content: bytes) -> bytes:
    stream = zlib.decompressobj(-zlib.MAX_WBITS)
    inflated = stream.decompress(content) + stream.flush()
    if not stream.eof:
        raise CutObjectError("The compressed data set ends too early.")
    return inflated


def _elements(content: bytes, position: int, syntax: _Syntax, depth: int) -> int:
    """Walk the elements of a data set or of an item without length; give where it ends."""
    if depth > _MAXIMUM_DEPTH:
        raise CutObjectError("Sequences are nested without end.")
    while position < len(content):
        if not depth and len(content) - position < _HEADER_BYTES and not any(content[position:]):
            return len(content)  # padding
        header = syntax.header(content, position)
        if header.tag == _ITEM_END and depth:
            return header.value
        position = _value_end(content, header, syntax, depth)
        if position > len(content):
            raise CutObjectError("The file ends in the middle of a value.")
    if depth:
        raise CutObjectError("The file ends in the middle of a sequence.")
    return position


def _value_end(content: bytes, header: _Header, syntax: _Syntax, depth: int) -> int:
    if header.length != _UNDEFINED:
        return header.value + header.length
    if header.vr == b"UN":
        syntax = _Syntax(implicit=True, little=True)  # PS3.5 6.2.2
    fragments = header.vr in _FRAGMENT_VRS
    position = header.value
    while True:
        item = syntax.header(content, position)
        if item.tag == _SEQUENCE_END:
            return item.value
        if item.tag != _ITEM or (fragments and item.length == _UNDEFINED):
            raise CutObjectError("A sequence holds something else than items.")
        if item.length == _UNDEFINED:
            position = _elements(content, item.value, syntax, depth + 1)
        else:
            position = item.value + item.length
