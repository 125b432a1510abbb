"""Counts of one ingest, and the report made of them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedpacs.agent.snapshot import CohortSummary


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
    not_ready
        Every study found that is not ready at the end, by code: quarantined now or before, waiting
        for another try, given up, or not begun.
    withdrawn
        Studies that were passed over because their patients do not take part.
    forgotten
        Patients of whom something was still here, removed at the beginning.
    unmatched
        Studies that were fetched and only then seen not to match the job's keys.
    unplaced
        Unreadable files of an export that cannot be told to which study they belong.
    left_out
        Image series in the store that are not in the cohort, by reason.
    stopped
        Code of why the run ended before every study had its turn; empty when it did not.
    cohort
        None when the run was stopped: a part of the studies makes no cohort.
    """

    found: int
    retrieved: int
    already_sealed: int
    sealed: int
    instances: int
    quarantined: dict[str, int]
    not_ready: dict[str, int]
    withdrawn: int
    forgotten: int
    unmatched: int
    unplaced: int
    left_out: dict[str, int]
    stopped: str
    cohort: CohortSummary | None


@dataclass(slots=True)
class Tally:
    """What is counted while an ingest runs.

    Attributes
    ----------
    subjects
        Pseudonyms of the studies found that may be in the cohort.
    not_ready
        Code of each study found that is not ready, by pseudonym.
    aside
        Code of each study that was put aside in this run and has not become ready since.
    """

    counts: Counter[str] = field(default_factory=Counter)
    aside: dict[str, str] = field(default_factory=dict)
    subjects: set[str] = field(default_factory=set)
    not_ready: dict[str, str] = field(default_factory=dict)
    stopped: str = ""

    def put_aside(self, subject: str, code: str) -> None:
        """Note that a study was refused, for now or for good."""
        self.aside[subject] = self.not_ready[subject] = code

    def settled(self, subject: str) -> None:
        """Note that a study needs no further try."""
        self.aside.pop(subject, None)
        self.not_ready.pop(subject, None)

    def passed_over(self, why: str, subject: str) -> None:
        """Take a study that was found out of the counts: it is not for this job."""
        self.counts["found"] -= 1
        self.counts[why] += 1
        self.subjects.discard(subject)
        self.settled(subject)

    def report(
        self, unplaced: int, cohort: CohortSummary | None, left_out: dict[str, int]
    ) -> IngestReport:
        """Make the report."""
        counts = self.counts
        return IngestReport(
            found=counts["found"],
            retrieved=counts["retrieved"],
            already_sealed=counts["already"],
            sealed=counts["sealed"],
            instances=counts["instances"],
            quarantined=dict(sorted(Counter(self.aside.values()).items())),
            not_ready=dict(sorted(Counter(self.not_ready.values()).items())),
            withdrawn=counts["withdrawn"],
            forgotten=counts["forgotten"],
            unmatched=counts["unmatched"],
            unplaced=unplaced,
            left_out=left_out,
            stopped=self.stopped,
            cohort=cohort,
        )
