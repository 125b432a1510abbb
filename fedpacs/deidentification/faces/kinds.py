"""Kinds of pictures: in which a face could be seen, or out of which one could be made again.

Sections of a head (CT, MR, PET, cone beam CT, maps made of them) hold its skin, so a rendering
shows the face. Photographs of a head show it as it is, and renderings of one nearly so. An outline
of the skin (the external contour of radiotherapy, a segmented skin, a surface scan) is a face, too.

Radiographs (DX, CR, XA, the localizer of a CT) are no faces: they are sums along a ray, in which
the skin leaves no surface that could be rendered, and whoever would compare them needs another
radiograph of the same patient. Ultrasound, nuclear medicine, fundus pictures and masks of organs
show no skin of the face either.

References
----------
PS3.3 C.7.6.1 (Recognizable Visual Features); PS3.15 E.3.2.
"""

from __future__ import annotations

import csv
import re
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fedpacs.core.ps315 import Option
from fedpacs.deidentification.codes import value_of
from fedpacs.deidentification.dicom.charset import text_of, values_of
from fedpacs.deidentification.faces.regions import Region, outline_words, region_of, region_of_words
from fedpacs.deidentification.text.folding import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from fedpacs.deidentification.dicom.elements import Element, Items
    from fedpacs.deidentification.dicom.parsed import ParsedObject

VISUAL_FEATURES = 0x00280302
_METHOD_CODES = 0x00120064
_IMAGE_TYPE, _FRAME_TYPE = 0x00080008, 0x00089007
_PIXEL_SPACING, _ROWS, _COLUMNS = 0x00280030, 0x00280010, 0x00280011
_DEVICE_TYPES, _EXTERNAL_CAMERA = 0x00220015, "409903006"
_SEGMENTS, _SEGMENT_LABEL, _SEGMENT_TYPE = 0x00620002, 0x00620005, 0x0062000F
_SKIN_CODES = frozenset({"39937001", "181469002", "73897004", "41695006", "38266002", "T-01000"})
_ROIS, _ROI_NAME = 0x30060020, 0x30060026
_OBSERVATIONS, _INTERPRETED_TYPE = 0x30060080, 0x300600A4
_LOCALIZER = "LOCALIZER"
_RENDERED = re.compile(
    r"MIP|MINIP|PROJECTION IMAGE|VOLUME[ _]?REN|VOLREN|VRT|SSD|SURFACE|RENDER|3D[ _]?REC|MAX_IP"
)
_WORD = re.compile(r"[^\W\d_]+")
_SMALLEST_FACE_MM = 100.0
_SMALLEST_STRIP_MM = 30.0


class Showing(Enum):
    """What an object could show of a face."""

    NOTHING = "nothing"
    SECTIONS = "sections"
    """Sections of what may be a head: it can be defaced."""
    PICTURE = "picture"
    """A picture or outline of what may be a head: it can only be held back."""


def showing_of(parsed: ParsedObject, sop_class_uid: str) -> Showing:
    """Tell what an object could show of a face.

    Parameters
    ----------
    parsed
        Any object.
    sop_class_uid
        Its SOP class.
    """
    if is_defaced(parsed):
        return Showing.NOTHING
    kind = kinds().get(sop_class_uid, "nothing")
    if kind == "nothing":
        said = parsed.text(VISUAL_FEATURES).strip().upper()
        return Showing.PICTURE if said == "YES" else Showing.NOTHING
    return _BY_KIND[kind](parsed)


def is_defaced(parsed: ParsedObject) -> bool:
    """Tell whether the object was defaced before, and says so twice."""
    if parsed.text(VISUAL_FEATURES).strip().upper() != "NO" or _METHOD_CODES not in parsed:
        return False
    codes = {value_of(item, parsed.charset) for item in _items(parsed.get(_METHOD_CODES))}
    return Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES.value in codes


