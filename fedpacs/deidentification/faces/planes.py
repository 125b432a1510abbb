"""Planes: where each frame of an object lies in the patient, and what its numbers mean.

References
----------
PS3.3 C.7.6.2 (Image Plane), C.7.6.16.2.1 (Pixel Measures), C.7.6.16.2.3 and C.7.6.16.2.4 (Plane
Position and Orientation), C.7.6.16.2.9 (Pixel Value Transformation).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fedpacs.deidentification.dicom.numbers import numbers_of
from fedpacs.deidentification.faces.volume import Plane

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.dicom.parsed import ParsedObject

_ROWS, _COLUMNS = 0x00280010, 0x00280011
_POSITION, _ORIENTATION, _SPACING = 0x00200032, 0x00200037, 0x00280030
_INTERCEPT, _SLOPE, _TYPE = 0x00281052, 0x00281053, 0x00281054
_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_GROUPS = {
    _POSITION: 0x00209113,
    _ORIENTATION: 0x00209116,
    _SPACING: 0x00289110,
    _INTERCEPT: 0x00289145,
    _SLOPE: 0x00289145,
}
_MODALITY = 0x00080060
_UNIT_TOLERANCE = 0.02
_LONGEST_MM = 3000.0


class FrameGeometry(NamedTuple):
    """One frame's place and scale.

    Attributes
    ----------
    plane
        Where it lies.
    slope, intercept
        Stored values to values.
    """

    plane: Plane
    slope: float
    intercept: float


def geometry_of(parsed: ParsedObject) -> list[FrameGeometry] | None:
    """Give the geometry of every frame; None when the object does not tell it plainly.

    Parameters
    ----------
    parsed
        An object of sections.
    """
    shape = (parsed.integer(_ROWS, 0) or 0, parsed.integer(_COLUMNS, 0) or 0)
    shared = _groups(parsed, _SHARED)
    frames = _groups(parsed, _PER_FRAME)
    found = []
    for frame in frames or [{}]:
        levels = (frame, shared[0] if shared else {})
        plane = _plane(
            [_numbers(parsed, levels, tag) for tag in (_POSITION, _ORIENTATION, _SPACING)], shape
        )
        if plane is None:
            return None
        slope = (_numbers(parsed, levels, _SLOPE) or [1.0])[0] or 1.0
        intercept = (_numbers(parsed, levels, _INTERCEPT) or [0.0])[0]
        found.append(FrameGeometry(plane, slope, intercept))
    return found


def modality_of(parsed: ParsedObject) -> str:
    """Say how air is told from skin: ``CT`` only where numbers are Hounsfield units.

    Parameters
    ----------
    parsed
        An object of sections.
    """
    modality = parsed.text(_MODALITY)
    if modality == "CT":
        return "CT" if parsed.text(_TYPE) in {"", "HU"} else "MR"
    return "PT" if modality == "PT" else "MR"


def _groups(parsed: ParsedObject, tag: int) -> list[Items]:
    element = parsed.get(tag) if tag in parsed else None
    return [] if element is None else element.items or []


def _numbers(parsed: ParsedObject, levels: Sequence[Items], tag: int) -> list[float]:
    """Look for numbers in a frame's group, in the shared one, and at the top level."""
    for level in levels:
        group = level.get(_GROUPS[tag])
        for item in (group.items or []) if group is not None else []:
            element = item.get(tag)
            if element is not None:
                return numbers_of(element, parsed.encoding)
    return parsed.numbers(tag) if tag in parsed else []


def _plane(numbers: Sequence[Sequence[float]], shape: tuple[int, int]) -> Plane | None:
    position, orientation, spacing = numbers
    if (len(position), len(orientation), len(spacing)) != (3, 6, 2) or min(shape) < 1:
        return None
    row, column = orientation[:3], orientation[3:]
    lengths = [sum(part * part for part in vector) for vector in (row, column)]
    slant = sum(one * other for one, other in zip(row, column, strict=True))
    if max(abs(length - 1) for length in lengths) > _UNIT_TOLERANCE or abs(slant) > _UNIT_TOLERANCE:
        return None
    sides = [step * count for step, count in zip(spacing, shape, strict=True)]
    if min(spacing) <= 0 or max(*sides, *map(abs, position)) > _LONGEST_MM:
        return None
    return Plane(
        (position[0], position[1], position[2]),
        (row[0], row[1], row[2]),
        (column[0], column[1], column[2]),
        (spacing[0], spacing[1]),
        shape,
    )
