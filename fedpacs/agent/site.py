"""The hospital's use cases as one object: what the command line, notebooks and the demo call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.agent.premises import Premises
from fedpacs.pacs.open import open_reader
from fedpacs.pacs.ports import StudyQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from fedpacs.agent.alone import AloneReport
    from fedpacs.agent.doctor import CheckItem
    from fedpacs.agent.intake.tally import IngestReport
    from fedpacs.agent.service import RunReport
    from fedpacs.agent.status import SiteStatus
    from fedpacs.agent.withdrawals import Forgotten
    from fedpacs.cohort.upkeep import RepairReport
    from fedpacs.config.job import CohortQuery, JobConfig
    from fedpacs.config.site import SiteConfig
    from fedpacs.core.terms import Terms
    from fedpacs.core.update import Result
    from fedpacs.pacs.ports import ProbeStep
    from fedpacs.policy.cells import Counts
    from fedpacs.quality.report import QualitySummary
    from fedpacs.quality.standardisation.drift import Jump, Month
    from fedpacs.quality.standardisation.register import Question
    from fedpacs.quality.standardisation.review import Answered

    Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class FindSummary:
    """What the PACS holds for a cohort query, in counts."""

    studies: int
    series: int
    instances: int
    modalities: dict[str, int]


class Site:
    """One hospital.

    Parameters
    ----------
    premises
        Its opened configuration, store and book.
    """

    def __init__(self, premises: Premises) -> None:
        self.premises = premises

    @classmethod
    def open(cls, path: Path) -> Site:
        """Open a site by its ``site.toml``.

        Raises
        ------
        ConfigError
            With every fault of the file.
        """
        return cls(Premises.open(path))

    @property
    def config(self) -> SiteConfig:
        """The site's configuration, paths made absolute."""
        return self.premises.config

    def check(self) -> tuple[CheckItem, ...]:
        """Check configuration, keys, profile, store and book."""
        from fedpacs.agent.inspection import check

        return check(self.premises)

    def echo(self) -> tuple[ProbeStep, ...]:
        """Probe the PACS step by step, and keep the evidence in the answer."""
        reader = open_reader(self.config.pacs)
        try:
            return reader.probe()
        finally:
            reader.close()

    def find(self, query: CohortQuery) -> FindSummary:
        """Count what the PACS holds for a cohort query."""
        studies = series = instances = 0
        modalities: Counter[str] = Counter()
        reader = open_reader(self.config.pacs)
        try:
            for ref in reader.find(StudyQuery(query.modality, query.study_date)):
                studies += 1
                series += len(ref.series)
                instances += len(ref.sop_instance_uids)
                modalities.update(s.modality for s in ref.series)
        finally:
            reader.close()
        return FindSummary(studies, series, instances, dict(sorted(modalities.items())))

    def ingest(
        self,
        job: JobConfig,
        progress: Progress | None = None,
        *,
        retry: bool = False,
        wait: bool = False,
        scheduler: str = "",
    ) -> IngestReport:
        """Bring every new or changed study of the job's cohort into the sealed store.

        Parameters
        ----------
        job
            Its cohort query says which studies.
        progress
            Called with step, studies done and studies found so far.
        retry
            Try again at once what was refused or given up before, and what waits.
        wait
            Outside the site's time windows wait for the next one.
        scheduler
            Dask scheduler, in place of the one in the site file.
        """
        from fedpacs.agent.ingest import IngestOptions, ingest

        premises = self.premises
        if scheduler:
            premises = premises.with_scheduler(scheduler)
        return ingest(premises, job, progress, IngestOptions(retry=retry, wait=wait))

    def count(self) -> dict[str, Counts]:
        """Count sealed patients by every coded field, for the consortium's catalogue."""
        from fedpacs.agent.series import codes_of_today
        from fedpacs.cohort.counting import catalogue

        studies = map(codes_of_today(self.premises), self.premises.store.each_study())
        return catalogue(studies, self.config.limits.minimum_cell)

    def forget(self, patient: str) -> Forgotten:
        """Withdraw a patient for good and remove everything of them.

        Parameters
        ----------
        patient
            Pseudonym, see `pseudonym_of`.
        """
        from fedpacs.agent.withdrawals import forget

        return forget(self.premises, patient)

    def pseudonym_of(self, patient_id: str) -> str:
        """Give the pseudonym of a patient of this hospital; the Patient ID is kept nowhere."""
        return self.premises.pseudonyms.patient(patient_id)

    def repair(self) -> RepairReport:
        """Finish what a killed writer left in the store, and drop what is damaged in it."""
        from fedpacs.cohort.store import SealedStore
        from fedpacs.crypto.keys import load_secret

        store = self.config.store
        return SealedStore.mend(store.path, load_secret(store.key))

    def terms(self, job: JobConfig, *, statistics: bool = False) -> Terms:
        """Give what would be approved, for training or for statistics alone."""
        from fedpacs.agent.consent import statistics_terms_of, terms_of

        return (statistics_terms_of if statistics else terms_of)(self.premises, job)

    def approve(
        self,
        job: JobConfig,
        approver: str,
        key_uri: str,
        days: int = 90,
        *,
        read: Terms | None = None,
    ) -> str:
        """Sign a job's terms; see `fedpacs.agent.consent.approve`."""
        from fedpacs.agent.consent import approve

        return approve(self.premises, read or self.terms(job), job, (approver, key_uri), days)

    def revoke(
        self, approver: str, key_uri: str, *, job: JobConfig | None = None, terms: str = ""
    ) -> tuple[str, ...]:
        """Take approvals back; see `fedpacs.agent.consent.revoke`."""
        from fedpacs.agent.consent import revoke

        return revoke(self.premises, (approver, key_uri), job=job, terms=terms)

    def train(self, job: JobConfig, progress: Progress | None = None) -> RunReport:
        """Serve the approved job's tasks until its run ends or the process is stopped."""
        from fedpacs.agent.service import serve

        return serve(self.premises, job, self.terms(job), progress)

    def train_alone(self, job: JobConfig, progress: Progress | None = None) -> AloneReport:
        """Train a local-only model, for comparison; nothing leaves."""
        from fedpacs.agent.alone import train_alone

        return train_alone(self.premises, job, progress)

    def send_result(self, job: JobConfig, model_file: Path) -> Result:
        """Segment a held-out study with the global model and store the SEG in the PACS."""
        from fedpacs.agent.delivery import Delivery

        delivery = Delivery(self.premises, job, model_file)
        return delivery.send(delivery.first_subject())

    def quality(
        self,
        job: JobConfig | None = None,
        report: Path | None = None,
        progress: Progress | None = None,
    ) -> QualitySummary:
        """Check the sealed series; see `fedpacs.agent.series.check_quality`."""
        from fedpacs.agent.series import check_quality

        own = self.config.quality
        rules = job.quality.stricter(own) if job is not None else own
        return check_quality(self.premises, rules, report, progress)

    def series_questions(self) -> tuple[Question, ...]:
        """Give the names of series that a person must code. **Identified**: the site's words."""
        from fedpacs.agent.series import register_of

        return register_of(self.premises).questions()

    def answer_series(self, number: str, said: Mapping[str, str]) -> Answered:
        """Answer a question; see `fedpacs.quality.standardisation.review.answer`."""
        from fedpacs.agent.series import register_of
        from fedpacs.quality.standardisation.review import answer

        mapping = self.config.standardisation.mapping
        return answer(register_of(self.premises), mapping, number, said)

    def series_drift(self) -> tuple[tuple[Month, ...], tuple[Jump, ...]]:
        """Give the shares of each class by month, and what stands out."""
        from fedpacs.agent.series import drift_of

        return drift_of(self.premises)

    def status(self) -> SiteStatus:
        """Show the site at a glance."""
        from fedpacs.agent.status import status_of

        return status_of(self.premises)
