"""No small count can be worked out from a table that is told, by whoever knows the rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from fedpacs.policy.cells import suppress

TABLES = st.dictionaries(st.sampled_from("abcdefg"), st.integers(0, 12), min_size=1)


def test_what_is_large_is_told():
    told = suppress({"CT": 40, "MR": 60}, 100, 5)
    assert (dict(told.cells), told.total) == ({"CT": 40, "MR": 60}, 100)


def test_one_small_count_takes_another_with_it():
    told = suppress({"CT": 3, "MR": 60, "US": 9}, 72, 5)
    assert (dict(told.cells), told.total) == ({"CT": None, "MR": 60, "US": None}, 72)


def test_two_tiny_counts_are_not_given_away_by_their_sum():
    told = suppress({"CT": 1, "MR": 60, "US": 1}, 62, 5)
    assert dict(told.cells) == {"CT": None, "MR": None, "US": None}


def test_an_only_small_count_takes_the_total_with_it():
    told = suppress({"CT": 3}, 3, 5)
    assert (dict(told.cells), told.total) == ({"CT": None}, None)


def test_nobody_is_told():
    assert dict(suppress({"CT": 0, "MR": 50}, 50, 5).cells) == {"CT": 0, "MR": 50}


@given(TABLES, st.integers(2, 6))
def test_no_small_count_is_told_or_follows_from_the_rest(table, k):
    total = sum(table.values())
    told = suppress(table, total, k)
    assert all(count is None or count == 0 or count >= k for count in told.cells.values())
    assert told.total is None or told.total == 0 or told.total >= k
    hidden = [name for name, count in told.cells.items() if count is None]
    if not hidden or told.total is None:
        return
    left = told.total - sum(count or 0 for count in told.cells.values())
    for name in hidden:
        highest = left - (len(hidden) - 1)  # the others are at least one each
        assert highest >= k, name  # so it may be one, and may be more than small
        assert len(hidden) > 1


@given(TABLES, st.integers(2, 6))
def test_what_is_told_is_true(table, k):
    told = suppress(table, sum(table.values()), k)
    assert all(count in (None, table[name]) for name, count in told.cells.items())
