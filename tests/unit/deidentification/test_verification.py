"""The verification is worth what it finds, so every kind of leak is planted once."""

from __future__ import annotations

import ast
import hashlib
import shutil
import socket
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

import fedpacs.deidentification.verification.instance as verification_module
from fedpacs.core.errors import DeidentificationError
from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.verification.evidence import Evidence
from fedpacs.deidentification.verification.instance import Finding, verify_instance
from fedpacs.deidentification.verification.patterns import suspicious

PYDICOM_FILES = Path(pydicom.__file__).parent / "data" / "test_files"
PACKAGE = Path(verification_module.__file__).parent
ALLOWED = (
    "fedpacs.deidentification.verification.",
    "fedpacs.core.errors",
    "fedpacs.core.dictionary",  # nothing but the tables of the standard
)


@pytest.fixture
def pair(engine, mr, saved, tmp_path):
    """Original and output, both on the disk."""
    original = saved(mr)
    return original, engine.deidentify_file(original, tmp_path / "out").path


def _codes(pair, change=None):
    original, output = pair
    if change is not None:
        ds = pydicom.dcmread(output)
        change(ds)
        pydicom.dcmwrite(output, ds, enforce_file_format=True)
    return {finding.code for finding in verify_instance(original, output)}


def _put(keyword, value):
    return lambda ds: setattr(ds, keyword, value)


def _private(ds):
    ds.private_block(0x0031, "ACME", create=True).add_new(1, "LO", "x")


def _deep(ds):
    item = ds.ReferencedImageSequence[0]
    item.InstitutionName = "St. Elsewhere Hospital"


def _deep_private(ds):
    ds.ReferencedImageSequence[0].private_block(0x0031, "A", create=True).add_new(1, "US", 7)


def _code(ds):
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "X1", "99LOC", "anything"
    ds.AnatomicRegionSequence = Sequence([item])


def _false_meaning(ds):
    purpose = ds.ReferencedImageSequence[0].PurposeOfReferenceCodeSequence[0]
    purpose.CodeMeaning = "anything"


def _tail(ds):
    ds.PixelData = ds.PixelData[:-16] + "Zbigniew".encode("utf-16-le")


def _icon(ds):
    item = Dataset()
    item.Rows = 1
    ds.IconImageSequence = Sequence([item])


PLANTED = {
    "patient's name": (_put("PatientName", "Łukasiewicz^Zbigniew"), "deid.leak-name"),
    "one name in another text": (_put("Manufacturer", "Tools of ZBIGNIEW"), "deid.leak-name"),
    "physician in a code string": (_put("BodyPartExamined", "GRABOWSKA"), "deid.leak-name"),
    "patient's number": (_put("PatientID", "PAT-0815-XY"), "deid.leak-number"),
    "number in a text": (_put("SoftwareVersions", "v1 PAT-0815-XY"), "deid.leak-number"),
    "accession number": (_put("AccessionNumber", "ACC-77-4711"), "deid.value-kept"),
    "birth date": (_put("PatientBirthDate", "19610317"), "deid.value-kept"),
    "birth date in a text": (_put("SoftwareVersions", "1 17.03.1961"), "deid.leak-date"),
    "true study date": (_put("StudyDate", "20230214"), "deid.value-kept"),
    "true datetime": (
        _put("AcquisitionDateTime", "20230214101112.123456+0100"),
        "deid.value-kept",
    ),
    "institution": (_put("InstitutionName", "St. Elsewhere Hospital"), "deid.value-kept"),
    "institution elsewhere": (
        _put("ManufacturerModelName", "st. elsewhere hospital"),
        "deid.leak-in-bytes",
    ),
    "institution at depth": (_deep, "deid.leak-in-bytes"),
    "comment": (_put("ImageComments", "Comment on the husband"), "deid.leak-in-bytes"),
    "old UID": (_put("SeriesInstanceUID", "1.2.826.0.1.3680043.9.7433.3"), "deid.leak-uid"),
    "old UID in a text": (
        _put("ManufacturerModelName", "of 1.2.826.0.1.3680043.9.7433.1"),
        "deid.leak-uid",
    ),
    "private element": (_private, "deid.private-element"),
    "private element at depth": (_deep_private, "deid.private-element"),
    "age": (_put("PatientAge", "093Y"), "deid.age"),
    "graphics": (lambda ds: ds.add_new(0x60004000, "LT", "x"), "deid.graphics"),
    "stray group": (lambda ds: ds.add_new(0x00041130, "CS", "X"), "deid.stray-group"),
    "beam name": (
        lambda ds: ds.add_new(0x300A00C2, "LO", "field of Bea"),
        "deid.unlisted-attribute",
    ),
    "bulk without a rule": (
        lambda ds: ds.add_new(0x00282000, "OB", b"ab"),
        "deid.unlisted-attribute",
    ),
    "unknown attribute": (lambda ds: ds.add_new(0x00080200, "LO", "ap"), "deid.unlisted-attribute"),
    "code made up": (_code, "deid.unlisted-code"),
    "false meaning": (_false_meaning, "deid.unlisted-code"),
    "sequence that had to go": (_icon, "deid.value-kept"),
    "not marked": (lambda ds: delattr(ds, "PatientIdentityRemoved"), "deid.not-marked"),
    "no method": (
        lambda ds: delattr(ds, "DeidentificationMethodCodeSequence"),
        "deid.not-marked",
    ),
    "preamble": (lambda ds: setattr(ds, "preamble", b"x" * 128), "deid.preamble"),
    "file meta": (
        lambda ds: setattr(ds.file_meta, "SourceApplicationEntityTitle", "A"),
        "deid.file-meta",
    ),
    "pixels changed": (lambda ds: setattr(ds, "PixelData", b"\1" * 512), "deid.pixels-changed"),
    "name in the pixels": (_tail, "deid.pixels-changed"),
    "e-mail": (_put("SoftwareVersions", "ask ewa@elsewhere.org"), "deid.suspicious-text"),
    "phone": (_put("SoftwareVersions", "+48 22 123 45 67"), "deid.suspicious-text"),
    "other person": (_put("ManufacturerModelName", "NOWAK^JAN"), "deid.suspicious-text"),
    "other date": (_put("SoftwareVersions", "12 Feb 2019"), "deid.suspicious-text"),
}


