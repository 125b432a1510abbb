"""Gate 2: enough patients, in three parts, none in two of them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.core.cohort import Split
from fedpacs.policy.cohort import CohortFacts, decide


def parts(train, validation, test):
    return {Split.TRAIN: train, Split.VALIDATION: validation, Split.TEST: test}


GOOD = CohortFacts(
    num_patients=parts(10, 5, 5),
    minimum_patients=20,
    minimum_cell=5,
    unlabelled=0,
    quality_failures=0,
    overlap=0,
)


def test_a_cohort_that_keeps_every_rule_passes():
    assert decide(GOOD).allowed
    assert decide(GOOD).gate == "cohort"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"num_patients": parts(9, 5, 5)}, "cohort.too-few-patients"),
        ({"num_patients": parts(4, 20, 20)}, "cohort.training-below-cell"),
        ({"num_patients": parts(20, 0, 5)}, "cohort.empty-part"),
        ({"num_patients": parts(0, 20, 5)}, "cohort.empty-part"),
        ({"num_patients": {Split.TRAIN: 20, Split.TEST: 5}}, "cohort.empty-part"),
        ({"overlap": 1}, "cohort.patient-in-two-parts"),
        ({"unlabelled": 1}, "cohort.unlabelled"),
        ({"quality_failures": 1}, "cohort.quality"),
        ({"minimum_cell": 1}, "cohort.vacuous-limit"),
        ({"minimum_patients": 0}, "cohort.vacuous-limit"),
        ({"overlap": -1}, "cohort.impossible-count"),
        ({"num_patients": parts(-10, 50, 5)}, "cohort.impossible-count"),
        ({"num_patients": parts(True, 50, 5)}, "cohort.impossible-count"),
        ({"unlabelled": float("nan")}, "cohort.impossible-count"),
    ],
)
def test_each_rule_closes_the_gate_alone(change, code):
    assert decide(replace(GOOD, **change)).codes == (code,)


def test_an_empty_cohort_is_refused_for_each_part():
    codes = decide(replace(GOOD, num_patients={})).codes
    assert codes.count("cohort.empty-part") == 3
    assert "cohort.too-few-patients" in codes


def test_small_validation_and_test_parts_pass_for_gate_3_suppresses_their_numbers():
    assert decide(replace(GOOD, num_patients=parts(20, 1, 1))).allowed


SIZES = st.integers(0, 60)


@given(st.builds(parts, SIZES, SIZES, SIZES), st.integers(2, 60), st.integers(2, 20), st.data())
def test_stricter_limits_never_open_a_closed_gate(num_patients, minimum, cell, data):
    facts = replace(
        GOOD,
        num_patients=num_patients,
        minimum_patients=minimum,
        minimum_cell=cell,
    )
    stricter = replace(
        facts,
        minimum_patients=minimum + data.draw(st.integers(0, 20)),
        minimum_cell=cell + data.draw(st.integers(0, 20)),
        overlap=data.draw(st.integers(0, 1)),
    )
    if decide(stricter).allowed:
        assert decide(facts).allowed


@given(SIZES, SIZES, SIZES)
def test_an_open_gate_means_what_it_says(train, validation, test):
    if decide(replace(GOOD, num_patients=parts(train, validation, test))).allowed:
        assert min(train, validation, test) >= 1
        assert train >= GOOD.minimum_cell
        assert train + validation + test >= GOOD.minimum_patients
