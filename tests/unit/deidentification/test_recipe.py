from __future__ import annotations

import pytest

from fedpacs.core.ps315 import Action
from fedpacs.deidentification.errors import RecipeError
from fedpacs.deidentification.profile import explain, load_profile
from fedpacs.deidentification.recipe import read_recipe

RECIPE = """FORMAT dicom

%fields mine
FIELD PatientSex
FIELD startswith:Pixel

%header

REMOVE ManufacturerModelName
BLANK SoftwareVersions
REPLACE Manufacturer ACME
REMOVE (0018,0087)
REMOVE contains:EchoTime
REMOVE fields:mine
REMOVE PatientName
JITTER StudyDate 31
KEEP InstitutionName
KEEP PatientAddress
ADD PatientIdentityRemoved Yes
REMOVE (0009,"ACME",01)
"""


@pytest.fixture
def recipe(tmp_path):
    def _write(text: str):
        path = tmp_path / "hospital.deid"
        path.write_text(text, "utf-8")
        return path

    return _write


def test_lines_become_actions(recipe):
    reading = read_recipe(recipe(RECIPE))
    assert reading.actions[0x00081090] is Action.REMOVE
    assert reading.actions[0x00181020] is Action.ZERO
    assert reading.actions[0x00080070] is Action.DUMMY
    assert reading.actions[0x00180087] is Action.REMOVE
    assert reading.actions[0x00180081] is Action.REMOVE
    assert reading.actions[0x00100040] is Action.REMOVE
    assert reading.actions[0x7FE00010] is Action.REMOVE
    assert 0x00080080 not in reading.actions
    assert len(reading.not_taken) == 3


def test_a_recipe_lies_over_a_profile_and_only_tightens(recipe, tmp_path):
    recipe(RECIPE)
    (tmp_path / "own.toml").write_text(
        'name = "own"\ntitle = "t"\ninherits = "gdpr-pseudonymised"\n'
        'deid_recipe = "hospital.deid"\n'
    )
    profile = load_profile(str(tmp_path / "own.toml"))
    assert profile.action_for(0x00100040, "CS", private=False).action is Action.REMOVE
    assert profile.action_for(0x00180081, "DS", private=False).action is Action.REMOVE
    assert profile.action_for(0x00080080, "LO", private=False).action is Action.REMOVE
    # the pseudonym is what keeps the patient one patient
    assert profile.action_for(0x00100010, "PN", private=False).generator == "patient"
    assert any("KEEP" in sentence for sentence in explain(profile))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "FORMAT dicom\n\n%header\n\nREMOVE NoSuchAttribute\n",
        "FORMAT dicom\n\n%header\n\nREMOVE fields:missing\n",
        "FORMAT dicom\n\n%header\n\nREMOVE contains:(((\n",
        "FORMAT dicom\n\n%nonsense\n\nREMOVE PatientSex\n",
    ],
)
def test_what_is_not_understood_is_refused(recipe, text):
    with pytest.raises(RecipeError):
        read_recipe(recipe(text))


def test_a_missing_recipe_is_refused(tmp_path):
    with pytest.raises(RecipeError):
        read_recipe(tmp_path / "none.deid")
