"""From the PACS into the sealed store: every study complete and ready, or not ready under a code.

Studies are fetched one after the other and worked on by others meanwhile; each is sealed as soon as
it is finished, and its files leave the staging area. A study that fails never stops the others.
What stops everything is what would befall every study alike: a book that cannot be written, a full
disk, a PACS that stays away.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.agent.intake.run import Run
from fedpacs.agent.intake.windows import Windows
from fedpacs.agent.snapshot import CohortSummary, draw_cohort
from fedpacs.core.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.agent.intake.tally import IngestReport, Tally
    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig

    Progress = Callable[[str, int, int], None]


class NothingFoundError(AgentError):
    """The PACS answered, but no study matched."""

    code = "agent.nothing-found"
    exit_status = 66
    default_hint = "Try `fedpacs site find`; check modality and study_date of the job's cohort."


class NothingSealedError(AgentError):
    """Every study that was found had to be put aside."""

    code = "agent.nothing-sealed"
    default_hint = "Each code is explained in docs/reference/errors.md; put its cause right first."


class NotAllReadyError(AgentError):
    """Some of the studies that the job asks for are not ready; what is ready can be used."""

    code = "agent.not-all-ready"
    exit_status = 67
    default_hint = (
        "Each code is explained in docs/reference/errors.md. What may pass is tried again by the "
        "next ingest, the rest with --retry once its cause is put right."
    )


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """How one ingest is run.

    Attributes
    ----------
    retry
        Try again what was refused or given up before, and what waits, at once.
    wait
        Outside the site's windows wait for the next one instead of refusing.
    """

    retry: bool = False
    wait: bool = False


def ingest(
    premises: Premises,
    job: JobConfig,
    progress: Progress | None = None,
    options: IngestOptions | None = None,
) -> IngestReport:
    """Bring every new or changed study of the job's cohort into the sealed store; draw the cohort.

    Parameters
    ----------
    premises
        The site.
    job
        Its cohort query says which studies.
    progress
        Called with the step's name, studies done and studies found so far.
    options
        How.

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
    OutsideWindowError, DiskLowError
        If no study may be begun now.
    NothingFoundError
        If it holds no study of the cohort.
    NothingSealedError
        If not one of those found could be sealed, now or before.
    GateClosedError
        If gate 2 stays closed; what was sealed stays sealed.
    RecordsError
        If book or index cannot be written.
    """
    chosen = options or IngestOptions()
    windows = Windows(premises.config.ingest.windows, premises.config.ingest.time_zone)
    windows.enter(wait=chosen.wait)
    premises.bind_store()
    with premises.staging() as staging:
        run = Run(premises, job, staging, windows, progress or _silent)
        try:
            run.do(retry=chosen.retry)
        finally:
            run.close()
    return _concluded(premises, job, run.tally, run.reader.unplaced)


def not_all_ready(report: IngestReport) -> NotAllReadyError | None:
    """Give the error that a run ends with where studies are not ready; None where all are."""
    number = sum(report.not_ready.values())
    if report.stopped:
        return NotAllReadyError(
            f"The run was stopped ({report.stopped}); {number} of {report.found} studies seen are "
            "not ready.",
            hint="Run it again; it goes on where it was stopped.",
        )
    if not number:
        return None
    reasons = ", ".join(f"{code} ({count})" for code, count in report.not_ready.items())
    return NotAllReadyError(f"{number} of {report.found} studies are not ready: {reasons}.")


def _concluded(premises: Premises, job: JobConfig, tally: Tally, unplaced: int) -> IngestReport:
    if tally.stopped:
        return tally.report(unplaced, None, {})
    found = tally.counts["found"]
    if not found:
        raise NothingFoundError("The PACS holds no study that the job's cohort asks for.")
    if len(tally.not_ready) == found:
        report = tally.report(unplaced, None, {})
        reasons = ", ".join(f"{code} ({number})" for code, number in report.not_ready.items())
        raise NothingSealedError(f"Every study found was put aside: {reasons}.")
    cohort, left_out = draw_cohort(premises, job, tally.subjects)
    return tally.report(unplaced, CohortSummary.of(cohort), left_out)


def _silent(_step: str, _done: int, _found: int) -> None:
    """Show nothing."""
