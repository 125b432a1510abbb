"""Ultrasound regions: what lies outside of them is the machine's writing, not the picture.

References
----------
PS3.3 C.8.5.5 (US Region Calibration).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.numbers import numbers_of
from fedpacs.deidentification.pixels.box import Box

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedpacs.deidentification.dicom.parsed import ParsedObject

_REGIONS = 0x00186011
_CORNERS = (0x00186018, 0x0018601A, 0x0018601C, 0x0018601E)


def ultrasound_regions(parsed: ParsedObject) -> tuple[Box, ...]:
    """Give the regions of an ultrasound picture, in pixels of a frame."""
    element = parsed.get(_REGIONS) if _REGIONS in parsed else None
    found = []
    for item in (element.items if element is not None else None) or ():
        corners = [
            int(numbers[0])
            for tag in _CORNERS
            if tag in item and (numbers := numbers_of(item[tag], parsed.encoding))
        ]
        if len(corners) == len(_CORNERS):
            x0, y0, x1, y1 = corners
            box = Box(x0, y0, x1 + 1, y1 + 1)
            if not box.empty:
                found.append(box)
    return tuple(found)


def whole_lines(boxes: Sequence[Box], regions: Sequence[Box], columns: int) -> list[Box]:
    """Widen text that was found outside of every region to its whole line.

    A name beside the one that was read, fainter or half covered, goes with it; the picture itself
    is never touched.

    Parameters
    ----------
    boxes
        Text to be masked.
    regions
        Regions of the picture; without any nothing is widened.
    columns
        Width of a frame, px.
    """
    if not regions:
        return list(boxes)
    widened = []
    for box in boxes:
        line = Box(0, box.y0, columns, box.y1)
        across = [region for region in regions if region.touches(line)]
        widened.append(line if not across else box)
    return widened
