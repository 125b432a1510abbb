"""A profile that inherits is never looser than its parent, unless it says that it is unsafe."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fedpacs.config.load import FaultyConfigError
from fedpacs.core.ps315 import Action, Option
from fedpacs.deidentification.document import profile_names
from fedpacs.deidentification.errors import ProfileError
from fedpacs.deidentification.policies import (
    TIGHTER,
    Policies,
    bands_are_tighter,
    loosened,
    options_beyond_policies,
)
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.rules import Rule
from fedpacs.deidentification.strictness import is_looser, stricter, strictness
from fedpacs.deidentification.table import OPTION_NAMES

POLICY_VALUES = {
    "dates": ("shift", "keep", "year", "remove"),
    "text": ("drop", "clean", "vocabulary"),
    "pixels": ("hold", "clean"),
    "ocr": ("likely", "always", "never"),
    "faces": ("keep", "hold", "deface"),
    "documents": ("refuse", "remove"),
    "identity": ("keyed", "vault", "ephemeral"),
    "encrypted_attributes": ("forbidden", "allowed"),
}
ATTRIBUTES = (
    "PatientSex", "StudyDate", "StudyDescription", "BeamName", "PatientAge", "Manufacturer",
    "StudyInstanceUID", "ContentSequence", "EchoTime", "InstitutionName", "ROIName",
)  # fmt: skip
policies = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.sampled_from(values) for name, values in POLICY_VALUES.items()},
        "age_band_years": st.sampled_from([0, 5, 7, 10, 20]),
        "ocr_modalities": st.sets(st.sampled_from(["US", "SC", "CT"])).map(sorted),
    },
)
files = st.fixed_dictionaries(
    {
        "policies": policies,
        "attributes": st.dictionaries(st.sampled_from(ATTRIBUTES), st.sampled_from("DZXKCU")),
    },
    optional={
        "options": st.sets(st.sampled_from(sorted(OPTION_NAMES)), max_size=4),
        "maximum_age_years": st.integers(0, 130),
    },
)


def toml(name, inherits, content, unsafe=False):
    lines = [f'name = "{name}"', 'title = "t"', f'inherits = "{inherits}"']
    if unsafe:
        lines.append("unsafe = true")
    if "options" in content:
        lines.append(f"options = {sorted(content['options'])!r}")
    if "maximum_age_years" in content:
        lines.append(f"maximum_age_years = {content['maximum_age_years']}")
    lines.append("[policies]")
    lines.extend(f"{key} = {value!r}" for key, value in content["policies"].items())
    lines.append("[attributes]")
    lines.extend(f'{key} = "{value}"' for key, value in content["attributes"].items())
    return "\n".join(lines)


def assert_not_looser(child, parent):
    assert not loosened(child.policies, parent.policies)
    assert options_beyond_policies(child.options) <= options_beyond_policies(parent.options)
    assert child.maximum_age_years <= parent.maximum_age_years
    assert set(child.rules) == set(parent.rules)
    for tag, rule in child.rules.items():
        assert not is_looser(rule, parent.rules[tag]), f"{tag:08x}"
        if rule.generator == "text":
            assert child.policies.text != "drop"


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    root=st.sampled_from(profile_names()),
    first=files,
    second=files,
    unsafe=st.booleans(),
)
def test_no_child_is_ever_looser_on_any_attribute_or_policy(root, first, second, unsafe):
    """A parent of any kind, even an unsafe one, and a child of it that is not."""
    with tempfile.TemporaryDirectory() as folder:
        parent_path, child_path = Path(folder) / "parent.toml", Path(folder) / "child.toml"
        parent_path.write_text(toml("parent", root, first, unsafe), "utf-8")
        child_path.write_text(toml("child", "parent.toml", second), "utf-8")
        try:
            parent = load_profile(str(parent_path))
        except (ProfileError, FaultyConfigError):
            return
        if not unsafe:
            assert_not_looser(parent, load_profile(root))
        try:
            child = load_profile(str(child_path))
        except (ProfileError, FaultyConfigError):
            return
        assert_not_looser(child, parent)


@given(content=policies, root=st.sampled_from(profile_names()))
@settings(max_examples=8, deadline=None)
def test_tighter_policies_alone_always_load(content, root):
    """Whatever is refused is refused for a policy that is not tighter, never by accident."""
    parent = load_profile(root)
    asked = {
        name: value
        for name, value in content.items()
        if name in TIGHTER and value in TIGHTER[name].get(getattr(parent.policies, name), ())
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "child.toml"
        path.write_text(toml("child", root, {"policies": asked, "attributes": {}}), "utf-8")
        child = load_profile(str(path))
    for name, value in asked.items():
        assert getattr(child.policies, name) == value
    assert_not_looser(child, parent)


@pytest.mark.parametrize(
    ("policy", "from_", "to", "tighter"),
    [
        ("faces", "keep", "hold", True),
        ("faces", "hold", "keep", False),
        ("faces", "deface", "hold", True),
        ("ocr", "likely", "always", True),
        ("ocr", "always", "never", False),
        ("identity", "keyed", "ephemeral", True),
        ("identity", "ephemeral", "vault", False),
        ("text", "clean", "vocabulary", True),
        ("text", "vocabulary", "drop", True),
        ("text", "drop", "vocabulary", False),
        ("dates", "keep", "shift", True),
        ("dates", "shift", "year", False),
        ("dates", "year", "shift", False),
        ("dates", "year", "remove", True),
        ("pixels", "hold", "clean", False),
        ("pixels", "clean", "hold", False),
        ("documents", "remove", "refuse", True),
        ("encrypted_attributes", "forbidden", "allowed", False),
    ],
)
def test_which_policy_is_tighter(policy, from_, to, tighter):
    parent, child = Policies(**{policy: from_}), Policies(**{policy: to})
    assert (loosened(child, parent) == []) is tighter
    assert loosened(parent, parent) == []


def test_more_modalities_to_read_and_wider_bands_are_tighter():
    assert loosened(Policies(ocr_modalities=frozenset({"US"})), Policies()) == []
    assert loosened(Policies(), Policies(ocr_modalities=frozenset({"US"}))) == ["ocr_modalities"]
    assert bands_are_tighter(10, 5)
    assert bands_are_tighter(5, 0)
    assert not bands_are_tighter(7, 5), "bands that cross the parent's tell more"
    assert not bands_are_tighter(0, 5)


def test_every_policy_has_an_order():
    assert {*TIGHTER, "ocr_modalities", "age_band_years"} == set(Policies().described())


def test_a_value_made_from_the_old_one_is_looser_than_one_that_is_not():
    keyed, plain = Rule(Action.DUMMY, "", "", "identifier"), Rule(Action.DUMMY, "", "")
    assert stricter(keyed, plain) is plain
    assert stricter(plain, keyed) is plain
    checked, kept = Rule(Action.KEEP, "", "", pattern="x"), Rule(Action.KEEP, "", "")
    assert is_looser(kept, checked)
    ranks = [strictness(Rule(a, "", "")) for a in ("K", "C", "U", "D", "Z", "X")]
    assert ranks == sorted(set(ranks))


def test_an_unsafe_child_keeps_what_its_parent_says_of_single_attributes(tmp_path):
    path = tmp_path / "child.toml"
    content = {
        "policies": {},
        "attributes": {},
        "options": {"retain-full-dates", "retain-patient-characteristics"},
    }
    path.write_text(toml("child", "gdpr-pseudonymised", content, unsafe=True), "utf-8")
    child = load_profile(str(path))
    assert child.unsafe
    assert child.policies.dates == "keep"
    assert Option.RETAIN_SAFE_PRIVATE not in child.options
    assert child.rules[0x00080020].action is Action.KEEP
    assert child.rules[0x00101020].action is Action.REMOVE  # PatientSize, in the parent's file


def test_policies_and_options_that_contradict_each_other_are_a_fault(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\ntitle = "t"\noptions = ["clean-descriptors"]\n[policies]\ntext = "drop"\n',
        "utf-8",
    )
    with pytest.raises(ProfileError):
        load_profile(str(path))


def test_a_policy_takes_its_option_with_it(tmp_path):
    path = tmp_path / "own.toml"
    path.write_text(
        'name = "own"\ntitle = "t"\ninherits = "research-rich"\n'
        '[policies]\ntext = "drop"\ndates = "remove"\n',
        "utf-8",
    )
    child = load_profile(str(path))
    assert Option.CLEAN_DESCRIPTORS not in child.options
    assert Option.RETAIN_MODIFIED_DATES not in child.options
    assert Option.CLEAN_PIXEL_DATA in child.options
    assert child.rules[0x00081030].action is Action.REMOVE
