"""What a header says of a series: coded elements and physics first, then the words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.quality.pictures import numbers, text, words
from fedpacs.quality.standardisation import magnetic
from fedpacs.quality.standardisation.naming import name_of
from fedpacs.quality.standardisation.vocabulary import (
    BOTH,
    NONE,
    coded_part,
    kernel_class,
    one_part,
    part_of_code,
)
from fedpacs.quality.standardisation.words import look_up

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydicom import Dataset

TOMOGRAPHIC = ("CT", "MR", "PT", "NM")
_CERTAIN, _STRONG, _FAIR, _WEAK = 0.98, 0.9, 0.8, 0.5
_PLANES = ("sagittal", "coronal", "axial")
_OBLIQUE = 0.85
_NO_AGENT = {"", "NONE", "NO", "N", "0", "OHNE", "KEIN", "KEINE", "SANS", "AUCUN", "NATIV", "PLAIN"}
CONTRADICTION = "!"
"""A value of a field whose words contradict each other."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """One thing that speaks for a value.

    Attributes
    ----------
    field
        One of `FIELDS`.
    source
        ``coded``, ``physics``, ``text`` or ``rule``; never the text itself.
    weight
        How far it is to be believed, 0 .. 1.
    """

    field: str
    value: str
    source: str
    weight: float


def of_header(ds: Dataset) -> Iterator[Evidence]:
    """Collect everything that a header says."""
    modality = text(ds, "Modality")
    if modality:
        yield Evidence("modality", modality, "coded", _CERTAIN)
    yield from _coded_part(ds)
    yield from _plane(ds, modality)
    yield from _contrast(ds, modality)
    if modality == "MR":
        for value, weight in magnetic.sequence_of(ds):
            yield Evidence("sequence", value, "physics", weight)
    elif modality == "CT":
        yield from _tomography(ds)
    if modality not in TOMOGRAPHIC:
        yield Evidence("plane", NONE, "coded", _CERTAIN)
    if modality not in ("CT", "MR"):
        yield Evidence("sequence", NONE, "coded", _CERTAIN)
        yield Evidence("phase", NONE, "coded", _CERTAIN)
    yield from of_words(ds, modality)


def _coded_part(ds: Dataset) -> Iterator[Evidence]:
    examined = coded_part(text(ds, "BodyPartExamined"))
    if examined:
        yield Evidence("body_part", examined, "coded", _FAIR)
    for item in ds.get("AnatomicRegionSequence") or ():
        part = part_of_code(text(item, "CodeValue"), text(item, "CodingSchemeDesignator"))
        if part:
            yield Evidence("body_part", part, "coded", _STRONG)


def _plane(ds: Dataset, modality: str) -> Iterator[Evidence]:
    directions = numbers([ds], "ImageOrientationPatient", 6)
    if directions is None or modality not in TOMOGRAPHIC:
        return
    normal = np.abs(np.cross(directions[:3], directions[3:]))
    nearest = int(np.argmax(normal))
    plane = _PLANES[nearest] if normal[nearest] > _OBLIQUE else "oblique"
    yield Evidence("plane", plane, "physics", _CERTAIN)


def _contrast(ds: Dataset, modality: str) -> Iterator[Evidence]:
    if modality in ("MG", "CR", "DX", "US", "PT", "NM"):
        yield Evidence("contrast", NONE, "coded", _WEAK)
    agents = [text(ds, "ContrastBolusAgent")]
    agents += [text(i, "CodeMeaning") for i in ds.get("ContrastBolusAgentSequence") or ()]
    volume = numbers([ds], "ContrastBolusVolume", 1)
    given = [a for a in agents if a.upper() not in _NO_AGENT]
    if given or (volume is not None and volume[0] > 0):
        yield Evidence("contrast", "with", "coded", _STRONG)
    elif agents[0]:
        yield Evidence("contrast", "without", "coded", _STRONG)


def _tomography(ds: Dataset) -> Iterator[Evidence]:
    if {"LOCALIZER", "SCOUT"} & set(words(ds, "ImageType")):
        yield Evidence("sequence", "localizer", "coded", _CERTAIN)
        return
    kernel = words(ds, "ConvolutionKernel")
    kind = kernel_class(kernel[0]) if kernel else None
    if kind:
        yield Evidence("sequence", kind, "physics", _FAIR)


def of_words(ds: Dataset, modality: str) -> Iterator[Evidence]:
    """Read the words; a protocol's name covers several series, so it says less of contrast."""
    said: set[str] = set()
    for keyword, trusted in (("SeriesDescription", True), ("ProtocolName", False)):
        for one in _said(name_of(ds, keyword), modality):
            if not trusted and (one.field in said and one.field != "body_part"):
                continue
            weak = not trusted and one.field in ("contrast", "phase", "plane", "sequence")
            said.add(one.field)
            yield Evidence(one.field, one.value, "text", _WEAK if weak else one.weight)
    if "body_part" in said:
        return
    for keyword in ("StudyDescription", "RequestedProcedureDescription"):
        for one in _said(name_of(ds, keyword), modality):
            if one.field == "body_part":
                yield one


