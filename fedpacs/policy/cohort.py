"""Gate 2, cohort: whether a model may be trained on a selection of studies."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.cohort import Split
from fedpacs.core.decision import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

GATE = "cohort"
_SMALLEST_MEANINGFUL = 2
"""A limit of one patient, or none, limits nothing."""


@dataclass(frozen=True, slots=True)
class CohortFacts:
    """What is known of a cohort before gate 2.

    Attributes
    ----------
    num_patients
        Different patients in each part.
    minimum_patients
        Patients that the cohort must have in all; the stricter of site and job.
    minimum_cell
        Fewest patients that a number, and so also a model, may rest on.
    unlabelled
        Subjects without a label of the classes that the job names.
    quality_failures
        Subjects whose series failed quality control.
    overlap
        Patients who are in more than one part.
    """

    num_patients: Mapping[Split, int]
    minimum_patients: int
    minimum_cell: int
    unlabelled: int
    quality_failures: int
    overlap: int


def decide(facts: CohortFacts) -> Decision:
    """Decide gate 2. It opens only if all of these hold; every broken one is named.

    1. No count is negative or anything but a whole number (``cohort.impossible-count``).
    2. Both limits are at least two patients; a limit that limits nothing is refused
       (``cohort.vacuous-limit``).
    3. Training, validation and test each have a patient (``cohort.empty-part``).
    4. The cohort has at least the minimum of patients (``cohort.too-few-patients``).
    5. The training part has at least the minimum cell: its weights would else describe fewer
       people than any number may (``cohort.training-below-cell``). Numbers from small validation
       and test parts are suppressed one by one at gate 3.
    6. No patient is in two parts (``cohort.patient-in-two-parts``).
    7. Every subject has its label (``cohort.unlabelled``).
    8. Every subject passed quality control (``cohort.quality``).

    Parameters
    ----------
    facts
        What is known.

    Returns
    -------
    Decision
        With all reasons, not only the first.
    """
    return Decision.of(GATE, _broken(facts))


def _broken(facts: CohortFacts) -> Iterator[Reason]:
    others = (facts.unlabelled, facts.quality_failures, facts.overlap)
    counts = (*facts.num_patients.values(), *others)
    if any(type(count) is not int or count < 0 for count in counts):
        yield Reason("cohort.impossible-count", "A count is not a whole number of 0 or more.")
        return
    if not min(facts.minimum_patients, facts.minimum_cell) >= _SMALLEST_MEANINGFUL:
        yield Reason("cohort.vacuous-limit", "A limit of fewer than two patients limits nothing.")
    yield from _sizes(facts)
    if facts.overlap > 0:
        yield Reason(
            "cohort.patient-in-two-parts", f"{facts.overlap} patients are in more than one part."
        )
    if facts.unlabelled > 0:
        yield Reason("cohort.unlabelled", f"{facts.unlabelled} subjects have no label.")
    if facts.quality_failures > 0:
        yield Reason("cohort.quality", f"{facts.quality_failures} subjects failed quality control.")


def _sizes(facts: CohortFacts) -> Iterator[Reason]:
    for split in Split:
        if facts.num_patients.get(split, 0) == 0:
            yield Reason("cohort.empty-part", f"The {split.value} part has no patient.")
    total = sum(facts.num_patients.get(split, 0) for split in Split)
    if total < facts.minimum_patients:
        yield Reason(
            "cohort.too-few-patients",
            f"The cohort has {total} patients; {facts.minimum_patients} are needed.",
        )
    train = facts.num_patients.get(Split.TRAIN, 0)
    if 0 < train < facts.minimum_cell:
        yield Reason(
            "cohort.training-below-cell",
            f"The training part has {train} patients; {facts.minimum_cell} are needed.",
        )
