"""How a data set is encoded: transfer syntax, byte order, where each element's header ends."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cache

from fedpacs.core import dictionary
from fedpacs.deidentification.dicom.elements import LONG_VRS, PRIVATE_MASK

IMPLICIT_LITTLE = "1.2.840.10008.1.2"
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
DEFLATED = "1.2.840.10008.1.2.1.99"
EXPLICIT_BIG = "1.2.840.10008.1.2.2"
_GE_PRIVATE_BIG_PIXELS = "1.2.840.113619.5.2"
_UNCOMPRESSED = frozenset(
    {IMPLICIT_LITTLE, EXPLICIT_LITTLE, DEFLATED, EXPLICIT_BIG, _GE_PRIVATE_BIG_PIXELS}
)
UNDEFINED = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_END = 0xFFFEE00D
SEQUENCE_END = 0xFFFEE0DD
DELIMITERS = frozenset({ITEM, ITEM_END, SEQUENCE_END})
LONG_VR_BYTES = frozenset(vr.encode() for vr in LONG_VRS)
VR_BYTES = {
    vr.encode(): vr
    for vr in (
        "AE", "AS", "AT", "CS", "DA", "DS", "DT", "FD", "FL", "IS", "LO", "LT", "OB", "OD", "OF",
        "OL", "OV", "OW", "PN", "SH", "SL", "SQ", "SS", "ST", "SV", "TM", "UC", "UI", "UL", "UN",
        "UR", "US", "UT", "UV",
    )
}  # fmt: skip
_LITTLE = struct.Struct("<HHL")
_BIG = struct.Struct(">HHL")
_LITTLE_EXPLICIT = struct.Struct("<HH2sH")
_BIG_EXPLICIT = struct.Struct(">HH2sH")
_LITTLE_LONG = struct.Struct("<L")
_BIG_LONG = struct.Struct(">L")


@dataclass(frozen=True, slots=True)
class Encoding:
    """Byte order and whether value representations are written out."""

    implicit: bool
    little: bool

    @property
    def order(self) -> str:
        """Byte order as `struct` writes it."""
        return "<" if self.little else ">"

    def header(self, content: bytes, position: int) -> tuple[int, str, int, int]:
        """Read the header of an element.

        Returns
        -------
        tuple[int, str, int, int]
            Tag, VR (the dictionary's where there is none), length (or `UNDEFINED`) and the
            position of the value.

        Raises
        ------
        struct.error
            If the bytes end before.
        """
        if not self.implicit:
            unpacker = _LITTLE_EXPLICIT if self.little else _BIG_EXPLICIT
            group, element, vr_bytes, length = unpacker.unpack_from(content, position)
            tag = group << 16 | element
            vr = VR_BYTES.get(vr_bytes)
            if vr is not None and tag not in DELIMITERS:
                if vr_bytes not in LONG_VR_BYTES:
                    return tag, vr, length, position + 8
                long = _LITTLE_LONG if self.little else _BIG_LONG
                return tag, vr, long.unpack_from(content, position + 8)[0], position + 12
        # an element without VR inside Explicit VR is read as Implicit VR, as old writers mean it
        group, element, length = (_LITTLE if self.little else _BIG).unpack_from(content, position)
        tag = group << 16 | element
        return tag, vr_of(tag), length, position + 8


LITTLE_IMPLICIT = Encoding(implicit=True, little=True)
LITTLE_EXPLICIT = Encoding(implicit=False, little=True)


@cache
def vr_of(tag: int) -> str:
    """Give the dictionary's value representation; ``UN`` for what it does not know."""
    if tag & 0xFFFF == 0 and not tag & PRIVATE_MASK:
        return "UL"
    if tag & PRIVATE_MASK:
        creator = 0x10 <= tag & 0xFFFF <= 0xFF  # noqa: PLR2004 - PS3.5 7.8.1
        return "LO" if creator else "UN"
    try:
        return dictionary.vr_of(tag)[:2]
    except KeyError:
        return "UN"


def is_encapsulated(transfer_syntax_uid: str) -> bool:
    """Tell whether pixel data are compressed; so does every syntax that is not known."""
    return transfer_syntax_uid not in _UNCOMPRESSED
