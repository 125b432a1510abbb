"""Pictures: what may show text is held back; what lies hidden beside the pixels is taken out."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.deidentification.answers import rule_for
from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError
from fedpacs.deidentification.pixels.masking import clean_content

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fedpacs.deidentification.dicom.elements import Element
    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.content import PixelContent
    from fedpacs.deidentification.rules import Policies
    from fedpacs.deidentification.text.cleaning import CompiledTerms

_SOP_CLASS_UID, _IMAGE_TYPE, _CONVERSION_TYPE = 0x00080016, 0x00080008, 0x00080064
_BURNED_IN_ANNOTATION = 0x00280301
_SCREEN = frozenset(
    {"SCREEN", "SCREENSAVE", "SCREEN SAVE", "SCREENSHOT", "PDF", "REPORT", "DOSE_INFO"}
)


@dataclass(frozen=True, slots=True)
class PixelOutcome:
    """What was done to the pictures of an object.

    Attributes
    ----------
    content
        New pixel data; None when they stay as they are.
    text_free
        Whether they were searched for text and are free of it.
    attributes
        Elements of the top level that change with the pixels; None removes one.
    """

    content: PixelContent | None = None
    masked_regions: int = 0
    frames_changed: int = 0
    steps: frozenset[str] = frozenset()
    text_free: bool = False
    attributes: Mapping[int, Element | None] = field(default_factory=lambda: MappingProxyType({}))


_NOTHING = PixelOutcome()


def clean_pixels(
    parsed: ParsedObject, _terms: CompiledTerms, _policies: Policies, scratch: Path
) -> PixelOutcome:
    """Hold back pictures that may show text, and clean what lies beside the pixels.

    Raises
    ------
    UnsupportedObjectError
        If the object says that its picture shows text, or what it is makes that likely.
    DamagedPixelsError
        If it has no picture where its kind must have one.
    """
    if parsed.pixel is None:
        if rule_for(parsed.text(_SOP_CLASS_UID)).pixels == "yes":
            raise DamagedPixelsError("The object has no pixel data.")
        return _NOTHING
    if parsed.text(_BURNED_IN_ANNOTATION).upper() not in {"", "NO"}:
        raise UnsupportedObjectError("The picture has text burned in.", code="deid.burned-in")
    screens = {kind.upper() for kind in parsed.values(_IMAGE_TYPE)} & _SCREEN
    if parsed.text(_CONVERSION_TYPE) or screens:
        raise UnsupportedObjectError(
            "The picture was captured from a screen, film or document.",
            code="deid.unsupported-secondary-capture",
        )
    content = clean_content(parsed, scratch)
    if content is None:
        return _NOTHING
    return PixelOutcome(content=content, attributes=content.attributes)
