"""The search: every distinct frame of an object looked at once.

References
----------
PS3.15 E.3.1: a name may stand in one frame of a loop only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Literal

from fedpacs.deidentification.pixels.detection import Detector, is_plain
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.regions import ultrasound_regions, whole_lines
from fedpacs.deidentification.pixels.steady import steady_picture

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.policy import Inspection
    from fedpacs.deidentification.text.cleaning import CompiledTerms

_FITTING = 1.3


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found.

    Attributes
    ----------
    boxes
        By frame, from 0: text to be masked.
    markers
        Text that may stay.
    steps
        What ran.
    """

    boxes: Mapping[int, tuple[Box, ...]]
    markers: int
    steps: frozenset[str]


@cache
def detector() -> Detector:
    """Give this process's detector."""
    return Detector()


def search(parsed: ParsedObject, terms: CompiledTerms, inspection: Inspection) -> Found:
    """Look at every distinct frame of an object.

    Parameters
    ----------
    terms
        What the object says of its patient and staff.
    inspection
        How closely it is looked at; not ``none``.

    Raises
    ------
    DamagedPixelsError
        If a frame cannot be decoded.
    UnsupportedObjectError
        If the pixels are encoded in a way that cannot be looked into.
    """
    frames = Frames(parsed)
    columns = frames.facts.columns
    regions = ultrasound_regions(parsed)
    effort: Literal["strokes", "read"] = "read" if inspection.effort == "read" else "strokes"
    seen: dict[bytes, tuple[Box, ...]] = {}
    boxes: dict[int, tuple[Box, ...]] = {}
    distinct: list[int] = []
    markers, read = 0, False
    for number in range(len(frames)):
        digest = hashlib.blake2b(frames.raw(number), digest_size=16).digest()
        known = seen.get(digest)
        if known is None:
            distinct.append(number)
            if effort == "strokes" and is_plain(frames, number):
                known = ()
            else:
                text = detector().look(frames, number, terms, effort)
                markers += text.markers
                read = read or text.read
                known = text.boxes
            seen[digest] = known
        boxes[number] = known
    still = _written_on_all(frames, distinct, terms) if effort == "read" else ()
    for number, known in boxes.items():
        new = [box for box in still if not any(_covers(one, box) for one in known)]
        masks = _with_devices((*known, *new), inspection, columns)
        boxes[number] = tuple(whole_lines(masks, regions, columns))
    boxes = {number: known for number, known in boxes.items() if known}
    steps = {
        "strokes",
        *(["ocr"] if read else []),
        *(["device-rules"] if inspection.devices else []),
    }
    return Found(boxes, markers, frozenset({*steps, *(["ultrasound-regions"] if regions else [])}))


def _written_on_all(frames: Frames, distinct: list[int], terms: CompiledTerms) -> tuple[Box, ...]:
    """Find text that only shows when the frames of a loop are looked at together."""
    picture = steady_picture(frames, distinct)
    return () if picture is None else detector().look_at_picture(picture, terms, "read").boxes


def _covers(one: Box, other: Box) -> bool:
    return one.joined(other) == one


def _with_devices(boxes: tuple[Box, ...], inspection: Inspection, columns: int) -> list[Box]:
    """Add the regions where the device writes and something was found.

    A region that is wider than the picture was measured on a larger one, and says nothing.
    """
    written = [
        region
        for region in inspection.devices
        if region.x1 <= columns * _FITTING and any(region.touches(box) for box in boxes)
    ]
    return [*boxes, *dict.fromkeys(written)]