@pytest.mark.parametrize("case", PLANTED)
def test_a_planted_leak_is_found(pair, case):
    assert _codes(pair) == set()
    change, code = PLANTED[case]
    assert code in _codes(pair, change)


@pytest.mark.parametrize("keyword", ["PatientWeight", "PatientSex", "StudyTime", "PatientAge"])
def test_what_no_declared_option_retains_is_found(mr, saved, tmp_path, pseudonyms, keyword):
    original = saved(mr)
    engine = Engine(load_profile("basic"), pseudonyms)
    pair = original, engine.deidentify_file(original, tmp_path / "out").path
    assert _codes(pair) == set()
    assert _codes(pair, _put(keyword, getattr(mr, keyword))) == {"deid.value-kept"}


def test_a_leak_in_bytes_that_belong_to_no_element_is_found(pair):
    original, output = pair
    content = output.read_bytes()
    output.write_bytes(content + "Brain of Grabowska".encode("utf-16-be"))
    assert "deid.leak-in-bytes" in _codes((original, output))


@pytest.mark.parametrize("codec", ["utf-8", "utf-16-le", "utf-16-be", "iso8859_2"])
def test_a_leak_is_found_in_every_encoding(engine, mr, saved, tmp_path, codec):
    mr.SpecificCharacterSet = "ISO_IR 101"
    mr.PatientName = "Łukasiewicz^Zbigniew"
    original = saved(mr)
    output = engine.deidentify_file(original, tmp_path / "out").path
    assert verify_instance(original, output) == ()
    output.write_bytes(output.read_bytes() + "łukasiewicz^zbigniew".encode(codec))
    assert "deid.leak-in-bytes" in _codes((original, output))


def test_the_original_itself_does_not_verify(pair):
    original, output = pair
    shutil.copyfile(original, output)
    codes = _codes((original, output))
    assert {
        "deid.not-marked", "deid.leak-name", "deid.leak-number", "deid.leak-uid",
        "deid.private-element", "deid.preamble", "deid.file-meta", "deid.file-name",
        "deid.value-kept", "deid.leak-in-bytes",
    } <= codes  # fmt: skip


def test_a_file_name_of_the_original_is_found(pair):
    original, output = pair
    renamed = output.with_name("Grabowska.dcm")
    output.rename(renamed)
    assert Finding("deid.file-name") in verify_instance(original, renamed)


def test_an_output_that_cannot_be_read_is_a_finding(pair):
    original, output = pair
    output.write_bytes(b"nothing")
    assert _codes((original, output)) == {"deid.output-unreadable"}
    output.unlink()
    assert _codes((original, output)) == {"deid.output-unreadable"}


def test_findings_hold_no_value(pair):
    original, output = pair
    shutil.copyfile(original, output)
    for finding in verify_instance(original, output):
        assert finding.code.startswith("deid.")
        assert finding.tag == "" or len(finding.tag) == 9
    assert repr(Evidence()) == "Evidence()"


def _with_picture(path, folder):
    """Give pydicom's CT and MR headers the picture that they were stripped of."""
    if "dicomdirtests" not in path.parts:
        return path
    ds = pydicom.dcmread(path, force=True)
    if ds.get("Modality") not in {"CT", "MR"} or "PixelData" in ds:
        return path
    ds.Rows = ds.Columns = 4
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation = 7, 0
    ds.PixelData = bytes(range(16))
    ds["PixelData"].VR = "OB"
    pydicom.dcmwrite(folder / "source.dcm", ds)
    return folder / "source.dcm"


