"""One patient in the tables: once in each, whatever the images are like."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset

from fedpacs.core.table_forms import HISTOGRAM_WEIGHT, cell_of, table_forms
from fedpacs.core.volume import LabelledVolume
from fedpacs.quality.statistics.series import describe, feature_names

LABELS = ("liver", "lesion")
MR, CT = table_forms("MR", LABELS), table_forms("CT", LABELS)


def volume(image, label=None, spacing=(5.0, 1.0, 0.8)):
    image = np.asarray(image, np.float32)
    label = np.zeros(image.shape, np.uint8) if label is None else label
    return LabelledVolume(image, label, spacing, "P-AAAAAAAAAAAAAAAA")


def header(modality="MR", **values):
    ds = Dataset()
    ds.Modality = modality
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def cell(facts, forms, name):
    return forms[name].cells[int(np.argmax(facts.contributions[name]))]


IMAGES = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).normal(
        [0, 500, -800][seed % 3], [0, 1, 3000][seed % 7 % 3], (2, 5, 4)
    )
)


@given(IMAGES, st.sampled_from(["MR", "CT"]))
@settings(deadline=None)
def test_a_patient_adds_the_same_weight_to_every_table(image, modality):
    forms = CT if modality == "CT" else MR
    facts = describe(header(modality), volume(image), forms, LABELS)
    assert facts.contributions.keys() == forms.keys()
    for name, row in facts.contributions.items():
        assert len(row) == len(forms[name].cells)
        assert min(row) >= 0
        assert all(type(part) is int for part in row)
        assert sum(row) == forms[name].weight


def test_a_series_lies_in_the_cells_of_its_header_geometry_and_labels():
    label = np.zeros((2, 10, 10), np.uint8)
    label[0] = 1  # 100 voxels of 4 mm3
    ds = header(Manufacturer="SIEMENS", MagneticFieldStrength=3, PatientSex="F", PatientAge="067Y")
    facts = describe(ds, volume(np.full((2, 10, 10), 700.0), label), MR, LABELS)
    found = {name: cell(facts, MR, name) for name in MR}
    assert found["vendor"] == "siemens"
    assert found["field-strength"] == "2.5-4"
    assert found["sex"] == "female"
    assert found["age"] == "60-70"
    assert found["slice-spacing"] == "4.5-5.5"
    assert found["pixel-spacing"] == "1-1.3"
    assert found["label-liver"] == "0.3-1"
    assert found["label-lesion"] == "absent"
    assert found["intensity-middle"] == "512-724.077"


def test_the_histogram_is_the_share_of_the_foreground_and_not_of_the_air():
    image = np.zeros((1, 10, 10))
    image[0, :5] = 100.0
    image[0, :2] = 300.0
    facts = describe(header(), volume(image), MR, LABELS)
    histogram = np.array(facts.contributions["intensity"])
    assert histogram[cell_of(MR["intensity"], 100.0)] == 0.6 * HISTOGRAM_WEIGHT
    assert histogram[cell_of(MR["intensity"], 300.0)] == 0.4 * HISTOGRAM_WEIGHT


def test_the_shape_does_not_hang_on_the_scale_and_the_histogram_does():
    rng = np.random.default_rng(1)
    image = rng.gamma(3.0, 100.0, (3, 20, 20))
    one, other = (describe(header(), volume(image * gain), MR, LABELS) for gain in (1.0, 8.0))
    assert one.contributions["intensity-shape"] == other.contributions["intensity-shape"]
    assert one.contributions["intensity"] != other.contributions["intensity"]


def test_nothing_but_air_is_unknown_and_has_no_features():
    facts = describe(header("CT"), volume(np.full((2, 4, 4), -1000.0)), CT, LABELS)
    assert cell(facts, CT, "intensity") == "unknown"
    assert cell(facts, CT, "intensity-middle") == "unknown"
    assert np.isnan(facts.features[:11]).all()


def test_features_of_an_arbitrary_scale_are_logarithms_and_those_of_ct_are_not():
    names = feature_names(LABELS)
    middle = names.index("intensity-p50")
    image = np.full((2, 4, 4), 40.0)
    assert describe(header(), volume(image), MR, LABELS).features[middle] == pytest.approx(
        np.log(40)
    )
    assert describe(header("CT"), volume(image), CT, LABELS).features[middle] == pytest.approx(40)


def test_a_value_on_an_edge_belongs_to_the_band_above_and_beyond_the_ends_to_the_outer():
    age = MR["age"]
    assert [age.cells[cell_of(age, value)] for value in (0.0, 10.0, 89.9, 90.0, 300.0, -1.0)] == [
        "0-1", "10-20", "80-90", "90-200", "90-200", "0-1"]  # fmt: skip
    assert age.cells[cell_of(age, float("nan"))] == "unknown"
    assert MR["sex"].cells[cell_of(MR["sex"], "Mustermann")] == "unknown"
