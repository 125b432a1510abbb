"""Policy: which pictures are looked at for text, and how closely.

A picture that is likely to show text is read from edge to edge. In all others the search begins
with strokes, which costs little, and goes on to reading where it finds some. Only the SOP class
exempts a picture: the modality says what an operator chose, and a fax has one bit as a label has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fedpacs.deidentification.answers import STATED_CODE, rule_for
from fedpacs.deidentification.errors import UnsupportedObjectError
from fedpacs.deidentification.pixels.devices import device_boxes

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.rules import Policies

SOP_CLASS_UID, IMAGE_TYPE, MODALITY, CONVERSION_TYPE = (
    0x00080016,
    0x00080008,
    0x00080060,
    0x00080064,
)
BURNED_IN_ANNOTATION = 0x00280301
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_SCREENS = frozenset(
    {"SCREEN", "SCREENSAVE", "SCREEN SAVE", "SCREENSHOT", "PDF", "REPORT", "DOSE_INFO"}
)
_COMPUTED = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.66.4",  # Segmentation
        "1.2.840.10008.5.1.4.1.1.66.7",  # Label Map Segmentation
        "1.2.840.10008.5.1.4.1.1.481.2",  # RT Dose
    }
)
_SEARCHED = "pixels=clean"
_STATED = "stated"
Effort = Literal["none", "strokes", "read"]


@dataclass(frozen=True, slots=True)
class Inspection:
    """How closely the pictures of an object are looked at.

    Attributes
    ----------
    effort
        ``none``, ``strokes`` (read only where strokes are found) or ``read``.
    stated
        Whether the object itself says that text is burned in.
    devices
        Where its device is known to write.
    """

    effort: Effort
    stated: bool
    devices: tuple[Box, ...]


def inspection_of(parsed: ParsedObject, policies: Policies) -> Inspection:
    """Decide how closely the pictures of an object are looked at.

    An object that says that nothing is burned in is not believed where text is usual.
    """
    stated = parsed.text(BURNED_IN_ANNOTATION).upper() not in {"", "NO"}
    if _is_computed(parsed) and not stated:
        return Inspection("none", stated=False, devices=())
    devices = device_boxes(parsed)
    likely = (
        stated
        or bool(devices)
        or shows_screen(parsed)
        or parsed.text(MODALITY) in policies.ocr_modalities
    )
    close = likely or policies.ocr == "always"
    return Inspection("read" if close else "strokes", stated, devices)


def shows_screen(parsed: ParsedObject) -> bool:
    """Tell whether the picture was captured from a screen, film or document."""
    kinds = {kind.upper() for kind in parsed.values(IMAGE_TYPE)}
    return bool(
        parsed.text(CONVERSION_TYPE)
        or kinds & _SCREENS
        or _sop_class_of(parsed).startswith(_SECONDARY_CAPTURE)
    )


def hold_back(parsed: ParsedObject) -> None:
    """Refuse pictures that may show text, for profiles that do not search them.

    Raises
    ------
    UnsupportedObjectError
        If the object says that its picture shows text, or what it is makes that likely.
    """
    said = parsed.text(BURNED_IN_ANNOTATION).upper()
    if said not in {"", "NO"}:
        raise UnsupportedObjectError("The picture has text burned in.", code="deid.burned-in")
    if shows_screen(parsed):
        raise UnsupportedObjectError(
            "The picture was captured from a screen, film or document.",
            code="deid.unsupported-secondary-capture",
        )
    rule = rule_for(_sop_class_of(parsed))
    if _SEARCHED not in rule.needs or (rule.answer == _STATED and said == "NO"):
        return
    raise UnsupportedObjectError(
        f"Its picture is not searched, and {rule.reason}.",
        code=STATED_CODE if rule.answer == _STATED else rule.answer,
    )


def _sop_class_of(parsed: ParsedObject) -> str:
    return parsed.text(SOP_CLASS_UID) or parsed.media_sop_class_uid


def _is_computed(parsed: ParsedObject) -> bool:
    """Tell whether the pixels are labels or doses, which no device writes on."""
    return _sop_class_of(parsed) in _COMPUTED
