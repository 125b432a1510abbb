"""The stricter of site and job: what holds for one job at one site. A job can only tighten."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.decision import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.config.job import JobConfig
    from fedpacs.config.site import Limits

NUM_EXAMPLES = "num-examples"
"""The weight of an update in the average: the one number without which nothing leaves."""


@dataclass(frozen=True, slots=True)
class EgressLimits:
    """What gate 3 holds an update to.

    Attributes
    ----------
    maximum_update_norm
        Bound on the L2 norm of the step away from the global weights.
    minimum_cell
        Numbers that rest on fewer patients are suppressed.
    maximum_update_bytes
        Bound on the size of the packed array.
    allowed_metrics
        Names of the numbers that may leave.
    minimum_patients
        Patients a cohort must have.
    maximum_rounds
        Rounds one approval may last.
    """

    maximum_update_norm: float
    minimum_cell: int
    maximum_update_bytes: int
    allowed_metrics: tuple[str, ...]
    minimum_patients: int = 2
    maximum_rounds: int = 10_000


def stricter(site: Limits, job: JobConfig) -> EgressLimits:
    """Take the stricter of both for every limit.

    Parameters
    ----------
    site
        The site's own limits.
    job
        The job's.

    Returns
    -------
    EgressLimits
        At least as strict as either. `num-examples` is always among the allowed metrics; without
        it no update can be averaged.
    """
    return EgressLimits(
        maximum_update_norm=min(site.maximum_update_norm, job.egress.maximum_update_norm),
        minimum_cell=max(site.minimum_cell, job.egress.minimum_cell),
        maximum_update_bytes=site.maximum_update_bytes,
        allowed_metrics=tuple(sorted({*job.egress.metrics, NUM_EXAMPLES})),
        minimum_patients=max(site.minimum_patients, job.cohort.minimum_patients),
        maximum_rounds=min(site.maximum_rounds, job.federation.rounds),
    )


def admits(site: Limits, job: JobConfig, update_bytes: int) -> Decision:
    """Tell before anybody approves whether the site's limits admit a job at all.

    The rules, all of which must hold:

    1. The job asks for no more rounds than the site allows (``job.too-many-rounds``).
    2. Its packed network is no larger than the site allows (``job.update-too-large``).

    Parameters
    ----------
    site
        The site's own limits.
    job
        The job's.
    update_bytes
        Size of the packed array, from the wire schema.
    """
    return Decision.of("job", _not_admitted(site, job, update_bytes))


def _not_admitted(site: Limits, job: JobConfig, update_bytes: int) -> Iterator[Reason]:
    if job.federation.rounds > site.maximum_rounds:
        yield Reason(
            "job.too-many-rounds",
            f"The job asks for {job.federation.rounds} rounds; "
            f"this site allows {site.maximum_rounds}.",
        )
    if not 0 < update_bytes <= site.maximum_update_bytes:
        yield Reason(
            "job.update-too-large",
            f"One update has {update_bytes} bytes; this site allows {site.maximum_update_bytes}.",
        )
