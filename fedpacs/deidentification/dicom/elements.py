"""The element tree: what the engine works on, close to the bytes of the file.

A value stays as the file has it, in the file's byte order and with its padding, until a rule asks
for more. Only sequences are taken apart.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SPACE_PADDED = frozenset(
    {"AE", "AS", "CS", "DA", "DS", "DT", "IS", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UR", "UT"}
)
TEXT_VRS = frozenset({"LO", "LT", "PN", "SH", "ST", "UC", "UT"})
"""Value representations that the Specific Character Set applies to (PS3.5 6.1.2.3)."""
LONG_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"})
"""Value representations with a length of 32 bits in Explicit VR (PS3.5 7.1.2)."""
TEXT_LIKE = frozenset({*TEXT_VRS, "AE", "UR"})
BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
SIZE_OF: Mapping[str, int] = MappingProxyType(
    {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}
)
"""Bytes of one value, by value representations that hold binary numbers."""
_MAXIMUM_CHARACTERS = MappingProxyType(
    {"AE": 16, "LO": 64, "LT": 10240, "PN": 64, "SH": 16, "ST": 1024}
)
PRIVATE_MASK = 0x00010000


class Element:
    """One data element.

    Attributes
    ----------
    tag
        Group in the upper 16 bits.
    vr
        Value representation: the file's, or the dictionary's where the file has none or ``UN``.
    value
        Value field, padding included, in the file's byte order; empty for sequences.
    items
        Items of a sequence, or None.
    """

    __slots__ = ("items", "tag", "value", "vr")

    def __init__(
        self, tag: int, vr: str, value: bytes = b"", items: list[Items] | None = None
    ) -> None:
        self.tag = tag
        self.vr = vr
        self.value = value
        self.items = items

    @classmethod
    def of_text(cls, tag: int, vr: str, *values: str) -> Element:
        """Make an element of text in UTF-8, padded to even length.

        Parameters
        ----------
        vr
            A text VR, or ``UI``.
        values
            One or more values; none makes an empty element.
        """
        content = "\\".join(values).encode("utf-8")
        if len(content) % 2:
            content += b" " if vr in _SPACE_PADDED else b"\0"
        return cls(tag, vr, content)

    def with_text(self, values: Iterable[str]) -> Element:
        """Give the same element with other text, no value longer than its VR allows (PS3.5 6.2)."""
        limit = _MAXIMUM_CHARACTERS.get(self.vr)
        return Element.of_text(self.tag, self.vr, *(value[:limit].rstrip() for value in values))

    @classmethod
    def of_items(cls, tag: int, items: list[Items]) -> Element:
        """Make a sequence."""
        return cls(tag, "SQ", b"", items)

    def __repr__(self) -> str:
        return f"Element({self.tag >> 16:04x},{self.tag & 0xFFFF:04x} {self.vr})"


Items: TypeAlias = dict[int, Element]
"""One level of a data set: a whole data set or one item of a sequence, in the file's order."""


def is_private(tag: int) -> bool:
    """Tell whether a tag is of a private group."""
    return bool(tag & PRIVATE_MASK)
