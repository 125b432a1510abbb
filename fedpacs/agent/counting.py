"""Counting a cohort: every patient once, through the manifest, from the sealed store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.cohort.stacks import read_dataset
from fedpacs.cohort.volumes import load_volume
from fedpacs.quality.harmonisation.moments import FEMALE, design_row, moments_of, sex_groups
from fedpacs.quality.statistics.series import describe, feature_names

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig
    from fedpacs.core.cohort import Cohort, Subject
    from fedpacs.core.statistics import Moments
    from fedpacs.federation.statistics import StatisticsSchema
    from fedpacs.quality.statistics.series import SeriesFacts


@dataclass(frozen=True, slots=True, eq=False)
class Count:
    """What was counted; it must not leave.

    Attributes
    ----------
    patients
        How many.
    contributions
        By table: one row of whole numbers for each patient.
    features
        Shape ``(N, F)``.
    names
        Of the features.
    design
        Shape ``(N, 3)``: intercept, age, sex.
    """

    patients: int
    contributions: Mapping[str, list[tuple[int, ...]]]
    features: NDArray[np.float64]
    names: tuple[str, ...]
    design: NDArray[np.float64]

    def moments(self, minimum_cell: int) -> Moments:
        """Sum up for harmonisation."""
        return moments_of(self.features, self.names, self.design, minimum_cell)

    def groups(self, moments: Moments | None) -> dict[str, int]:
        """Patients in the smallest group of each yes-or-no covariate of some moments."""
        if moments is None or FEMALE not in moments.covariates:
            return {}
        return {FEMALE: min(sex_groups(self.design))}


def count(
    premises: Premises,
    job: JobConfig,
    cohort: Cohort,
    schema: StatisticsSchema,
    progress: Callable[[str, int, int], None] | None = None,
) -> Count:
    """Count a cohort.

    Each patient counts once, through the series whose UID comes first: with more, a patient who
    was examined often would weigh more, and cost more privacy, than the others.

    Raises
    ------
    CohortError
        If the store does not hold what the manifest names.
    """
    labels = [label.name for label in job.cohort.labels]
    chosen: dict[str, Subject] = {}
    for subject in sorted(cohort.subjects, key=lambda s: s.series_instance_uid):
        chosen.setdefault(subject.patient, subject)
    facts: list[SeriesFacts] = []
    for number, subject in enumerate(chosen.values(), start=1):
        study = premises.store.study(subject.study_instance_uid)
        image = study.series(subject.series_instance_uid)[0]
        header = read_dataset(premises.store.read(image.digest))
        volume = load_volume(premises.store, subject, job.cohort.labels)
        facts.append(describe(header, volume, schema.forms, labels))
        if progress:
            progress("patients", number, len(chosen))
    return Count(
        patients=len(facts),
        contributions={name: [each.contributions[name] for each in facts] for name in schema.forms},
        features=np.array([each.features for each in facts]),
        names=feature_names(labels),
        design=np.array([design_row(each.age_years, each.sex) for each in facts]),
    )
