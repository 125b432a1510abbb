from __future__ import annotations

from dataclasses import replace

import pytest

from fedpacs.config.load import FaultyConfigError, FileUnreadableError
from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification import rules
from fedpacs.deidentification.document import profile_names
from fedpacs.deidentification.errors import LooseningError, ProfileError
from fedpacs.deidentification.profile import explain, load_profile

STRICTNESS = (Action.KEEP, Action.CLEAN, Action.UID, Action.DUMMY, Action.ZERO, Action.REMOVE)


@pytest.fixture
def written(tmp_path):
    def _write(text: str):
        path = tmp_path / "own.toml"
        path.write_text(text, "utf-8")
        return str(path)

    return _write


def test_shipped_profiles_load_and_differ():
    names = profile_names()
    assert names == [
        "basic",
        "gdpr-anonymous-candidate",
        "gdpr-pseudonymised",
        "hipaa-limited",
        "hipaa-safe-harbor",
        "research-rich",
    ]
    assert len({load_profile(name).digest for name in names}) == len(names)


@pytest.mark.parametrize(
    ("tag", "vr", "action"),
    [
        (0x00100010, "PN", Action.DUMMY),  # the pseudonym
        (0x00100030, "DA", Action.ZERO),
        (0x00100040, "CS", Action.KEEP),
        (0x00101010, "AS", Action.KEEP),
        (0x00101030, "DS", Action.REMOVE),
        (0x00080020, "DA", Action.CLEAN),
        (0x00080080, "LO", Action.REMOVE),
        (0x0020000D, "UI", Action.UID),
        (0x00280010, "US", Action.KEEP),
        (0x7FE00010, "OW", Action.KEEP),
        (0x00200032, "DS", Action.KEEP),
        (0x300C0113, "ST", Action.REMOVE),
        (0x300A00C2, "LO", Action.DUMMY),  # BeamName: no row in the table, Type 1 in some IOD
        (0x00283003, "LO", Action.DUMMY),  # LUTExplanation
        (0x30040006, "LO", Action.REMOVE),  # DoseComment
        (0x00081190, "UR", Action.REMOVE),
        (0x00080200, "LO", Action.REMOVE),  # not in the standard
        (0x00091001, "DS", Action.REMOVE),  # private
        (0x60003000, "OW", Action.REMOVE),
        (0x60224000, "LT", Action.REMOVE),
        (0x50103000, "OW", Action.REMOVE),
        (0x00080000, "UL", Action.REMOVE),  # group length
        (0x00001000, "UI", Action.REMOVE),
        (0x00280010, "LO", Action.ZERO),  # a number with the VR of a text
        (0x00201041, "LO", Action.REMOVE),  # and one that no IOD needs
        (0x00100012, "LO", Action.REMOVE),  # 2026c
    ],
)
def test_one_rule_for_every_attribute(tag, vr, action):
    assert load_profile("gdpr-pseudonymised").action_for(tag, vr, private=False).action is action


def test_basic_keeps_nothing_of_the_patient_and_no_date():
    profile = load_profile("basic")
    assert profile.option_codes == ("113100",)
    for tag, vr in ((0x00100040, "CS"), (0x00101010, "AS"), (0x00080020, "DA")):
        assert profile.action_for(tag, vr, private=False).action in {Action.ZERO, Action.REMOVE}


def test_a_child_tightens(written):
    path = written(
        'name = "own"\ntitle = "t"\ninherits = "gdpr-pseudonymised"\n'
        '[attributes]\nPatientSex = "Z"\n"0018,0087" = "X"\n'
    )
    profile = load_profile(path)
    parent = load_profile("gdpr-pseudonymised")
    assert profile.action_for(0x00100040, "CS", private=False).action is Action.ZERO
    assert profile.action_for(0x00180087, "DS", private=False).action is Action.REMOVE
    assert profile.options == parent.options
    assert profile.digest != parent.digest
    for tag, rule in profile.rules.items():
        before = parent.action_for(tag, _vr(tag), private=False)
        assert STRICTNESS.index(rule.action) >= STRICTNESS.index(before.action)


