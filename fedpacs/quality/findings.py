"""What quality control finds, in codes and sentences without a data element's value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"
    """The series is damaged or incomplete and must not be used."""
    WARNING = "warning"
    """The series is sound as DICOM; somebody should know about it before using it."""


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """One defect of a series.

    Attributes
    ----------
    code
        Stable identifier, ``quality.<what>``.
    sentence
        Counts and millimetres, readable by a radiographer, without patient data.
    """

    code: str
    severity: Severity
    sentence: str


@dataclass(frozen=True, slots=True)
class SeriesReport:
    """What was found in one series.

    Attributes
    ----------
    series_uid
        Series Instance UID as read (pseudonymous behind gate 1); empty when nothing could be read.
    findings
        Errors first; empty when the series is sound.
    """

    series_uid: str
    findings: tuple[QualityFinding, ...]

    @property
    def usable(self) -> bool:
        """True when no finding is an error."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)
