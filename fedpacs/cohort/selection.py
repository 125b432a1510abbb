"""From the sealed store to a cohort: image series with their labels, split by patient.

A subject is an image series together with the one SEG drawn on it that has every class the job
names. Segments marked ``AUTOMATIC`` are a model's opinion, not a label, so a result that came
back into the PACS never becomes the next job's truth. A subject that the cohort did not hold
before is decoded once, so a cohort consists of what can be trained on.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.cohort.errors import (
    SplitConflictError,
    StaleCohortError,
    UnknownCohortError,
    VolumeError,
)
from fedpacs.cohort.labels import has_every_class, read_label
from fedpacs.cohort.manifest import (
    cohort_of,
    holds,
    keep_manifest,
    make_manifest,
    make_row,
    query_digest,
    read_manifest,
)
from fedpacs.cohort.splitting import assign_splits
from fedpacs.cohort.upkeep import LATEST, SPLITS, ledger, write_ledger
from fedpacs.cohort.volumes import load_volume
from fedpacs.core.cohort import Cohort, Split, Subject

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

    from fedpacs.cohort.store import SealedStore
    from fedpacs.cohort.study_record import InstanceRecord, StudyRecord
    from fedpacs.config.job import CohortQuery


@dataclass(frozen=True, slots=True)
class Selection:
    """A cohort and what was left out of it.

    Attributes
    ----------
    cohort
        What was selected.
    unlabelled
        Image series of the modality without a usable label.
    ambiguous
        Image series with more than one label that would fit: nobody has said which is right.
    unfit
        Subjects that could not be decoded, by code.
    """

    cohort: Cohort
    unlabelled: int
    ambiguous: int
    unfit: Mapping[str, int]


def _as_sealed(record: StudyRecord) -> StudyRecord:
    return record


def build_cohort(
    store: SealedStore,
    query: CohortQuery,
    previous: Cohort | None,
    *,
    studies: Collection[str] | None = None,
) -> Cohort:
    """Select the cohort of a query; see `select_cohort`."""
    return select_cohort(store, query, previous, studies=studies).cohort


def select_cohort(
    store: SealedStore,
    query: CohortQuery,
    previous: Cohort | None,
    *,
    studies: Collection[str] | None = None,
    coded: Callable[[StudyRecord], StudyRecord] = _as_sealed,
) -> Selection:
    """Pair images with labels, give every patient a part, and write the manifest.

    Parameters
    ----------
    store
        The sealed store; its ledger knows the part of every patient of an earlier cohort.
    query
        Modality, classes and proportions. Its ``study_date`` cannot be asked of the store, whose
        dates are shifted; give `studies` when it matters.
    previous
        Earlier cohort whose patients keep their part; None when the ledger suffices.
    studies
        New UIDs of the only studies to take; None takes all.
    coded
        Gives a study with the coded fields of today; those of the day it was sealed by default.

    Returns
    -------
    Selection
        Its manifest is in the store; `save_cohort` makes it the current one.

    Raises
    ------
    SplitConflictError
        If `previous` and the ledger put a patient into different parts.
    """
    known = _known_splits(store, previous)
    found = _Finder(store, query, previous)
    # one record at a time: a store of millions of files is never in memory
    rows = [
        make_row(subject, record)
        for record in store.each_study()
        if studies is None or record.study_instance_uid in studies
        for subject in found.subjects(coded(record))
    ]
    parts = assign_splits({row["patient"] for row in rows}, known, query.splits)
    manifest = make_manifest(
        query_digest(query), [{**row, "split": parts[row["patient"]].value} for row in rows]
    )
    with store.writing({"act": "cohort"}):
        keep_manifest(store, manifest)
    return Selection(cohort_of(manifest), found.unlabelled, found.ambiguous, dict(found.unfit))


def save_cohort(store: SealedStore, cohort: Cohort) -> None:
    """Make a built cohort the current one of its query and its splits permanent.

    Raises
    ------
    UnknownCohortError
        If it was not built from this store.
    StaleCohortError
        If the store has changed since.
    SplitConflictError
        If a patient has got another part in the meantime.
    """
    manifest = read_manifest(store, cohort.digest)
    if cohort_of(manifest) != cohort:
        raise UnknownCohortError("The cohort is not the one its digest names.")
    with store.writing({"act": "cohort"}):
        if not holds(store, manifest):
            raise StaleCohortError("The sealed store changed while the cohort was drawn.")
        splits = _merged(_ledger_splits(store), _splits_of(cohort))
        write_ledger(store.vault, SPLITS, {p: split.value for p, split in splits.items()})
        latest = ledger(store.vault, LATEST) | {manifest["query"]: cohort.digest}
        write_ledger(store.vault, LATEST, latest)


def load_cohort(store: SealedStore, digest: str) -> Cohort:
    """Load a cohort by its digest, provided the store still holds exactly its content.

    Raises
    ------
    UnknownCohortError
        If there is no manifest of that digest.
    StaleCohortError
        If a study in it was changed or removed.
    """
    manifest = read_manifest(store, digest)
    if not holds(store, manifest):
        raise StaleCohortError("The sealed store no longer holds what the cohort names.")
    return cohort_of(manifest)


def latest_cohort(store: SealedStore, query: CohortQuery) -> Cohort | None:
    """Load the cohort last saved for a query, or None if there is none that still holds."""
    digest = ledger(store.vault, LATEST).get(query_digest(query))
    if digest is None:
        return None
    try:
        return load_cohort(store, digest)
    except (UnknownCohortError, StaleCohortError):
        return None


class _Finder:
    """Finds subjects and counts what it leaves out."""

    def __init__(self, store: SealedStore, query: CohortQuery, previous: Cohort | None) -> None:
        self._store = store
        self._query = query
        self._decoded = self._still_held(previous)
        self.unlabelled = 0
        self.ambiguous = 0
        self.unfit: Counter[str] = Counter()

    def subjects(self, study: StudyRecord) -> Iterator[Subject]:
        """Give the subjects of one study; their split is a placeholder."""
        series = {i.series_instance_uid for i in study.instances if self._is_image(i)}
        for series_instance_uid in sorted(series):
            if not self._is_coded_so(study.codes(series_instance_uid)):
                continue
            labels = self._labels(study, series_instance_uid)
            self.unlabelled += not labels
            self.ambiguous += len(labels) > 1
            if len(labels) != 1:
                continue
            subject = Subject(
                patient=study.patient,
                study_instance_uid=study.study_instance_uid,
                series_instance_uid=series_instance_uid,
                label_sop_instance_uid=labels[0].sop_instance_uid,
                split=Split.TRAIN,
            )
            if self._is_fit(subject):
                yield subject

    def _is_image(self, instance: InstanceRecord) -> bool:
        return instance.modality == self._query.modality

    def _is_coded_so(self, codes: Mapping[str, str]) -> bool:
        wanted = self._query.coded
        if any(name not in codes for name in wanted):
            self.unfit["cohort.not-coded"] += 1
            return False
        return all(codes[name] in accepted for name, accepted in wanted.items())

    def _labels(self, study: StudyRecord, series_instance_uid: str) -> list[InstanceRecord]:
        return [
            instance
            for instance in study.instances
            if instance.modality == "SEG"
            and instance.referenced_series_uid == series_instance_uid
            and self._is_label(instance)
        ]

    def _is_label(self, instance: InstanceRecord) -> bool:
        try:
            seg = read_label(self._store.read(instance.digest))
        except VolumeError as error:
            self.unfit[error.code] += 1
            return False
        return has_every_class(seg, self._query.labels)

    def _is_fit(self, subject: Subject) -> bool:
        if (subject.series_instance_uid, subject.label_sop_instance_uid) in self._decoded:
            return True
        try:
            load_volume(self._store, subject, self._query.labels)
        except VolumeError as error:
            self.unfit[error.code] += 1
            return False
        return True

    def _still_held(self, previous: Cohort | None) -> frozenset[tuple[str, str]]:
        """Give the pairs that were decoded when the previous cohort was built."""
        try:
            held = load_cohort(self._store, previous.digest) if previous else None
        except (UnknownCohortError, StaleCohortError):
            held = None
        subjects = held.subjects if held else ()
        return frozenset((s.series_instance_uid, s.label_sop_instance_uid) for s in subjects)


def _known_splits(store: SealedStore, previous: Cohort | None) -> dict[str, Split]:
    return _merged(_ledger_splits(store), _splits_of(previous) if previous else {})


def _ledger_splits(store: SealedStore) -> dict[str, Split]:
    return {patient: Split(part) for patient, part in ledger(store.vault, SPLITS).items()}


def _splits_of(cohort: Cohort) -> dict[str, Split]:
    parts: dict[str, Split] = {}
    for subject in cohort.subjects:
        parts = _merged(parts, {subject.patient: subject.split})
    return parts


def _merged(known: Mapping[str, Split], more: Mapping[str, Split]) -> dict[str, Split]:
    if any(known.get(patient, part) is not part for patient, part in more.items()):
        raise SplitConflictError("A patient would be in two parts of the splits.")
    return {**known, **more}
