"""A site at a glance: studies, approvals, what volumes went through, and whether the book holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.agent.consent import approvals_of
from fedpacs.cohort.preparations import read_preparation
from fedpacs.records.events import EventKind
from fedpacs.records.study_index import DEAD, StudyState

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.agent.consent import ApprovalStatus
    from fedpacs.agent.premises import Premises
    from fedpacs.records.ledger import Entry


@dataclass(frozen=True, slots=True)
class PreparationStatus:
    """How the volumes of a job's last run were prepared.

    Attributes
    ----------
    job, digest
        SHA-256 of the job and of the sealed record.
    volumes
        How many; 0 when the record went with a patient who was removed.
    steps
        Volumes by step, with the version of what it computes: ``n4-bias-field 1``.
    """

    job: str
    digest: str
    volumes: int
    steps: dict[str, int]


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """One site at a glance; no pseudonym, no name.

    Attributes
    ----------
    index
        Studies that were ever listed, by how far they have come.
    dead_letters
        Studies that are not tried again unless a person asks, by code.
    waiting
        Studies that are tried again by a coming ingest, by code.
    quarantined
        What lies in quarantine, by code.
    preparations
        How the volumes of each job's last run were prepared.
    """

    site: str
    profile: str
    studies: int
    patients: int
    index: dict[str, int]
    dead_letters: dict[str, int]
    waiting: dict[str, int]
    quarantined: dict[str, int]
    approvals: tuple[ApprovalStatus, ...]
    preparations: tuple[PreparationStatus, ...]
    book_entries: int
    book_verifies: bool
    events: dict[str, int]


def status_of(premises: Premises) -> SiteStatus:
    """Look at a site.

    Raises
    ------
    CohortError
        If the store does not open, or a record in it was altered.
    RecordsError
        If book or index cannot be read.
    """
    patients = [study.patient for study in premises.store.each_study()]
    events = Counter(str(entry.event.kind) for entry in premises.book.entries())
    return SiteStatus(
        site=premises.config.site.name,
        profile=premises.profile.name,
        studies=len(patients),
        patients=len(set(patients)),
        index={str(state): n for state, n in sorted(premises.index.states().items())},
        dead_letters=premises.index.codes(*DEAD),
        waiting=premises.index.codes(StudyState.WAITING),
        quarantined=premises.quarantine.counts(),
        approvals=approvals_of(premises),
        preparations=preparations_of(premises, premises.book.entries()),
        book_entries=events.total(),
        book_verifies=premises.book.verify(premises.signing_key.public).ok,
        events=dict(sorted(events.items())),
    )


def preparations_of(premises: Premises, entries: Iterable[Entry]) -> tuple[PreparationStatus, ...]:
    """Give how each job's volumes were prepared when it was last run.

    Raises
    ------
    DamagedStoreError
        If a record was altered.
    """
    last = {
        str(entry.event.fields["job"]): str(entry.event.fields["preparation"])
        for entry in entries
        if entry.event.kind is EventKind.AGENT_STARTED and "preparation" in entry.event.fields
    }
    return tuple(_status(premises, job, digest) for job, digest in sorted(last.items()))


def _status(premises: Premises, job: str, digest: str) -> PreparationStatus:
    record = read_preparation(premises.store, digest) or {"volumes": []}
    steps = Counter(
        f"{step['name']} {step['version']}" for row in record["volumes"] for step in row["steps"]
    )
    return PreparationStatus(job, digest, len(record["volumes"]), dict(sorted(steps.items())))
