"""The second look: what was written is decoded anew, and searched again.

The pictures are read back through a file that holds nothing but the pixel module, so this look
depends on nothing that the masking had in memory. Where every pixel away from the masks is proved
to be what the first look saw, what that found stands, and only what touches a mask is searched;
else the whole frame is.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.search import detector
from fedpacs.deidentification.publishing import new_part
from fedpacs.deidentification.writing import NewFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.content import PixelContent
    from fedpacs.deidentification.pixels.facts import Pixels
    from fedpacs.deidentification.text.cleaning import CompiledTerms

_PIXEL_GROUP = 0x0028
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_NOBODY = "2.25.0"
_REACH_PX = 16  # a block of JPEG, whose colours reach into its neighbours


def text_left(
    parsed: ParsedObject,
    content: PixelContent,
    boxes: Mapping[int, tuple[Box, ...]],
    terms: CompiledTerms,
    scratch: Path,
) -> dict[int, tuple[Box, ...]]:
    """Look for text in the frames that were masked.

    Parameters
    ----------
    parsed
        The object, as it came.
    content
        Its new pixel data.
    boxes
        What was masked, by frame.
    terms
        What the object says of its patient and staff.
    scratch
        Folder for a file, which is gone afterwards.

    Returns
    -------
    dict[int, tuple[Box, ...]]
        Text that should be gone and is not, by frame.
    """
    elements = {raw.tag: raw.raw for raw in parsed.raw if raw.tag >> 16 == _PIXEL_GROUP}
    part = new_part(scratch)
    NewFile(parsed, _SECONDARY_CAPTURE, _NOBODY, elements, content).write(part)
    try:
        with parse(part) as again:
            return dict(_left(Frames(parsed), Frames(again), boxes, terms))
    finally:
        part.unlink(missing_ok=True)


def _left(
    source: Frames,
    written: Frames,
    boxes: Mapping[int, tuple[Box, ...]],
    terms: CompiledTerms,
) -> Iterator[tuple[int, tuple[Box, ...]]]:
    """Look at each distinct frame: near the masks where all else is proved to be as it was."""
    seen: dict[bytes, tuple[Box, ...]] = {}
    for number, masked in boxes.items():
        digest = hashlib.blake2b(written.raw(number), digest_size=16).digest()
        if digest not in seen:
            near = [box.grown(_REACH_PX) for box in masked]
            if _is_as_it_was(source.array(number), written.array(number), near):
                found = detector().look(written, number, terms, "strokes", near)
            else:
                found = detector().look(written, number, terms, "read")
            seen[digest] = found.boxes
        if seen[digest]:
            yield number, seen[digest]


def _is_as_it_was(before: Pixels, after: Pixels, near: Sequence[Box]) -> bool:
    """Tell whether nothing changed but near the masks, so that the first look's findings stand."""
    import numpy as np

    if before.shape != after.shape:
        return False
    away = np.ones(before.shape[:2], bool)
    for box in near:
        away[max(box.y0, 0) : max(box.y1, 0), max(box.x0, 0) : max(box.x1, 0)] = False
    return bool(np.array_equal(before[away], after[away]))
