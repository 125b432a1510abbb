"""The local learner of one job: the site's own network and data, warm in memory.

Volumes are opened from the sealed store once, through the cohort's manifest, and live in memory
only. What the learner returns is a `LocalUpdate`, which must not leave before gate 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.cohort.preparations import keep_preparation
from fedpacs.cohort.volumes import load_volume
from fedpacs.core.cohort import Split
from fedpacs.core.update import LocalUpdate, Measurement
from fedpacs.federation.schema import wire_schema
from fedpacs.training.evaluation import evaluate
from fedpacs.training.networks import build_network, initial_weights, state_shapes
from fedpacs.training.packing import pack, unpack
from fedpacs.training.preparation import prepare
from fedpacs.training.trainer import train

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig
    from fedpacs.core.cohort import Cohort
    from fedpacs.core.update import GlobalModel
    from fedpacs.training.evaluation import Scores
    from fedpacs.training.preparation import PreparedVolume


class Learner:
    """Trains and evaluates the job's network on one site's cohort.

    Parameters
    ----------
    premises
        The site.
    job
        The approved job.
    cohort
        The approved data snapshot.

    Attributes
    ----------
    schema
        What the job's network sends, as this site's own software computes it.
    """

    def __init__(self, premises: Premises, job: JobConfig, cohort: Cohort) -> None:
        self._job = job
        self._cohort = cohort
        self._premises = premises
        self._network = build_network(job.network, num_classes=len(job.cohort.labels) + 1)
        self.schema = wire_schema(job, state_shapes(self._network))
        self._parts: dict[Split, list[PreparedVolume]] = {}

    def volumes(self, split: Split) -> list[PreparedVolume]:
        """Give the prepared volumes of one part, opened when first needed."""
        if split not in self._parts:
            self._parts[split] = [
                prepare(
                    load_volume(self._premises.store, subject, self._job.cohort.labels),
                    self._job.preparation,
                )
                for subject in self._cohort.part(split)
            ]
        return self._parts[split]

    def warm_up(self) -> str:
        """Open everything that a round will need.

        Returns
        -------
        str
            Digest of the sealed record of what was done to each volume, step by step.
        """
        done = [
            (subject, [step.as_dict() for step in volume.steps])
            for split in Split
            for subject, volume in zip(self._cohort.part(split), self.volumes(split), strict=True)
        ]
        return keep_preparation(self._premises.store, (self._job.digest, self._cohort.digest), done)

    def fit(self, model: GlobalModel) -> LocalUpdate:
        """Score the global model on the validation part, then train it on the training part."""
        unpack(self._network, model.weights)
        scores = self._scores(Split.VALIDATION)
        outcome = train(
            self._network,
            self.volumes(Split.TRAIN),
            self._job,
            server_round=model.server_round,
        )
        weights = pack(self._network)
        return LocalUpdate(
            job_digest=model.job_digest,
            server_round=model.server_round,
            weights=weights,
            update_norm=float(np.linalg.norm(weights.astype(np.float64) - model.weights)),
            metrics={
                "num-examples": Measurement(float(outcome.num_examples), outcome.num_patients),
                "train-loss": Measurement(outcome.loss, outcome.num_patients),
                "validation-dice": Measurement(scores.mean_dice, scores.num_patients),
            },
        )

    def score(self, model: GlobalModel) -> LocalUpdate:
        """Score the global model on the held-out part; no weights."""
        unpack(self._network, model.weights)
        scores = self._scores(Split.TEST)
        metrics = {
            "num-examples": Measurement(float(scores.num_patients), scores.num_patients),
            "test-dice": Measurement(scores.mean_dice, scores.num_patients),
        }
        for name, dice in scores.dice.items():
            metrics[f"test-dice-{name}"] = Measurement(dice, scores.num_patients)
        return LocalUpdate(model.job_digest, model.server_round, None, 0.0, metrics)

    def test_dice(self, weights: NDArray[np.float32]) -> Scores:
        """Score any packed weights on the held-out part, for the site's own eyes."""
        unpack(self._network, weights)
        return self._scores(Split.TEST)

    def fit_alone(self, report: Callable[[int, float, float], None]) -> NDArray[np.float32]:
        """Train without the consortium, for as many epochs as the federation would.

        Parameters
        ----------
        report
            Called after each epoch with its number, the training loss and the validation Dice.

        Returns
        -------
        ndarray
            Shape ``(wire schema size,)``, float32, packed weights.
        """
        unpack(self._network, initial_weights(self._job))
        epochs = self._job.federation.rounds * self._job.training.local_epochs
        for epoch in range(1, epochs + 1):
            outcome = train(
                self._network, self.volumes(Split.TRAIN), self._job, server_round=epoch, epochs=1
            )
            report(epoch, outcome.loss, self._scores(Split.VALIDATION).mean_dice)
        return pack(self._network)

    def _scores(self, split: Split) -> Scores:
        return evaluate(self._network, self.volumes(split), self._job)
