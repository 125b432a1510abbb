"""Distances between tables whose small cells were merged, and what chance alone would show."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import jensenshannon

from fedpacs.core.statistics import Group, Noise, ReleasedTable, SiteStatistics, TableForm
from fedpacs.server.comparison.distances import common_blocks, compare_table, jensen_shannon

ORDERED = TableForm("age", ("a", "b", "c", "d", "unknown"), ordered=True)
CODES = TableForm("vendor", ("ge", "philips", "siemens", "unknown"), ordered=False)
COUNTS = st.lists(st.integers(0, 50), min_size=5, max_size=5).filter(any)


def site(name, table, noise=None):
    return SiteStatistics(
        site=name,
        job_digest="a" * 64,
        schema_digest="b" * 64,
        patients=None if noise else table.total,
        minimum_cell=5,
        tables={table.name: table},
        noise=noise,
    )


def table(form, *groups, pooled=0):
    return ReleasedTable(form.name, tuple(Group(*group) for group in groups), pooled)


@given(COUNTS, COUNTS)
def test_the_distance_is_that_of_scipy(first, second):
    ours = jensen_shannon(np.array(first, float), np.array(second, float))
    assert ours == pytest.approx(jensenshannon(first, second, base=2), abs=1e-7)


@given(COUNTS, COUNTS)
def test_the_distance_is_symmetric_and_from_0_to_1(first, second):
    a, b = np.array(first, float), np.array(second, float)
    assert 0 <= jensen_shannon(a, b) <= 1
    assert jensen_shannon(a, b) == pytest.approx(jensen_shannon(b, a))
    assert jensen_shannon(a, 3 * a) == pytest.approx(0, abs=1e-7)


def test_cells_that_either_site_merged_are_compared_as_one():
    first = table(ORDERED, (0, 1, 9), (2, 2, 6))
    second = table(ORDERED, (0, 0, 5), (1, 2, 12), (3, 3, 7))
    assert common_blocks(ORDERED, first, second) == ((0, 1, 2), (3,), (4,))


def test_a_pool_of_codes_is_one_block():
    first = table(CODES, (2, 2, 20), pooled=7)
    second = table(CODES, (0, 0, 9), (2, 2, 11))
    assert common_blocks(CODES, first, second) == ((0, 1, 3), (2,))
    assert compare_table(CODES, site("x", first), site("y", second)).distance < 0.2


def test_nothing_in_common_is_1_and_no_chance():
    found = compare_table(
        CODES, site("x", table(CODES, (0, 0, 30))), site("y", table(CODES, (2, 2, 30)))
    )
    assert found.distance == pytest.approx(1)
    assert found.p_value < 1e-6
    assert found.shift == 0


def test_the_shift_says_how_many_cells_the_second_site_lies_higher():
    first, second = table(ORDERED, (0, 0, 10), (1, 1, 10)), table(ORDERED, (2, 2, 10), (3, 3, 10))
    assert compare_table(ORDERED, site("x", first), site("y", second)).shift == pytest.approx(2)


def test_the_same_question_has_the_same_answer():
    one, two = (
        site("x", table(ORDERED, (0, 0, 9), (2, 2, 8))),
        site("y", table(ORDERED, (0, 0, 20))),
    )
    assert compare_table(ORDERED, one, two) == compare_table(ORDERED, one, two)


def test_smaller_sites_must_be_further_apart_to_be_different():
    expected = []
    for size in (10, 100, 1000):
        even = table(ORDERED, (0, 0, size), (1, 1, size), (2, 2, size))
        expected.append(compare_table(ORDERED, site("x", even), site("y", even)).expected)
    assert all(high > 1.5 * low for high, low in pairwise(expected))


def test_noise_is_part_of_chance():
    noisy = Noise(epsilon=1.0, delta=1e-6, noise_multiplier=4.0)
    groups = [(place, place, count) for place, count in enumerate((30, 22, 9, -3, 2))]
    first = table(ORDERED, *groups)
    second = table(ORDERED, *[(place, place, count + 6) for place, _, count in groups])
    exact = compare_table(ORDERED, site("x", table(ORDERED, (0, 0, 30), (1, 1, 31))),
                          site("y", table(ORDERED, (0, 0, 30), (1, 1, 31))))  # fmt: skip
    found = compare_table(ORDERED, site("x", first, noisy), site("y", second, noisy))
    assert found.expected > exact.expected
    assert found.p_value > 0.05
