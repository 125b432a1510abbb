"""A cohort's manifest: what exactly a job may see, by content digest.

The manifest names the query, every subject with its part, and the SHA-256 of every file of the
subject's image series and label. Its own digest is the cohort's. Order plays no part.
"""

from __future__ import annotations

import json
from itertools import groupby
from typing import TYPE_CHECKING, Any

from fedpacs.cohort.errors import (
    DamagedStoreError,
    MissingBlobError,
    StaleCohortError,
    UnknownCohortError,
)
from fedpacs.cohort.vault import Shelf
from fedpacs.core.cohort import Cohort, Split, Subject
from fedpacs.core.digest import canonical_json, digest_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fedpacs.cohort.store import SealedStore
    from fedpacs.cohort.study_record import StudyRecord
    from fedpacs.config.job import CohortQuery

_FORMAT = 1


def query_digest(query: CohortQuery) -> str:
    """SHA-256 of a cohort query, defaults written out."""
    return digest_of(query.model_dump(mode="json"))


def make_manifest(query: str, rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Write the manifest of a cohort.

    Parameters
    ----------
    query
        Digest of the cohort query.
    rows
        What `make_row` gave for each subject, in any order.
    """
    ordered = sorted(rows, key=lambda row: (row["patient"], row["series"], row["label"]))
    return {"format": _FORMAT, "query": query, "subjects": ordered}


def make_row(subject: Subject, study: StudyRecord | None) -> dict[str, Any]:
    """Write what a manifest says of one subject.

    Raises
    ------
    StaleCohortError
        If the subject's study, series or label is not in the record.
    """
    series = study.series(subject.series_instance_uid) if study else ()
    label = study.instance(subject.label_sop_instance_uid) if study else None
    if study is None or not series or label is None or study.patient != subject.patient:
        raise StaleCohortError("A subject of the cohort is not in the sealed store.")
    return {
        "patient": subject.patient,
        "study": subject.study_instance_uid,
        "series": subject.series_instance_uid,
        "label": subject.label_sop_instance_uid,
        "split": subject.split.value,
        "images": sorted(i.digest for i in series),
        "label_content": label.digest,
    }


def keep_manifest(store: SealedStore, manifest: dict[str, Any]) -> str:
    """Seal a manifest under its digest; needs the writer's lock."""
    digest = digest_of(manifest)
    if not store.vault.holds(Shelf.COHORTS, digest):
        store.vault.write(Shelf.COHORTS, digest, canonical_json(manifest))
    return digest


def read_manifest(store: SealedStore, digest: str) -> dict[str, Any]:
    """Open a manifest and hold it to its digest.

    Raises
    ------
    UnknownCohortError
        If the store has none of that digest.
    DamagedStoreError
        If it is not what its name says.
    """
    try:
        manifest: dict[str, Any] = json.loads(store.vault.read(Shelf.COHORTS, digest))
    except MissingBlobError as error:
        raise UnknownCohortError("The sealed store holds no such cohort.") from error
    if digest_of(manifest) != digest or manifest.get("format") != _FORMAT:
        raise DamagedStoreError("A cohort's manifest is not what its name says.")
    return manifest


def cohort_of(manifest: Mapping[str, Any]) -> Cohort:
    """Give the cohort that a manifest describes."""
    subjects = tuple(
        Subject(
            patient=row["patient"],
            study_instance_uid=row["study"],
            series_instance_uid=row["series"],
            label_sop_instance_uid=row["label"],
            split=Split(row["split"]),
        )
        for row in manifest["subjects"]
    )
    return Cohort(digest_of(dict(manifest)), subjects)


def holds(store: SealedStore, manifest: Mapping[str, Any]) -> bool:
    """Tell whether the store still has exactly the content that a manifest names."""
    cohort = cohort_of(manifest)
    rows: list[dict[str, Any]] = []
    by_study = sorted(cohort.subjects, key=lambda subject: subject.study_instance_uid)
    try:
        for uid, subjects in groupby(by_study, key=lambda subject: subject.study_instance_uid):
            study = store.study(uid) if store.has(uid) else None
            rows.extend(make_row(subject, study) for subject in subjects)
    except StaleCohortError:
        return False
    return digest_of(make_manifest(manifest["query"], rows)) == cohort.digest
