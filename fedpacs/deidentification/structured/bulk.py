"""Bulk data outside the picture: admitted when they are as long as described, and are numbers.

A lookup table, a recording, a surface or a spectrum is a block of bytes that nobody reads through.
Each is held to what the attributes beside it say about it, so that nothing can be appended to it;
a block that is text from end to end is none of them. Bulk data that nothing describes are not
admitted at all.

References
----------
PS3.3 C.7.6.3.1.5 and C.7.9 (palettes), C.11 (lookup tables), C.10.9 (waveforms), C.20.3 (vector
grids), C.27 (surfaces), C.8.14 (spectroscopy); PS3.5 A.4 (extended offset table).
"""

from __future__ import annotations

import math
import re
import struct
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

import numpy as np

from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.numbers import numbers_of
from fedpacs.deidentification.structured.icc import cleaned_profile
from fedpacs.deidentification.structured.schemes import read_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fedpacs.deidentification.dicom.syntax import Encoding

BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
ICC_PROFILE = 0x00282000
_PRINTABLE = re.compile(rb"[\x20-\x7e\0\r\n\t]{12,}")
_ABSENT: Mapping[int, list[float]] = {0x00280008: [1.0]}
"""What an attribute says that is not there: without Number of Frames there is one."""
_LETTERS = 4
_TABLE_ENTRIES = 65536
_INDEX_LIMIT = 0x20000000
"""Four printable characters make a larger number, as do four of nearly any other text."""


class Siblings(Protocol):
    """One level of a data set: `Items`, or a parsed object."""

    def get(self, tag: int, /) -> Element | None:
        """Give an element of the level."""


def is_bulk(tag: int, vr: str) -> bool:
    """Tell whether an element must be admitted here before a rule may keep it.

    Parameters
    ----------
    tag
        Its tag; the pixel data themselves are none of this module's.
    vr
        Its value representation.
    """
    return vr in BULK_VRS or tag in _described()


def kept_bulk(element: Element, siblings: Siblings, encoding: Encoding) -> Element | None:
    """Give what stays of bulk data that a rule keeps.

    Parameters
    ----------
    element
        An element for which `is_bulk` is true.
    siblings
        The level of the data set that it stands on.
    encoding
        How the data set is encoded.

    Returns
    -------
    Element | None
        The element itself; for a colour profile a cleaned one; None when it must not stay.
    """
    if element.tag == ICC_PROFILE:
        profile = cleaned_profile(element.value)
        return None if profile is None else Element(ICC_PROFILE, "OB", profile)
    return element if admits_bulk(element, siblings, encoding) else None


def admits_bulk(element: Element, siblings: Siblings, encoding: Encoding) -> bool:
    """Tell whether bulk data are what the attributes beside them say.

    Parameters
    ----------
    element
        An element for which `is_bulk` is true.
    siblings
        The level of the data set that it stands on.
    encoding
        How the data set is encoded.
    """
    described = _described().get(element.tag)
    if described is None or element.items is not None:
        return False
    if not element.value:
        return True
    check, sizes = described
    if _is_text(element.value):
        return False
    return _CHECKS[check](element, siblings, encoding, sizes)


@cache
def _described() -> Mapping[int, tuple[str, tuple[str, ...]]]:
    return MappingProxyType(
        {
            int(line["tag"], 16): (line["check"], tuple(line["sizes"].split()))
            for line in read_lines("bulk")
        }
    )


def _is_text(value: bytes) -> bool:
    return _PRINTABLE.fullmatch(value) is not None and len(set(value)) > _LETTERS


def _product(siblings: Siblings, encoding: Encoding, sizes: tuple[str, ...]) -> float | None:
    """Multiply sizes: numbers as they are, attributes with all their values; None when unknown."""
    product = 1.0
    for size in sizes:
        if len(size.rstrip("?")) < len("ggggeeee"):
            product *= int(size)
            continue
        tag = int(size.rstrip("?"), 16)
        element = siblings.get(tag)
        numbers = _ABSENT.get(tag, []) if element is None else numbers_of(element, encoding)
        if not numbers:
            return None
        product *= math.prod(numbers)
    return product


def _bytes(
    element: Element, siblings: Siblings, encoding: Encoding, sizes: tuple[str, ...]
) -> bool:
    expected = _product(siblings, encoding, sizes)
    if expected is None:
        return False
    return expected <= len(element.value) <= expected + expected % 2


