"""Packing: a network's state is one array, and comes back bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from fedpacs.training.errors import BadNetworkError, NotFiniteError, WeightsMismatchError
from fedpacs.training.networks import build_network
from fedpacs.training.packing import pack, unpack


def test_what_is_packed_comes_back_bit_for_bit(job):
    source, target = (build_network(job.network, 3) for _ in range(2))
    packed = pack(source)
    unpack(target, packed)
    assert packed.dtype == np.dtype("<f4")
    for before, after in zip(
        source.state_dict().values(), target.state_dict().values(), strict=True
    ):
        assert torch.equal(before, after)
    assert np.array_equal(pack(target), packed)


def test_the_order_is_the_state_dicts():
    module = nn.Linear(2, 1)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, 2.0]]))
        module.bias.fill_(3.0)
    assert pack(module).tolist() == [1.0, 2.0, 3.0]


def test_a_packed_array_is_a_copy(job):
    module = build_network(job.network, 3)
    packed = pack(module)
    kept = packed.copy()
    unpack(module, np.zeros_like(packed))
    assert np.array_equal(packed, kept)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda packed: packed[:-1],
        lambda packed: np.append(packed, np.float32(0)),
        lambda packed: packed.astype(np.float64),
        lambda packed: packed[None],
    ],
)
def test_weights_of_another_network_are_refused_and_change_nothing(job, spoil):
    module = build_network(job.network, 3)
    before = pack(module)
    with pytest.raises(WeightsMismatchError):
        unpack(module, spoil(before + 1))
    assert np.array_equal(pack(module), before)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused_and_change_nothing(job, value):
    module = build_network(job.network, 3)
    before = pack(module)
    bad = before.copy()
    bad[-1] = value
    with pytest.raises(NotFiniteError):
        unpack(module, bad)
    assert np.array_equal(pack(module), before)


def test_integer_state_is_refused_rather_than_left_out():
    with pytest.raises(BadNetworkError, match="num_batches_tracked"):
        pack(nn.BatchNorm2d(2))


def test_read_only_arrays_from_a_message_are_fine(job):
    module = build_network(job.network, 3)
    packed = np.frombuffer((pack(module) + 1).tobytes(), dtype="<f4")
    unpack(module, packed)
    assert np.array_equal(pack(module), packed)
