from __future__ import annotations

import pytest

from fedpacs.deidentification.answers import Answer, answer_for, object_rules, rule_for
from fedpacs.deidentification.document import profile_names
from fedpacs.deidentification.profile import load_profile

PROFILES = {name: load_profile(name) for name in profile_names()}
CLASS = "1.2.840.10008.5.1.4.1.1."
CT, CR, US, SC = f"{CLASS}2", f"{CLASS}1", f"{CLASS}6.1", f"{CLASS}7"
SR, KO, GSPS, PDF, VOICE = (
    f"{CLASS}88.33",
    f"{CLASS}88.59",
    f"{CLASS}11.1",
    f"{CLASS}104.1",
    f"{CLASS}9.4.1",
)
ECG, PHOTO, OPT = f"{CLASS}9.1.1", f"{CLASS}77.1.4", f"{CLASS}77.1.5.4"
DICOMDIR = "1.2.840.10008.1.3.10"
VENDOR = "1.3.12.2.1107.5.9.1"


@pytest.mark.parametrize("uid", [CT, CR, US, SC, SR, KO, GSPS, PDF, ECG, PHOTO, OPT, VENDOR, ""])
def test_the_richest_profile_takes_nearly_every_kind(uid):
    assert answer_for(uid, PROFILES["research-rich"]) == Answer(allowed=True, code="", reason="")


@pytest.mark.parametrize(
    ("uid", "code"),
    [
        (US, "deid.unsupported-ultrasound"),
        (SC, "deid.unsupported-secondary-capture"),
        (PHOTO, "deid.unsupported-photograph"),
        (SR, "deid.unsupported-report"),
        (KO, "deid.unsupported-report"),
        (GSPS, "deid.unsupported-presentation"),
        (PDF, "deid.unsupported-document"),
        (VENDOR, "deid.unsupported-object"),
    ],
)
def test_the_header_only_profile_refuses_what_it_does_not_clean(uid, code):
    answer = answer_for(uid, PROFILES["gdpr-pseudonymised"])
    assert not answer.allowed
    assert answer.code == code
    assert answer.reason


def test_a_kind_that_may_show_text_must_state_that_it_does_not_unless_pictures_are_cleaned():
    answer = answer_for(CR, PROFILES["gdpr-pseudonymised"])
    assert answer.allowed
    assert answer.code == "deid.burned-in-unknown"
    assert answer_for(CR, PROFILES["hipaa-limited"]).code == ""


@pytest.mark.parametrize("uid", [DICOMDIR, VOICE, f"{CLASS}66"])
@pytest.mark.parametrize("name", PROFILES)
def test_what_no_profile_can_clean_is_always_refused(uid, name):
    assert not answer_for(uid, PROFILES[name]).allowed


@pytest.mark.parametrize("name", PROFILES)
def test_documents_and_scans_by_policy(name):
    profile = PROFILES[name]
    assert answer_for(PDF, profile).allowed == (profile.policies.documents == "remove")
    assert answer_for(CT, profile).allowed


def test_every_line_of_the_list_can_be_answered():
    for rule in object_rules().values():
        assert rule.pixels in {"yes", "no", "any"}
        assert rule.answer in {"yes", "stated"} or rule.answer.startswith("deid.unsupported-")
        assert rule.answer == "yes" or rule.reason
        for profile in PROFILES.values():
            answer_for(rule.sop_class_uid, profile)


def test_a_kind_without_a_line_goes_by_the_last():
    assert rule_for(VENDOR) is object_rules()["*"]
    assert rule_for(CT).name == "CT Image"