def _bits(element: Element, siblings: Siblings, encoding: Encoding, sizes: tuple[str, ...]) -> bool:
    bits = _product(siblings, encoding, sizes)
    if bits is None:
        return False
    expected = math.ceil(bits / 8)
    return expected <= len(element.value) <= expected + expected % 2


def _multiple(
    element: Element, _siblings: Siblings, _encoding: Encoding, sizes: tuple[str, ...]
) -> bool:
    return len(element.value) % int(sizes[0]) == 0


def _floats(
    element: Element, siblings: Siblings, encoding: Encoding, sizes: tuple[str, ...]
) -> bool:
    if not _has_size(element, siblings, encoding, sizes) or len(element.value) % 4:
        return False
    return bool(np.isfinite(np.frombuffer(element.value, f"{encoding.order}f4")).all())


def _doubles(
    element: Element, _siblings: Siblings, encoding: Encoding, _sizes: tuple[str, ...]
) -> bool:
    if len(element.value) % 8:
        return False
    return bool(np.isfinite(np.frombuffer(element.value, f"{encoding.order}f8")).all())


def _has_size(
    element: Element, siblings: Siblings, encoding: Encoding, sizes: tuple[str, ...]
) -> bool:
    """Hold a block to its size where the standard gives one, and to a whole number of points."""
    optional = bool(sizes) and sizes[-1].endswith("?")
    expected = _product(siblings, encoding, sizes)
    if expected is None:
        return optional and len(element.value) % int(sizes[0]) == 0
    return not sizes or expected == len(element.value)


def _indices(
    element: Element, _siblings: Siblings, encoding: Encoding, _sizes: tuple[str, ...]
) -> bool:
    if len(element.value) % 4:
        return False
    return bool((np.frombuffer(element.value, f"{encoding.order}u4") < _INDEX_LIMIT).all())


def _descriptor(siblings: Siblings, encoding: Encoding, tag: str) -> tuple[int, int] | None:
    """Give entries and bits of a lookup table."""
    element = siblings.get(int(tag, 16))
    if element is None or len(element.value) != 6:  # noqa: PLR2004 - three words
        return None
    entries, _, bits = struct.unpack(f"{encoding.order}HHH", element.value)
    return entries or _TABLE_ENTRIES, bits


def _table(
    element: Element, siblings: Siblings, encoding: Encoding, sizes: tuple[str, ...]
) -> bool:
    described = _descriptor(siblings, encoding, sizes[0])
    if described is None:
        return False
    entries, bits = described
    length = len(element.value)
    return length == 2 * entries or (bits <= 8 and length == entries + entries % 2)  # noqa: PLR2004 - bits of a byte


def _segments(
    element: Element, siblings: Siblings, encoding: Encoding, sizes: tuple[str, ...]
) -> bool:
    described = _descriptor(siblings, encoding, sizes[0])
    if described is None:
        return False
    entries, bits = described
    kinds = (f"{encoding.order}u2", "u1") if bits <= 8 else (f"{encoding.order}u2",)  # noqa: PLR2004 - bits of a byte
    for kind in kinds:
        if len(element.value) % np.dtype(kind).itemsize == 0:
            words = np.frombuffer(element.value, kind).tolist()
            if _expanded(words) == entries:
                return True
    return False


def _expanded(words: list[int]) -> int:
    """Give how many entries the segments of a palette make; -1 when they are none."""
    position, total, lengths = 0, 0, []
    while position + 2 < len(words):
        opcode, length = words[position : position + 2]
        if opcode == 0:
            lengths.append(length)
            position += 2 + length
        elif opcode == 1:
            lengths.append(length)
            position += 3
        elif opcode == 2 and position + 3 < len(words):  # noqa: PLR2004 - earlier segments again
            # where it points to is not followed: it can but repeat what is there
            lengths.append(sum(lengths[:length]))
            position += 4
        else:
            return -1
    total = sum(lengths)
    return total if position in {len(words), len(words) - 1} else -1


_CHECKS: Mapping[str, Callable[[Element, Siblings, Encoding, tuple[str, ...]], bool]] = (
    MappingProxyType(
        {
            "bits": _bits,
            "bytes": _bytes,
            "doubles": _doubles,
            "floats": _floats,
            "indices": _indices,
            "multiple": _multiple,
            "segments": _segments,
            "table": _table,
        }
    )
)
