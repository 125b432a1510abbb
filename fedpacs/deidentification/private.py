"""Private blocks: who claims which private elements of one level.

References
----------
PS3.5 7.8.1 (private data element tags).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.charset import text_of
from fedpacs.deidentification.dicom.elements import Element, is_private
from fedpacs.deidentification.dicom.nested import items_of
from fedpacs.deidentification.dicom.syntax import LITTLE_IMPLICIT
from fedpacs.deidentification.errors import DamagedObjectError
from fedpacs.deidentification.safe_private import safe_private_vr

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.deidentification.dicom.charset import Charset
    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.dicom.syntax import Encoding

_FIRST_BLOCK = 0x10
_LAST_BLOCK = 0xFF


class PrivateBlocks:
    """The private creators of one level of a data set."""

    __slots__ = ("claims",)

    def __init__(self, claims: dict[int, str]) -> None:
        self.claims = claims
        """Creator by `block_of`."""

    @classmethod
    def of(cls, items: Items, charset: Charset) -> PrivateBlocks:
        """Collect the creators of an item."""
        return cls.from_elements(items.values(), charset)

    @classmethod
    def from_elements(cls, elements: Iterable[Element], charset: Charset) -> PrivateBlocks:
        """Collect the creators among elements."""
        return cls(
            {
                element.tag: text_of(element, charset)
                for element in elements
                if is_private(element.tag) and is_creator(element.tag)
            }
        )

    def creator_of(self, tag: int) -> str:
        """Give who claims the block of a private tag; a creator claims its own element.

        Empty when nobody does.
        """
        return self.claims.get(block_of(tag), "")

    def readable(self, element: Element, encoding: Encoding) -> Element | None:
        """Give an element as it can be read; None for a private one that cannot."""
        if not is_private(element.tag):
            return element
        return as_listed(element, self.creator_of(element.tag), encoding)


NO_BLOCKS = PrivateBlocks({})


def block_of(tag: int) -> int:
    """Give the tag of the element that claims a private tag's block."""
    return (tag & 0xFFFF0000) | (tag >> 8 & 0xFF) if tag & 0xFF00 else tag


def is_creator(tag: int) -> bool:
    """Tell whether a private tag reserves a block."""
    return _FIRST_BLOCK <= tag & 0xFFFF <= _LAST_BLOCK


def as_listed(element: Element, creator: str, encoding: Encoding) -> Element | None:
    """Read a private element without value representation as the safe private list says.

    Returns
    -------
    Element | None
        None when it cannot be read so.

    References
    ----------
    PS3.15 Table E.3.10-1; PS3.5 6.2.2 (UN is little endian, its items in Implicit VR).
    """
    listed = safe_private_vr(creator, element.tag)
    if element.vr != "UN" or listed is None:
        return element
    if not encoding.little:
        return None
    if listed != "SQ":
        return Element(element.tag, listed[:2], element.value)
    try:
        return Element.of_items(element.tag, items_of(element.value, LITTLE_IMPLICIT))
    except DamagedObjectError:
        return None
