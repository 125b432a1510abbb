"""Private blocks: who claims which private elements of one level.

References
----------
PS3.5 7.8.1 (private data element tags).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.charset import text_of
from fedpacs.deidentification.dicom.elements import Element, is_private

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.deidentification.dicom.charset import Charset
    from fedpacs.deidentification.dicom.elements import Items

_FIRST_BLOCK = 0x10
_LAST_BLOCK = 0xFF


class PrivateBlocks:
    """The private creators of one level of a data set."""

    __slots__ = ("_creators",)

    def __init__(self, creators: dict[int, str]) -> None:
        self._creators = creators

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
        if is_creator(tag):
            return self._creators.get(tag, "")
        return self._creators.get((tag & 0xFFFF0000) | ((tag >> 8) & 0xFF), "")


NO_BLOCKS = PrivateBlocks({})


def is_creator(tag: int) -> bool:
    """Tell whether a private tag reserves a block."""
    return _FIRST_BLOCK <= tag & 0xFFFF <= _LAST_BLOCK
