"""Training: it learns, it is repeatable, and it stops when something is wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from fedpacs.training.errors import BadVolumeError, NoDataError, NotFiniteError
from fedpacs.training.evaluation import evaluate
from fedpacs.training.networks import build_network, initial_weights
from fedpacs.training.packing import pack, unpack
from fedpacs.training.trainer import train


def fresh(job):
    module = build_network(job.network, 3)
    unpack(module, initial_weights(job))
    return module


def trained(job, volumes, **options):
    module = fresh(job)
    outcome = train(module, volumes, job, **{"server_round": 1, **options})
    return pack(module), outcome


@pytest.mark.parametrize("loss", ["DiceCELoss", "DiceLoss", "CrossEntropyLoss"])
@pytest.mark.parametrize(("optimiser", "rate"), [("Adam", 0.01), ("AdamW", 0.01), ("SGD", 0.05)])
def test_every_loss_and_optimiser_learns(changed, discs, loss, optimiser, rate):
    job = changed("training", loss=loss, optimiser=optimiser, learning_rate=rate)
    module = fresh(job)
    before = evaluate(module, discs, job).mean_dice
    first = train(module, discs, job, server_round=1, epochs=1)
    last = train(module, discs, job, server_round=2, epochs=8)
    assert last.loss < first.loss
    assert evaluate(module, discs, job).mean_dice > max(0.8, before)


def test_the_same_call_gives_the_same_weights(changed, discs):
    job = changed("network", parameters={"channels": [8, 16], "strides": [2], "dropout": 0.2})
    first, _ = trained(job, discs)
    torch.rand(5)
    second, _ = trained(job, discs)
    assert np.array_equal(first, second)


def test_each_round_shuffles_anew(job, discs):
    assert not np.array_equal(trained(job, discs)[0], trained(job, discs, server_round=2)[0])


def test_the_callers_random_numbers_are_left_alone(job, discs):
    torch.manual_seed(1)
    expected = torch.rand(3)
    module = fresh(job)
    torch.manual_seed(1)
    train(module, discs, job, server_round=1)
    assert torch.equal(torch.rand(3), expected)


def test_the_jobs_local_epochs_are_run_unless_told_otherwise(job, discs):
    assert np.array_equal(trained(job, discs)[0], trained(job, discs, epochs=2)[0])
    assert not np.array_equal(trained(job, discs)[0], trained(job, discs, epochs=1)[0])


def test_examples_are_slices_and_patients_are_counted_once(job, discs):
    twice = [*discs, replace(discs[0], images=discs[0].images[:2], labels=discs[0].labels[:2])]
    _, outcome = trained(job, twice)
    assert outcome.num_examples == 18
    assert outcome.num_patients == 4


def test_no_volumes_is_an_error(job):
    with pytest.raises(NoDataError):
        trained(job, [])


def test_a_class_the_job_does_not_name_is_an_error(job, discs):
    odd = replace(discs[0], labels=np.full_like(discs[0].labels, 3))
    with pytest.raises(BadVolumeError):
        trained(job, [odd])


def test_a_loss_that_is_not_finite_is_an_error(job, discs):
    module = fresh(job)
    with torch.no_grad():
        next(module.parameters()).fill_(float("nan"))
    with pytest.raises(NotFiniteError):
        train(module, discs, job, server_round=1)
