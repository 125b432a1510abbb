"""Preparation: one spacing, one size, one scale, and the way back."""

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
from fedpacs.core.volume import LabelledVolume
from fedpacs.training.errors import BadVolumeError
from fedpacs.training.preparation import normalise, prepare, restore
from fedpacs.training.transformations import standardise

_SPEC = importlib.util.spec_from_file_location("discs", Path(__file__).with_name("conftest.py"))
discs_module = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(discs_module)
disc_volume = discs_module.disc_volume

PREPARATION = Preparation(pixel_size=48, spacing_mm=1.5)


def one_hot(labels, classes=3):
    return torch.nn.functional.one_hot(torch.from_numpy(labels.astype(np.int64)), classes)


@given(
    rows=st.integers(20, 60),
    columns=st.integers(20, 60),
    row_mm=st.floats(0.8, 2.5),
    column_mm=st.floats(0.8, 2.5),
)
def test_labels_come_back_to_the_original_grid(rows, columns, row_mm, column_mm):
    volume = disc_volume("p", 1, shape=(2, rows, columns), spacing_mm=(5.0, row_mm, column_mm))
    prepared = prepare(volume, Preparation(pixel_size=160, spacing_mm=0.4))
    scores = one_hot(prepared.labels).permute(0, 3, 1, 2).float()
    back = restore(scores, prepared.geometry).argmax(dim=1).numpy()
    assert back.shape == volume.label.shape
    inside = 0.4 * 160 / 2 - 2  # mm that the prepared slice reaches from the centre
    y = np.abs((np.arange(rows) - (rows - 1) / 2) * row_mm) < inside
    x = np.abs((np.arange(columns) - (columns - 1) / 2) * column_mm) < inside
    y[[0, -1]] = x[[0, -1]] = False  # at the rim, what lies outside has an equal say
    reached = y[:, None] & x
    agreement = (back == volume.label)[:, reached].mean()
    assert agreement > 0.97


def test_equal_spacing_and_size_change_no_label():
    volume = disc_volume("p", 2, shape=(3, 48, 48), spacing_mm=(4.0, 1.5, 1.5))
    prepared = prepare(volume, PREPARATION)
    assert np.array_equal(prepared.labels, volume.label)
    assert prepared.images.shape == (3, 1, 48, 48)
    assert prepared.patient == "p"


def test_a_disc_keeps_its_size_in_millimetres():
    volume = disc_volume("p", 3, shape=(2, 50, 80), spacing_mm=(5.0, 1.6, 1.0))
    prepared = prepare(volume, PREPARATION)
    area_mm2 = (volume.label == 2).sum() * 1.6 * 1.0
    assert (prepared.labels == 2).sum() * 1.5 * 1.5 == pytest.approx(area_mm2, rel=0.05)


def test_padding_looks_like_air_and_is_background():
    volume = disc_volume("p", 4, shape=(1, 30, 30), spacing_mm=(5.0, 1.5, 1.5))
    prepared = prepare(volume, PREPARATION)
    assert prepared.images[0, 0, 0, 0] == pytest.approx(prepared.images.min())
    assert prepared.labels[0, 0].max() == 0


@pytest.mark.parametrize("intensity", ["z-score", "percentile"])
@given(gain=st.floats(0.01, 1000), offset=st.floats(-1000, 1000))
def test_a_scanners_gain_and_offset_vanish(intensity, gain, offset):
    image = disc_volume("p", 5).image
    expected = normalise(image, intensity)
    scaled = (image.astype(np.float64) * gain + offset).astype(np.float32)
    tolerance = 1e-2 if gain >= 1 else 0.15  # float32 keeps fewer digits of a small gain
    assert np.abs(normalise(scaled, intensity) - expected).max() < tolerance


def test_z_score_standardises_the_object_not_the_air():
    image = disc_volume("p", 6).image
    tissue = normalise(image, "z-score")[image > image.mean()]
    assert tissue.mean() == pytest.approx(0, abs=1e-4)
    assert tissue.std() == pytest.approx(1, abs=1e-4)


def test_a_spike_cannot_dominate():
    image = disc_volume("p", 7).image
    image[0, 0, 0] = 1e7
    for intensity in ("z-score", "percentile"):
        assert np.abs(normalise(image, intensity)).max() <= 1000.0
        assert np.isfinite(normalise(image, intensity)).all()


def spoiled(**changes):
    return replace(disc_volume("p", 8), **changes)


@pytest.mark.parametrize(
    "volume",
    [
        spoiled(image=np.full((4, 40, 36), 7, np.float32)),
        spoiled(image=np.full((4, 40, 36), np.nan, np.float32)),
        spoiled(label=np.zeros((3, 40, 36), np.uint8)),
        spoiled(spacing_mm=(5.0, 0.0, 1.0)),
        spoiled(spacing_mm=(5.0, np.nan, 1.0)),
        LabelledVolume(
            np.zeros((0, 8, 8), np.float32), np.zeros((0, 8, 8), np.uint8), (1,) * 3, ""
        ),
    ],
    ids=["constant", "not finite", "other shape", "no spacing", "spacing NaN", "empty"],
)
def test_volumes_that_show_nothing_are_refused(volume):
    with pytest.raises(BadVolumeError):
        prepare(volume, PREPARATION)


SCALE = (-10.0, 5, 20, 30, 40, 50, 60, 70, 80, 90, 140)


def test_on_the_standard_scale_the_gain_of_a_scanner_makes_no_difference():
    scale = tuple(value + 20 for value in SCALE)
    preparation = Preparation(
        pixel_size=48, spacing_mm=1.5, intensity="standard-scale", standard_scale=scale
    )
    volume = disc_volume("p", 1, shape=(2, 40, 40), spacing_mm=(5.0, 1.5, 1.5))
    volume = replace(volume, image=volume.image - volume.image.min())
    louder = replace(volume, image=7.5 * volume.image)
    one, other = (prepare(each, preparation).images for each in (volume, louder))
    np.testing.assert_allclose(one, other, atol=1e-3)
    assert not np.allclose(one, prepare(volume, PREPARATION).images, atol=0.1)


def test_the_outer_landmarks_of_the_foreground_are_0_and_1():
    image = np.random.default_rng(3).normal(40, 60, (4, 30, 30)).astype(np.float32)
    scaled = standardise(image, SCALE)  # below zero: HU
    assert np.percentile(scaled, (1, 99)) == pytest.approx([0, 1], abs=0.01)


@pytest.mark.parametrize(
    "wrong",
    [
        {"intensity": "standard-scale"},
        {"standard_scale": SCALE},
        {"intensity": "standard-scale", "standard_scale": SCALE[::-1]},
        {"intensity": "standard-scale", "standard_scale": SCALE[:5]},
    ],
)
def test_a_scale_comes_whole_and_only_where_it_is_used(wrong):
    with pytest.raises(ValueError, match="standard"):
        Preparation(pixel_size=48, spacing_mm=1.5, **wrong)
