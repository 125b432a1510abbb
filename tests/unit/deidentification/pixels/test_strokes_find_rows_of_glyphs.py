"""Rows of glyphs are found by their shape, whatever their brightness, size and direction."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from fedpacs.deidentification.pixels.strokes import text_rows

LIKELY = 1.0


def written(text="KOWALSKI ANNA 1956", size=16, turned=0, shape=(256, 256)):
    canvas = Image.new("L", shape[::-1])
    ImageDraw.Draw(canvas).text((20, 120), text, fill=255, font=ImageFont.load_default(size))
    return np.rot90(np.asarray(canvas, np.float32) / 255, turned)


def best(plane):
    return max(text_rows(plane), key=lambda row: row.likeness, default=None)


def noise(shape, deviation, seed=0):
    return np.random.default_rng(seed).normal(0, deviation, shape).astype(np.float32)


@pytest.mark.parametrize("size", [9, 12, 20, 34])
@pytest.mark.parametrize("ink", [1000.0, -1000.0])
def test_bright_and_dark_text_of_any_size_is_a_row(size, ink):
    cover = written(size=size, text="KOWALSKI 195")
    rows = text_rows(2000 + ink * cover + noise(cover.shape, 20))
    found = [row for row in rows if row.upright and (row.ink > row.ground) == (ink > 0)]
    row = max(found, key=lambda one: one.likeness)
    assert row.likeness > LIKELY
    y, x = np.nonzero(cover > 0.5)
    assert row.box.y0 <= y.min() + 4
    assert row.box.y1 >= y.max() - 4
    assert row.box.x1 - row.box.x0 > 0.7 * (x.max() - x.min())


@pytest.mark.parametrize("turned", [1, 3])
def test_text_that_runs_up_or_down_is_a_row(turned):
    row = best(500 + 1500 * written(turned=turned))
    assert row.likeness > LIKELY
    assert not row.upright


def test_faint_text_is_a_row():
    cover = written(size=18)
    bright = np.zeros(cover.shape, np.float32)
    bright[10:60, 10:60] = 4000  # makes 3 % of the range of what the text has
    row = best(1000 + bright + 120 * cover + noise(cover.shape, 12))
    assert row.likeness > LIKELY


def test_text_at_the_very_top_of_the_range_over_texture_is_a_row():
    cover = written(size=14)
    texture = gaussian_filter(noise(cover.shape, 1), 6)
    plane = 1000 + 400 * texture / texture.std()
    plane[cover > 0.5] = 4095
    assert best(plane).likeness > LIKELY


@pytest.mark.parametrize("seed", range(6))
def test_noise_and_smooth_texture_hold_no_likely_row(seed):
    plane = gaussian_filter(noise((384, 384), 1, seed), 8)
    plane = plane / plane.std() + noise((384, 384), 0.05 * seed, seed + 100)
    row = best(plane)
    assert row is None or row.likeness < LIKELY


def test_an_even_plane_holds_no_row():
    assert text_rows(np.full((64, 64), 7, np.float32)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (5, 5), (8, 9)])
def test_tiny_planes_are_looked_at_without_failing(shape):
    assert text_rows(noise(shape, 1)) == []
