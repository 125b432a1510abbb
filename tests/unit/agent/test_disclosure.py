"""What gate 1 is told of a study is counted from what was really checked."""

from __future__ import annotations

from pathlib import Path

import pytest

from fedpacs.agent.disclosure import disclosure_facts
from fedpacs.core.study import DeidentifiedInstance, DeidentifiedStudy
from fedpacs.deidentification.verification.instance import Finding
from fedpacs.policy import disclosure

PROFILE = "a" * 64


def study(*uids):
    instances = tuple(
        DeidentifiedInstance(uid, "1.2", "2.25.7", "MR", Path(uid), "0" * 64) for uid in uids
    )
    return DeidentifiedStudy("2.25.8", "P-AAAAAAAAAAAAAAAA", PROFILE, ("113100",), instances)


def codes(made, findings, instances):
    return disclosure.decide(disclosure_facts(made, findings, instances, PROFILE)).codes


def test_a_clean_study_passes():
    assert codes(study("2.25.1", "2.25.2"), [(), ()], 2) == ()


@pytest.mark.parametrize("code", ["deid.output-unreadable", "deid.not-verifiable"])
def test_a_file_that_could_not_be_read_is_not_verified(code):
    found = codes(study("2.25.1", "2.25.2"), [(), (Finding(code),)], 2)
    assert {"disclosure.unverified", "disclosure.not-marked"} <= set(found)


def test_a_file_that_was_never_verified_is_missed():
    assert "disclosure.unverified" in codes(study("2.25.1", "2.25.2"), [()], 2)


def test_a_file_made_twice_does_not_stand_for_another():
    assert "disclosure.incomplete" in codes(study("2.25.1", "2.25.1"), [(), ()], 2)


def test_what_was_found_is_told():
    found = (Finding("deid.private-element", "0009,0010"), Finding("deid.not-marked"))
    told = codes(study("2.25.1"), [found], 1)
    assert told == (
        "disclosure.not-marked",
        "disclosure.identity-found",
        "disclosure.private-elements",
    )
