"""No number in a released table rests on too few patients, by no sum, difference or inference."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fedpacs.core.statistics import Group, ReleasedTable, TableForm
from fedpacs.policy.suppression import merge, smallest_support


def form(cells, *, ordered, weight=1):
    return TableForm("t", tuple(f"c{i}" for i in range(cells)), ordered, weight)


def one_hot(counts):
    cells = range(len(counts))
    return [tuple(int(i == j) for i in cells) for j, n in enumerate(counts) for _ in range(n)]


def tables(total, cells):
    if cells == 1:
        yield (total,)
        return
    for first in range(total + 1):
        for rest in tables(total - first, cells - 1):
            yield (first, *rest)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("minimum", [2, 3, 4])
@pytest.mark.parametrize(("cells", "most"), [(2, 12), (3, 11), (4, 9)])
def test_whoever_knows_the_rule_and_the_total_cannot_work_a_small_cell_out(
    ordered, minimum, cells, most
):
    # All tables with the same total are released; those that come out alike cannot be told apart.
    # No cell, and no sum of cells, may be the same small number in all of them.
    for total in range(1, most + 1):
        alike = defaultdict(list)
        for counts in tables(total, cells):
            released = merge(form(cells, ordered=ordered), one_hot(counts), minimum)
            alike[released].append(counts)
        for released, candidates in alike.items():
            if released is None:
                continue
            for size in range(1, cells + 1):
                for part in combinations(range(cells), size):
                    possible = {sum(counts[i] for i in part) for counts in candidates}
                    assert len(possible) > 1 or next(iter(possible)) not in range(1, minimum)


@st.composite
def histograms(draw):
    cells = draw(st.integers(2, 7))
    rows = []
    for _ in range(draw(st.integers(1, 25))):
        cuts = sorted(draw(st.lists(st.integers(0, 20), min_size=cells - 1, max_size=cells - 1)))
        rows.append(tuple(b - a for a, b in zip([0, *cuts], [*cuts, 20], strict=True)))
    return form(cells, ordered=draw(st.booleans()), weight=20), rows


@given(histograms(), st.integers(2, 8))
@settings(deadline=None, max_examples=300)
def test_every_group_every_rest_and_every_difference_rests_on_enough_patients(made, minimum):
    shape, rows = made
    released = merge(shape, rows, minimum)
    if released is None:
        return
    assert released.total == 20 * len(rows)
    parts = [set(range(g.first, g.last + 1)) for g in released.groups]
    outside = set(range(len(shape.cells))) - set().union(*parts)
    for number in range(1, len(parts) + 1):
        for chosen in combinations(parts, number):
            inside = set().union(*chosen)
            for cells in (inside, set(range(len(shape.cells))) - inside):
                behind = sum(any(row[i] for i in cells) for row in rows)
                assert behind == 0 or behind >= minimum
    behind = sum(any(row[i] for i in outside) for row in rows)
    assert behind == 0 or (behind >= minimum and not shape.ordered)
    assert smallest_support(shape, rows, released) >= minimum


def test_one_patient_who_dominates_a_group_keeps_it_from_leaving_alone():
    rows = [(18, 1, 1), *[(1, 1, 18)] * 5]
    released = merge(form(3, ordered=True, weight=20), rows, 3)
    assert released.groups[0].last > 0


@pytest.mark.parametrize("ordered", [True, False])
def test_cells_that_are_large_enough_stay_as_they_are_and_empty_ones_stay_empty(ordered):
    released = merge(form(4, ordered=ordered), one_hot((6, 0, 9, 0)), 5)
    assert released == ReleasedTable("t", (Group(0, 0, 6), Group(2, 2, 9)))


def test_a_small_cell_joins_its_neighbour():
    released = merge(form(4, ordered=True), one_hot((6, 2, 0, 9)), 5)
    assert released.groups == (Group(0, 0, 6), Group(1, 3, 11))


def test_small_codes_are_pooled_and_take_the_smallest_group_with_them():
    released = merge(form(4, ordered=False), one_hot((20, 10, 2, 0)), 5)
    assert released == ReleasedTable("t", (Group(0, 0, 20),), 12)


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("counts", [(1, 1, 1), (4, 0, 0), (0, 0, 0)])
def test_a_table_of_too_few_patients_stays(ordered, counts):
    assert merge(form(3, ordered=ordered), one_hot(counts), 5) is None


@pytest.mark.parametrize(
    "table",
    [
        ReleasedTable("t", (Group(0, 0, 6), Group(1, 2, 8))),  # not what the patients add up to
        ReleasedTable("t", (Group(0, 1, 8), Group(1, 2, 9))),  # overlapping
        ReleasedTable("t", (Group(0, 3, 15),)),  # beyond the cells
        ReleasedTable("t", (Group(1, 0, 0), Group(0, 2, 15))),  # nothing
        ReleasedTable("t", (Group(0, 0, 6),), 8),  # a pool that is not the rest
    ],
)
def test_a_table_that_is_not_made_of_these_patients_has_no_support(table):
    rows = one_hot((6, 0, 9))
    assert smallest_support(form(3, ordered=True), rows, table) == 0


def test_a_small_group_is_counted_anew():
    rows = one_hot((6, 2, 9))
    leaky = ReleasedTable("t", (Group(0, 0, 6), Group(1, 1, 2), Group(2, 2, 9)))
    assert smallest_support(form(3, ordered=True), rows, leaky) == 2
