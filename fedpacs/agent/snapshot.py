"""The data snapshot of a job: drawn from the sealed store, let through by gate 2."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.agent.gates import pass_gate
from fedpacs.agent.series import codes_of_today
from fedpacs.cohort.selection import latest_cohort, save_cohort, select_cohort
from fedpacs.core.cohort import Split
from fedpacs.core.errors import AgentError
from fedpacs.policy import cohort as cohort_gate
from fedpacs.policy.limits import stricter
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Collection

    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig
    from fedpacs.core.cohort import Cohort


class NoCohortError(AgentError):
    """There is no cohort that the store holds completely."""

    code = "agent.no-cohort"
    default_hint = (
        "Run `fedpacs site ingest --site FILE --job FILE`: it brings back what the store lost, and "
        "draws the cohort."
    )


class OtherProfileError(AgentError):
    """The cohort was de-identified under another profile than the site has now."""

    code = "agent.other-profile"
    default_hint = "Run `fedpacs site ingest`: it de-identifies the studies again."


@dataclass(frozen=True, slots=True)
class CohortSummary:
    """Patients in each part of a cohort."""

    digest: str
    train: int
    validation: int
    test: int

    @classmethod
    def of(cls, cohort: Cohort) -> CohortSummary:
        """Count."""
        sizes = [len(cohort.patients(split)) for split in Split]
        return cls(cohort.digest, *sizes)


def draw_cohort(
    premises: Premises, job: JobConfig, studies: Collection[str]
) -> tuple[Cohort, dict[str, int]]:
    """Draw the job's cohort from the store, ask gate 2, and make it the current one.

    Parameters
    ----------
    premises
        The site.
    job
        Its cohort query.
    studies
        New UIDs of the studies that the archive gave for the query: the store's own dates are
        shifted, so it cannot tell.

    Returns
    -------
    Cohort
        What gate 2 let through.
    dict
        Image series that were left out, by reason.

    Raises
    ------
    GateClosedError
        With every rule that was broken.
    """
    store = premises.store
    selection = select_cohort(
        store,
        job.cohort,
        latest_cohort(store, job.cohort),
        studies=studies,
        coded=codes_of_today(premises),
    )
    cohort = selection.cohort
    limits = stricter(premises.config.limits, job)
    patients = {split: len(cohort.patients(split)) for split in Split}
    facts = cohort_gate.CohortFacts(
        num_patients=patients,
        minimum_patients=limits.minimum_patients,
        minimum_cell=limits.minimum_cell,
        unlabelled=sum(not subject.label_sop_instance_uid for subject in cohort.subjects),
        quality_failures=0,  # a study with an unfit series was never sealed
        overlap=sum(patients.values()) - len(cohort.patients()),
    )
    pass_gate(premises, cohort_gate.decide(facts), cohort.digest)
    save_cohort(store, cohort)
    premises.record(EventKind.COHORT_BUILT, cohort=cohort.digest, patients=len(cohort.patients()))
    left_out = {"unlabelled": selection.unlabelled, "ambiguous": selection.ambiguous}
    return cohort, {k: n for k, n in {**left_out, **selection.unfit}.items() if n}


def current_cohort(premises: Premises, job: JobConfig) -> Cohort:
    """Give the cohort that gate 2 let through last.

    Raises
    ------
    AgentError
        If there is none yet.
    """
    cohort = latest_cohort(premises.store, job.cohort)
    if cohort is None:
        raise NoCohortError("This site has no cohort for the job, or no longer all of it.")
    return cohort


def require_profile(premises: Premises, cohort: Cohort) -> None:
    """Return only if every study of a cohort was de-identified under the site's profile.

    Raises
    ------
    OtherProfileError
        If one was not: an approval of the profile would say what is not so.
    """
    for uid in {subject.study_instance_uid for subject in cohort.subjects}:
        if premises.store.study(uid).profile_digest != premises.profile.digest:
            raise OtherProfileError("The cohort was de-identified under another profile.")
