"""Local training of one round: the job's loss and optimiser over a site's prepared volumes.

The optimiser starts anew in every call, so nothing but the weights passes from round to round;
a hospital that was away for a round needs no state to come back.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from monai.losses.dice import DiceCELoss, DiceLoss
from torch import nn, optim

from fedpacs.training.errors import BadVolumeError, NoDataError, NotFiniteError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fedpacs.config.job import JobConfig, Training
    from fedpacs.training.preparation import PreparedVolume

    Loss = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]

_GRADIENT_NORM = 5.0
"""Longer gradients are shortened to this: one odd slice cannot throw the weights far off."""


@dataclass(frozen=True, slots=True)
class TrainOutcome:
    """What local training measured.

    Attributes
    ----------
    loss
        Mean loss over the last epoch.
    num_examples
        Slices trained on, the weight of the site in the average.
    num_patients
        Patients behind them, for the small-cell rule.
    """

    loss: float
    num_examples: int
    num_patients: int


def train(
    module: nn.Module,
    volumes: Sequence[PreparedVolume],
    job: JobConfig,
    *,
    server_round: int,
    epochs: int | None = None,
) -> TrainOutcome:
    """Train a network in place.

    The same module, volumes, job and round give the same weights for the same number of threads.

    Parameters
    ----------
    module
        Network of the job, holding the weights to start from.
    volumes
        Training part of the cohort.
    job
        The job.
    server_round
        Round, part of the seed of shuffling and dropout.
    epochs
        Passes over the slices; the job's local epochs when left out.

    Raises
    ------
    NoDataError
        If there are no volumes.
    NotFiniteError
        If the loss stops being a finite number.
    BadVolumeError
        If a label map holds a class that the job does not name.
    """
    images, labels = _stack(volumes, num_classes=len(job.cohort.labels) + 1)
    settings = job.training
    loss_of = build_loss(settings)
    optimiser = build_optimiser(settings, module)
    losses = [0.0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_seed(settings.seed, server_round))
        module.train()
        for _ in range(settings.local_epochs if epochs is None else epochs):
            losses = []
            for batch in torch.split(torch.randperm(len(images)), settings.batch_size):
                losses.append(_step(module, optimiser, loss_of, images[batch], labels[batch]))
    return TrainOutcome(
        loss=float(np.mean(losses)),
        num_examples=len(images),
        num_patients=len({volume.patient for volume in volumes}),
    )


def build_loss(settings: Training) -> Loss:
    """Build the job's loss: logits ``(N, C, S, S)`` and classes ``(N, 1, S, S)`` to a number."""
    if settings.loss == "CrossEntropyLoss":
        cross_entropy = nn.CrossEntropyLoss()
        return lambda logits, classes: cross_entropy(logits, classes[:, 0])
    kind = DiceLoss if settings.loss == "DiceLoss" else DiceCELoss
    loss: Loss = kind(to_onehot_y=True, softmax=True, include_background=False, batch=True)
    return loss


def build_optimiser(settings: Training, module: nn.Module) -> optim.Optimizer:
    """Build the job's optimiser with torch's own defaults; SGD has Nesterov momentum 0.9."""
    rate = settings.learning_rate
    if settings.optimiser == "SGD":
        return optim.SGD(module.parameters(), lr=rate, momentum=0.9, nesterov=True)
    if settings.optimiser == "AdamW":
        return optim.AdamW(module.parameters(), lr=rate)
    return optim.Adam(module.parameters(), lr=rate)


def _step(
    module: nn.Module,
    optimiser: optim.Optimizer,
    loss_of: Loss,
    images: torch.Tensor,
    labels: torch.Tensor,
) -> float:
    optimiser.zero_grad(set_to_none=True)
    loss = loss_of(module(images), labels)
    value = float(loss.detach())
    if not np.isfinite(value):
        raise NotFiniteError("The training loss is not a finite number any more.")
    loss.backward()  # type: ignore[no-untyped-call] # torch leaves this one unannotated
    nn.utils.clip_grad_norm_(module.parameters(), _GRADIENT_NORM)
    optimiser.step()
    return value


def _stack(
    volumes: Sequence[PreparedVolume], num_classes: int
) -> tuple[torch.Tensor, torch.Tensor]:
    if not volumes:
        raise NoDataError("The training part of the cohort is empty.")
    labels = np.concatenate([volume.labels for volume in volumes])
    if int(labels.max()) >= num_classes:
        raise BadVolumeError("A label map holds a class that the job does not name.")
    images = np.concatenate([volume.images for volume in volumes])
    return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))[:, None]


def _seed(seed: int, server_round: int) -> int:
    return int(np.random.SeedSequence((seed % 2**32, server_round)).generate_state(1)[0])
