"""Evaluation and inference: Dice per patient, label maps on the original grid."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from fedpacs.core.volume import LabelledVolume
from fedpacs.training.errors import BadVolumeError, NoDataError
from fedpacs.training.evaluation import dice, evaluate
from fedpacs.training.inference import logits, predict
from fedpacs.training.preparation import PlaneGeometry, PreparedVolume


class Oracle(nn.Module):
    """Reads the class off the intensity: 0, 1 and 2 are the classes themselves."""

    def forward(self, images):
        return torch.cat([-((images - c) ** 2) for c in (0.0, 1.0, 2.0)], dim=1)


class Bands(nn.Module):
    """Splits z-scored discs into air, shell and core."""

    def forward(self, images):
        return torch.cat([-((images - c) ** 2) for c in (-2.6, -0.5, 2.0)], dim=1)


def prepared(said, true, patient):
    said, true = np.array(said, np.float32), np.array(true, np.uint8)
    return PreparedVolume(said[None, None], true[None], PlaneGeometry(1, 1, 1, 1), patient)


@given(st.lists(st.booleans(), min_size=1), st.randoms())
def test_dice_lies_between_0_and_1_and_does_not_care_who_is_right(values, random):
    a = np.array(values)
    b = np.array([random.random() < 0.5 for _ in values])
    assert 0 <= dice(a, b) <= 1
    assert dice(a, b) == dice(b, a)
    assert dice(a, a) == 1


def test_dice_by_hand():
    assert dice(np.array([1, 1, 0, 0], bool), np.array([1, 0, 1, 1], bool)) == pytest.approx(0.4)
    assert dice(np.zeros(3, bool), np.zeros(3, bool)) == 1
    assert dice(np.zeros(3, bool), np.ones(3, bool)) == 0


def test_scores_by_hand(job):
    volumes = [
        prepared([[0, 1], [2, 2]], [[0, 1], [2, 2]], "a"),  # shell 1, core 1
        prepared([[0, 1], [1, 2]], [[0, 1], [2, 2]], "b"),  # shell 2/3, core 2/3
    ]
    scores = evaluate(Oracle(), volumes, job)
    assert scores.dice == {"shell": pytest.approx(5 / 6), "core": pytest.approx(5 / 6)}
    assert scores.mean_dice == pytest.approx(5 / 6)
    assert scores.num_patients == 2


def test_a_patient_with_two_volumes_counts_once(job):
    right = prepared([[0, 1], [2, 2]], [[0, 1], [2, 2]], "a")
    wrong = prepared([[0, 0], [0, 0]], [[0, 1], [2, 2]], "a")
    other = prepared([[0, 1], [2, 2]], [[0, 1], [2, 2]], "b")
    scores = evaluate(Oracle(), [right, wrong, other], job)
    assert scores.mean_dice == pytest.approx(0.75)
    assert scores.num_patients == 2


def test_nothing_to_score_is_an_error(job):
    with pytest.raises(NoDataError):
        evaluate(Oracle(), [], job)


def test_logits_do_not_depend_on_how_slices_are_batched():
    images = np.random.default_rng(0).normal(size=(70, 1, 8, 8)).astype(np.float32)
    expected = Oracle()(torch.from_numpy(images))
    assert torch.equal(logits(Oracle(), images), expected)


def discs_on(shape, spacing_mm):
    y = (np.arange(shape[1]) - (shape[1] - 1) / 2) * spacing_mm[1]
    x = (np.arange(shape[2]) - (shape[2] - 1) / 2) * spacing_mm[2]
    distance = np.hypot(y[:, None], x)
    label = np.broadcast_to((distance < 20).astype(np.uint8) + (distance < 10), shape).copy()
    image = np.array([5.0, 100.0, 200.0], np.float32)[label]
    return LabelledVolume(image, label, spacing_mm, "p")


@pytest.mark.parametrize(
    ("shape", "spacing_mm"),
    [
        ((3, 40, 36), (5.0, 1.5, 1.8)),
        ((2, 64, 20), (5.0, 1.0, 2.5)),
        ((1, 120, 90), (3.0, 1.2, 1.0)),
    ],
)
def test_a_prediction_lies_on_the_volumes_own_grid(job, shape, spacing_mm):
    volume = discs_on(shape, spacing_mm)
    found = predict(Bands(), volume, job)
    assert found.shape == shape
    assert found.dtype == np.uint8
    for number in (1, 2):
        assert dice(found == number, volume.label == number) > 0.85


def test_a_prediction_does_not_look_at_the_label(job):
    volume = discs_on((2, 40, 40), (5.0, 1.5, 1.5))
    blind = replace(volume, label=np.zeros_like(volume.label))
    assert np.array_equal(predict(Bands(), volume, job), predict(Bands(), blind, job))


def test_what_the_network_did_not_see_is_background(changed):
    job = changed("preparation", pixel_size=32, spacing_mm=1.0)
    volume = discs_on((1, 120, 120), (5.0, 1.0, 1.0))
    found = predict(Bands(), volume, job)
    assert found[:, :40].max() == 0
    assert found[0, 60, 60] == 2


def test_a_broken_volume_is_not_segmented(job):
    volume = discs_on((2, 40, 40), (5.0, 1.5, 1.5))
    with pytest.raises(BadVolumeError):
        predict(Bands(), replace(volume, image=np.zeros_like(volume.image)), job)
