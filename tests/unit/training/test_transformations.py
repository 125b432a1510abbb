"""Declared transformations: each does what it says, is recorded, and has a way back."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.config.job import Preparation
from fedpacs.training.errors import BadVolumeError
from fedpacs.training.preparation import prepare, restore
from fedpacs.training.transformations import canonical, correct_bias, window

_SPEC = importlib.util.spec_from_file_location("discs", Path(__file__).with_name("conftest.py"))
discs = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(discs)

AXES = np.eye(3)[::-1]
"""Axial slices as they should run: to head, back and left."""


def turned(order, signs):
    return AXES[list(order)] * np.array(signs)[:, None]


@given(st.permutations([0, 1, 2]), st.tuples(*[st.sampled_from([-1, 1])] * 3))
def test_axes_are_turned_to_the_body_and_back(order, signs):
    volume = np.arange(24).reshape(2, 3, 4)
    way = canonical(turned(order, signs))
    assert np.array_equal(way.undo(way.apply(volume)), volume)
    straight = turned(order, signs)[list(way.order)] * [[-1 if t else 1] for t in way.turned]
    assert np.array_equal(straight, AXES)


def test_a_sagittal_volume_becomes_axial_and_its_labels_come_back():
    volume = discs.disc_volume("p", 1, shape=(24, 30, 30), spacing_mm=(1.5, 1.5, 1.5))
    sagittal = replace(volume, directions=np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]))
    asked = Preparation(pixel_size=48, spacing_mm=1.5, orientation="canonical")
    prepared = prepare(sagittal, asked)
    assert prepared.images.shape == (30, 1, 48, 48)
    one_hot = torch.nn.functional.one_hot(torch.from_numpy(prepared.labels.astype(np.int64)))
    back = restore(one_hot.permute(0, 3, 1, 2).float(), prepared.geometry).argmax(dim=1).numpy()
    assert np.array_equal(back, volume.label)


def test_slices_are_resampled_and_labels_come_back():
    volume = discs.disc_volume("p", 1, shape=(9, 48, 48), spacing_mm=(4.0, 1.5, 1.5))
    prepared = prepare(volume, Preparation(pixel_size=48, spacing_mm=1.5, slice_spacing_mm=2.0))
    assert len(prepared.images) == len(prepared.labels) == 18
    one_hot = torch.nn.functional.one_hot(torch.from_numpy(prepared.labels.astype(np.int64)))
    back = restore(one_hot.permute(0, 3, 1, 2).float(), prepared.geometry).argmax(dim=1).numpy()
    assert back.shape == volume.label.shape
    assert (back == volume.label).mean() > 0.99


def test_a_window_cuts_and_scales():
    image = np.array([[[-1000.0, -160.0, 40.0, 240.0, 3000.0]]], np.float32)
    assert np.allclose(window(image, 40, 400), [[[0, 0, 0.5, 1, 1]]])


def test_n4_removes_a_planted_field():
    rng = np.random.default_rng(0)
    _, y, x = np.mgrid[0:12, 0:64, 0:64]
    body = ((y - 32) ** 2 + (x - 32) ** 2 < 26**2).astype(np.float32)
    image = (body * 200 + rng.normal(0, 4, body.shape)).astype(np.float32)
    planted = image * np.exp(0.4 * (x - 32) / 32 + 0.2 * (y - 32) / 32).astype(np.float32)
    inside = body > 0

    def unevenness(volume):
        return float(volume[inside].std() / volume[inside].mean())

    once = correct_bias(planted.astype(np.float32), (3.0, 1.0, 1.0))
    assert unevenness(once) < 0.35 * unevenness(planted)
    assert np.array_equal(once, correct_bias(planted.astype(np.float32), (3.0, 1.0, 1.0)))


def test_every_step_is_recorded_in_order_as_plain_data():
    volume = discs.disc_volume("p", 1, shape=(8, 40, 40), spacing_mm=(3.0, 1.5, 1.5))
    asked = Preparation(
        pixel_size=48,
        spacing_mm=1.5,
        slice_spacing_mm=2.0,
        orientation="canonical",
        bias_field="n4",
        intensity="window",
        window_center=40,
        window_width=400,
    )
    steps = prepare(replace(volume, directions=AXES), asked).steps
    assert [step.name for step in steps] == [
        "orient",
        "n4-bias-field",
        "resample-slices",
        "window",
        "resample-in-plane",
    ]
    assert steps[3].as_dict() == {
        "name": "window",
        "version": 1,
        "parameters": {"center": 40.0, "width": 400.0},
    }


def test_canonical_axes_need_known_ones():
    volume = discs.disc_volume("p", 1)
    with pytest.raises(BadVolumeError):
        prepare(volume, Preparation(pixel_size=48, spacing_mm=1.5, orientation="canonical"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"intensity": "window"},
        {"intensity": "window", "window_center": 40},
        {"window_width": 400},
    ],
)
def test_a_half_window_is_refused(wrong):
    with pytest.raises(ValueError, match="window"):
        Preparation(pixel_size=48, spacing_mm=1.5, **wrong)
