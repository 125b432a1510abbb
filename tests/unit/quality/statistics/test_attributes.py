"""Headers become codes and numbers; what is not known is unknown, never copied."""

from __future__ import annotations

import pytest
from pydicom import Dataset

from fedpacs.core.table_forms import VENDORS
from fedpacs.quality.statistics import attributes


def header(**values):
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("SIEMENS", "siemens"),
        ("Siemens Healthineers", "siemens"),
        ("GE MEDICAL SYSTEMS", "ge"),
        ("GE", "ge"),
        ("Philips Medical Systems", "philips"),
        ("TOSHIBA_MEC", "canon"),
        ("Canon Medical Systems", "canon"),
        ("Hitachi Medical Corporation", "fujifilm"),
        ("UIH", "united-imaging"),
        ("Carestream Health", "carestream"),
        ("Agfa-Gevaert", "agfa"),
        ("KONICA MINOLTA", "konica-minolta"),
        ("Mustermann, Erika", "other"),
        ("GEORGE MACHINES", "other"),
        ("", None),
    ],
)
def test_a_manufacturer_is_a_code_of_the_vocabulary(written, code):
    found = attributes.vendor(header(Manufacturer=written))
    assert found == code
    assert found is None or found in VENDORS


@pytest.mark.parametrize(
    ("age", "years"),
    [("045Y", 45.0), ("018M", 1.5), ("026W", 0.498), ("000D", 0.0), ("", None)],
)
def test_an_age_is_years_in_any_unit(age, years):
    found = attributes.age_years(header(PatientAge=age))
    assert found == (years if years is None else pytest.approx(years, abs=1e-3))


@pytest.mark.parametrize(
    ("sex", "code"), [("F", "female"), ("M", "male"), ("O", "other"), ("", None)]
)
def test_a_sex_is_a_code(sex, code):
    assert attributes.sex(header(PatientSex=sex)) == code


def test_a_field_in_gauss_is_told_in_tesla():
    assert attributes.field_strength_t(header(MagneticFieldStrength="15000")) == 1.5
    assert attributes.field_strength_t(header(MagneticFieldStrength="3")) == 3.0
    assert attributes.field_strength_t(header()) is None


def test_a_tube_voltage_of_nothing_is_unknown():
    assert attributes.tube_voltage_kv(header(KVP="120")) == 120.0
    assert attributes.tube_voltage_kv(header(KVP="0")) is None
