"""Gate 1: it opens for the one right study, and each rule closes it alone."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from fedpacs.policy.disclosure import DisclosureFacts, decide

PROFILE = "a" * 64
GOOD = DisclosureFacts(
    profile_digest=PROFILE,
    approved_profile_digest=PROFILE,
    instances=12,
    deidentified=12,
    verified=12,
    findings=0,
    private_elements=0,
    marked_deidentified=12,
)


def test_a_study_that_keeps_every_rule_passes():
    assert decide(GOOD).allowed
    assert decide(GOOD).gate == "disclosure"


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"profile_digest": "b" * 64}, "disclosure.profile-not-approved"),
        ({"approved_profile_digest": ""}, "disclosure.profile-not-approved"),
        ({"profile_digest": "", "approved_profile_digest": ""}, "disclosure.profile-not-approved"),
        (
            {"profile_digest": PROFILE.upper(), "approved_profile_digest": PROFILE.upper()},
            "disclosure.profile-not-approved",
        ),
        ({"deidentified": 11}, "disclosure.incomplete"),
        ({"deidentified": 13}, "disclosure.incomplete"),
        ({"verified": 11}, "disclosure.unverified"),
        ({"verified": 13}, "disclosure.unverified"),
        ({"findings": 1}, "disclosure.identity-found"),
        ({"private_elements": 1}, "disclosure.private-elements"),
        ({"marked_deidentified": 11}, "disclosure.not-marked"),
        ({"marked_deidentified": 0}, "disclosure.not-marked"),
        ({"findings": -1}, "disclosure.impossible-count"),
        ({"private_elements": True}, "disclosure.impossible-count"),
        ({"verified": 12.0}, "disclosure.impossible-count"),
        ({"findings": float("nan")}, "disclosure.impossible-count"),
        ({"findings": None}, "disclosure.impossible-count"),
    ],
)
def test_each_rule_closes_the_gate_alone(change, code):
    assert decide(replace(GOOD, **change)).codes == (code,)


def test_an_empty_study_does_not_pass_by_having_nothing_wrong():
    empty = replace(GOOD, instances=0, deidentified=0, verified=0, marked_deidentified=0)
    assert decide(empty).codes == ("disclosure.empty-study",)


def test_every_broken_rule_is_named_not_only_the_first():
    bad = replace(GOOD, profile_digest="b" * 64, deidentified=1, verified=2, findings=3)
    bad = replace(bad, private_elements=4, marked_deidentified=5)
    assert decide(bad).codes == (
        "disclosure.profile-not-approved",
        "disclosure.incomplete",
        "disclosure.unverified",
        "disclosure.not-marked",
        "disclosure.identity-found",
        "disclosure.private-elements",
    )


def test_it_opens_exactly_when_everything_is_accounted_for():
    for counts in product(range(3), repeat=6):
        instances, deidentified, verified, findings, private, marked = counts
        right = instances == deidentified == verified == marked > 0 == findings == private
        assert decide(DisclosureFacts(PROFILE, PROFILE, *counts)).allowed is right


def test_the_docstring_lists_every_code():
    described = decide.__doc__
    for bad in (
        replace(GOOD, verified=-1),
        DisclosureFacts("x", PROFILE, 2, 1, 1, 1, 1, 1),
        replace(GOOD, instances=0),
    ):
        for code in decide(bad).codes:
            assert f"``{code}``" in described