@pytest.mark.parametrize("profile", ["basic", "gdpr-pseudonymised", "research-rich"])
def test_no_false_alarm_over_pydicoms_own_files(profile, pseudonyms, tmp_path):
    engine = Engine(load_profile(profile), pseudonyms)
    alarms, verified = {}, 0
    for path in sorted(PYDICOM_FILES.rglob("*")):
        if not path.is_file() or path.stat().st_size > 600_000:
            continue
        source = _with_picture(path, tmp_path)
        try:
            output = engine.deidentify_file(source, tmp_path / path.name).path
        except DeidentificationError:
            continue
        verified += 1
        if findings := verify_instance(source, output):
            alarms[path.name] = findings
    assert verified >= 80
    assert alarms == {}


def test_what_a_series_shares_is_held_to_what_a_file_keeps_of_its_own(tmp_path):
    """The institution TOSHIBA goes, the maker TOSHIBA_MEC stays; each may vary in a series."""
    source = next(PYDICOM_FILES.rglob("MR_small.dcm"))
    for project in range(3):  # the second file of a series is compared with the first
        key = hashlib.sha256(bytes([project])).digest()
        engine = Engine(load_profile("gdpr-pseudonymised"), Pseudonymiser(key))
        output = engine.deidentify_file(source, tmp_path).path
        assert verify_instance(source, output) == ()


def test_no_false_alarm_over_a_series(engine, series, tmp_path):
    for path in series:
        assert verify_instance(path, engine.deidentify_file(path, tmp_path).path) == ()


@pytest.mark.parametrize(
    "common",
    [
        ("PatientID", "1"),
        ("PatientID", "000000"),
        ("PatientID", "101112"),  # also the time of day, which stays
        ("PatientName", "M"),
        ("PatientName", "Li^Bo"),
        ("PatientName", "Brain^White"),  # words of DICOM
        ("PatientName", "ANONYMIZED"),
        ("InstitutionName", "SIEMENS"),  # also the manufacturer, which stays
        ("StudyDescription", "BRAIN"),  # also the body part, which stays
        ("SeriesDescription", "ORIGINAL"),
        ("StudyID", "1"),
        ("AccessionNumber", "16"),
    ],
)
def test_short_and_common_values_raise_no_alarm(engine, mr, saved, tmp_path, common):
    setattr(mr, *common)
    original = saved(mr)
    output = engine.deidentify_file(original, tmp_path / "out").path
    assert verify_instance(original, output) == ()


def test_a_flat_picture_raises_no_alarm(engine, mr, saved, tmp_path):
    mr.PatientID = "00000000"
    mr.BitsStored, mr.HighBit = 16, 15
    mr.PixelData = b"0" * 512
    original = saved(mr)
    output = engine.deidentify_file(original, tmp_path / "out").path
    assert verify_instance(original, output) == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("SMITH^JOHN^A", "DICOM_NAME"),
        ("GARCIA LOPEZ, Maria", "DICOM_NAME"),
        ("seen by Dr. Weber", "DICOM_NAME"),
        ("12 Feb 2023", "WRITTEN_DATE"),
        ("2023-02-14", "WRITTEN_DATE"),
        ("14.02.2023", "WRITTEN_DATE"),
        ("02/14/2023", "WRITTEN_DATE"),
        ("20230214", "WRITTEN_DATE"),
        ("+49 30 1234567", "PHONE"),
        ("(030) 123 45 67 89", "PHONE"),
        ("a.weber@elsewhere.org", "E_MAIL"),
        ("MRN 0012345", "RECORD_NUMBER"),
        ("123-45-6789", "RECORD_NUMBER"),
    ],
)
def test_patterns_are_found(text, kind):
    assert kind in suspicious(text)


@pytest.mark.parametrize(
    "text",
    [
        "SIEMENS", "GE MEDICAL SYSTEMS", "Philips Medical Systems, Inc.", "syngo MR 2004V 4VB11D",
        "LightSpeedApps14.13_2.8.2L_H2.1M4", "1.5 T", "B30f", "REMOVED", "Gray Matter",
        "FedPACS gdpr-pseudonymised 09b160de7021", "Brain, NOS", "5.3.1.0", "mm2/s", "1H",
        "a@b.notadomain",
    ],
)  # fmt: skip
def test_harmless_text_raises_no_alarm(text):
    assert suspicious(text) == ()


def test_no_socket_is_opened(pair, monkeypatch):
    from fedpacs.deidentification.verification import patterns as verification_patterns

    def refuse(*_args, **_kwargs):
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    verification_patterns._analyzer.cache_clear()
    verification_patterns.suspicious.cache_clear()
    assert suspicious("write to ewa@elsewhere.co.uk") == ("E_MAIL",)
    assert _codes(pair) == set()


def test_the_verification_shares_no_code_with_the_engine():
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("fedpacs"):
                assert node.module.startswith(ALLOWED), path.name
