"""Whole objects through the engine: reports, recordings, documents and what may hide in them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import ImageCms
from pydicom.dataset import Dataset

from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.errors import UnsupportedObjectError
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.structured.documents import replacement_document
from fedpacs.deidentification.structured.icc import cleaned_profile

_SPEC = importlib.util.spec_from_file_location("family", Path(__file__).with_name("family.py"))
family = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(family)
code, item = family.code, family.item
PDF, CDA = "1.2.840.10008.5.1.4.1.1.104.1", "1.2.840.10008.5.1.4.1.1.104.2"
ECG = "1.2.840.10008.5.1.4.1.1.9.1.1"
SECRETS = (b"zbigniew", "Łukasiewicz".encode(), b"grabowska", b"sn-99-1234", b"acc-77", b"kowalska")


@pytest.fixture(scope="module")
def rich(pseudonyms):
    return Engine(load_profile("research-rich"), pseudonyms)


@pytest.fixture(scope="module")
def plain(pseudonyms):
    return Engine(load_profile("gdpr-pseudonymised"), pseudonyms)


@pytest.fixture
def through(tmp_path):
    """Send an object through an engine; nothing that identifies may be in the bytes."""

    def _run(engine, ds):
        source = tmp_path / "source.dcm"
        pydicom.dcmwrite(source, ds, enforce_file_format=True)
        path = engine.deidentify_file(source, tmp_path / "out").path
        content = path.read_bytes().lower()
        for secret in SECRETS:
            assert secret.lower() not in content
        return pydicom.dcmread(path)

    return _run


def _content(value_type, concept, **values):
    return item(
        RelationshipType="CONTAINS", ValueType=value_type,
        ConceptNameCodeSequence=[code(*concept)], **values
    )  # fmt: skip


def _text(concept, text):
    return _content("TEXT", concept, TextValue=text)


def _number(concept, number, unit):
    units = [code(unit, "UCUM", unit)]
    measured = [item(MeasurementUnitsCodeSequence=units, NumericValue=number)]
    return _content("NUM", concept, MeasuredValueSequence=measured)


@pytest.fixture
def report():
    """Give a report with items of our own."""

    def _make(*items):
        ds = family.build_family()["sr"]
        ds.ContentSequence = list(items)
        return ds

    return _make


def test_a_report_says_of_the_subject_what_its_header_says(report, rich, through):
    ds = report(
        _content("PNAME", ("121029", "DCM", "Subject Name"), PersonName="Łukasiewicz^Zbigniew"),
        _text(("121030", "DCM", "Subject ID"), "PAT-0815-XY"),
        _number(("121033", "DCM", "Subject Age"), "97", "a"),
        _content(
            "CODE", ("121032", "DCM", "Subject Sex"), ConceptCodeSequence=[code("M", "DCM", "Male")]
        ),
        _content("DATE", ("121031", "DCM", "Subject Birth Date"), Date="19610317"),
    )
    out = through(rich, ds)
    name, number, age, sex, birth = out.ContentSequence
    assert name.PersonName == out.PatientName
    assert number.TextValue == out.PatientID
    assert age.MeasuredValueSequence[0].NumericValue == 90
    assert sex.ConceptCodeSequence[0].CodeValue == "M"
    assert birth.Date == "19000101"


def test_a_report_names_no_observer_institution_or_number(report, rich, through):
    ds = report(
        _content("PNAME", ("121008", "DCM", "Person Observer Name"), PersonName="Kowalska^Maria"),
        _text(("121009", "DCM", "Person Observer's Organization Name"), "Kowalska Clinic"),
        _text(("R1", "99LOCAL", "Befunder"), "Kowalska"),
        _text(("R2", "99LOCAL", "読影者"), "Kowalska"),
        _text(("121071", "DCM", "Finding"), "Seen by Kowalska: Hodgkin lymphoma, 12 mm nodule"),
    )
    out = through(rich, ds)
    assert len(out.ContentSequence) == 5
    assert [part.TextValue for part in out.ContentSequence[1:4]] == ["REMOVED"] * 3
    finding = out.ContentSequence[4].TextValue
    assert "Hodgkin lymphoma" in finding
    assert "12 mm nodule" in finding


def test_a_document_in_a_text_value_goes_and_the_next_finding_stays(report, rich, through):
    ds = report(
        _text(("121071", "DCM", "Finding"), "<?xml version='1.0'?><a name='Kowalska'>x</a>"),
        _text(("121071", "DCM", "Finding"), "Liver < 15 cm"),
    )
    out = through(rich, ds)
    assert out.ContentSequence[0].TextValue == "REMOVED"
    assert out.ContentSequence[1].TextValue == "Liver < 15 cm"


def test_local_codes_lose_their_value_and_keep_their_medical_words(report, rich, through):
    ds = report(_text(("KOWALSKA7", "99LOCAL", "Finding of the lung"), "Nodule"))
    concept = through(rich, ds).ContentSequence[0].ConceptNameCodeSequence[0]
    assert concept.CodingSchemeDesignator == "99FEDPACS"
    assert concept.CodeMeaning == "Finding of the lung"


def _recording():
    ds = family._object("ct", ECG, "ECG")
    lead = item(ChannelSourceSequence=[code("2:2", "MDC", "Lead II")], ChannelLabel="Lead II",
                WaveformBitsStored=16, ChannelSampleSkew="0")  # fmt: skip
    group = item(MultiplexGroupLabel="RHYTHM", WaveformOriginality="ORIGINAL",
                 NumberOfWaveformChannels=1, NumberOfWaveformSamples=500, SamplingFrequency="500",
                 ChannelDefinitionSequence=[lead], WaveformBitsAllocated=16,
                 WaveformSampleInterpretation="SS")  # fmt: skip
    group.add_new("WaveformData", "OW", np.arange(500, dtype="<i2").tobytes())
    ds.WaveformSequence = [group]
    ds.AcquisitionContextSequence = []
    ds.AcquisitionDateTime = "20230214101112"
    note = item(ReferencedWaveformChannels=[1, 1], AnnotationGroupNumber=0,
                UnformattedTextValue="Sinus rhythm, Zbigniew")  # fmt: skip
    ds.WaveformAnnotationSequence = [note]
    return ds


def test_a_recording_stays_and_its_words_are_cleaned(rich, through):
    out = through(rich, _recording())
    group = out.WaveformSequence[0]
    assert group.WaveformData == np.arange(500, dtype="<i2").tobytes()
    assert group.ChannelDefinitionSequence[0].ChannelLabel == "Lead II"
    words = out.WaveformAnnotationSequence[0].UnformattedTextValue
    assert "inus rhythm" in words


def test_nothing_hides_behind_a_recording(rich, through):
    ds = _recording()
    ds.WaveformSequence[0].WaveformData += b"Kowalska"
    try:
        out = through(rich, ds)
    except UnsupportedObjectError:
        return
    assert "WaveformData" not in out.WaveformSequence[0]


def _document(sop_class, mime_type, content):
    ds = family._object("ct", sop_class, "DOC")
    ds.BurnedInAnnotation, ds.ConversionType, ds.AcquisitionDateTime = "YES", "WSD", ""
    ds.SourceInstanceSequence = [family.reference("ct", 2)]
    ds.DocumentTitle, ds.ConceptNameCodeSequence = "Letter of Dr. Kowalska", []
    ds.MIMETypeOfEncapsulatedDocument = mime_type
    ds.EncapsulatedDocument, ds.EncapsulatedDocumentLength = content, len(content)
    ds["EncapsulatedDocument"].VR = "OB"
    if sop_class == CDA:
        ds.HL7InstanceIdentifier = "1.2.3.4^Kowalska"
    return ds


@pytest.mark.parametrize(("sop_class", "mime_type"), [(PDF, "application/pdf"), (CDA, "text/XML")])
def test_a_document_is_replaced_where_the_profile_has_it_removed(
    rich, through, sop_class, mime_type
):
    ds = _document(sop_class, mime_type, b"%PDF-1.4 Kowalska Zbigniew")
    out = through(rich, ds)
    expected = replacement_document(sop_class, out.SOPInstanceUID)
    assert out.EncapsulatedDocument[: out.EncapsulatedDocumentLength] == expected
    assert out.MIMETypeOfEncapsulatedDocument == mime_type
    assert out.BurnedInAnnotation == "NO"
    image = through(rich, family.image(2))
    assert out.SourceInstanceSequence[0].ReferencedSOPInstanceUID == image.SOPInstanceUID


@pytest.mark.parametrize("sop_class", [PDF, CDA])
def test_a_document_is_refused_elsewhere(plain, through, sop_class):
    with pytest.raises(UnsupportedObjectError) as refusal:
        through(plain, _document(sop_class, "application/pdf", b"%PDF-1.4 Kowalska"))
    assert refusal.value.code == "deid.unsupported-document"


def test_a_colour_profile_stays_without_its_words(rich, through):
    ds = family.image(1)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    ds.ICCProfile = srgb
    ds["ICCProfile"].VR = "OB"
    out = through(rich, ds)
    words = "sRGB built-in".encode("utf-16-be")
    assert words in srgb
    assert words not in out.ICCProfile
    assert cleaned_profile(srgb) == out.ICCProfile


@pytest.mark.parametrize("engine", ["rich", "plain"])
def test_nothing_hides_behind_a_lookup_table(request, through, engine):
    ds = family.image(1)
    table = Dataset()
    table.add_new("LUTDescriptor", "US", [256, 0, 16])
    table.add_new("LUTData", "OW", np.arange(256, dtype="<u2").tobytes() + b"Kowalska")
    table.ModalityLUTType = "US"
    ds.ModalityLUTSequence = [table]
    out = through(request.getfixturevalue(engine), ds)
    assert "LUTData" not in out.get("ModalityLUTSequence", [Dataset()])[0]


def test_an_observer_of_a_long_report_is_found_in_its_text(report, rich, through):
    observer = ("121008", "DCM", "Person Observer Name")
    findings = [
        _text(("121071", "DCM", "Finding"), f"Nodule of {number} mm, as Kowalska says. " * 3)
        for number in range(1, 400)
    ]
    ds = report(_content("PNAME", observer, PersonName="Kowalska^Qzxwy"), *findings)
    ds.ContentSequence[-1].TextValue = "Nodule of 7 mm, qzxwy saw it"
    out = through(rich, ds)
    assert "qzxwy" not in out.ContentSequence[-1].TextValue.lower()
    assert "Nodule of 7 mm" in out.ContentSequence[-1].TextValue
