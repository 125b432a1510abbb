"""The standard scale: an image's own landmarks lie where the scale has them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedpacs.core.standard_scale import foreground, landmarks, to_standard_scale

SCALE = tuple(float(v) for v in (10, 20, 25, 30, 42, 50, 61, 70, 80, 95, 120))
SEEDS = st.integers(0, 2**32 - 1)


def image(seed, gain=1.0, gamma=1.0):
    values = np.random.default_rng(seed).gamma(4.0, 25.0, (3, 12, 12)) ** gamma
    return (gain * values).astype(np.float32)


@given(SEEDS)
@settings(deadline=None)
def test_the_landmarks_lie_where_the_scale_has_them(seed):
    values = image(seed).reshape(-1)
    mapped = to_standard_scale(values, landmarks(values), SCALE)
    np.testing.assert_allclose(landmarks(mapped), SCALE, rtol=0, atol=3.0)


@given(SEEDS, st.floats(0.1, 50.0))
@settings(deadline=None)
def test_the_gain_of_a_scanner_makes_no_difference(seed, gain):
    one, other = image(seed), image(seed, gain)
    mapped = [to_standard_scale(i, landmarks(i.reshape(-1)), SCALE) for i in (one, other)]
    np.testing.assert_allclose(*mapped, rtol=1e-3, atol=0.05)


@given(SEEDS)
@settings(deadline=None)
def test_the_order_of_intensities_stays(seed):
    values = np.sort(image(seed).reshape(-1))
    assert bool(np.all(np.diff(to_standard_scale(values, landmarks(values), SCALE)) >= -1e-4))


def test_beyond_the_landmarks_the_line_goes_on():
    own = np.arange(0.0, 110.0, 10.0)
    mapped = to_standard_scale(np.array([-10.0, 110.0], np.float32), own, tuple(2 * own))
    np.testing.assert_allclose(mapped, [-20.0, 220.0])


def test_an_image_of_one_or_two_values_does_no_harm():
    flat = np.full((2, 3, 3), 7.0, np.float32)
    assert np.isfinite(to_standard_scale(flat, landmarks(flat.reshape(-1)), SCALE)).all()
    two = flat.copy()
    two[0] = 9.0
    mapped = to_standard_scale(two, landmarks(two.reshape(-1)), SCALE)
    assert mapped[0, 0, 0] > mapped[1, 0, 0]


def test_air_is_no_foreground():
    body = np.full((2, 10, 10), -1000.0, np.float32)
    body[0] = -100.0
    assert foreground(body, physical=True).tolist() == [-100.0] * 100
    brain = np.zeros((2, 10, 10), np.float32)
    brain[0] = 300.0
    assert foreground(brain, physical=False).tolist() == [300.0] * 100


@pytest.mark.parametrize("voxels", [10, 3_000_000])
def test_a_large_volume_is_sampled_and_a_small_one_is_not(voxels):
    volume = np.arange(1, voxels + 1, dtype=np.float32).reshape(1, 1, -1)
    taken = foreground(volume, physical=False)
    assert taken.size <= 500_000
    whole = np.percentile(volume[volume > 0.099 * voxels], 50)
    assert landmarks(taken)[5] == pytest.approx(whole, rel=1e-2)
