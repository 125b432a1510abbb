"""Matching keys held to what was fetched: an archive may ignore any key that it does not know.

Of the study-level keys those go to the archive that every archive understands alike, to spare
fetching what does not match; what comes is held to all of them here. One header of each series is
read in staging. What matched is forgotten with the files; the index keeps only that a study did not
match, and under which keys.

References
----------
PS3.4 C.2.2.2 (attribute matching): single value, list, wild card, range, sequence matching.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pydicom import Dataset, dcmread
from pydicom.datadict import dictionary_VR
from pydicom.multival import MultiValue

from fedpacs.core.digest import digest_of
from fedpacs.pacs.ports import StudyQuery

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fedpacs.config.job import CohortQuery
    from fedpacs.core.study import Study

_TIMES = frozenset({"DA", "TM", "DT"})
_NUMBERS = frozenset({"DS", "IS", "FL", "FD", "US", "SS", "UL", "SL"})
_AT_STUDY_LEVEL = {
    "PatientSex": re.compile(r"[MFO]"),
    "StudyDescription": re.compile(r"(?=.*[^*])[ -\[\]-~]{1,64}"),
}
_UNIT_DAYS = {"D": 1.0, "W": 7.0, "M": 365.25 / 12, "Y": 365.25}


def query_of(cohort: CohortQuery) -> StudyQuery:
    """Give what is asked of an archive for a job: a part of its keys, never more than it wants.

    Single values of optional study-level keys only (PS3.4 C.6.2.1.2). A list of alternatives is no
    matching of the standard, an age has no ranges there, and text beyond ASCII depends on a
    character set that an archive may take for another.
    """
    keys = []
    for name, fits in _AT_STUDY_LEVEL.items():
        value = cohort.match.get(name, "")
        one = value if isinstance(value, str) else value[0] if len(value) == 1 else ""
        if fits.fullmatch(one):
            keys.append((name, one))
    return StudyQuery(cohort.modality, cohort.study_date, keys=tuple(keys))


class Matcher:
    """Holds studies to the keys of one job.

    Parameters
    ----------
    keys
        Keyword, or ``Sequence.Attribute``, and the value or alternatives wanted.
    """

    def __init__(self, keys: Mapping[str, str | Sequence[str]]) -> None:
        self._keys = {
            name: (value.split("\\") if isinstance(value, str) else list(value))
            for name, value in keys.items()
        }
        self.digest = digest_of(self._keys) if self._keys else ""
        """Changes with the keys; empty without any."""

    def matches(self, study: Study) -> bool:
        """Tell whether for each key any series of a study has a value that is wanted."""
        if not self._keys:
            return True
        headers = list(_headers(study, [name.split(".")[0] for name in self._keys]))
        return all(
            any(_has(ds, name.split("."), wanted) for ds in headers)
            for name, wanted in self._keys.items()
        )


def _headers(study: Study, keywords: list[str]) -> Iterator[Dataset]:
    for series in study.ref.series:
        for instance in series.instances[:1]:
            path = study.files[instance.sop_instance_uid]
            yield dcmread(path, stop_before_pixels=True, specific_tags=list(keywords))


def _has(ds: Dataset, way: Sequence[str], wanted: Sequence[str]) -> bool:
    if len(way) > 1:
        return any(_has(item, way[1:], wanted) for item in ds.get(way[0]) or ())
    value = ds.get(way[0])
    values: Sequence[Any] = value if isinstance(value, MultiValue | list) else [value]
    return any(
        _is(str(each).strip(" \0"), one, dictionary_VR(way[0]))
        for each in values
        if each not in (None, "")
        for one in wanted
    )


def _is(value: str, wanted: str, vr: str) -> bool:
    if vr in _TIMES:
        first, hyphen, last = wanted.partition("-")
        last = last if hyphen else first
        return (not first or first <= value) and (not last or value <= last)
    if vr == "AS":
        return _in_range(value, wanted, _days)
    if vr in _NUMBERS:
        return _in_range(value, wanted, _number)
    # nothing matches everything (PS3.4 C.2.2.2.3), and a bracket means itself
    return fnmatchcase(value, wanted.replace("[", "[[]") or "*")


def _in_range(value: str, wanted: str, size: Any) -> bool:  # noqa: ANN401 - text to number
    number = size(value)
    first, last = (wanted, wanted)
    if "-" in wanted[1:]:
        at = wanted.index("-", 1)
        first, last = wanted[:at], wanted[at + 1 :]
    elif wanted.startswith("-"):
        first, last = "", wanted[1:]
    low, high = size(first), size(last)
    if number is None or (first and low is None) or (last and high is None):
        return False
    return (low is None or low <= number) and (high is None or number <= high)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _days(text: str) -> float | None:
    if len(text) == 4 and text[:3].isdecimal() and text[3] in _UNIT_DAYS:  # noqa: PLR2004 - PS3.5 6.2, AS
        return int(text[:3]) * _UNIT_DAYS[text[3]]
    return None
