"""The words of a series without the patient's own: a scanner's user may have typed a name there."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.quality.pictures import text
from fedpacs.quality.standardisation.words import comparable

if TYPE_CHECKING:
    from pydicom import Dataset

_WHO = (
    *("PatientName", "PatientID", "OtherPatientNames", "OtherPatientIDs", "PatientBirthName"),
    *("PatientMotherBirthName", "PatientBirthDate", "AccessionNumber", "StudyID"),
    *("ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "InstitutionName"),
    *("RequestingPhysician", "NameOfPhysiciansReadingStudy", "PhysiciansOfRecord"),
)
_SHORTEST = 3


def name_of(header: Dataset, keyword: str) -> str:
    """Give a description without the words that the header holds of the patient and of people.

    Parameters
    ----------
    header
        Identified.
    keyword
        For example ``SeriesDescription``.
    """
    said = text(header, keyword)
    if not said:
        return ""
    who = _who(header)
    kept = [
        part for part in re.split(r"(\s+|_|(?<=[^\W\d])(?=[,;]))", said) if not _is_of(part, who)
    ]
    return re.sub(r"\s+", " ", "".join(kept)).strip(" _,;")


def _is_of(part: str, who: set[str]) -> bool:
    words = comparable(part)
    return any(word in who for word in words) or "".join(words) in who


def _who(header: Dataset) -> set[str]:
    found: set[str] = set()
    for keyword in _WHO:
        words = comparable(text(header, keyword).replace("^", " ").replace("=", " "))
        found |= {w for w in words if len(w) >= _SHORTEST or not w.isascii()}
        joined = "".join(words)
        if len(joined) >= _SHORTEST:
            found.add(joined)
    return found
