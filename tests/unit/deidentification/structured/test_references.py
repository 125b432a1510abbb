from __future__ import annotations

import importlib.util
from collections import Counter
from pathlib import Path

import pydicom
import pytest
from pydicom.uid import UID

from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.errors import UnsupportedObjectError
from fedpacs.deidentification.profile import load_profile

_SPEC = importlib.util.spec_from_file_location("family", Path(__file__).with_name("family.py"))
family = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(family)
PROFILES = sorted(
    path.stem for path in (Path(__file__).parents[4] / "configs" / "profiles").glob("*.toml")
)
KINDS = tuple(family.build_family())
OPTIONS = {"sr": "113104", "kos": "113104", "pr": "113103"}
_DEFINING = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    folder = tmp_path_factory.mktemp("family")
    for name, ds in family.build_family().items():
        pydicom.dcmwrite(folder / f"{name}.dcm", ds, enforce_file_format=True)
    return {name: folder / f"{name}.dcm" for name in KINDS}


@pytest.fixture(scope="module", params=PROFILES)
def profile(request):
    return load_profile(request.param)


@pytest.fixture(scope="module")
def outputs(profile, pseudonyms, sources, tmp_path_factory):
    """Give what the engine made of each; a profile without the option may refuse a kind."""
    engine, folder = Engine(profile, pseudonyms), tmp_path_factory.mktemp("out")
    found = {}
    for name, path in sources.items():
        try:
            found[name] = pydicom.dcmread(engine.deidentify_file(path, folder).path)
        except UnsupportedObjectError:
            assert OPTIONS[name] not in profile.option_codes
    return found


def _uids(ds):
    return Counter(
        str(uid)
        for element in ds.iterall()
        if element.VR == "UI"
        for uid in (element.value if element.VM > 1 else [element.value])
        if uid and not UID(uid).name[0].isalpha()
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_reference_still_resolves_and_none_is_lost(sources, outputs, kind):
    if kind not in outputs:
        assert kind in OPTIONS
        return
    translated = {}
    for name, output in outputs.items():
        before = pydicom.dcmread(sources[name])
        for keyword in _DEFINING:
            if keyword in before:
                old, new = str(before[keyword].value), str(output[keyword].value)
                assert translated.setdefault(old, new) == new, (name, keyword)
    before = _uids(pydicom.dcmread(sources[kind]))
    after = _uids(outputs[kind])
    assert set(before).isdisjoint(after), "no old UID is left"
    for old, new in translated.items():
        assert after[new] == before[old], f"{kind}: a reference of {before[old]} is lost"
    assert sum(after.values()) == sum(before.values())


def test_the_same_object_is_named_alike_everywhere(outputs):
    image = outputs["ct2"]
    contour = outputs["rtstruct"].ROIContourSequence[0].ContourSequence[0]
    assert contour.ContourImageSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID
    dose, plan = outputs["rtdose"], outputs["rtplan"]
    assert dose.ReferencedRTPlanSequence[0].ReferencedSOPInstanceUID == plan.SOPInstanceUID


def test_geometry_stays(outputs):
    contour = outputs["rtstruct"].ROIContourSequence[0].ContourSequence[0]
    assert contour.ContourData == [1, 1, 4, 3, 1, 4, 3, 3, 4]
    grid = outputs["deformable"].DeformableRegistrationSequence[0]
    assert len(grid.DeformableRegistrationGridSequence[0].VectorGridData) == 96
    matrix = outputs["reg"].RegistrationSequence[0].MatrixRegistrationSequence[0].MatrixSequence[0]
    assert matrix.FrameOfReferenceTransformationMatrix[0] == 1


def _numbers(ds):
    return Counter(
        (element.keyword, str(element.value))
        for element in ds.iterall()
        if element.VR in {"DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"}
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_number_stays(sources, outputs, kind):
    if kind in outputs:
        assert _numbers(outputs[kind]) == _numbers(pydicom.dcmread(sources[kind]))


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_is_named(outputs, kind):
    text = str(outputs.get(kind, "")).casefold()
    for secret in ("zbigniew", "ukasiewicz", "grabowska", "acc-77", "pat-0815", "1961"):
        assert secret not in text


with_reports = pytest.mark.parametrize(
    "profile",
    [name for name in PROFILES if {"113103", "113104"} <= set(load_profile(name).option_codes)],
    indirect=True,
)
"""Profiles that let reports and drawings in."""


@with_reports
def test_what_was_drawn_stays(outputs):
    drawing = outputs["pr"]
    line = drawing.GraphicAnnotationSequence[0].GraphicObjectSequence[0]
    assert line.GraphicData == [1.0, 1.0, 4.0, 4.0]
    area = drawing.DisplayedAreaSelectionSequence[0]
    assert area.DisplayedAreaBottomRightHandCorner == [8, 8]
    words = drawing.GraphicAnnotationSequence[0].TextObjectSequence[0].UnformattedTextValue
    assert "nodule" in words


@with_reports
def test_template_codes_and_measurements_stay(outputs):
    report = outputs["sr"]
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert report.ConceptNameCodeSequence[0].CodeMeaning == "Imaging Measurement Report"
    length = report.ContentSequence[4]
    assert length.MeasuredValueSequence[0].NumericValue == 12.5
    assert length.MeasuredValueSequence[0].MeasurementUnitsCodeSequence[0].CodeValue == "mm"
    assert length.ContentSequence[0].GraphicData == [1.0, 1.0, 3.5, 4.5]
    for item in report.ContentSequence:
        assert item.ConceptNameCodeSequence[0].CodingSchemeDesignator in {"DCM", "SCT"}


@with_reports
def test_the_report_agrees_with_the_header_of_its_study(outputs):
    report, image = outputs["sr"], outputs["ct2"]
    assert report.ContentSequence[2].TextValue == image.AccessionNumber
    assert report.ContentSequence[1].UID == image.StudyInstanceUID  # noqa: SIM300 - in the report stands what the image says
    source = report.ContentSequence[3].ContentSequence[0].ReferencedSOPSequence[0]
    assert source.ReferencedSOPInstanceUID == image.SOPInstanceUID


@with_reports
def test_the_finding_stays_without_the_name(outputs):
    finding = outputs["sr"].ContentSequence[3].TextValue
    assert "Baker's cyst" in finding
    assert "Zbigniew" not in finding
