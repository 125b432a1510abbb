"""A planted shift is found and named; equal sites are not flagged."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_sites import FORMS, Population, Scanner, make_facts, statistics_of

from fedpacs.server.comparison.verdicts import compare_sites, holm

SEEDS = range(4)
PLANTED = {
    "slice-spacing": (Scanner(slice_mm=5.0), Population()),
    "pixel-spacing": (Scanner(pixel_mm=0.5), Population()),
    "vendor": (Scanner(manufacturer="GE MEDICAL SYSTEMS"), Population()),
    "field-strength": (Scanner(field_t=1.5), Population()),
    "intensity-middle": (Scanner(gain=1000.0), Population()),
    "contrast-middle": (Scanner(gamma=0.5), Population()),
    "age": (Scanner(), Population(mean_age=25.0)),
    "sex": (Scanner(), Population(women=0.0)),
}


def three_sites(seed, scanner=None, population=None, patients=(45, 35, 40), cell=5):
    rng = np.random.default_rng(seed)
    facts = [make_facts(rng, count) for count in patients[:2]]
    facts.append(make_facts(rng, patients[2], scanner or Scanner(), population or Population()))
    return {
        name: statistics_of(name, each, cell)
        for name, each in zip(("aurora", "birch", "cedar"), facts, strict=True)
    }


@pytest.mark.parametrize("table", PLANTED)
def test_the_site_with_a_planted_shift_is_named_with_what_was_planted(table):
    for seed in SEEDS:
        found = compare_sites(FORMS, three_sites(seed, *PLANTED[table])).shifted
        assert [verdict.site for verdict in found] == ["cedar"]
        assert table in found[0].stands_apart_in


def test_equal_sites_are_not_flagged():
    flagged = 0
    rng = np.random.default_rng(0)
    for seed in range(25):
        sizes = tuple(int(n) for n in rng.integers(18, 70, 3))
        comparison = compare_sites(FORMS, three_sites(500 + seed, patients=sizes))
        flagged += any(difference.differs for difference in comparison.differences)
    assert flagged <= 2  # at 1 in 100, more than 2 of 25 happen once in 500 runs


def test_the_chance_that_is_told_is_no_smaller_than_the_true_one():
    values = []
    for seed in range(20):
        comparison = compare_sites(FORMS, three_sites(900 + seed))
        values += [difference.measured.p_value for difference in comparison.differences]
    for level in (0.2, 0.05, 0.01):
        assert np.mean(np.array(values) < level) <= level * 1.2


def test_of_two_sites_that_differ_both_are_named():
    sites = three_sites(1, Scanner(slice_mm=5.0))
    del sites["birch"]
    comparison = compare_sites(FORMS, sites)
    assert [verdict.site for verdict in comparison.shifted] == ["aurora", "cedar"]


def test_what_one_site_does_not_know_is_not_called_a_difference():
    sites = three_sites(2)
    rng = np.random.default_rng(2)
    unknown = make_facts(rng, 40, Scanner(manufacturer="", field_t=0.0))
    sites["cedar"] = statistics_of("cedar", unknown)
    tables = {
        (d.measured.table, d.measured.second) for d in compare_sites(FORMS, sites).differences
    }
    assert ("vendor", "cedar") not in tables
    assert ("vendor", "birch") in tables
    assert not compare_sites(FORMS, sites).shifted


def test_a_table_that_a_site_withholds_is_not_compared():
    sites = three_sites(3, patients=(45, 35, 4))
    assert sites["cedar"].tables == {}
    found = compare_sites(FORMS, sites).differences
    assert {d.measured.second for d in found} == {"birch"}


def test_holm_multiplies_the_smallest_by_all_and_never_falls():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
