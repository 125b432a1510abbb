"""The pages about HIPAA and GDPR name rules and tests that exist, and rules do what they say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydicom.datadict import tag_for_keyword

from fedpacs.core.ps315 import Action
from fedpacs.deidentification.document import profile_names
from fedpacs.deidentification.profile import load_profile

ROOT = Path(__file__).resolve().parents[3]
PAGES = {name: (ROOT / "docs" / "reference" / f"{name}.md") for name in ("hipaa", "gdpr")}
ROWS = [line for line in PAGES["hipaa"].read_text("utf-8").splitlines() if line.startswith("| (")]
GONE = {Action.REMOVE, Action.ZERO, Action.DUMMY, Action.UID}
DATES = {"StudyDate", "ContentDate", "AcquisitionDateTime", "StudyTime"}


def keywords(row):
    return re.findall(r"`([A-Z][A-Za-z]+)`", row.split("|")[3])


@pytest.mark.parametrize("name", PAGES)
def test_every_test_that_is_named_exists(name):
    named = re.findall(r"`(tests/[^`]+)`", PAGES[name].read_text("utf-8"))
    assert named
    for path in named:
        assert (ROOT / path).exists(), path


@pytest.mark.parametrize("name", PAGES)
def test_counsel_is_named_and_every_profile_exists(name):
    text = PAGES[name].read_text("utf-8")
    assert "Law is for counsel" in text
    mentioned = set(re.findall(r"`((?:hipaa|gdpr|research)-[a-z-]+)`", text))
    assert mentioned <= set(profile_names())


def test_there_are_eighteen_identifiers():
    assert [row.split("|")[1].strip() for row in ROWS] == [f"({c})" for c in "ABCDEFGHIJKLMNOPQR"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip())
def test_no_attribute_that_the_row_names_keeps_its_value(row):
    safe_harbor, limited = load_profile("hipaa-safe-harbor"), load_profile("hipaa-limited")
    for keyword in keywords(row):
        tag = tag_for_keyword(keyword)
        assert tag is not None, keyword
        rule = safe_harbor.rules[tag]
        if keyword == "PatientAge":
            assert rule.generator == "age"
            assert safe_harbor.maximum_age_years == 89
        elif keyword in DATES:
            assert rule.generator == "year" or rule.action in GONE
            assert limited.rules[tag].action is Action.KEEP
        else:
            assert rule.action in GONE, keyword
            assert limited.rules[tag].action in GONE, keyword


def test_safe_harbor_is_what_the_page_says():
    profile = load_profile("hipaa-safe-harbor")
    policies = profile.policies
    assert (policies.dates, policies.text, policies.identity) == ("year", "vocabulary", "vault")
    assert (policies.faces, policies.ocr) == ("deface", "always")
    assert policies.encrypted_attributes == "forbidden"


def test_no_profile_calls_its_output_anonymous():
    for name in profile_names():
        claim = " ".join(load_profile(name).claim.split())
        for match in re.finditer("anonymous", claim):
            around = claim[max(0, match.start() - 25) : match.end()]
            assert re.search(r"never|neither", around), name


def test_religion_goes_under_every_profile():
    tag = tag_for_keyword("PatientReligiousPreference")
    assert all(load_profile(name).rules[tag].action is Action.REMOVE for name in profile_names())
