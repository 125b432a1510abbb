from __future__ import annotations

import hashlib

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ImplicitVRLittleEndian,
)

from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.profile import load_profile


def _forms(text: str):
    return {text.encode(codec).lower() for codec in ("utf-8", "utf-16-le", "utf-16-be")}


def test_nothing_planted_is_left_in_the_bytes(engine, mr, saved, tmp_path, planted):
    instance = engine.deidentify_file(saved(mr), tmp_path / "out")
    content = instance.path.read_bytes().lower()
    left = [text for text in planted if any(form in content for form in _forms(text))]
    assert not left


def test_the_picture_and_its_geometry_stay(deidentified, mr):
    before = {
        name: mr[name].value
        for name in (
            "PixelData", "Rows", "Columns", "PixelSpacing", "ImagePositionPatient",
            "ImageOrientationPatient", "SliceThickness", "EchoTime", "RepetitionTime",
            "MagneticFieldStrength", "ImageType", "Modality", "BodyPartExamined",
            "Manufacturer", "ManufacturerModelName", "SoftwareVersions", "ImagedNucleus",
            "PatientSex", "PatientAge", "StudyTime", "SeriesNumber", "InstanceNumber",
        )
    }  # fmt: skip
    after = deidentified(mr)
    assert {name: after[name].value for name in before} == before


def test_the_patient_gets_one_pseudonym(deidentified, mr, pseudonyms):
    after = deidentified(mr)
    assert after.PatientID == after.PatientName == pseudonyms.patient("PAT-0815-XY")
    assert after.PatientBirthDate == ""
    assert after.AccessionNumber != "ACC-77-4711"
    assert len(after.AccessionNumber) == 16
    assert after.DeviceSerialNumber not in {"", "SN-99-1234"}
    assert "PatientAddress" not in after
    assert "PatientWeight" not in after


def test_uids_are_new_and_agree_wherever_they_stand(deidentified, mr, pseudonyms):
    old = mr.SOPInstanceUID
    mr.ReferencedImageSequence[0].ReferencedSOPInstanceUID = old
    after = deidentified(mr)
    assert after.SOPInstanceUID == pseudonyms.uid(old)
    assert after.file_meta.MediaStorageSOPInstanceUID == after.SOPInstanceUID
    assert after.ReferencedImageSequence[0].ReferencedSOPInstanceUID == after.SOPInstanceUID
    assert after.SOPClassUID == "1.2.840.10008.5.1.4.1.1.4"


def test_all_dates_of_a_patient_move_alike(deidentified, mr, pseudonyms):
    days = pseudonyms.shift_days("PAT-0815-XY")
    after = deidentified(mr)
    from datetime import datetime, timedelta

    moved = datetime(2023, 2, 14) + timedelta(days=days)  # noqa: DTZ001 - a DICOM date has no zone
    assert after.StudyDate == after.SeriesDate == moved.strftime("%Y%m%d")
    assert after.ContentDate == (moved + timedelta(days=1)).strftime("%Y%m%d")
    assert after.AcquisitionDateTime == moved.strftime("%Y%m%d") + "101112.123456+0100"
    assert after.StudyTime == "101112.5"
    assert after.LongitudinalTemporalInformationModified == "MODIFIED"


def test_what_is_not_a_date_becomes_a_dummy(deidentified, mr):
    with pytest.warns(UserWarning, match="Invalid value for VR DA"):
        mr.StudyDate = "Grabowska"
    mr["SeriesDate"]._value = ["20230214", "20230215"]
    after = deidentified(mr)
    assert after.StudyDate == ""
    assert len(after.SeriesDate) == 2
    assert after.SeriesDate[0] < after.SeriesDate[1] < "20230214"


def test_items_are_treated_like_the_data_set(deidentified, mr):
    innermost = Dataset()
    innermost.PatientName = "Łukasiewicz"
    innermost.InstitutionName = "St. Elsewhere Hospital"
    innermost.EchoTime = "3"
    for _ in range(5):
        outer = Dataset()
        outer.ReferencedImageSequence = Sequence([innermost])
        innermost = outer
    mr.ReferencedImageSequence = Sequence([innermost])
    item = deidentified(mr)
    for _ in range(6):
        item = item.ReferencedImageSequence[0]
    assert item.EchoTime == 3
    assert "InstitutionName" not in item
    assert str(item.PatientName).startswith("P-")


def test_private_graphics_and_stray_groups_go(deidentified, mr):
    mr.add_new(0x00080000, "UL", 100)
    mr.add_new(0x00041130, "CS", "GRABOWSKA")
    mr.add_new(0x00081115, "SQ", [])
    after = deidentified(mr)
    for element in after.iterall():
        assert not element.tag.is_private
        assert element.tag.group >> 8 not in {0x50, 0x60}
        assert element.tag.group not in {0x0000, 0x0002, 0x0004}


def test_attributes_without_a_rule_go(deidentified, mr):
    mr.add_new(0x00080200, "LO", "not in the standard")
    mr.add_new(0x300A00C2, "LO", "Beam for Grabowska")
    mr.add_new(0x00283003, "LO", "LUT for Grabowska")
    mr.add_new(0x00189999, "UN", b"Grabowska ")
    after = deidentified(mr)
    assert 0x00080200 not in after
    assert after[0x300A00C2].value == "REMOVED"
    assert 0x00189999 not in after
    assert after[0x00283003].value == "REMOVED"


def test_a_code_string_that_is_none_goes(deidentified, mr):
    mr["BodyPartExamined"]._value = "Brain of Ewa Grabowska"
    assert not deidentified(mr).get("BodyPartExamined")


