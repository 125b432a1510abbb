"""Pictures: searched for text, cleaned of it, and looked at a second time before they pass.

The ladder: device rules and what the object says of itself decide how closely it is looked at;
strokes; reading; the masks; and the second look at what was written. What still shows text is
refused, and so is what cannot be looked at.

References
----------
PS3.15 E.3.1 (Clean Pixel Data Option).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.deidentification.errors import UnsupportedObjectError
from fedpacs.deidentification.pixels.masking import clean_content, mask_boxes
from fedpacs.deidentification.pixels.policy import hold_back, inspection_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.dicom.elements import Element
    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.content import PixelContent
    from fedpacs.deidentification.pixels.policy import Inspection
    from fedpacs.deidentification.pixels.search import Found
    from fedpacs.deidentification.rules import Policies
    from fedpacs.deidentification.text.cleaning import CompiledTerms

_LOOKS = 4


@dataclass(frozen=True, slots=True)
class PixelOutcome:
    """What was done to the pictures of an object.

    Attributes
    ----------
    content
        New pixel data; None when they stay as they are.
    masked_regions, frames_changed
        How many regions were masked, in how many frames.
    steps
        What ran: ``device-rules``, ``ultrasound-regions``, ``strokes``, ``ocr``, ``second-look``.
    text_free
        Whether every distinct frame was searched for text, and is free of it now.
    attributes
        Elements of the top level that change with the pixels; None removes one.
    """

    content: PixelContent | None = None
    masked_regions: int = 0
    frames_changed: int = 0
    steps: frozenset[str] = frozenset()
    text_free: bool = False
    attributes: Mapping[int, Element | None] = field(default_factory=lambda: MappingProxyType({}))


def clean_pixels(
    parsed: ParsedObject, terms: CompiledTerms, policies: Policies, scratch: Path
) -> PixelOutcome:
    """Clean the pictures of an object, or hold it back.

    Parameters
    ----------
    parsed
        An object with pixel data.
    terms
        What the object says of its patient and staff.
    policies
        Whether pictures are searched at all, and how closely.
    scratch
        Folder for large results.

    Raises
    ------
    UnsupportedObjectError
        If the picture shows or may show text that cannot be taken out.
    DamagedPixelsError
        If the pixel data are damaged.
    """
    if policies.pixels == "hold" or policies.ocr == "never":
        hold_back(parsed)
        return _outcome(clean_content(parsed, scratch))
    inspection = inspection_of(parsed, policies)
    if inspection.effort == "none":
        if inspection.stated:
            hold_back(parsed)
        return _outcome(clean_content(parsed, scratch))
    from fedpacs.deidentification.pixels.search import search  # only who searches pays for it

    found = search(parsed, terms, inspection)
    if not found.boxes:
        return _free_of_text(parsed, inspection, found, scratch)
    return _masked(parsed, terms, found, scratch)


def _free_of_text(
    parsed: ParsedObject, inspection: Inspection, found: Found, scratch: Path
) -> PixelOutcome:
    if inspection.stated and not found.markers:
        raise UnsupportedObjectError(
            "The object says that text is burned in, and none was found.", code="deid.burned-in"
        )
    outcome = _outcome(clean_content(parsed, scratch))
    return replace(outcome, steps=found.steps, text_free=True)


def _masked(
    parsed: ParsedObject, terms: CompiledTerms, found: Found, scratch: Path
) -> PixelOutcome:
    from fedpacs.deidentification.pixels.second_look import text_left

    boxes = dict(found.boxes)
    suspects = boxes
    for _ in range(_LOOKS):
        content = mask_boxes(parsed, boxes, scratch)
        try:
            left = text_left(parsed, content, suspects, terms, scratch)
        except BaseException:
            discard(content)
            raise
        if not left:
            return replace(
                _outcome(content),
                masked_regions=sum(map(len, boxes.values())),
                frames_changed=len(boxes),
                steps=found.steps | {"second-look"},
                text_free=True,
            )
        discard(content)
        # a marker that a mask cut through is a marker no more, and is masked as well
        boxes = {number: (*old, *left.get(number, ())) for number, old in boxes.items()}
        suspects = left
    raise UnsupportedObjectError(
        "Text is left in the picture after it was masked.", code="deid.text-remains"
    )


def discard(content: PixelContent | None) -> None:
    """Remove the scratch file of pixel content that is not needed any more."""
    if content is not None and isinstance(content.source, Path):
        content.source.unlink(missing_ok=True)


def _outcome(content: PixelContent | None) -> PixelOutcome:
    if content is None:
        return PixelOutcome()
    return PixelOutcome(content=content, attributes=content.attributes)
