"""What quality control finds, in codes, numbers and sentences without a data element's value."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fedpacs.config.quality import Quality

    Number = int | float


class Severity(StrEnum):
    """How bad a finding is."""

    BLOCK = "block"
    """The series is damaged, incomplete or not what the job asks for, and must not be used."""
    WARN = "warn"
    """The series is sound as DICOM; somebody should know about it before using it."""
    NOTE = "note"
    """Nothing is wrong; a property that a user of the series wants to know."""


_ORDER = tuple(Severity)


@dataclass(frozen=True, slots=True)
class Defect:
    """One line of the catalogue.

    Attributes
    ----------
    code
        Stable identifier, ``quality.<what>``.
    severity
        Unless the job or the site says otherwise.
    fixed
        Whether the severity may not be lowered.
    meaning
        What it is and what to do.
    """

    code: str
    severity: Severity
    fixed: bool
    meaning: str


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """One defect of a series.

    Attributes
    ----------
    code
        Stable identifier, ``quality.<what>``.
    sentence
        Counts and millimetres, readable by a radiographer, without patient data.
    numbers
        What the sentence says, for machines; units in the names.
    """

    code: str
    severity: Severity
    sentence: str
    numbers: Mapping[str, Number] = field(default_factory=dict)


@cache
def defects() -> Mapping[str, Defect]:
    """Read the catalogue of everything that can be found, by code."""
    text = (files("fedpacs.quality") / "data" / "defects.csv").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = csv.DictReader(lines, delimiter=";", quoting=csv.QUOTE_NONE)
    found = (
        Defect(f"quality.{r['code']}", Severity(r["severity"]), r["fixed"] == "yes", r["meaning"])
        for r in rows
    )
    return {defect.code: defect for defect in found}


def finding(what: str, sentence: str, **numbers: Number) -> QualityFinding:
    """Make a finding of the usual severity.

    Parameters
    ----------
    what
        Code without ``quality.``; the catalogue has it.
    """
    defect = defects()[f"quality.{what}"]
    return QualityFinding(defect.code, defect.severity, sentence, numbers)


def weighed(found: Iterable[QualityFinding], rules: Quality) -> tuple[QualityFinding, ...]:
    """Give findings the severities that the rules ask for, the worst first."""
    result = []
    for one in found:
        asked = rules.severities.get(one.code)
        severity = one.severity if asked is None else Severity(asked)
        if defects()[one.code].fixed:
            severity = Severity.BLOCK
        result.append(replace(one, severity=severity))
    return tuple(sorted(result, key=lambda f: _ORDER.index(f.severity)))


@dataclass(frozen=True, slots=True)
class StackSummary:
    """One stack of a series, as it was told apart from the others.

    Attributes
    ----------
    label
        What tells it apart, for example ``echo 2``; empty when the series is one stack.
    plane
        ``axial``, ``coronal``, ``sagittal``, or empty.
    spacing_mm
        Between slices, rows and columns; None when not known.
    """

    label: str
    images: int
    plane: str = ""
    spacing_mm: tuple[float, float, float] | None = None


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """What was found in one series.

    Attributes
    ----------
    series_uid
        Series Instance UID as read (pseudonymous behind gate 1); empty when nothing could be read.
    findings
        The worst first; empty when the series is sound.
    modality
        As the objects say.
    images
        Frames of all objects.
    stacks
        What the series consists of.
    """

    series_uid: str
    findings: tuple[QualityFinding, ...]
    modality: str = ""
    images: int = 0
    stacks: tuple[StackSummary, ...] = ()

    @property
    def usable(self) -> bool:
        """True when no finding blocks."""
        return not self.blocking

    @property
    def blocking(self) -> tuple[QualityFinding, ...]:
        """Findings for which the series must not be used."""
        return tuple(f for f in self.findings if f.severity is Severity.BLOCK)

    @property
    def alarms(self) -> tuple[QualityFinding, ...]:
        """Findings that are more than a note."""
        return tuple(f for f in self.findings if f.severity is not Severity.NOTE)


def count(number: int, noun: str) -> str:
    """Write a count: 1 slice, 2 slices."""
    return f"{number} {noun}" + ("" if number == 1 else "s")
