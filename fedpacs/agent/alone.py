"""Training without the consortium: what the hospital would have on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.agent.learner import Learner
from fedpacs.agent.snapshot import current_cohort
from fedpacs.core.update import GlobalModel
from fedpacs.federation.model_file import save_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig


@dataclass(frozen=True, slots=True)
class AloneReport:
    """A local-only model, trained for as many epochs as the federation trains.

    Attributes
    ----------
    train_loss, validation_dice
        One number per epoch.
    test_dice
        Mean Dice over the held-out patients.
    model_file
        Where its packed weights lie; they stay at the site.
    """

    train_loss: tuple[float, ...]
    validation_dice: tuple[float, ...]
    test_dice: float
    model_file: Path


def train_alone(
    premises: Premises, job: JobConfig, progress: Callable[[str, int, int], None] | None = None
) -> AloneReport:
    """Train a local-only model; nothing leaves."""
    learner = Learner(premises, job, current_cohort(premises, job))
    epochs = job.federation.rounds * job.training.local_epochs
    losses: list[float] = []
    dices: list[float] = []

    def report(epoch: int, loss: float, dice: float) -> None:
        losses.append(loss)
        dices.append(dice)
        if progress:
            progress("train alone", epoch, epochs)

    weights = learner.fit_alone(report)
    folder = premises.config.store.path.parent / "models"
    model = GlobalModel(job.digest, job.federation.rounds, weights)
    file, _ = save_model(folder, model, learner.schema)
    return AloneReport(
        train_loss=tuple(losses),
        validation_dice=tuple(dices),
        test_dice=learner.test_dice(weights).mean_dice,
        model_file=file,
    )
