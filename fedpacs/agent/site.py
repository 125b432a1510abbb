"""The hospital's use cases as one object: what the command line, notebooks and the demo call."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fedpacs.agent.gates import GateClosedError
from fedpacs.agent.premises import Premises
from fedpacs.core.errors import AgentError
from fedpacs.core.terms import Terms
from fedpacs.crypto.signatures import SigningKey
from fedpacs.pacs.open import open_reader
from fedpacs.pacs.ports import StudyQuery
from fedpacs.policy.limits import admits
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fedpacs.agent.alone import AloneReport
    from fedpacs.agent.doctor import CheckItem
    from fedpacs.agent.ingest import IngestReport
    from fedpacs.agent.service import RunReport
    from fedpacs.config.job import CohortQuery, JobConfig
    from fedpacs.config.site import SiteConfig
    from fedpacs.core.update import Result
    from fedpacs.pacs.ports import ProbeStep

    Progress = Callable[[str, int, int], None]


class NotAnApproverError(AgentError):
    """Somebody signed who may not approve at this site."""

    code = "agent.not-an-approver"
    default_hint = "Compare [approval.approvers] of the site file with the name and key given."


class TermsChangedError(AgentError):
    """Job, cohort, profile or software changed between reading and signing."""

    code = "agent.terms-changed"
    default_hint = "Read the terms again, then sign."


class NothingToRevokeError(AgentError):
    """No approval fits what was asked to be revoked."""

    code = "agent.nothing-to-revoke"
    default_hint = "`fedpacs site status` lists the approvals; name one with --terms, or all."


@dataclass(frozen=True, slots=True)
class FindSummary:
    """What the PACS holds for a cohort query, in counts."""

    studies: int
    series: int
    instances: int
    modalities: dict[str, int]


@dataclass(frozen=True, slots=True)
class ApprovalStatus:
    """One approval."""

    job_digest: str
    terms_digest: str
    state: str


@dataclass(frozen=True, slots=True)
class SiteStatus:
    """One site at a glance; no pseudonym, no name."""

    site: str
    profile: str
    studies: int
    patients: int
    quarantined: dict[str, int]
    approvals: tuple[ApprovalStatus, ...]
    book_entries: int
    book_verifies: bool
    events: dict[str, int]


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

    def ingest(self, job: JobConfig, progress: Progress | None = None) -> IngestReport:
        """Bring every new study of the job's cohort into the sealed store."""
        from fedpacs.agent.ingest import ingest

        return ingest(self.premises, job, progress)

    def terms(self, job: JobConfig) -> Terms:
        """Give what would be approved: job, data snapshot, profile, record, bundle, rounds.

        Raises
        ------
        GateClosedError
            If the site's own limits do not admit the job at all.
        """
        from fedpacs.agent.preview import preview
        from fedpacs.agent.snapshot import current_cohort

        seen = preview(job)
        decision = admits(self.config.limits, job, seen.records[0].size_bytes)
        if not decision.allowed:
            raise GateClosedError(decision)
        return Terms(
            site=self.config.site.name,
            job_digest=seen.job_digest,
            cohort_digest=current_cohort(self.premises, job).digest,
            profile_digest=self.premises.profile.digest,
            schema_digest=seen.schema_digest,
            bundle_digest=seen.bundle_digest,
            rounds=seen.rounds,
        )

    def approve(
        self,
        job: JobConfig,
        approver: str,
        key_uri: str,
        days: int = 90,
        *,
        read: Terms | None = None,
    ) -> str:
        """Sign the job's terms as one of the site's approvers, and give their digest.

        Parameters
        ----------
        job
            The job as the site has it.
        approver
            Name in ``[approval.approvers]`` of the site file.
        key_uri
            The approver's private key.
        days
            Until it expires.
        read
            The terms that the person has read; anything else is not signed.

        Raises
        ------
        NotAnApproverError
            If the site file does not name this approver with this key.
        TermsChangedError
            If the terms are no longer those that were read.
        GateClosedError
            If the site's own limits do not admit the job.
        """
        key = SigningKey.load(key_uri)
        if self.config.approval.approvers.get(approver) != key.public:
            raise NotAnApproverError("The site file names no such approver with this key.")
        terms = self.terms(job)
        if read is not None and read != terms:
            raise TermsChangedError("The terms changed after they were read; nothing was signed.")
        approvals = self.premises.approvals
        approvals.request(terms)
        self.premises.record(
            EventKind.APPROVAL_GRANTED,
            terms=terms.digest,
            job=terms.job_digest,
            cohort=terms.cohort_digest,
            approver=approver,
            days=days,
        )
        expires_at = datetime.now(UTC) + timedelta(days=days)
        approvals.approve(terms.digest, approver, key, expires_at)
        return terms.digest

    def revoke(
        self, approver: str, key_uri: str, *, job: JobConfig | None = None, terms: str = ""
    ) -> tuple[str, ...]:
        """Take approvals back; it holds for the very next task.

        Parameters
        ----------
        approver, key_uri
            As for `approve`.
        job
            Only approvals of this job, exactly as the file has it now.
        terms
            Only the approval of the terms whose digest begins so. Without job and terms,
            everything that was ever approved here is revoked.

        Returns
        -------
        tuple of str
            Digests of the terms that were revoked.

        Raises
        ------
        NothingToRevokeError
            If nothing was approved that fits.
        """
        key = SigningKey.load(key_uri)
        chosen = [
            each
            for each in self.premises.approvals.all_terms()
            if (job is None or each.job_digest == job.digest) and each.digest.startswith(terms)
        ]
        if not chosen:
            raise NothingToRevokeError("Nothing was approved at this site that fits.")
        for each in chosen:
            # The book first: a revocation that it tells of holds even if its own row is deleted.
            self.premises.record(
                EventKind.APPROVAL_REVOKED,
                terms=each.digest,
                job=each.job_digest,
                approver=approver,
            )
            self.premises.approvals.revoke(each.digest, approver, key)
        return tuple(each.digest for each in chosen)

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

    def status(self) -> SiteStatus:
        """Show the site at a glance."""
        premises = self.premises
        studies = premises.store.studies()
        events = Counter(str(entry.event.kind) for entry in premises.book.entries())
        return SiteStatus(
            site=self.config.site.name,
            profile=premises.profile.name,
            studies=len(studies),
            patients=len({study.patient for study in studies}),
            quarantined=premises.quarantined(),
            approvals=self._approvals(),
            book_entries=events.total(),
            book_verifies=premises.book.verify(premises.signing_key.public).ok,
            events=dict(sorted(events.items())),
        )

    def _approvals(self) -> tuple[ApprovalStatus, ...]:
        config = self.config.approval
        now = datetime.now(UTC)
        return tuple(
            ApprovalStatus(
                terms.job_digest,
                terms.digest,
                str(
                    self.premises.approvals.state(
                        terms.digest, config.approvers, config.required, now
                    )
                ),
            )
            for terms in self.premises.approvals.all_terms()
        )
