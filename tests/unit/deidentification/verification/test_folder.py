"""A folder is more than its files: references, patients and the map must agree."""

from __future__ import annotations

import json
import shutil

import highdicom
import numpy as np
import pydicom
import pytest
from pydicom.sr.coding import Code

from fedpacs.deidentification.verification.conformance import conformance_findings
from fedpacs.deidentification.verification.errors import NothingToVerifyError
from fedpacs.deidentification.verification.finding import Finding
from fedpacs.deidentification.verification.folder import verify_folder


@pytest.fixture(scope="module")
def segmentation(series, tmp_path_factory):
    sources = [pydicom.dcmread(path) for path in series]
    masks = np.zeros((5, 16, 16), dtype=np.uint8)
    masks[:, 2:8, 2:8] = 1
    seg = highdicom.seg.Segmentation(
        source_images=sources,
        pixel_array=masks,
        segmentation_type=highdicom.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=[
            highdicom.seg.SegmentDescription(
                segment_number=1,
                segment_label="drawn by Grabowska",
                segmented_property_category=Code("123037004", "SCT", "Anatomical Structure"),
                segmented_property_type=Code("12738006", "SCT", "Brain"),
                algorithm_type=highdicom.seg.SegmentAlgorithmTypeValues.MANUAL,
            )
        ],
        series_instance_uid="1.2.826.0.1.3680043.9.7433.70",
        series_number=9,
        sop_instance_uid="1.2.826.0.1.3680043.9.7433.71",
        instance_number=1,
        manufacturer="Acme Tools",
        manufacturer_model_name="Pen",
        software_versions="1",
        device_serial_number="SN-99-1234",
    )
    path = tmp_path_factory.mktemp("seg") / "seg.dcm"
    seg.save_as(path)
    return path


@pytest.fixture
def folders(engine, series, segmentation, tmp_path):
    """Give folder of originals, folder of outputs and map, all as a run leaves them."""
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    lines = []
    for path in [*series, segmentation]:
        shutil.copyfile(path, source / path.name)
        name = engine.deidentify_file(path, out).path.name
        lines.append({"src": path.name, "dst": name, "status": "ok", "code": ""})
    lines.append({"src": "x.txt", "dst": None, "status": "quarantined", "code": "deid.not-dicom"})
    map_file = tmp_path / "map.jsonl"
    map_file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return source, out, map_file


def _output(folders, number):
    line = json.loads(folders[2].read_text("utf-8").splitlines()[number])
    return folders[1] / line["dst"]


def _change(path, keyword, value):
    ds = pydicom.dcmread(path)
    setattr(ds, keyword, value)
    pydicom.dcmwrite(path, ds, enforce_file_format=True)


def _codes(folders, *, alone=False):
    source, out, map_file = folders
    given = {} if alone else {"source": source, "map_file": map_file}
    return {code.removeprefix("deid.") for code in verify_folder(out, **given).codes}


def test_a_right_folder_passes_with_and_without_originals(folders):
    source, out, map_file = folders
    seen = []
    found = verify_folder(out, progress=lambda done, total: seen.append((done, total)))
    assert (found.findings, found.files, found.compared, found.passed) == ((), 6, 0, True)
    assert seen == [(number, 6) for number in range(1, 7)]
    found = verify_folder(out, source=source, map_file=map_file)
    assert (found.findings, found.files, found.compared, found.passed) == ((), 6, 6, True)


def test_a_reference_to_nothing_is_found(folders):
    seg = pydicom.dcmread(_output(folders, 5))
    item = seg.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0]
    item.ReferencedSOPInstanceUID = "2.25.4711"
    seg.save_as(_output(folders, 5))
    assert _codes(folders, alone=True) == {"reference-open"}


def test_a_slice_that_is_missing_is_found(folders):
    _output(folders, 0).unlink()
    assert _codes(folders, alone=True) == {"reference-open"}
    assert _codes(folders) == {"missing-output", "reference-open"}


