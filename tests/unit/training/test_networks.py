"""Networks: allow-listed names and plain parameters only."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from fedpacs.config.job import Network
from fedpacs.training.errors import BadNetworkError
from fedpacs.training.networks import build_network, initial_weights, read_parameters, state_shapes


def network(**parameters):
    return Network(name="UNet", parameters={"channels": [8, 16], "strides": [2], **parameters})


def test_a_unet_gives_one_logit_per_class_and_pixel():
    module = build_network(network(), num_classes=3)
    assert module(torch.zeros(2, 1, 32, 32)).shape == (2, 3, 32, 32)


@pytest.mark.parametrize(
    "parameters",
    [
        {"num_res_units": 1},
        {"affine": True},
        {"act": "LeakyReLU", "dropout": 0.1},
        {"kernel_size": 5},
        {"channels": [4, 8, 8], "strides": [2, 1]},
    ],
)
def test_every_parameter_builds_a_network_that_can_be_packed(parameters):
    shapes = state_shapes(build_network(network(**parameters), num_classes=2))
    assert all(shape for shape in shapes.values())


@pytest.mark.parametrize(
    ("parameters", "where"),
    [
        ({"norm": "batch"}, "norm"),
        ({"channels": [8]}, "channels"),
        ({"strides": [2, 2]}, "strides has one entry fewer"),
        ({"channels": [8, 100_000]}, "channels.1"),
        ({"act": "torch.nn.ReLU"}, "act"),
        ({"checkpoint": "http://example.org/x.pt"}, "checkpoint"),
        ({"dropout": 1.0}, "dropout"),
        ({"num_res_units": True}, "num_res_units"),
        ({"kernel_size": 2}, "kernel_size"),
    ],
)
def test_parameters_outside_the_list_are_refused_by_name(parameters, where):
    with pytest.raises(BadNetworkError, match=where) as caught:
        build_network(network(**parameters), num_classes=2)
    assert caught.value.code == "training.bad-network"


def test_all_faults_are_named_at_once():
    with pytest.raises(BadNetworkError) as caught:
        read_parameters(network(norm="batch", act="x", extra=1))
    assert all(name in str(caught.value) for name in ("norm", "act", "extra"))


def test_faults_do_not_repeat_the_value():
    with pytest.raises(BadNetworkError) as caught:
        read_parameters(network(act="SECRET-VALUE"))
    assert "SECRET-VALUE" not in str(caught.value)


def test_the_state_holds_no_statistics_of_a_sites_images(job):
    names = state_shapes(build_network(job.network, 3))
    assert not [name for name in names if "running" in name or "num_batches" in name]


def test_initial_weights_are_the_same_whatever_ran_before(job, changed):
    first = initial_weights(job)
    torch.rand(7)
    assert np.array_equal(first, initial_weights(job))
    assert not np.array_equal(first, initial_weights(changed("training", seed=4)))


def test_initial_weights_leave_the_callers_random_numbers_alone(job):
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    initial_weights(job)
    assert torch.equal(torch.rand(3), expected)


def test_shapes_and_weights_agree_in_size(job):
    shapes = state_shapes(build_network(job.network, 3))
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == initial_weights(job).size
