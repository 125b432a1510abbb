"""Gate 3 for statistics: approved tables, enough patients behind every number, nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fedpacs.core.statistics import Group, Moments, Noise, ReleasedTable, SiteStatistics
from fedpacs.core.table_forms import table_forms
from fedpacs.policy.statistics import EarlierRelease, StatisticsFacts, decide

FORMS = table_forms("MR", ("lesion",))
SEX = ReleasedTable("sex", (Group(0, 0, 11), Group(1, 1, 9)))
AGE = ReleasedTable("age", (Group(3, 5, 8), Group(6, 9, 12)))
MOMENTS = Moments(20, ("intercept",), ("f",), ((20.0,),), ((1.5,),), (9.0,))
NOISE = Noise(1.0, 1e-6, 4.9)
EXACT = SiteStatistics(
    site="aurora",
    job_digest="a" * 64,
    schema_digest="b" * 64,
    patients=20,
    minimum_cell=5,
    tables={"sex": SEX, "age": AGE},
    moments=MOMENTS,
    withheld=("vendor",),
)
FACTS = StatisticsFacts(
    statistics=EXACT,
    approved_job_digest="a" * 64,
    approved_schema_digest="b" * 64,
    patients=20,
    minimum_cell=5,
    minimum_patients=10,
    permission="exact",
    forms=FORMS,
    support={"sex": 9, "age": 8},
    groups={},
    wanted_noise=None,
)
NOISY = replace(
    FACTS, statistics=replace(EXACT, noise=NOISE, moments=None, patients=None), wanted_noise=NOISE
)


def with_table(*groups, name="sex", pooled=0):
    table = ReleasedTable(name, tuple(Group(*group) for group in groups), pooled)
    return {"statistics": replace(EXACT, tables={name: table})}


def test_statistics_that_keep_every_rule_pass():
    assert decide(FACTS).allowed
    assert decide(NOISY).allowed
    assert decide(FACTS).gate == "egress"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"minimum_cell": 1}, "egress.vacuous-limit"),
        ({"approved_job_digest": "c" * 64}, "egress.job-not-approved"),
        ({"approved_schema_digest": ""}, "egress.job-not-approved"),
        ({"permission": "never"}, "egress.statistics-not-allowed"),
        ({"permission": "with-noise"}, "egress.noise-required"),
        ({"patients": 9}, "egress.small-cell"),
        ({"patients": 4, "minimum_patients": 2}, "egress.small-cell"),
        ({"support": {"sex": 4, "age": 8}}, "egress.small-cell"),
        ({"support": {"age": 8}}, "egress.small-cell"),
        ({"wanted_noise": NOISE}, "egress.noise"),
        ({"forms": {}}, "egress.table-not-allowed"),
        ({"statistics": replace(EXACT, withheld=("mrn-20417733",))}, "egress.table-not-allowed"),
        ({"statistics": replace(EXACT, withheld=("sex",))}, "egress.table-not-allowed"),
        ({"statistics": replace(EXACT, tables={"age": SEX})}, "egress.table-not-allowed"),
        (with_table((0, 0, 11), (4, 4, 9)), "egress.table-not-allowed"),
        (with_table((1, 1, 11), (0, 0, 9)), "egress.table-not-allowed"),
        (with_table((0, 1, 20)), "egress.table-not-allowed"),
        (with_table((0, 0, 11.5)), "egress.table-not-allowed"),
        (with_table((0, 0, True)), "egress.table-not-allowed"),
        (with_table((0, 5, 20), name="age", pooled=7), "egress.table-not-allowed"),
        ({"statistics": replace(EXACT, moments=replace(MOMENTS, patients=4))}, "egress.moments"),
        (
            {"statistics": replace(EXACT, moments=replace(MOMENTS, squares=(float("nan"),)))},
            "egress.moments",
        ),
        ({"groups": {"female": 4}}, "egress.moments"),
        ({"earlier": [EarlierRelease(same=False, disjoint=False, minimum_cell=5)]},
         "egress.overlapping-statistics"),
        ({"earlier": [EarlierRelease(same=True, disjoint=False, minimum_cell=10)]},
         "egress.overlapping-statistics"),
    ],
)  # fmt: skip
def test_whatever_breaks_a_rule_stays_under_its_code(change, code):
    assert code in decide(replace(FACTS, **change)).codes


@pytest.mark.parametrize(
    "earlier",
    [
        EarlierRelease(same=True, disjoint=False, minimum_cell=5),
        EarlierRelease(same=False, disjoint=True, minimum_cell=10),
    ],
)
def test_the_same_series_again_or_other_patients_are_no_difference(earlier):
    assert decide(replace(FACTS, earlier=[earlier])).allowed


def test_noise_may_speak_of_patients_of_whom_exact_numbers_have_spoken():
    earlier = EarlierRelease(same=False, disjoint=False, minimum_cell=5)
    assert decide(replace(NOISY, earlier=[earlier], permission="with-noise")).allowed


def test_exact_sums_do_not_leave_beside_noise():
    statistics = replace(NOISY.statistics, moments=MOMENTS)
    assert decide(replace(NOISY, statistics=statistics)).codes == ("egress.moments",)


def test_no_sentence_repeats_a_name_that_is_not_allowed():
    facts = replace(FACTS, statistics=replace(EXACT, withheld=("mustermann",)))
    assert all("mustermann" not in reason.sentence for reason in decide(facts).reasons)
