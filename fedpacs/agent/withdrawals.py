"""People who do not take part: the site's opt-out list, withdrawals in the book, and forgetting.

Patient IDs are read from the list and turned into pseudonyms at once; nothing else is kept,
compared or written. To forget somebody is done in an order that survives a kill at any point: first
the book says that the patient withdrew and which snapshots held them, then all of it goes. Whatever
a kill leaves is removed by the next ingest, which holds store, index and quarantine to both lists.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.agent.series import register_of
from fedpacs.core.errors import AgentError
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fedpacs.agent.premises import Premises

_OTHERS = 0o077


class OptOutUnreadableError(AgentError):
    """The opt-out list cannot be read, so nobody can be told apart and nothing is fetched."""

    code = "agent.opt-out-unreadable"
    default_hint = "Check [ingest] opt_out: a UTF-8 text file with one Patient ID a line."


class OptOutExposedError(AgentError):
    """Others than the agent's account may read or write the opt-out list; it names patients."""

    code = "agent.opt-out-exposed"
    default_hint = "Run `chmod 600` on the file that [ingest] opt_out names."


@dataclass(frozen=True, slots=True)
class TrainedOn:
    """A use of a snapshot that held a forgotten patient.

    Attributes
    ----------
    job
        SHA-256 of the job.
    cohort
        SHA-256 of the snapshot's manifest.
    part
        Part of the cohort that the patient was in.
    updates
        Updates released while the agent served the job with this snapshot.
    last_round
        Highest round of these; the models of this round and later have learned from the patient
        when `part` is ``train``.
    """

    job: str
    cohort: str
    part: str
    updates: int
    last_round: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was removed of one patient, in counts, and what has learned from them.

    Attributes
    ----------
    known
        Whether there was anything.
    """

    known: bool
    studies: int
    instances: int
    cohorts: int
    quarantined: int
    indexed: int
    trained: tuple[TrainedOn, ...]


def withdrawn(premises: Premises) -> frozenset[str]:
    """Give the pseudonyms of all who do not take part: opt-out list and book together.

    Raises
    ------
    OptOutUnreadableError, OptOutExposedError
        If the list cannot be relied on.
    """
    listed = premises.config.ingest.opt_out
    on_list = frozenset(_listed(premises, listed)) if listed else frozenset()
    return on_list | frozenset(
        str(entry.event.fields["patient"])
        for entry in premises.book.entries()
        if entry.event.kind is EventKind.PATIENT_WITHDRAWN
    )


def _listed(premises: Premises, file: Path) -> Iterator[str]:
    try:
        if file.stat().st_mode & _OTHERS:
            raise OptOutExposedError("The opt-out list can be read or written by others.")
        lines = file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        # not `from error`: it may quote a line
        raise OptOutUnreadableError(
            f"The opt-out list cannot be read ({type(error).__name__})."
        ) from None
    for line in lines:
        if line.strip(" \0") and not line.startswith("#"):
            yield premises.pseudonyms.patient(line)


def forget(premises: Premises, patient: str) -> Forgotten:
    """Withdraw a patient for good and remove everything of them.

    Parameters
    ----------
    premises
        The site. Its staging area must be free: nothing may come in meanwhile.
    patient
        Pseudonym.

    Raises
    ------
    SiteBusyError
        If an ingest is at work.
    RecordsError
        If the book cannot be written; then nothing is removed.
    """
    with premises.staging():  # emptied: what a killed run left there goes, too
        if premises.book.last(EventKind.PATIENT_WITHDRAWN, patient=patient) is None:
            premises.record(EventKind.PATIENT_WITHDRAWN, patient=patient)
        return remove(premises, patient)


def purge(premises: Premises, patients: frozenset[str]) -> int:
    """Remove what is still here of withdrawn patients; give how many had anything."""
    if not patients:
        return 0
    here = {study.patient for study in premises.store.each_study()}
    here |= {patient for patient in patients if premises.index.of_patient(patient)}
    here |= {p for p in patients if any(premises.quarantine.of_patient(p, premises.pseudonyms))}
    here |= set(premises.store.split_patients())
    return sum(remove(premises, patient).known for patient in sorted(here & patients))


def remove(premises: Premises, patient: str) -> Forgotten:
    """Remove everything of one patient; see `forget`. Needs the staging area's lock."""
    for cohort, part in premises.store.cohorts_of(patient):
        fields = {"patient": patient, "cohort": cohort, "part": part}
        if premises.book.last(EventKind.SNAPSHOT_VOIDED, **fields) is None:
            premises.record(EventKind.SNAPSHOT_VOIDED, **fields)
    trained = tuple(trained_on(premises, patient))
    report = premises.store.forget(patient)
    aside = list(premises.quarantine.of_patient(patient, premises.pseudonyms))
    aside += [study.subject for study in premises.index.of_patient(patient)]
    quarantined = sum(premises.quarantine.release(subject) for subject in set(aside))
    indexed = premises.index.remove_patient(patient)
    register_of(premises).forget(patient)
    _drop_caches(premises)
    known = bool(report.studies or report.cohorts or quarantined or indexed or report.in_splits)
    if known:
        premises.record(
            EventKind.PATIENT_FORGOTTEN,
            patient=patient,
            studies=report.studies,
            instances=report.instances,
        )
    return Forgotten(
        known=known,
        studies=report.studies,
        instances=report.instances,
        cohorts=report.cohorts,
        quarantined=quarantined,
        indexed=indexed,
        trained=trained,
    )


def trained_on(premises: Premises, patient: str) -> Iterator[TrainedOn]:
    """Give every use, told by the book, of a snapshot that held a withdrawn patient."""
    parts: dict[str, str] = {}
    uses: dict[tuple[str, str], list[int]] = {}
    serving: dict[str, str] = {}
    for entry in premises.book.entries():
        fields = entry.event.fields
        match entry.event.kind:
            case EventKind.SNAPSHOT_VOIDED if fields["patient"] == patient:
                parts[str(fields["cohort"])] = str(fields["part"])
            case EventKind.APPROVAL_GRANTED | EventKind.AGENT_STARTED if "cohort" in fields:
                if "job" in fields:
                    serving[str(fields["job"])] = str(fields["cohort"])
            case EventKind.UPDATE_RELEASED:
                job = str(fields["job"])
                rounds = uses.setdefault((job, serving.get(job, "")), [])
                rounds.append(int(fields["round"]))
    for (job, cohort), rounds in uses.items():
        if cohort in parts:
            yield TrainedOn(job, cohort, parts[cohort], len(rounds), max(rounds))


def _drop_caches(premises: Premises) -> None:
    """Remove what was computed from the cohort: it may hold voxels of anybody in it."""
    shutil.rmtree(premises.config.store.path.parent / "cache", ignore_errors=True)
