"""Numbers of an element, binary or as text."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.charset import DEFAULT, values_of

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.elements import Element
    from fedpacs.deidentification.dicom.syntax import Encoding

_HUGE = 1e300
_NUMBER_FORMATS = {
    "AT": "HH", "FD": "d", "FL": "f", "SL": "l", "SS": "h", "SV": "q", "UL": "L", "US": "H",
    "UV": "Q",
}  # fmt: skip


def numbers_of(element: Element, encoding: Encoding) -> list[float]:
    """Give the numbers of an element, whether written in binary or as text."""
    if element.items is not None:
        return []
    value = element.value
    if element.vr == "US" and len(value) == 2:  # noqa: PLR2004 - most of what is asked for
        return [int.from_bytes(value, "little" if encoding.little else "big")]
    if element.vr in {"DS", "IS"}:
        found = []
        for text in values_of(element, DEFAULT):
            try:
                found.append(float(text))
            except ValueError:
                continue
        return [number for number in found if abs(number) < _HUGE]
    letter = _NUMBER_FORMATS.get(element.vr)
    if letter is None or letter == "HH":
        return []
    count = len(element.value) // struct.calcsize(f"={letter}")
    size = count * struct.calcsize(f"={letter}")
    return list(struct.unpack(f"{encoding.order}{count}{letter}", element.value[:size]))
