"""A cohort: the de-identified studies a job may use, named by content and split by patient."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Split(StrEnum):
    """Part of the cohort a patient belongs to, for ever."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True)
class Subject:
    """One image series with its label, of one patient."""

    patient: str
    study_instance_uid: str
    series_instance_uid: str
    label_sop_instance_uid: str
    split: Split


@dataclass(frozen=True, slots=True)
class Cohort:
    """An immutable selection from the sealed store.

    Attributes
    ----------
    digest
        SHA-256 of the manifest: the data snapshot that an approval names.
    """

    digest: str
    subjects: tuple[Subject, ...]

    def part(self, split: Split) -> tuple[Subject, ...]:
        """Subjects of one part."""
        return tuple(s for s in self.subjects if s.split is split)

    def patients(self, split: Split | None = None) -> frozenset[str]:
        """Pseudonyms of the patients, of one part or all."""
        return frozenset(s.patient for s in self.subjects if split is None or s.split is split)
