"""From the PACS into the sealed store: one study at a time, complete or quarantined.

A study that fails never stops the others. What stops everything is a book that cannot be
written: then nothing more may happen.
"""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fedpacs.agent.disclosure import disclose
from fedpacs.agent.series import standardise_study
from fedpacs.agent.snapshot import CohortSummary, draw_cohort
from fedpacs.cohort.errors import StoreBusyError, StoreUnwritableError
from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import (
    AgentError,
    CohortError,
    DeidentificationError,
    PolicyError,
    QualityError,
)
from fedpacs.deidentification.errors import UnwritableOutputError
from fedpacs.pacs.errors import (
    DroppedAssociationError,
    IncompleteStudyError,
    RetrieveFailedError,
    UnknownMoveDestinationError,
)
from fedpacs.pacs.open import open_reader
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete
from fedpacs.quality.errors import BadMappingError, RegisterError
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig
    from fedpacs.config.quality import Quality
    from fedpacs.core.study import StudyRef
    from fedpacs.pacs.ports import ArchiveReader

    Progress = Callable[[str, int, int], None]

_OF_THE_SITE = (
    StoreUnwritableError,
    StoreBusyError,
    UnwritableOutputError,
    UnknownMoveDestinationError,
    BadMappingError,
    RegisterError,
)
"""Would befall every study alike: a person has to act first, so nothing is put aside."""
_OF_ONE_STUDY = (
    IncompleteStudyError,
    RetrieveFailedError,
    DroppedAssociationError,
    DeidentificationError,
    QualityError,
    CohortError,
    PolicyError,
)


class NothingFoundError(AgentError):
    """The PACS answered, but no study matched."""

    code = "agent.nothing-found"
    default_hint = "Try `fedpacs site find`; check modality and study_date of the job's cohort."


class NothingSealedError(AgentError):
    """Every study that was found had to be put aside."""

    code = "agent.nothing-sealed"
    default_hint = "Each code is explained in docs/reference/errors.md; put its cause right first."


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingest did, in numbers.

    Attributes
    ----------
    found, retrieved, already_sealed, sealed
        Studies.
    instances
        DICOM objects sealed in this run.
    quarantined
        Studies refused in this run, by code.
    unplaced
        Unreadable files of an export that cannot be told to which study they belong.
    left_out
        Image series in the store that are not in the cohort, by reason.
    """

    found: int
    retrieved: int
    already_sealed: int
    sealed: int
    instances: int
    quarantined: dict[str, int]
    unplaced: int
    left_out: dict[str, int]
    cohort: CohortSummary


def ingest(premises: Premises, job: JobConfig, progress: Progress | None = None) -> IngestReport:
    """Bring every new study of the job's cohort into the sealed store and build the cohort.

    Parameters
    ----------
    premises
        The site.
    job
        Its cohort query says which studies.
    progress
        Called with the step's name, studies done and studies found so far.

    Returns
    -------
    IngestReport
        In counts only.

    Raises
    ------
    PacsError
        If the PACS cannot be asked, or refuses whatever is asked of it.
    CohortError
        If the store cannot be written, or was filled with another project key.
    NothingFoundError
        If it holds no study of the cohort.
    NothingSealedError
        If not one of those found could be sealed, now or before.
    GateClosedError
        If gate 2 stays closed; what was sealed stays sealed.
    RecordsError
        If the book cannot be written.
    """
    premises.bind_store()
    rules = job.quality.stricter(premises.config.quality)
    subjects: set[str] = set()
    counts: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    with premises.staging() as staging:
        reader = open_reader(premises.config.pacs)
        try:
            query = StudyQuery(modality=job.cohort.modality, study_date=job.cohort.study_date)
            ours = _own_results(premises)
            for listed in reader.find(query):
                ref = _without(listed, ours)
                counts["found"] += 1
                subjects.add(premises.pseudonyms.uid(ref.study_instance_uid))
                _one(premises, reader, ref, staging, rules=rules, counts=counts, refused=refused)
                if progress:
                    progress("ingest", counts["found"], 0)
        finally:
            reader.close()
    if not counts["found"]:
        raise NothingFoundError("The PACS holds no study that the job's cohort asks for.")
    if refused.total() == counts["found"]:
        reasons = ", ".join(f"{code} ({number})" for code, number in sorted(refused.items()))
        raise NothingSealedError(f"Every study found was put aside: {reasons}.")
    cohort, left_out = draw_cohort(premises, job, subjects)
    return IngestReport(
        found=counts["found"],
        retrieved=counts["retrieved"],
        already_sealed=counts["already"],
        sealed=counts["sealed"],
        instances=counts["instances"],
        quarantined=dict(refused),
        unplaced=reader.unplaced,
        left_out=left_out,
        cohort=CohortSummary.of(cohort),
    )


def _one(  # noqa: PLR0913 - what one study needs
    premises: Premises,
    reader: ArchiveReader,
    ref: StudyRef,
    staging: Path,
    *,
    rules: Quality,
    counts: Counter[str],
    refused: Counter[str],
) -> None:
    subject = premises.pseudonyms.uid(ref.study_instance_uid)
    if _sealed_as_expected(premises, subject, ref):
        counts["already"] += 1
        return
    identified = staging / "identified"
    try:
        premises.record(EventKind.STUDY_FOUND, study=subject, instances=len(ref.sop_instance_uids))
        study = retrieve_complete(reader, ref, identified)
        premises.record(EventKind.STUDY_RETRIEVED, study=subject, instances=len(study.files))
        counts["retrieved"] += 1
        standardise_study(premises, study)
        behind_gate_1 = disclose(premises, study, staging / "deidentified", rules)
        premises.store.put(behind_gate_1)
        premises.record(
            EventKind.STUDY_SEALED, study=subject, instances=len(behind_gate_1.instances)
        )
        premises.release_from_quarantine(subject)
        counts["sealed"] += 1
        counts["instances"] += len(behind_gate_1.instances)
    except _OF_THE_SITE:
        raise
    except _OF_ONE_STUDY as error:
        premises.quarantine(subject, error, identified)
        premises.record(EventKind.STUDY_QUARANTINED, study=subject, code=error.code)
        refused[error.code] += 1
    finally:
        for folder in (identified, staging / "deidentified"):
            shutil.rmtree(folder, ignore_errors=True)


def _own_results(premises: Premises) -> frozenset[str]:
    """Digests of the series that this site's models wrote: they must never become labels."""
    return frozenset(
        str(entry.event.fields["series"])
        for entry in premises.book.entries()
        if entry.event.kind is EventKind.RESULT_STORED
    )


def _without(ref: StudyRef, ours: frozenset[str]) -> StudyRef:
    series = tuple(s for s in ref.series if sha256_hex(s.series_instance_uid.encode()) not in ours)
    return replace(ref, series=series)


def _sealed_as_expected(premises: Premises, subject: str, ref: StudyRef) -> bool:
    """Tell whether the store holds exactly what the archive lists, under the profile of today.

    No table of identities is kept: the archive's UIDs are pseudonymised again and compared.
    """
    store = premises.store
    if not store.has(subject) or store.study(subject).profile_digest != premises.profile.digest:
        return False
    expected = {premises.pseudonyms.uid(uid) for uid in ref.sop_instance_uids}
    return expected == store.sop_instance_uids(subject)
