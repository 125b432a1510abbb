"""References that are closed over a folder, and patients that stay one patient.

A reference is *open* when nothing in the folder has the UID although its siblings are there: other
instances of the series that it names or, if none of an object's references leads anywhere, images
of the same study. What was never in the folder is nobody's fault.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.deidentification.verification.facts import Facts

_REFERRING = frozenset(
    {"SEG", "RTSTRUCT", "RTDOSE", "RTPLAN", "SR", "PR", "KO", "REG", "RWV", "PMAP", "M3D", "ANN"}
)


class Folder:
    """The facts of all files of a folder."""

    def __init__(self) -> None:
        self._instances: set[str] = set()
        self._series_study: dict[str, str] = {}
        self._study_patient: dict[str, str] = {}
        self._patients: dict[str, tuple[bytes, ...]] = {}
        self._images: set[str] = set()
        self._referring: list[tuple[str, str, frozenset[tuple[str, str]]]] = []
        self._found: dict[str, set[Finding]] = defaultdict(set)

    def add(self, name: str, facts: Facts) -> None:
        """Take in a file, and hold it against those before."""
        if facts.sop_instance in self._instances and "-" not in name:  # a second one is named so
            self._found[name].add(Finding("deid.duplicate-instance"))
        self._instances.add(facts.sop_instance)
        if self._series_study.setdefault(facts.series, facts.study) != facts.study:
            self._found[name].add(Finding("deid.series-inconsistent"))
        if self._study_patient.setdefault(facts.study, facts.patient_id) != facts.patient_id:
            self._found[name].add(Finding("deid.patient-inconsistent"))
        said = self._patients.setdefault(facts.patient_id, facts.patient)
        merged = []
        for before, now in zip(said, facts.patient, strict=True):
            if before and now and before != now:
                self._found[name].add(Finding("deid.patient-inconsistent"))
            merged.append(before or now)
        self._patients[facts.patient_id] = tuple(merged)
        if facts.modality not in _REFERRING:
            self._images.add(facts.study)
        elif facts.instances:
            self._referring.append((name, facts.study, facts.instances))

    def findings(self) -> Iterator[tuple[str, Finding]]:
        """Give every finding with the file's name."""
        for name, found in self._found.items():
            for finding in found:
                yield name, finding
        for name, study, references in self._referring:
            missing = {(uid, series) for uid, series in references if uid not in self._instances}
            siblings = any(series in self._series_study for _, series in missing if series)
            lost = len(missing) == len(references) and study in self._images
            if missing and (siblings or lost):
                yield name, Finding("deid.reference-open")
