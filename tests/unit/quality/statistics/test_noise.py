"""Discrete Gaussian noise: the right distribution, on every cell, at the stated sensitivity."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from scipy.stats import chisquare

from fedpacs.core.statistics import noise_deviation
from fedpacs.core.table_forms import table_forms
from fedpacs.quality.statistics.noise import discrete_gaussian, noisy_table, noisy_tables
from fedpacs.records.budget import noise_multiplier_for

FORMS = table_forms("MR", ("lesion",))


@pytest.mark.parametrize("sigma", [1, 3, 20])
def test_draws_follow_the_discrete_gaussian(sigma):
    generator = random.Random(sigma)  # noqa: S311 - a test that can be repeated
    draws = np.array([discrete_gaussian(sigma, generator.randrange) for _ in range(6000)])
    reach = 3 * sigma
    places = np.arange(-reach, reach + 1)
    weights = np.exp(-(places**2) / (2 * sigma**2))
    inside = draws[np.abs(draws) <= reach]
    counts = np.bincount(inside + reach, minlength=len(places))
    expected = weights / weights.sum() * len(inside)
    enough = expected >= 5
    counts = np.append(counts[enough], counts[~enough].sum())
    expected = np.append(expected[enough], max(expected[~enough].sum(), 1e-9))
    keep = expected > 1
    assert (
        chisquare(counts[keep], expected[keep] * counts[keep].sum() / expected[keep].sum()).pvalue
        > 1e-3
    )
    assert abs(draws.mean()) < 5 * sigma / math.sqrt(len(draws))
    assert draws.std() == pytest.approx(sigma, rel=0.05)


def test_noise_is_on_every_cell_the_empty_ones_too():
    generator = random.Random(7)  # noqa: S311 - a test that can be repeated
    table = noisy_table(FORMS["vendor"], [(1, *[0] * 15)] * 30, 25, generator.randrange)
    totals = [group.total for group in table.groups]
    assert [(g.first, g.last) for g in table.groups] == [(i, i) for i in range(16)]
    assert sum(total != 0 for total in totals[1:]) >= 12
    assert any(total < 0 for total in totals)


def test_one_patient_more_changes_all_tables_together_by_no_more_than_was_charged():
    multiplier = noise_multiplier_for(1.0, 1e-6)
    moved = 0.0
    for form in FORMS.values():
        worst = form.weight  # all of a patient's weight in one cell: L2 is at most L1
        moved += (worst / noise_deviation(form, len(FORMS), multiplier)) ** 2
    assert math.sqrt(moved) <= 1 / multiplier


def test_every_table_gets_noise_of_its_own_scale_and_each_release_other_noise():
    rows = {
        name: [(form.weight, *[0] * (len(form.cells) - 1))] * 20 for name, form in FORMS.items()
    }
    first, second = (noisy_tables(FORMS, rows, 5.0) for _ in range(2))
    assert first.keys() == FORMS.keys()
    assert first != second
    wide = np.std([group.total for group in first["intensity"].groups[1:]])
    assert wide == pytest.approx(noise_deviation(FORMS["intensity"], len(FORMS), 5.0), rel=0.5)