def _said(description: str, modality: str) -> Iterator[Evidence]:
    """Give what the words of one description say together, a value a field."""
    by_field: dict[str, list[str]] = {}
    unsure: set[str] = set()
    for found_term in look_up(description):
        for field, value in found_term.term.says:
            by_field.setdefault(field, []).append(value)
            if field in ("contrast", "phase") and not found_term.understood:
                unsure.add(field)
    by_field.pop("ignore", None)
    for field, found in by_field.items():
        name = "body_part" if field == "body" else field
        distinct = sorted(set(found))
        together = _one(name, distinct, modality)
        if together:
            yield Evidence(name, together, "text", _WEAK if field in unsure else _FAIR)


def _one(field: str, found: list[str], modality: str) -> str | None:
    if field == "body_part":
        return one_part(found) or CONTRADICTION
    if field == "contrast" and BOTH in found:
        return CONTRADICTION
    if field == "sequence":
        fitting = [v for v in found if v.startswith("ct") is (modality == "CT") or _either(v)]
        return _one_sequence(fitting)
    if field == "phase" and set(found) == {"portal-venous", "venous"}:
        return "portal-venous"
    if field == "plane" and "oblique" in found and len(found) == 2:  # noqa: PLR2004 - oblique and one
        return "oblique"
    return found[0] if len(found) == 1 else CONTRADICTION


def _either(value: str) -> bool:
    return value in ("localizer", "mip", "subtraction", "bolus-tracking", "perfusion")


_COVERS = {
    "adc": ("dwi", "dti"),
    "dti": ("dwi",),
    "localizer": ("t1", "t2", "bssfp", "ct-soft", "t2star"),
    "stir": ("t2", "t1"),
    "flair": ("t2", "stir"),
    "mrcp": ("t2",),
    "bssfp": ("t2",),
    "dce": ("t1",),
    "mra": ("bssfp", "t1", "t2star"),
    "subtraction": ("ct-soft", "t1", "dce", "mra", "cta", "mip"),
    "mip": ("mra", "cta", "ct-soft", "t1", "t2", "mrcp", "swi", "dce", "subtraction"),
    "perfusion": ("t2star", "bold", "ct-soft"),
    "bolus-tracking": ("localizer", "ct-soft"),
    "cta": ("ct-soft",),
    "ct-lung": (),
    "swi": ("t2star",),
    "t2star": ("t2",),
    "t1-flair": ("t1",),
    "dwi": (),
}


def _one_sequence(found: list[str]) -> str | None:
    """Take the word that says more where two go together (`dwi adc` is an ADC map)."""
    return more_telling(found) or CONTRADICTION if found else None


def more_telling(found: Sequence[str]) -> str | None:
    """Give the sequence class that says all that the others say, or None."""
    for value in found:
        rest = [other for other in found if other != value]
        if all(other in _COVERS.get(value, ()) for other in rest):
            return value
    return None
