"""Every attribute of the standard has exactly one rule, and no free text is kept unseen."""

from __future__ import annotations

import pytest
from pydicom._dicom_dict import DicomDictionary

from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.document import profile_names
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.rules import GENERATORS, TEXT_VRS
from fedpacs.deidentification.standard import standard_vr
from fedpacs.deidentification.table import rows_by_tag

PROFILES = {name: load_profile(name) for name in profile_names()}
FREE_TEXT = TEXT_VRS | {"PN", "AE", "UR", "UN"}


@pytest.mark.parametrize("name", PROFILES)
def test_every_attribute_of_the_standard_has_one_rule(name):
    profile = PROFILES[name]
    assert set(DicomDictionary) | set(rows_by_tag()) <= set(profile.rules)
    for tag in DicomDictionary:
        rule = profile.action_for(tag, standard_vr(tag), private=False)
        assert rule.source
        assert rule.clause
        assert rule.generator in GENERATORS
        assert rule.otherwise in {Action.REMOVE, Action.ZERO, Action.DUMMY, Action.KEEP}
        if rule.action is Action.CLEAN:
            assert rule.generator in {"text", "shift", "year"}


@pytest.mark.parametrize("name", PROFILES)
def test_no_free_text_is_kept_without_a_pattern(name):
    profile = PROFILES[name]
    for tag, rule in profile.rules.items():
        text = standard_vr(tag) in FREE_TEXT and standard_vr(tag) != "UN"
        if text and rule.action is Action.KEEP:
            guarded = rule.generator in {"marker", "charset", "code", "term"}
            assert rule.pattern or guarded, f"{tag:08x}"


@pytest.mark.parametrize("name", PROFILES)
def test_no_code_string_is_kept_without_a_look_at_its_words(name):
    for tag, rule in PROFILES[name].rules.items():
        if standard_vr(tag) == "CS" and rule.action is Action.KEEP:
            assert rule.generator or rule.pattern, f"{tag:08x}"


@pytest.mark.parametrize("name", PROFILES)
def test_no_value_that_must_go_is_kept_otherwise(name):
    """What stands in for a value that may not stay never lets it stay after all."""
    for tag, rule in PROFILES[name].rules.items():
        if rule.otherwise is Action.KEEP:
            assert standard_vr(tag) == "SQ", f"{tag:08x}"


def test_no_text_rule_is_left_where_text_is_dropped():
    for profile in PROFILES.values():
        texts = [rule for rule in profile.rules.values() if rule.generator == "text"]
        assert bool(texts) == (profile.policies.text != "drop")


def test_dates_go_by_the_policy_wherever_they_stand():
    expected = {
        "keep": {(Action.KEEP, "")},
        "shift": {(Action.CLEAN, "shift")},
        "year": {(Action.CLEAN, "year")},
        "remove": set(),
    }
    leaving = {(Action.REMOVE, ""), (Action.ZERO, ""), (Action.DUMMY, "")}
    for profile in PROFILES.values():
        found = {
            (rule.action, rule.generator)
            for tag, rule in profile.rules.items()
            if standard_vr(tag) in {"DA", "DT"}
        }
        assert found - leaving == expected[profile.policies.dates], profile.name


def test_options_of_the_table_reach_every_row_that_they_name():
    rich = PROFILES["research-rich"]
    limited = PROFILES["hipaa-limited"]
    for tag, row in rows_by_tag().items():
        vr = standard_vr(tag)
        if row.options.get(Option.CLEAN_DESCRIPTORS) and vr in TEXT_VRS:
            assert rich.rules[tag].generator == "text", row.name
        if row.options.get(Option.RETAIN_FULL_DATES) and vr in {"DA", "DT", "TM"}:
            assert limited.rules[tag].action is Action.KEEP, row.name
            assert rich.rules[tag].generator == "shift", row.name
        if row.options.get(Option.CLEAN_STRUCTURED_CONTENT):
            assert rich.rules[tag].action is Action.KEEP, row.name


@pytest.mark.parametrize(
    ("tag", "generator"),
    [
        (0x300A00C2, "text"),  # Beam Name
        (0x300A00C3, "text"),  # Beam Description
        (0x30040006, "text"),  # Dose Comment
        (0x30060026, "text"),  # ROI Name
        (0x30060002, "text"),  # Structure Set Label
        (0x300A0043, "text"),  # Tolerance Table Label
        (0x300A01D0, "text"),  # Setup Reference Description
        (0x00283003, "text"),  # LUT Explanation
        (0x00409210, "text"),  # LUT Label
        (0x0040A160, "text"),  # Text Value
        (0x00700006, "text"),  # Unformatted Text Value
        (0x00181210, "text"),  # Convolution Kernel
        (0x00180024, "text"),  # Sequence Name
        (0x00102160, "text"),  # Ethnic Group
        (0x00180015, "term"),  # Body Part Examined
        (0x00101010, "age"),
        (0x00080050, "identifier"),
        (0x00100020, "patient"),
    ],
)
def test_what_makes_values_in_the_richest_profile(tag, generator):
    assert PROFILES["research-rich"].rules[tag].generator == generator


@pytest.mark.parametrize(
    "tag",
    [
        0x30020020,  # Radiation Machine Name
        0x300A00B2,  # Treatment Machine Name
        0x00081010,  # Station Name
        0x00080080,  # Institution Name
        0x00181003,  # Device ID
        0x00181803,  # NTP Source Address
        0x00401006,  # Placer Order Number
        0x00080054,  # Retrieve AE Title
        0x00081190,  # Retrieve URL
        0x00100033,  # Birth Date in Alternative Calendar
        0x00102295,  # Breed Registration Number
    ],
)
def test_what_names_a_place_a_device_or_a_person_is_never_cleaned_but_goes(tag):
    for profile in PROFILES.values():
        assert profile.rules[tag].action in {Action.REMOVE, Action.ZERO}, profile.name


def test_what_the_options_retain_is_kept_when_a_profile_asks_for_them(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\ntitle = "t"\noptions = ["retain-uids", "retain-institution-identity", '
        '"retain-device-identity"]\n',
        "utf-8",
    )
    profile = load_profile(str(path))
    kept = (0x00080018, 0x0020000D, 0x00080080, 0x00081010, 0x00181000, 0x00181002, 0x30020020)
    assert all(profile.rules[tag].action is Action.KEEP for tag in kept)
    assert profile.rules[0x00089123].action is Action.KEEP  # a UID without a row
    ae_title = profile.rules[0x00080055]
    assert (ae_title.action, ae_title.generator) == (Action.DUMMY, "identifier")
    assert profile.rules[0x00181200].action is Action.KEEP  # a date of calibration
    assert profile.rules[0x00080020].action is Action.ZERO  # but not of the patient
    assert profile.rules[0x00100040].action is Action.ZERO
    assert profile.option_codes == ("113100", "113109", "113110", "113112")


def test_characteristics_that_are_text_go_where_text_is_dropped(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\ntitle = "t"\noptions = ["retain-patient-characteristics"]\n', "utf-8"
    )
    dropped = load_profile(str(path))
    cleaned = PROFILES["research-rich"]
    for tag in (0x00102110, 0x00102160, 0x00380050, 0x00380500, 0x00400012):
        assert dropped.rules[tag].action is Action.REMOVE
        assert cleaned.rules[tag].generator == "text"
    for tag in (0x00101020, 0x00101030, 0x001021A0, 0x001021C0, 0x00102203):
        assert dropped.rules[tag].action is Action.KEEP
