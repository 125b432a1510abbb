"""How good a model is: Dice by class, per patient over the whole volume, then averaged."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.training.errors import NoDataError
from fedpacs.training.inference import logits

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn

    from fedpacs.config.job import JobConfig
    from fedpacs.training.preparation import PreparedVolume


@dataclass(frozen=True, slots=True)
class Scores:
    """Dice over a part of the cohort, 0 to 1.

    Attributes
    ----------
    mean_dice
        Mean over the classes, background left out.
    dice
        By the name of the class.
    num_patients
        Patients behind the numbers, for the small-cell rule.
    """

    mean_dice: float
    dice: dict[str, float]
    num_patients: int


def evaluate(module: nn.Module, volumes: Sequence[PreparedVolume], job: JobConfig) -> Scores:
    """Score a network on prepared volumes.

    A patient with several volumes counts once, with the mean over them.

    Raises
    ------
    NoDataError
        If there are no volumes.
    """
    if not volumes:
        raise NoDataError("The part of the cohort to score is empty.")
    names = [label.name for label in job.cohort.labels]
    by_patient: dict[str, list[NDArray[np.float64]]] = defaultdict(list)
    for volume in volumes:
        predicted = logits(module, volume.images).argmax(dim=1).numpy()
        by_patient[volume.patient].append(
            np.array([dice(predicted == c, volume.labels == c) for c in range(1, len(names) + 1)])
        )
    per_class = np.mean([np.mean(rows, axis=0) for rows in by_patient.values()], axis=0)
    return Scores(
        mean_dice=float(per_class.mean()),
        dice={name: float(value) for name, value in zip(names, per_class, strict=True)},
        num_patients=len(by_patient),
    )


def dice(predicted: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Dice overlap of two masks of one shape; 1 when both are empty.

    References
    ----------
    Dice, Ecology 26 (1945): ``2 |A and B| / (|A| + |B|)``.
    """
    total = int(predicted.sum()) + int(true.sum())
    return 1.0 if total == 0 else 2.0 * int((predicted & true).sum()) / total
