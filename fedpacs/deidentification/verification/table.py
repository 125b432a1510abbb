"""The output held against Table E.1-1, attribute by attribute, with a reading of its own.

An attribute that neither the table nor the short list below knows may hold no text and no bulk
data. An attribute that the table protects may not hold the value that it held before.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, cast

from pydicom._uid_dict import UID_dictionary
from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping as snomed

from fedpacs.deidentification.verification.source import (
    BULK_VRS,
    DATE_VRS,
    PLACEHOLDERS,
    TEXT_VRS,
    texts,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset, FileDataset

_COLUMN_OF = {
    "113106": "full_dates", "113107": "modified_dates", "113108": "patient", "113109": "device",
    "113110": "uids", "113112": "institution", "113105": "descriptors", "113104": "structured",
}  # fmt: skip
_TEXT_WITHOUT_ROW = frozenset(
    {
        0x00080070, 0x00081090, 0x00181020, 0x00181210, 0x00180085, 0x00181250, 0x00181251,
        0x00189005, 0x00189041, 0x00189047, 0x00189050, 0x00201040, 0x00209056, 0x00080100,
        0x00080102, 0x00080103, 0x00080104, 0x00080119, 0x00080120, 0x00120063, 0x0040A160,
        0x00620005, 0x00620009, 0x00620020, 0x00700081, 0x00283003, 0x00409210,
    }
)  # fmt: skip
_BULK_WITHOUT_ROW = frozenset(
    {
        0x00281201, 0x00281202, 0x00281203, 0x00281221, 0x00281222, 0x00281223, 0x00283006,
        0x7FE00001, 0x7FE00002, 0x7FE00008, 0x7FE00009, 0x7FE00010,
    }
)  # fmt: skip
_META = frozenset(
    {0x00020000, 0x00020001, 0x00020002, 0x00020003, 0x00020010, 0x00020012, 0x00020013}
)
_PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
_PIXEL_OPTIONS = frozenset({"113101", "113102"})
_CODE_VALUES = (0x00080100, 0x00080119, 0x00080120)
_OWN_SCHEME = "99FEDPACS"
_AGE = 0x00101010
_OLDEST_YEARS = 90
_NUMBER = re.compile(r"[+-]?[0-9.]+(?:[eE][+-]?[0-9]+)?")
_STRAY_GROUPS = (0x0000, 0x0002, 0x0004)
_GRAPHIC_GROUPS = (0x5000, 0x6000)


@cache
def _table() -> Mapping[int, dict[str, str]]:
    text = files("fedpacs.deidentification").joinpath("data", "ps315_e1_1.csv").read_text("utf-8")
    return {
        int(line["tag"], 16): line
        for line in csv.DictReader(text.splitlines())
        if line["tag"] != "private" and "x" not in line["tag"]
    }


@cache
def _codes() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Meanings by value by scheme."""
    known: dict[str, dict[str, set[str]]] = {"SRT": {}}
    listing = cast("dict[str, dict[str, dict[str, tuple[str, list[int]]]]]", concepts)
    for scheme, by_keyword in listing.items():
        values = known.setdefault(scheme, {})
        for by_value in by_keyword.values():
            for value, (meaning, _) in by_value.items():
                values.setdefault(value, set()).add(meaning[:64])
    for retired, value in snomed["SRT"].items():
        known["SRT"].setdefault(retired, set()).update(known["SCT"].get(value, ()))
    return {
        scheme: {value: frozenset(meanings) for value, meanings in values.items()}
        for scheme, values in known.items()
    }


def declared(ds: Dataset) -> frozenset[str]:
    """Codes of CID 7050 in the output."""
    items = ds.get("DeidentificationMethodCodeSequence") or ()
    return frozenset(str(item.get("CodeValue", "")) for item in items)


