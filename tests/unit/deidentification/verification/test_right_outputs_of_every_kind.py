"""Right outputs raise no alarm, and a leak is found, in every encoding and character set."""

from __future__ import annotations

import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.profile import load_profile

PROFILES = (
    "basic", "gdpr-pseudonymised", "gdpr-anonymous-candidate", "hipaa-safe-harbor",
    "hipaa-limited", "research-rich",
)  # fmt: skip
SYNTAXES = (
    ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)  # fmt: skip
NAMES = {
    "ISO_IR 100": "Müllerström^Jürgen",
    "ISO_IR 101": "Łukasiewicz^Zbigniew",
    "ISO_IR 144": "Александрова^Светлана",
    "ISO_IR 126": "Παπαδόπουλος^Διονύσιος",
    "ISO_IR 192": "Dvořáková^Ľudmila",
    "GB18030": "Wang^XiaoDong=王^小东",
    "\\ISO 2022 IR 87": "Yamada^Tarou=山田^太郎",
}


def _written(ds, path, syntax=ExplicitVRLittleEndian):
    ds.file_meta.TransferSyntaxUID = syntax
    little = syntax != ExplicitVRBigEndian
    pydicom.dcmwrite(path, ds, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=little)
    return path


def _pair(engine, ds, folder, syntax=ExplicitVRLittleEndian):
    source = _written(ds, folder / "source.dcm", syntax)
    return source, engine.deidentify_file(source, folder / "out").path


def _codes(verifier, engine, pair):
    findings = verifier.verify(*pair, engine.profile.option_codes)
    return {finding.code.removeprefix("deid.") for finding in findings}


@pytest.mark.parametrize("profile", PROFILES)
def test_no_alarm_under_any_profile(verifier, pseudonyms, mr, tmp_path, profile):
    engine = Engine(load_profile(profile), pseudonyms)
    assert _codes(verifier, engine, _pair(engine, mr, tmp_path)) == set()


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_no_alarm_and_a_leak_in_every_encoding(verifier, engine, mr, tmp_path, syntax):
    source, output = _pair(engine, mr, tmp_path, syntax)
    assert _codes(verifier, engine, (source, output)) == set()
    ds = pydicom.dcmread(output)
    ds.SoftwareVersions = "Zbigniew"
    ds.ReferencedImageSequence[0].ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.9.7433.9.9"
    ds.save_as(output)
    assert {"leak-name", "leak-uid"} <= _codes(verifier, engine, (source, output))


@pytest.mark.parametrize("charset", NAMES)
def test_no_alarm_and_a_leak_in_every_character_set(verifier, engine, mr, tmp_path, charset):
    mr.SpecificCharacterSet = charset.split("\\")
    mr.PatientName = NAMES[charset]
    mr.OperatorsName = mr.ReferringPhysicianName = "Grabowska^Ewa"
    mr.PatientID = mr.OtherPatientIDs = "PAT-0815-XY"
    mr.PositionReferenceIndicator = ""
    mr.ReferencedImageSequence = Sequence([])
    source, output = _pair(engine, mr, tmp_path)
    assert _codes(verifier, engine, (source, output)) == set()
    right = output.read_bytes()
    last = NAMES[charset].split("=")[-1]
    for codec in ("utf-8", "utf-16-le", "utf-16-be"):
        output.write_bytes(right + last.encode(codec))
        assert "leak-in-bytes" in _codes(verifier, engine, (source, output)), codec
    output.write_bytes(right)
    ds = pydicom.dcmread(output)
    ds.SoftwareVersions = f"of {last.replace('^', ' ').upper()}"
    ds.save_as(output)
    assert "leak-name" in _codes(verifier, engine, (source, output))


@pytest.mark.parametrize("charset", ["ISO_IR 144", "ISO_IR 126"])
def test_a_name_in_the_files_own_character_set(verifier, engine, mr, tmp_path, charset):
    codec = {"ISO_IR 144": "iso8859-5", "ISO_IR 126": "iso8859-7"}[charset]
    mr.SpecificCharacterSet = charset
    mr.PatientName = NAMES[charset]
    mr.PositionReferenceIndicator = ""
    mr.ReferencedImageSequence = Sequence([])
    source, output = _pair(engine, mr, tmp_path)
    output.write_bytes(output.read_bytes() + NAMES[charset].encode(codec))
    assert "leak-in-bytes" in _codes(verifier, engine, (source, output))


def test_cleaned_text_is_judged_word_by_word(verifier, pseudonyms, mr, tmp_path):
    engine = Engine(load_profile("research-rich"), pseudonyms)
    mr.StudyDescription = "Brain of Grabowska, follow-up"
    mr.SeriesDescription = "T1 axial brain"
    source, output = _pair(engine, mr, tmp_path)
    assert _codes(verifier, engine, (source, output)) == set()
    ds = pydicom.dcmread(output)
    ds.StudyDescription, ds.SeriesDescription = "Brain", "T1 of Vandermolenski"
    ds.save_as(output)
    before = pydicom.dcmread(source)
    before.StudyDescription, before.SeriesDescription = "Brain Vandermolenski", ds.SeriesDescription
    before.save_as(source)
    assert "leak-text" in _codes(verifier, engine, (source, output))


def _encapsulated(ds, frame):
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def _jpeg(comment=b"", tail=b""):
    segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment if comment else b""
    frame = b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00" + b"\x11" * 64 + b"\xff\xd9"
    return b"\xff\xd8" + segment + frame + scan + tail


@pytest.fixture
def compressed(verifier, engine, mr, tmp_path):
    """Give what is found when one stream became another."""
    source, output = _pair(engine, mr, tmp_path)

    def found(before, after, codes=(), rows=16):
        for path, frame in ((source, before), (output, after)):
            ds = pydicom.dcmread(path)
            ds.Rows = rows
            ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.50"
            _encapsulated(ds, frame).save_as(path)
        options = {*engine.profile.option_codes, *codes}
        return {one.code.removeprefix("deid.") for one in verifier.verify(source, output, options)}

    return found


@pytest.mark.parametrize("stream", [_jpeg(), _jpeg(b"LEAD Technologies Inc. V1.01")])
def test_compressed_pixels_that_stayed(compressed, stream):
    assert compressed(stream, stream) == set()


@pytest.mark.parametrize(
    "stream",
    [
        _jpeg(b"Somebody else"),
        _jpeg(tail=b"Somebody else "),
        _jpeg("Somebody".encode("utf-16-le")),
    ],
)
def test_text_beside_a_compressed_picture(compressed, stream):
    assert compressed(stream, stream) == {"text-beside-picture"}
    assert compressed(stream, _jpeg()) == set()


def test_a_name_in_a_comment(compressed):
    found = compressed(_jpeg(), _jpeg("Łukasiewicz^Zbigniew".encode()))
    assert {"leak-in-bytes", "text-beside-picture"} <= found


def test_a_compressed_picture_that_changed(compressed):
    changed = _jpeg().replace(b"\x11" * 64, b"\x22" * 64)
    assert compressed(_jpeg(), changed) == {"pixels-changed"}


def test_another_encoding_than_before(compressed):
    assert "pixels-changed" in compressed(_jpeg(), b"\x01" + b"\0" * 63)


def test_numbers_without_a_meaning_are_no_leak(verifier, engine, mr, tmp_path):
    mr.PatientID = "101112"
    assert _codes(verifier, engine, _pair(engine, mr, tmp_path)) == set()
