"""Device rules: where devices are known to write on their pictures.

The rules are those that the ``deid`` package brings, which go back to the scripts of the RSNA's
Clinical Trial Processor, evaluated by ``deid`` itself, and our own in ``data/pixel_devices.csv``.
A rule is a hint where to look, not a mask: a region in which nothing is written stays as it is.

References
----------
pydicom deid, ``deid/data/deid.dicom`` (MIT licence).
"""

from __future__ import annotations

import csv
import warnings
from functools import cache, lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from fedpacs.deidentification.pixels.box import Box

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.parsed import ParsedObject

_TAGS = {
    "BurnedInAnnotation": 0x00280301,
    "Columns": 0x00280011,
    "CommentsOnRadiationDose": 0x00400310,
    "ImageType": 0x00080008,
    "Manufacturer": 0x00080070,
    "ManufacturerModelName": 0x00081090,
    "Modality": 0x00080060,
    "ProtocolName": 0x00181030,
    "Rows": 0x00280010,
    "SecondaryCaptureDeviceManufacturer": 0x00181016,
    "SecondaryCaptureDeviceManufacturerModelName": 0x00181018,
    "SecondaryCaptureDeviceSoftwareVersions": 0x00181019,
    "SeriesDescription": 0x0008103E,
}
_NUMBERS = frozenset({"Rows", "Columns"})
_KEPT = 1
_CORNERS = 4


def device_boxes(parsed: ParsedObject) -> tuple[Box, ...]:
    """Give the regions where the object's device is known to write.

    Returns
    -------
    tuple[Box, ...]
        In pixels of a frame; they may reach out of it.
    """
    facts = tuple(
        (keyword, _value(parsed, keyword, tag)) for keyword, tag in _TAGS.items() if tag in parsed
    )
    return _boxes(facts)


def _value(parsed: ParsedObject, keyword: str, tag: int) -> str:
    if keyword in _NUMBERS:
        return str(parsed.integer(tag, 0))
    return parsed.text(tag)


@lru_cache(maxsize=1024)
def _boxes(facts: tuple[tuple[str, str], ...]) -> tuple[Box, ...]:
    return (*_of_recipe(facts), *_of_own_rules(dict(facts)))


def _of_recipe(facts: tuple[tuple[str, str], ...]) -> list[Box]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # deid asks pydicom for an old module
        from deid.dicom.pixels import has_burned_pixels

    from pydicom.dataset import FileDataset

    ds = FileDataset("", {})
    for keyword, value in facts:
        values: Any = value.split("\\") if "\\" in value else value
        setattr(ds, keyword, int(value) if keyword in _NUMBERS else values)
    found = has_burned_pixels(ds, deid=_recipe())
    regions = [
        corners
        for result in found["results"]
        if result["group"] == "graylist"
        for kind, corners in result["coordinates"]
        if kind != _KEPT
    ]
    return [box for region in regions if (box := _box(region)) is not None]


@cache
def _recipe() -> Any:  # noqa: ANN401 - a class of an untyped package
    from deid.config import DeidRecipe
    from deid.logger import bot

    before, bot.level = bot.level, 0  # it prints every line that it reads
    try:
        return DeidRecipe()
    finally:
        bot.level = before


def _box(corners: object) -> Box | None:
    try:
        x0, y0, x1, y1 = (int(part) for part in str(corners).split(","))
    except ValueError:
        return None
    box = Box(x0, y0, x1, y1)
    return None if box.empty else box


@cache
def _own_rules() -> tuple[dict[str, str], ...]:
    text = (
        files("fedpacs.deidentification").joinpath("data", "pixel_devices.csv").read_text("utf-8")
    )
    lines = (line for line in text.splitlines() if not line.startswith("#"))
    return tuple(csv.DictReader(lines))


def _of_own_rules(facts: dict[str, str]) -> list[Box]:
    """Apply our own rules: each cell that is not empty must stand in the attribute's value."""
    found = []
    for rule in _own_rules():
        wanted = ((keyword, rule[keyword]) for keyword in rule if keyword in _TAGS)
        if all(word.casefold() in facts.get(keyword, "").casefold() for keyword, word in wanted):
            box = _box(rule["region"].replace(" ", ","))
            if box is not None:
                found.append(box)
    return found
