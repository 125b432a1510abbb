"""Phantoms: one brain, many patients, and labels that fit the image."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from fedpacs.simulation.phantom import Appearance, Grid, load_template, make_phantom

GRID = Grid(64, 56, 3.0, 8.0, slices=4, first_slice_mm=0.0)
PLAIN = Appearance(brightest=1000.0, noise=0.0, bias=0.0)


def tissue_means(phantom):
    return [phantom.image[phantom.label == number].mean() for number in (1, 2)]


def test_the_same_seed_gives_the_same_patient_and_another_seed_another():
    first, again, other = (make_phantom(GRID, PLAIN, seed) for seed in ((1, 1), (1, 1), (1, 2)))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.label, again.label)
    assert (first.label != other.label).mean() > 0.05


def test_a_follow_up_shows_the_same_brain_with_other_noise():
    noisy = replace(PLAIN, noise=0.05)
    first, second = (make_phantom(GRID, noisy, (1, 1, visit)) for visit in (0, 1))
    assert np.array_equal(first.label, second.label)
    assert not np.array_equal(first.image, second.image)


def test_white_matter_is_bright_in_t1_and_dark_when_inverted():
    grey, white = tissue_means(make_phantom(GRID, PLAIN, (1, 1)))
    assert white > 1.15 * grey
    grey, white = tissue_means(make_phantom(GRID, replace(PLAIN, inverted=True), (1, 1)))
    assert white < grey / 1.15


def test_contrast_noise_and_field_do_what_they_say():
    plain = make_phantom(GRID, PLAIN, (1, 1))
    faint = make_phantom(GRID, replace(PLAIN, contrast=0.4), (1, 1))
    assert np.diff(tissue_means(faint))[0] == pytest.approx(
        0.4 * np.diff(tissue_means(plain))[0], rel=0.05
    )
    air = make_phantom(GRID, replace(PLAIN, noise=0.05), (1, 1)).image[plain.image == 0]
    # Rician noise without signal is Rayleigh distributed: its mean is sigma * sqrt(pi / 2).
    assert air.mean() == pytest.approx(50 * np.sqrt(np.pi / 2), rel=0.05)
    shaded = make_phantom(GRID, replace(PLAIN, bias=0.3), (1, 1)).image.astype(float)
    inside = plain.label > 0
    ratio = shaded[inside] / plain.image[inside]
    assert 0.02 < ratio.std() < 0.5


def test_geometry_is_a_right_handed_stack_of_the_grids_spacing():
    phantom = make_phantom(replace(GRID, tilt_deg=10.0), PLAIN, (1, 1))
    normal = np.cross(phantom.row_direction, phantom.column_direction)
    assert np.allclose(phantom.slice_step_mm, 8.0 * normal)
    assert normal[2] > 0.9
    assert phantom.image.shape == phantom.label.shape == (4, 64, 56)


def test_tissue_lies_where_the_average_brain_has_it():
    """Axes and offsets are right: the labels overlap the template's at the same coordinates."""
    template = load_template()
    phantom = make_phantom(GRID, PLAIN, (1, 1))
    index = np.indices(phantom.label.shape)
    position = phantom.first_position_mm[:, None, None, None] + (
        index[2] * 3.0 * phantom.row_direction[:, None, None, None]
        + index[1] * 3.0 * phantom.column_direction[:, None, None, None]
        + index[0] * phantom.slice_step_mm[:, None, None, None]
    )
    x, y, z = np.rint(position - np.array(template.origin_mm)[:, None, None, None]).astype(int)
    there = template.grey[z, y, x] + template.white[z, y, x] > 0.5
    here = phantom.label > 0
    assert 2 * (here & there).sum() / (here.sum() + there.sum()) > 0.9


def test_left_is_left_and_front_is_front():
    template = load_template()
    z, y, x = (round(-value) for value in reversed(template.origin_mm))  # anterior commissure
    brain = template.intensity > 0.1
    assert brain[z, :y].sum() < brain[z, y:].sum()  # more brain lies behind it
    assert brain[:z].sum() < brain[z:].sum()  # and above it
    left, right = brain[z, :, x + 1 :], brain[z, :, :x]
    assert left.sum() == pytest.approx(right.sum(), rel=0.1)
