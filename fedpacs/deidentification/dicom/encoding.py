"""The writer: element trees back to bytes, in the encoding of the file they came from.

References
----------
PS3.5 7.1 (data elements), 7.5 (sequences, written with explicit lengths).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.elements import LONG_VRS, is_private
from fedpacs.deidentification.dicom.syntax import ITEM, SEQUENCE_END, UNDEFINED

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.deidentification.dicom.elements import Element, Items
    from fedpacs.deidentification.dicom.syntax import Encoding

_MAXIMUM_SHORT_BYTES = 0xFFFE
_LITTLE_HEADER, _BIG_HEADER = struct.Struct("<HH2sH").pack, struct.Struct(">HH2sH").pack


def encode_element(element: Element, encoding: Encoding) -> bytes:
    """Give the bytes of an element.

    Parameters
    ----------
    element
        A binary value stands in the byte order of `encoding` already. A value too long for its
        value representation is written as ``UN`` (PS3.5 6.2.2).
    """
    value = element.value
    if element.items is not None:
        value = b"".join(encode_item(item, encoding) for item in element.items)
        if encoding.implicit and is_private(element.tag):  # else nobody could tell it is a sequence
            end = struct.pack(f"{encoding.order}HHL", SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0)
            return header(element.tag, "SQ", UNDEFINED, encoding) + value + end
    elif len(value) % 2:
        value += b"\0"
    return header(element.tag, element.vr, len(value), encoding) + value


def header(tag: int, vr: str, length: int, encoding: Encoding) -> bytes:
    """Give the bytes before a value."""
    if not encoding.implicit and length <= _MAXIMUM_SHORT_BYTES and vr not in LONG_VRS:
        pack = _LITTLE_HEADER if encoding.little else _BIG_HEADER
        return pack(tag >> 16, tag & 0xFFFF, vr.encode(), length)
    order = encoding.order
    if encoding.implicit:
        return struct.pack(f"{order}HHL", tag >> 16, tag & 0xFFFF, length)
    if vr not in LONG_VRS:
        vr = "UN"
    return struct.pack(f"{order}HH2sHL", tag >> 16, tag & 0xFFFF, vr.encode(), 0, length)


def encode_item(item: Items, encoding: Encoding) -> bytes:
    """Give the bytes of an item, header included."""
    content = encode_items(item.values(), encoding)
    order = encoding.order
    return struct.pack(f"{order}HHL", ITEM >> 16, ITEM & 0xFFFF, len(content)) + content


def encode_items(elements: Iterable[Element], encoding: Encoding) -> bytes:
    """Give the bytes of the elements of one level, in the order of their tags."""
    return b"".join(
        encode_element(element, encoding)
        for element in sorted(elements, key=lambda element: element.tag)
    )
