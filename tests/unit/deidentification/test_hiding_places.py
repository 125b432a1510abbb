"""Values hidden where a scanner would never put them: the engine or the verification stops each."""

from __future__ import annotations

import struct

import pydicom
import pytest
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import ImplicitVRLittleEndian

from fedpacs.deidentification.verification.instance import Finding, verify_instance

SECRET = b"Bartholomewx"
"""No name of the patient, so that only a rule can remove it."""


def _hide(ds, tag, vr, value):
    ds[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)


def _number_text(vr, size):
    return list(struct.unpack(f"<{len(SECRET) // size}{vr}", SECRET))


def _tags():
    words = struct.unpack("<6H", SECRET)
    return [high << 16 | low for high, low in zip(words[::2], words[1::2], strict=True)]


def _source(ds, path):
    pydicom.dcmwrite(path, ds, enforce_file_format=False)
    content = path.read_bytes()
    assert SECRET in content or SECRET.upper() in content, "the secret is in the source"
    return path


@pytest.mark.parametrize(
    "hidden",
    [
        (0x00280106, "UN", SECRET),  # US or SS
        (0x00281101, "UN", SECRET),  # US or SS, three values
        (0x00280106, "US", _number_text("H", 2)),
        (0x00189087, "FD", [*struct.unpack("<d", SECRET[:8]), *struct.unpack("<d", SECRET[4:])]),
        (0x00280009, "AT", _tags()),
        (0x00101010, "UN", SECRET * 6000),  # too long for pydicom to give it its own VR
        (0x00180015, "UN", SECRET * 6000),
        (0x00281200, "OW", SECRET * 20),  # bulk data without a rule
        (0x00203100, "CS", "BARTHOLOMEWX"),  # a retired repeating group
    ],
)
def test_a_text_in_disguise_does_not_pass(engine, mr, tmp_path, hidden):
    _hide(mr, *hidden)
    source = tmp_path / "source.dcm"
    pydicom.dcmwrite(source, mr, enforce_file_format=False)
    assert SECRET[:8].upper() in source.read_bytes().upper()
    output = engine.deidentify_file(source, tmp_path / "out").path
    assert SECRET[:8].upper() not in output.read_bytes().upper()
    assert verify_instance(source, output) == ()


def test_an_implicit_pixel_value_holds_one_number_only(engine, mr, tmp_path):
    mr.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    _hide(mr, 0x00280106, "OB", SECRET)
    output = engine.deidentify_file(_source(mr, tmp_path / "s.dcm"), tmp_path / "out").path
    assert SECRET not in output.read_bytes()


def test_an_implicit_pixel_value_that_is_one_stays(engine, mr, tmp_path):
    mr.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    mr.SmallestImagePixelValue = 7
    source = tmp_path / "s.dcm"
    pydicom.dcmwrite(source, mr, enforce_file_format=False)
    output = engine.deidentify_file(source, tmp_path / "out").path
    assert pydicom.dcmread(output).SmallestImagePixelValue == 7


def test_a_context_identifier_is_a_number(engine, mr, tmp_path):
    item = Dataset()
    item.CodeMeaning = "x"
    item.ContextIdentifier = SECRET.decode().upper()
    mr.AnatomicRegionSequence = Sequence([item])
    output = engine.deidentify_file(_source(mr, tmp_path / "s.dcm"), tmp_path / "out").path
    assert SECRET.upper() not in output.read_bytes()


@pytest.mark.parametrize(
    ("moved", "finding"),
    [
        ((0x00200012, "IS", "48151623"), Finding("deid.leak-number", "0020,0012")),
        ((0x00200012, "IS", "048151623"), Finding("deid.leak-number", "0020,0012")),
        ((0x00180088, "DS", "48151623.0"), Finding("deid.leak-number", "0018,0088")),
        ((0x00200012, "IS", "19610317"), Finding("deid.leak-date", "0020,0012")),
        ((0x00180088, "DS", "19610317"), Finding("deid.leak-date", "0018,0088")),
    ],
)
def test_a_value_that_moved_is_found(engine, mr, tmp_path, moved, finding):
    mr.PatientID = "48151623"
    mr.InstitutionName = "Acme Hospital"
    _hide(mr, *moved)
    source = tmp_path / "s.dcm"
    pydicom.dcmwrite(source, mr, enforce_file_format=False)
    output = engine.deidentify_file(source, tmp_path / "out").path
    assert verify_instance(source, output, engine.profile.option_codes) == (finding,)


