"""Sequences taken apart: from the bytes of one element to the tree of its items."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.syntax import (
    ITEM,
    ITEM_END,
    LITTLE_EXPLICIT,
    LITTLE_IMPLICIT,
    SEQUENCE_END,
    UNDEFINED,
    vr_of,
)
from fedpacs.deidentification.errors import DamagedObjectError

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.dicom.syntax import Encoding

MAXIMUM_DEPTH = 64


def element_of(
    content: bytes, vr: str, tag: int, extent: tuple[int, int], encoding: Encoding
) -> Element:
    """Take an element's bytes apart, nested items and all.

    Parameters
    ----------
    content
        The element, header included.
    extent
        Bytes of its header, and the length written there.

    Raises
    ------
    DamagedObjectError
        If its items cannot be read.
    """
    offset, length = extent
    standard = vr_of(tag)
    if vr == "UN" and standard == "SQ" and length != 0:
        items = _unknown_items(content[offset:])
        return Element(tag, "SQ", b"", items) if encoding.little else Element(tag, "UN", b"")
    if vr == "SQ":
        return Element(tag, "SQ", b"", items_of(content[offset:], encoding))
    if vr == "UN" and length == UNDEFINED:
        items = items_of(content[offset:], LITTLE_IMPLICIT)
        return Element(tag, "SQ", b"", items) if encoding.little else Element(tag, "UN", b"")
    if vr == "UN" and standard != "UN":
        vr = standard
    return Element(tag, vr, content[offset:])


def _unknown_items(content: bytes) -> list[Items]:
    """Take the items of a sequence of unknown VR apart: Implicit VR, or Explicit by mistake."""
    try:
        return items_of(content, LITTLE_IMPLICIT)
    except DamagedObjectError:
        return items_of(content, LITTLE_EXPLICIT)


def items_of(content: bytes, encoding: Encoding) -> list[Items]:
    """Take the items of a sequence's value apart.

    Raises
    ------
    DamagedObjectError
        If they cannot be read.
    """
    try:
        return _Reader(content, encoding).items(0, len(content), 0)[0]
    except struct.error:
        raise DamagedObjectError("A sequence ends in the middle of an element.") from None


class _Reader:
    """Takes the items of a sequence apart."""

    def __init__(self, content: bytes, encoding: Encoding) -> None:
        self.content = content
        self.encoding = encoding

    def items(self, position: int, end: int, depth: int) -> tuple[list[Items], int]:
        if depth > MAXIMUM_DEPTH:
            raise DamagedObjectError("Sequences are nested without end.")
        found: list[Items] = []
        while position < end:
            tag, _, length, value = self.encoding.header(self.content, position)
            if tag == SEQUENCE_END:
                return found, value
            if tag != ITEM:
                raise DamagedObjectError("A sequence holds something else than items.")
            stop = end if length == UNDEFINED else value + length
            if stop > end:
                raise DamagedObjectError("An item is longer than its sequence.")
            item, position = self.item(value, stop, depth, open_ended=length == UNDEFINED)
            found.append(item)
        return found, position

    def item(self, position: int, end: int, depth: int, *, open_ended: bool) -> tuple[Items, int]:
        item: Items = {}
        while position < end:
            tag, vr, length, value = self.encoding.header(self.content, position)
            if tag == ITEM_END:
                return item, value
            if length == UNDEFINED:
                nested, position = self.nested(vr, value, end, depth)
                item[tag] = Element(tag, "SQ", b"", nested)
                continue
            position = value + length
            if position > end:
                raise DamagedObjectError("A value is longer than its item.")
            item[tag] = self.element(tag, vr, self.content[value:position], depth)
        if open_ended:
            raise DamagedObjectError("An item without end.")
        return item, position

    def nested(self, vr: str, value: int, end: int, depth: int) -> tuple[list[Items], int]:
        if vr == "UN" and not self.encoding.implicit:
            return _Reader(self.content, LITTLE_IMPLICIT).items(value, end, depth + 1)
        return self.items(value, end, depth + 1)

    def element(self, tag: int, vr: str, content: bytes, depth: int) -> Element:
        if vr == "SQ":
            reader = _Reader(content, self.encoding)
            return Element(tag, "SQ", b"", reader.items(0, len(content), depth + 1)[0])
        if vr == "UN":
            standard = vr_of(tag)
            if standard == "SQ" and content and depth < MAXIMUM_DEPTH:
                return Element(tag, "SQ", b"", _unknown_items(content))
            vr = standard
        return Element(tag, vr, content)
