"""Consent of the hospital's people: terms, approval by signature, revocation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING

from fedpacs.agent.gates import GateClosedError
from fedpacs.agent.snapshot import current_cohort, require_profile
from fedpacs.core.errors import AgentError
from fedpacs.core.terms import Terms
from fedpacs.crypto.signatures import SigningKey
from fedpacs.policy.limits import admits
from fedpacs.records.errors import ApprovalsTamperedError
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig
    from fedpacs.records.approvals import ApprovalState


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
class ApprovalStatus:
    """One approval.

    Attributes
    ----------
    job_digest
        Empty when the terms cannot be read.
    purpose
        ``training`` or ``statistics``; empty when the terms cannot be read.
    state
        A state of `fedpacs.records.standing.ApprovalState`, or ``tampered``: approves nothing.
    """

    job_digest: str
    purpose: str
    terms_digest: str
    state: str


def terms_of(premises: Premises, job: JobConfig) -> Terms:
    """Give what would be approved: job, data snapshot, profile, record, bundle, rounds, software.

    Raises
    ------
    NoCohortError
        If nothing was ingested for the job yet.
    GateClosedError
        If the site's own limits do not admit the job at all.
    """
    from fedpacs.agent.preview import preview  # torch: too slow for whoever only asks for states

    seen = preview(job)
    decision = admits(premises.config.limits, job, seen.records[0].size_bytes)
    if not decision.allowed:
        raise GateClosedError(decision)
    return Terms(
        site=premises.config.site.name,
        job_digest=seen.job_digest,
        cohort_digest=current_cohort(premises, job).digest,
        profile_digest=premises.profile.digest,
        schema_digest=seen.schema_digest,
        bundle_digest=seen.bundle_digest,
        rounds=seen.rounds,
        software=version("fedpacs"),
    )


def statistics_terms_of(premises: Premises, job: JobConfig) -> Terms:
    """Give what would be approved for statistics alone: no round of training is.

    Raises
    ------
    NoStatisticsAskedError
        If the job asks for none.
    NoCohortError
        If nothing was ingested for the job yet.
    """
    from fedpacs.federation.bundle import build_bundle, bundle_digest
    from fedpacs.federation.statistics import statistics_schema

    return Terms(
        site=premises.config.site.name,
        job_digest=job.digest,
        cohort_digest=current_cohort(premises, job).digest,
        profile_digest=premises.profile.digest,
        schema_digest=statistics_schema(job).digest,
        bundle_digest=bundle_digest(build_bundle(job, "statistics")),
        rounds=0,
        software=version("fedpacs"),
    )


def approve(
    premises: Premises, read: Terms, job: JobConfig, approver: tuple[str, str], days: int
) -> str:
    """Sign terms as one of the site's approvers, and give their digest.

    Parameters
    ----------
    premises
        The site.
    read
        The terms that the person has read; anything else is not signed.
    job
        The job as the site has it.
    approver
        Name in ``[approval.approvers]`` of the site file, and URI of the private key.
    days
        Until it expires.

    Raises
    ------
    NotAnApproverError
        If the site file does not name this approver with this key.
    TermsChangedError
        If the terms are no longer those that were read.
    OtherProfileError
        If the cohort was de-identified under another profile than the terms name.
    GateClosedError
        If the site's own limits do not admit the job.
    """
    name, key_uri = approver
    key = SigningKey.load(key_uri)
    if premises.config.approval.approvers.get(name) != key.public:
        raise NotAnApproverError("The site file names no such approver with this key.")
    terms_now = terms_of if read.rounds else statistics_terms_of
    if read != terms_now(premises, job):
        raise TermsChangedError("The terms changed after they were read; nothing was signed.")
    require_profile(premises, current_cohort(premises, job))
    premises.approvals.request(read)
    premises.record(
        EventKind.APPROVAL_GRANTED,
        terms=read.digest,
        job=read.job_digest,
        cohort=read.cohort_digest,
        approver=name,
        days=days,
    )
    expires_at = datetime.now(UTC) + timedelta(days=days)
    premises.approvals.approve(read.digest, name, key, expires_at)
    return read.digest


def revoke(
    premises: Premises, approver: tuple[str, str], *, job: JobConfig | None, terms: str
) -> tuple[str, ...]:
    """Take approvals back; it holds for the very next task.

    Parameters
    ----------
    premises
        The site.
    approver
        Name and URI of the private key.
    job
        Only approvals of this job, exactly as the file has it now.
    terms
        Only the approval of the terms whose digest begins so. Without job and terms, everything
        that was ever approved here is revoked.

    Returns
    -------
    tuple of str
        Digests of the terms that were revoked.

    Raises
    ------
    NothingToRevokeError
        If nothing was approved that fits.
    """
    name, key_uri = approver
    key = SigningKey.load(key_uri)
    # What cannot be read may be of any job, so it is revoked as well.
    chosen = [
        digest
        for digest, each in premises.approvals.asked()
        if digest.startswith(terms)
        and (job is None or each is None or each.job_digest == job.digest)
    ]
    if not chosen:
        raise NothingToRevokeError("Nothing was approved at this site that fits.")
    for digest in chosen:
        # The book first: a revocation that it tells of holds even if its own row is deleted.
        premises.record(EventKind.APPROVAL_REVOKED, terms=digest, approver=name)
        premises.approvals.revoke(digest, name, key)
    return tuple(chosen)


def state_of(premises: Premises, terms_digest: str) -> ApprovalState:
    """Tell where an approval stands now, every signature verified again."""
    approval = premises.config.approval
    return premises.approvals.state(
        terms_digest, approval.approvers, approval.required, datetime.now(UTC)
    )


def approvals_of(premises: Premises) -> tuple[ApprovalStatus, ...]:
    """List every approval that was ever asked for at the site."""
    return tuple(
        ApprovalStatus(*_named(each), digest, _standing(premises, digest))
        for digest, each in premises.approvals.asked()
    )


def _named(terms: Terms | None) -> tuple[str, str]:
    """Give the job of some terms, and what for."""
    if terms is None:
        return "", ""
    return terms.job_digest, "training" if terms.rounds else "statistics"


def _standing(premises: Premises, terms_digest: str) -> str:
    try:
        return str(state_of(premises, terms_digest))
    except ApprovalsTamperedError:
        return "tampered"