CODE_STRINGS = ["LI WU", "WU LI KNEE", "KNEE_LI_WU", "ACME HOSPITAL"]


@pytest.mark.parametrize("text", CODE_STRINGS)
def test_a_code_string_that_is_a_name_is_not_kept(engine, mr, tmp_path, text):
    mr.PatientName, mr.InstitutionName = "Li^Wu", "Acme Hospital"
    _hide(mr, 0x00180015, "CS", text)
    source = tmp_path / "s.dcm"
    pydicom.dcmwrite(source, mr, enforce_file_format=False)
    output = engine.deidentify_file(source, tmp_path / "out").path
    assert not pydicom.dcmread(output).BodyPartExamined
    assert verify_instance(source, output) == ()


@pytest.mark.parametrize("text", CODE_STRINGS)
def test_a_code_string_that_is_a_name_is_found_if_it_is_kept(engine, mr, tmp_path, text):
    mr.PatientName, mr.InstitutionName = "Li^Wu", "Acme Hospital"
    source = tmp_path / "s.dcm"
    pydicom.dcmwrite(source, mr, enforce_file_format=False)
    output = engine.deidentify_file(source, tmp_path / "out").path
    ds = pydicom.dcmread(output)
    ds.BodyPartExamined = text
    pydicom.dcmwrite(output, ds)
    codes = {finding.code for finding in verify_instance(source, output)}
    assert codes & {"deid.leak-name", "deid.leak-in-bytes"}


@pytest.mark.parametrize("text", ["LI", "KNEE WU", "LI KNEE WU"])
def test_one_short_part_alone_is_no_alarm(engine, mr, tmp_path, text):
    mr.PatientName = "Li^Wu"
    _hide(mr, 0x00180015, "CS", text)
    source = tmp_path / "s.dcm"
    pydicom.dcmwrite(source, mr, enforce_file_format=False)
    output = engine.deidentify_file(source, tmp_path / "out").path
    assert verify_instance(source, output) == ()


def _declare(ds, *codes):
    ds.DeidentificationMethodCodeSequence = Sequence([])
    for code in codes:
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", "an option"
        ds.DeidentificationMethodCodeSequence.append(item)


def test_what_an_original_claims_excuses_nothing(engine, mr, tmp_path):
    """The output carries the codes of an earlier de-identification on; they must not count."""
    _declare(mr, "113106", "113109", "113101")
    source = tmp_path / "s.dcm"
    pydicom.dcmwrite(source, mr, enforce_file_format=False)
    output = engine.deidentify_file(source, tmp_path / "out").path
    ds = pydicom.dcmread(output)
    ds.StationName = mr.StationName
    ds.PixelData = bytes(len(ds.PixelData))
    pydicom.dcmwrite(output, ds)
    for options in (engine.profile.option_codes, None):
        codes = {finding.code for finding in verify_instance(source, output, options)}
        assert {"deid.value-kept", "deid.pixels-changed"} <= codes


def test_blanks_around_a_patient_id_make_no_second_patient(engine, mr, tmp_path):
    found = []
    for number, patient_id in enumerate(("PAT-0815-XY", " PAT-0815-XY")):
        mr.PatientID = patient_id
        source = tmp_path / f"{number}.dcm"
        pydicom.dcmwrite(source, mr, enforce_file_format=False)
        output = engine.deidentify_file(source, tmp_path / f"out-{number}").path
        found.append(pydicom.dcmread(output))
    assert found[0].PatientID == found[1].PatientID
    assert found[0].StudyDate == found[1].StudyDate
