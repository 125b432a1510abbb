"""The second look: what was written is decoded anew, and searched again.

The pictures are read back through a file that holds nothing but the pixel module, so this look
depends on nothing that the masking had in memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.search import detector
from fedpacs.deidentification.publishing import new_part
from fedpacs.deidentification.writing import NewFile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.content import PixelContent
    from fedpacs.deidentification.text.cleaning import CompiledTerms

_PIXEL_GROUP = 0x0028
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_NOBODY = "2.25.0"


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
            frames = Frames(again)
            return {
                number: found
                for number in boxes
                if (found := detector().look(frames, number, terms, "read").boxes)
            }
    finally:
        part.unlink(missing_ok=True)