def structure_findings(
    old: FileDataset, new: FileDataset, stem: str, options: frozenset[str]
) -> Iterator[tuple[str, int]]:
    """Check what is not one attribute's: markers, file meta, preamble, file name, pixels."""
    if (
        new.get("PatientIdentityRemoved") != "YES"
        or "113100" not in declared(new)
        or new.get("LongitudinalTemporalInformationModified")
        not in {"REMOVED", "MODIFIED", "UNMODIFIED"}
    ):
        yield "deid.not-marked", 0
    if (new.preamble or b"").strip(b"\0"):
        yield "deid.preamble", 0
    for element in new.file_meta:
        if int(element.tag) not in _META:
            yield "deid.file-meta", int(element.tag)
    if stem != str(new.get("SOPInstanceUID", "")):
        yield "deid.file-name", 0
    if new.file_meta.get("MediaStorageSOPInstanceUID") != new.get("SOPInstanceUID"):
        yield "deid.file-meta", 0x00020003
    if not options & _PIXEL_OPTIONS:
        for tag in _PIXELS:
            if (tag in old) != (tag in new) or (tag in new and old[tag].value != new[tag].value):
                yield "deid.pixels-changed", tag


def attribute_findings(
    element: DataElement, before: DataElement | None, options: frozenset[str]
) -> Iterator[str]:
    """Check one attribute of the output, at any depth.

    Parameters
    ----------
    before
        What stood at the same place in the original.
    options
        Codes of CID 7050 that the profile carries out.
    """
    tag = int(element.tag)
    if element.tag.is_private:
        yield "deid.private-element"
        return
    group = tag >> 16
    if group & 0xFF00 in _GRAPHIC_GROUPS:
        yield "deid.graphics"
    if group in _STRAY_GROUPS:
        yield "deid.stray-group"
    row = _table().get(tag)
    if row is None:
        if _is_unlisted(element):
            yield "deid.unlisted-attribute"
    elif _keeps_value(element, before, row, options):
        yield "deid.value-kept"
    if element.VR in {"DS", "IS"} and not all(_NUMBER.fullmatch(t) for t in texts(element)):
        yield "deid.not-a-number"
    if tag == _AGE and any(_is_too_old(text) for text in texts(element)):
        yield "deid.age"


def _is_unlisted(element: DataElement) -> bool:
    tag = int(element.tag)
    if element.VR in BULK_VRS:
        return tag not in _BULK_WITHOUT_ROW
    if element.VR == "UI":
        return False
    return element.VR in TEXT_VRS and tag not in _TEXT_WITHOUT_ROW and bool(texts(element))


def _keeps_value(
    element: DataElement, before: DataElement | None, row: dict[str, str], options: frozenset[str]
) -> bool:
    if element.VR == "SQ":
        return row["basic"] == "X" and bool(element.value) and not _retained(row, options)
    if _retained(row, options) and not (
        element.VR in DATE_VRS and "113106" not in options and row["modified_dates"]
    ):
        return False
    now = texts(element)
    if before is None or not now:
        return False
    if all(text.casefold() in PLACEHOLDERS or text == "0" for text in now):
        return False
    if element.VR == "UI":
        return any(uid in texts(before) and uid not in UID_dictionary for uid in now)
    return now == texts(before)


def _retained(row: dict[str, str], options: frozenset[str]) -> bool:
    return any(row[column] for code, column in _COLUMN_OF.items() if code in options)


def code_findings(ds: Dataset) -> Iterator[tuple[str, int]]:
    """Check every coded concept: a code that the dictionaries lack may hold anything."""
    for element in ds:
        if element.VR != "SQ":
            continue
        for item in element.value or ():
            if not _is_known_code(item):
                yield "deid.unlisted-code", int(element.tag)
            yield from code_findings(item)


def _is_known_code(item: Dataset) -> bool:
    values = [str(item[tag].value) for tag in _CODE_VALUES if tag in item]
    if not values and "CodeMeaning" not in item:
        return True
    scheme = str(item.get("CodingSchemeDesignator", ""))
    if scheme == _OWN_SCHEME:
        return item.get("CodeMeaning") in {"Code not listed", "Removed"}
    return (
        len(values) == 1
        and values[0] in _codes().get(scheme, {})
        and (str(item.get("CodeMeaning", "")) in _codes()[scheme][values[0]])
    )


def _is_too_old(text: str) -> bool:
    return not (
        len(text) == len("000Y")
        and text[:3].isdigit()
        and text[3] in "DWMY"
        and (text[3] != "Y" or int(text[:3]) <= _OLDEST_YEARS)
    )