def _sections(parsed: ParsedObject) -> Showing:
    if region_of(parsed) is Region.OTHER and not _says_yes(parsed):
        return Showing.NOTHING
    image_type = [value.upper() for value in parsed.values(_IMAGE_TYPE)]
    if _is_ct(parsed) and _LOCALIZER in image_type:
        return Showing.NOTHING
    if any(_RENDERED.search(value) for value in image_type):
        return Showing.PICTURE
    spacing = parsed.numbers(_PIXEL_SPACING)
    if len(spacing) == 2:  # noqa: PLR2004 - between rows, between columns
        sides = (
            spacing[0] * (parsed.integer(_ROWS, 0) or 0),
            spacing[1] * (parsed.integer(_COLUMNS, 0) or 0),
        )
        if 0 < max(sides) < _SMALLEST_FACE_MM or 0 < min(sides) < _SMALLEST_STRIP_MM:
            return Showing.NOTHING
    return Showing.SECTIONS


def _is_ct(parsed: ParsedObject) -> bool:
    return parsed.text(0x00080060) == "CT"


def _photograph(parsed: ParsedObject) -> Showing:
    """Hold a photograph back unless it says that it shows something else."""
    other = region_of(parsed) is Region.OTHER and not _says_yes(parsed)
    return Showing.NOTHING if other else Showing.PICTURE


def _screen(parsed: ParsedObject) -> Showing:
    """Hold a capture back when it says that it shows a head: it may be a rendering of one."""
    head = region_of(parsed) is Region.HEAD or _says_yes(parsed)
    return Showing.PICTURE if head else Showing.NOTHING


def _eye(parsed: ParsedObject) -> Showing:
    """Tell the camera that looks at the face from those that look into the eye."""
    devices = {value_of(item, parsed.charset) for item in _items(parsed.get(_DEVICE_TYPES))}
    outside = _EXTERNAL_CAMERA in devices or _says_yes(parsed)
    return Showing.PICTURE if outside else Showing.NOTHING


def _surface(parsed: ParsedObject) -> Showing:
    """Hold back an outline of the skin, unless everything else in it is of another region."""
    names = list(_names(parsed))
    outlines = [name for name in names if _is_outline(name)]
    if not outlines and not _outlined_by_code(parsed):
        return Showing.PICTURE if _says_yes(parsed) else Showing.NOTHING
    region = region_of(parsed)
    if region is Region.UNKNOWN:
        region = region_of_words(name for name in names if name not in outlines)
    return Showing.NOTHING if region is Region.OTHER else Showing.PICTURE


def _names(parsed: ParsedObject) -> Iterator[str]:
    for sequence, tag in ((_SEGMENTS, _SEGMENT_LABEL), (_ROIS, _ROI_NAME)):
        for item in _items(parsed.get(sequence)):
            yield text_of(item.get(tag), parsed.charset)


def _is_outline(name: str) -> bool:
    return any(fold(word) in outline_words() for word in _WORD.findall(name))


def _outlined_by_code(parsed: ParsedObject) -> bool:
    for item in _items(parsed.get(_OBSERVATIONS)):
        if "EXTERNAL" in values_of(item.get(_INTERPRETED_TYPE), parsed.charset):
            return True
    return any(
        value_of(code, parsed.charset) in _SKIN_CODES
        for item in _items(parsed.get(_SEGMENTS))
        for code in _items(item.get(_SEGMENT_TYPE))
    )


def _says_yes(parsed: ParsedObject) -> bool:
    return parsed.text(VISUAL_FEATURES).strip().upper() == "YES"


def _items(element: Element | None) -> list[Items]:
    return [] if element is None else element.items or []


_BY_KIND: Mapping[str, Callable[[ParsedObject], Showing]] = {
    "sections": _sections,
    "photograph": _photograph,
    "inside": _screen,
    "screen": _screen,
    "eye": _eye,
    "surface": _surface,
}


@cache
def kinds() -> Mapping[str, str]:
    """Give how a SOP class shows what it shows, by SOP class UID; others show no skin."""
    text = files("fedpacs.deidentification").joinpath("data", "face_kinds.csv").read_text("utf-8")
    return {row["sop_class_uid"]: row["shows"] for row in csv.DictReader(text.splitlines())}