def test_a_vendor_that_is_not_written_like_one_becomes_a_dummy(deidentified, mr):
    mr.Manufacturer = "call Ewa^Grabowska 0301234567"
    assert deidentified(mr).Manufacturer == "REMOVED"


@pytest.mark.parametrize(
    ("before", "after"),
    [("089Y", "089Y"), ("090Y", "090Y"), ("101Y", "090Y"), ("013M", "013M"), ("003D", "003D")],
)
def test_high_ages_are_capped(deidentified, mr, before, after):
    mr.PatientAge = before
    assert deidentified(mr).PatientAge == after


def test_an_age_that_is_none_goes(deidentified, mr):
    mr["PatientAge"]._value = "Ewa"
    assert "PatientAge" not in deidentified(mr)


def test_codes_get_the_words_of_the_dictionary(deidentified, mr):
    purpose = deidentified(mr).ReferencedImageSequence[0].PurposeOfReferenceCodeSequence[0]
    assert (purpose.CodeValue, purpose.CodingSchemeDesignator) == ("121311", "DCM")
    assert purpose.CodeMeaning == "Localizer"


def test_codes_that_a_hospital_made_up_become_keyed_codes(deidentified, mr):
    reference = mr.ReferencedImageSequence[0]
    item = reference.PurposeOfReferenceCodeSequence[0]
    item.CodeValue, item.CodingSchemeDesignator = "GRABOWSKA", "99EWA"
    other = Dataset()
    other.update(item)
    reference.PurposeOfReferenceCodeSequence.append(other)
    one, two = deidentified(mr).ReferencedImageSequence[0].PurposeOfReferenceCodeSequence
    assert one == two
    assert one.CodingSchemeDesignator == "99FEDPACS"
    assert one.CodeMeaning == "Code not listed"


def test_the_output_says_what_was_done(deidentified, mr, engine):
    mr.PatientIdentityRemoved = "NO"
    earlier = Dataset()
    earlier.CodeValue, earlier.CodingSchemeDesignator = "113101", "DCM"
    earlier.CodeMeaning = "by Ewa Grabowska"
    mr.DeidentificationMethodCodeSequence = Sequence([earlier])
    after = deidentified(mr)
    assert after.PatientIdentityRemoved == "YES"
    codes = {item.CodeValue: item.CodeMeaning for item in after.DeidentificationMethodCodeSequence}
    assert set(codes) == {"113100", "113101", "113107", "113108", "113111"}
    assert all(len(meaning) <= 64 for meaning in codes.values())
    assert codes["113101"] == "Clean Pixel Data Option"
    assert engine.profile.digest[:12] in after.DeidentificationMethod
    assert after.SpecificCharacterSet == "ISO_IR 192"


def test_preamble_and_file_meta_are_new(deidentified, mr):
    after = deidentified(mr)
    assert after.preamble == b"\0" * 128
    assert "SourceApplicationEntityTitle" not in after.file_meta
    assert after.file_meta.ImplementationVersionName == "FEDPACS_1"


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_the_transfer_syntax_stays(engine, mr, tmp_path, syntax):
    mr.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        mr.PixelData = np.frombuffer(mr.PixelData, dtype="<u2").byteswap().tobytes()
    path = tmp_path / "source.dcm"
    pydicom.dcmwrite(
        path,
        mr,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
    )
    pixels = pydicom.dcmread(path).PixelData
    after = pydicom.dcmread(engine.deidentify_file(path, tmp_path / "out").path)
    assert after.file_meta.TransferSyntaxUID == syntax
    assert after.PixelData == pixels
    assert after.Rows == 16


def test_files_without_preamble_and_meta_are_taken(engine, mr, tmp_path):
    del mr.file_meta
    mr.preamble = None
    path = tmp_path / "bare"
    pydicom.dcmwrite(path, mr, implicit_vr=True, little_endian=True, enforce_file_format=False)
    after = pydicom.dcmread(engine.deidentify_file(path, tmp_path / "out").path)
    assert after.file_meta.TransferSyntaxUID == ImplicitVRLittleEndian
    assert after.PatientIdentityRemoved == "YES"


def test_the_same_file_gives_the_same_bytes(engine, mr, saved, tmp_path):
    path = saved(mr)
    one = engine.deidentify_file(path, tmp_path / "one")
    two = engine.deidentify_file(path, tmp_path / "two")
    again = engine.deidentify_file(path, tmp_path / "one")
    assert one.digest == two.digest == again.digest


def test_another_key_gives_another_patient(deidentified, mr, engine):
    other = Engine(engine.profile, Pseudonymiser(hashlib.sha256(b"another").digest()))
    assert deidentified(mr).PatientID != deidentified(mr, other).PatientID


def test_basic_leaves_no_date_and_research_keeps_the_device(deidentified, mr, pseudonyms):
    basic = deidentified(mr, Engine(load_profile("basic"), pseudonyms))
    assert basic.StudyDate == ""
    assert basic.PatientSex == ""
    assert basic.LongitudinalTemporalInformationModified == "REMOVED"


def test_research_keeps_the_model_and_not_the_device(deidentified, mr, pseudonyms):
    rich = deidentified(mr, Engine(load_profile("research-rich"), pseudonyms))
    assert rich.ManufacturerModelName == mr.ManufacturerModelName
    assert rich.get("StationName", "") != "RAD_STATION_7"
    assert rich.get("DeviceSerialNumber", "") != "SN-99-1234"
    assert rich.PatientWeight == 81.5
    assert "InstitutionName" not in rich


def test_the_source_is_not_touched(engine, mr, saved, tmp_path):
    path = saved(mr)
    before = path.read_bytes()
    engine.deidentify_file(path, tmp_path / "out")
    assert path.read_bytes() == before