def test_a_child_with_fewer_options_is_tighter(written):
    path = written(
        'name = "own"\ntitle = "t"\ninherits = "research-rich"\noptions = ["clean-pixel-data"]\n'
    )
    profile = load_profile(path)
    assert profile.options == {Option.BASIC, Option.CLEAN_PIXEL_DATA}
    assert profile.policies.text == "drop"
    assert profile.action_for(0x00081030, "LO", private=False).action is Action.REMOVE
    assert profile.action_for(0x00080020, "DA", private=False).action is Action.ZERO


@pytest.mark.parametrize(
    "rest",
    [
        '[attributes]\nInstitutionName = "K"\n',
        'options = ["retain-modified-dates", "retain-device-identity"]\n',
        "maximum_age_years = 120\n",
        '[policies]\ntext = "clean"\n',
        '[policies]\ndates = "year"\n',
        '[policies]\npixels = "clean"\n',
        '[policies]\ndocuments = "remove"\n',
    ],
)
def test_a_child_must_not_loosen(written, rest):
    head = 'name = "own"\ntitle = "t"\ninherits = "gdpr-pseudonymised"\n'
    with pytest.raises(LooseningError):
        load_profile(written(head + rest))
    unsafe = load_profile(written(head + "unsafe = true\n" + rest))
    assert unsafe.unsafe
    assert "UNSAFE" in explain(unsafe)[1]


@pytest.mark.parametrize("attribute", ["PatientName", "0012,0062", "0008,0100"])
def test_what_makes_output_traceable_cannot_be_changed(written, attribute):
    text = f'name = "own"\ntitle = "t"\n[attributes]\n"{attribute}" = "X"\n'
    with pytest.raises(ProfileError):
        load_profile(written(text))


def test_an_option_that_the_standard_does_not_have_is_a_fault(written):
    with pytest.raises(FaultyConfigError) as caught:
        load_profile(written('name = "own"\ntitle = "t"\noptions = ["retain-everything"]\n'))
    assert caught.value.faults[0].where == "options.0"


def test_both_kinds_of_dates_are_a_fault(written):
    options = 'options = ["retain-full-dates", "retain-modified-dates"]\n'
    with pytest.raises(FaultyConfigError):
        load_profile(written(f'name = "own"\ntitle = "t"\n{options}'))


def test_a_profile_cannot_inherit_from_itself(written):
    path = written('name = "own"\ntitle = "t"\ninherits = "own.toml"\n')
    with pytest.raises(ProfileError):
        load_profile(path)


def test_an_unknown_profile_is_named_as_such():
    with pytest.raises(FileUnreadableError):
        load_profile("no-such-profile")
    with pytest.raises(FileUnreadableError):
        load_profile("../../pyproject")


def test_explain_says_what_happens_and_who_says_so():
    profile = load_profile("gdpr-pseudonymised")
    (name,) = explain(profile, "PatientName")
    assert name.startswith("Patient's Name (0010,0010) is replaced by the patient's pseudonym")
    (age,) = explain(profile, "0010,1010")
    assert "over 89 years is written as 90" in age
    (date,) = explain(profile, "StudyDate")
    assert "shifted" in date
    assert "PS3.15 Table E.1-1" in date
    assert len(explain(profile)) > 700
    with pytest.raises(ProfileError):
        explain(profile, "NoSuchAttribute")


def _vr(tag: int) -> str:
    from pydicom.datadict import dictionary_VR

    try:
        return dictionary_VR(tag).split(" or ")[0]
    except KeyError:
        return "UN"


def test_the_digest_covers_policies_and_data(monkeypatch):
    profile = load_profile("research-rich")
    held = replace(profile, policies=replace(profile.policies, faces="hold"))
    assert held.digest != profile.digest
    monkeypatch.setattr(rules, "data_digest", lambda: "another")
    assert replace(profile).digest != profile.digest