def test_one_patient_under_two_names_is_found(folders):
    _change(_output(folders, 1), "PatientName", "P-ABCDEFGHIJKLMNOP")
    assert _codes(folders, alone=True) == {"patient-inconsistent"}


def test_two_patients_in_one_study_are_found(folders):
    _change(_output(folders, 1), "PatientID", "P-ABCDEFGHIJKLMNOP")
    assert "patient-inconsistent" in _codes(folders, alone=True)


def test_one_series_in_two_studies_is_found(folders):
    _change(_output(folders, 1), "StudyInstanceUID", "2.25.4711")
    assert _codes(folders, alone=True) == {"series-inconsistent"}
    assert "uid-inconsistent" in _codes(folders)


def test_a_slice_of_another_shift_is_found(folders):
    ds = pydicom.dcmread(_output(folders, 2))
    for element in ds.iterall():
        if element.VR == "DA" and element.value:
            date = pydicom.valuerep.DA(element.value)
            element.value = date.fromordinal(date.toordinal() + 7).strftime("%Y%m%d")
        elif element.VR == "DT" and element.value:
            del ds[element.tag]
    ds.save_as(_output(folders, 2))
    assert _codes(folders, alone=True) == set()
    assert _codes(folders) == {"date-interval"}


def test_files_that_nobody_made_are_found_and_not_named(folders):
    out = folders[1]
    (out / "Grabowska.txt").write_text("Grabowska", "utf-8")
    (out / "link.dcm").symlink_to(folders[0] / "1.dcm")
    shutil.copyfile(_output(folders, 0), out / "2.25.99.dcm")
    found = verify_folder(out, source=folders[0], map_file=folders[2])
    assert set(found.codes) >= {
        "deid.output-unreadable", "deid.symbolic-link", "deid.not-in-map",
        "deid.duplicate-instance", "deid.file-name",
    }  # fmt: skip
    assert "Grabowska" not in repr(found)
    assert not any("link" in one.name for one in found.findings)


def test_a_leak_names_the_output(folders):
    path = _output(folders, 3)
    _change(path, "SoftwareVersions", "of Zbigniew")
    found = verify_folder(folders[1], source=folders[0], map_file=folders[2]).findings
    assert {one.name for one in found} == {path.name}
    assert {one.finding for one in found} == {
        Finding("deid.leak-in-bytes"),
        Finding("deid.leak-name", "0018,1020"),
    }


def test_an_output_alone_shows_strangers(folders):
    _change(_output(folders, 3), "SoftwareVersions", "call +48 22 123 45 67")
    assert _codes(folders, alone=True) == {"suspicious-text"}


def test_an_empty_folder_does_not_pass(tmp_path):
    assert not verify_folder(tmp_path).passed


def test_half_of_what_is_needed_is_refused(folders, tmp_path):
    source, out, map_file = folders
    with pytest.raises(NothingToVerifyError):
        verify_folder(out, source=source)
    with pytest.raises(NothingToVerifyError):
        verify_folder(tmp_path / "nowhere")
    map_file.write_text("no map", "utf-8")
    with pytest.raises(NothingToVerifyError):
        verify_folder(out, source=source, map_file=map_file)


def test_conformance_is_no_worse_than_before(folders):
    source, out, map_file = folders
    found = verify_folder(out, source=source, map_file=map_file, conformance=True)
    assert found.codes == {}
    ds = pydicom.dcmread(_output(folders, 0))
    del ds.Rows
    ds.PatientPosition = "GRABOWSKA"
    ds.save_as(_output(folders, 0))
    found = conformance_findings(source / "1.dcm", _output(folders, 0))
    assert {one.code for one in found} == {"deid.less-conformant"}
    assert "0028,0010" in {one.tag for one in found}
    assert "GRABOWSKA" not in repr(found).upper()


def test_what_is_no_object_is_less_conformant(folders):
    source, out, _ = folders
    (out / "x.dcm").write_bytes(b"nothing")
    (only,) = conformance_findings(source / "1.dcm", out / "x.dcm")
    assert only.code == "deid.less-conformant"
