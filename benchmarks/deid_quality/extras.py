"""What real archives add: names where no rule looks, private blocks, strays and damage."""

from __future__ import annotations

import datetime as dt
import struct
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from benchmarks.deid_quality.pictures import Style, strokes
from benchmarks.deid_quality.specimen import Box, packed

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.deid_quality.headers import Draft


def _name(draft: Draft) -> str:
    """Give the name as an ASCII console shows it, and plant it."""
    family, given = draft.person.latin
    draft.top.plant(family, "name")
    return f"{family}^{given}"


def file_meta(draft: Draft) -> None:
    """Put names in the source application's title and in private information."""
    draft.meta["SourceApplicationEntityTitle"] = draft.study.station
    draft.meta["SendingApplicationEntityTitle"] = draft.study.station
    draft.meta["PrivateInformationCreatorUID"] = f"{draft.study.uid}.55"
    draft.meta["PrivateInformation"] = _name(draft).encode() + b" " * (len(_name(draft)) % 2)
    draft.top.plant(draft.study.station, "id")


def preamble(draft: Draft) -> None:
    """Add a TIFF-like preamble with a name in it."""
    draft.preamble = (b"II*\0" + _name(draft).encode()).ljust(128, b"\0")


def overlay(draft: Draft) -> None:
    """Add a 60xx overlay whose bits show the name and whose label is the name."""
    rows, columns = 128, 160
    bits = np.zeros((rows, columns), bool)
    text = _name(draft).replace("^", " ")[:18]
    mask = strokes(text, Style(14))[:rows, : columns - 4]
    bits[6 : 6 + mask.shape[0], 4 : 4 + mask.shape[1]] = mask
    group = 0x60000000 + 0x20000 * (draft.number % 3)
    top = draft.top
    top.put(group | 0x10, rows, "US")
    top.put(group | 0x11, columns, "US")
    top.put(group | 0x40, "G", "CS")
    top.put(group | 0x50, [1, 1], "SS")
    top.put(group | 0x100, 1, "US")
    top.put(group | 0x102, 0, "US")
    top.put(group | 0x3000, np.packbits(bits, bitorder="little").tobytes(), "OW")
    top.gone(group | 0x22, f"ROI of {_name(draft)}", "other", "LO")
    top.gone(group | 0x1500, _name(draft), "name", "LO")
    draft.specimen.boxes.append(
        Box(-1, 4, 6, (mask.shape[0], mask.shape[1]), packed(mask), f"{group:08X}", True)
    )


def overlay_bits(draft: Draft) -> None:
    """Add an old overlay in bit 15 of the pixels shows the name (retired, PS3.3-2004 C.9.2)."""
    ds = draft.dataset
    native = draft.specimen.syntax in {"explicit", "implicit"}
    if "PixelData" not in ds or not native or ds.BitsAllocated != 16 or ds.BitsStored > 12:
        overlay(draft)
        return
    pixels = np.frombuffer(ds.PixelData, "<u2").copy().reshape(-1, ds.Rows, ds.Columns)
    mask = strokes(_name(draft).replace("^", " ")[:14], Style(14))[:, : ds.Columns - 8]
    pixels[0, 20 : 20 + mask.shape[0], 6 : 6 + mask.shape[1]] |= mask.astype(np.uint16) << 15
    ds.PixelData = pixels.tobytes()
    top = draft.top
    for element, value, vr in (
        (0x10, ds.Rows, "US"),
        (0x11, ds.Columns, "US"),
        (0x40, "G", "CS"),
        (0x50, [1, 1], "SS"),
        (0x100, 16, "US"),
        (0x102, 15, "US"),
    ):
        top.put(0x60000000 | element, value, vr)
    specimen = draft.specimen
    specimen.boxes.append(
        Box(-2, 6, 20, (mask.shape[0], mask.shape[1]), packed(mask), "bit 15", True)
    )
    specimen.checks[:] = [
        one for one in specimen.checks if (one.name, one.where) != ("pixels", "0")
    ]


def curve(draft: Draft) -> None:
    """Add a retired curve with a name in its label and description."""
    top = draft.top
    top.put(0x50000005, 1, "US")
    top.put(0x50000010, 4, "US")
    top.put(0x50000020, "POLY", "CS")
    top.gone(0x50000022, f"curve of {_name(draft)}", "other", "LO")
    top.gone(0x50002500, _name(draft), "name", "LO")
    top.put(0x50003000, b"\1\0\2\0\3\0\4\0", "OW")


def unknown_public(draft: Draft) -> None:
    """Add public tags that no dictionary knows, with a name, a date and a number."""
    top, person = draft.top, draft.person
    top.gone(0x00109F01, _name(draft), "name", "LO")
    top.gone(0x00189FF2, f"Patient {person.patient_id}", "other", "LT")
    top.plant(person.patient_id, "id")
    top.gone(0x0040FFE0, f"{person.birth:%Y%m%d}", "date", "DA")
    inner = top.item(0x00089F0C)
    inner.gone("PatientName", person.name)
    inner.gone(0x00209EE0, draft.study.hospital, "place", "SH")


def private_nested(draft: Draft) -> None:
    """Add private sequences, three deep, with names, and a private creator with a name."""
    block = draft.top.private(0x0029, "ACME PACS 1.0")
    block.gone(0x01, "PN", _name(draft))
    block.gone(0x02, "UN", draft.person.patient_id, "id")
    block.gone(0x03, "LT", f"{draft.study.hospital}: {draft.write.comment().text}", "other")
    item = block.item(0x10)
    item.gone("PatientName", draft.person.name)
    deeper = item.private(0x0031, "ACME NESTED", 0x12)
    deeper.gone(0x05, "LO", draft.study.performing)
    deepest = deeper.item(0x06)
    deepest.gone("OperatorsName", draft.study.operator)
    named = draft.top.private(0x0031, f"EXPORT {_name(draft)}"[:60], 0x20)
    named.put(0x01, "LO", "x")
    draft.top.private(0x0033, "ORPHAN", 0x10)
    draft.dataset[0x00331105] = DataElement(0x00331105, "LO", _name(draft))  # no creator


def private_safe(draft: Draft) -> None:
    """Add elements of the safe private list (PS3.15 Table E.3.10-1), beside unsafe neighbours."""
    top, person = draft.top, draft.person
    siemens = top.private(0x0019, "SIEMENS MR HEADER", 0x10)
    siemens.keep(0x0C, "IS", "1000")
    siemens.keep(0x0E, "FD", [0.5, 0.5, 0.7071])
    siemens.gone(0x5A, "LO", _name(draft))
    ge = top.private(0x0043, "GEMS_PARM_01", 0x11)
    ge.keep(0x27, "SH", "/1.375:1")
    ge.gone(0x9F, "LT", f"Pt {person.patient_id}", "other")
    acquisition = top.private(0x0019, "GEMS_ACQU_01", 0x12)
    acquisition.keep(0x23, "DS", "55")
    acquisition.keep(0x27, "DS", "0.5")
    philips = top.private(0x2001, "Philips Imaging DD 001", 0x10)
    philips.keep(0x03, "FL", 1000.0)
    elscint = top.private(0x01F1, "ELSCINT1", 0x10)
    elscint.keep(0x26, "DS", "0.9")
    elscint.keep(0x27, "DS", "0.75")


def private_safe_abused(draft: Draft) -> None:
    """Fill safe private elements as if somebody had written a name or number."""
    top = draft.top
    acquisition = top.private(0x0019, "GEMS_ACQU_01", 0x12)
    acquisition.gone(0x9E, "LO", f"FSE {_name(draft)}", "other")
    ge = top.private(0x0043, "GEMS_PARM_01", 0x11)
    ge.gone(0x27, "SH", draft.person.latin[0][:16], "name")
    wrong = top.private(0x0019, "SIEMENS MR HEADER X", 0x13)
    wrong.gone(0x0C, "LO", draft.person.patient_id, "id")


def moved(draft: Draft) -> None:
    """Add a name and numbers in tags that mean something else."""
    top, person = draft.top, draft.person
    top.gone("FilterType", f"{_name(draft)[:16]}", "other")
    top.gone("ScanOptions", person.latin[0].upper()[:16], "other")
    top.gone("ContrastBolusRoute", f"IV {_name(draft)}", "other")
    top.gone("TransmitCoilName", person.latin[0][:16], "other")
    top.gone("ConvolutionKernel", person.patient_id[:16], "id")
    inner = top.item("AnatomicRegionSequence")
    inner.put("CodeValue", "T-28000")
    inner.put("CodingSchemeDesignator", "SRT")
    inner.gone("CodeMeaning", f"Lung of {_name(draft)}", "other")
    top.gone("LossyImageCompressionMethod", person.latin[0].upper()[:16], "other")


def wrong_values(draft: Draft) -> None:
    """Write values that are not of their VR: names in DS, IS and CS, and dates that are none."""
    top, person = draft.top, draft.person
    top.wrong("XRayTubeCurrent", f"{person.latin[0][:12]}", "name", "IS")
    top.wrong("FlipAngle", person.latin[0][:16], "name", "DS")
    top.wrong("DateOfLastCalibration", f"{draft.study.when:%Y-%m-%d}", "date", "DA")
    top.wrong("AdmittingDate", person.latin[0][:8] + " 12", "other", "DA")
    top.wrong("DischargeDate", "20231345", "other", "DA")
    top.wrong("ScheduledProcedureStepStartDate", f"{draft.study.when:%Y.%m.%d}", "date", "DA")
    top.wrong("AcquisitionTime", person.latin[0][:8], "other", "TM")
    top.wrong("IssueDateOfImagingServiceRequest", f"{draft.study.when:%d/%m/%y}", "date", "DA")


def many_dates(draft: Draft) -> None:
    """Write multi-valued, fractional and offset dates, public, private and nested."""
    top, when = draft.top, draft.when
    top.date("DateOfLastCalibration", [when - dt.timedelta(days=40), when - dt.timedelta(days=9)])
    top.put("TimeOfLastCalibration", ["081500", "093000.5"])
    top.moment("ScheduledProcedureStepStartDateTime", when, ".1+0930")
    top.moment("ProcedureStepCancellationDateTime", when, "-0800")
    top.moment("StartAcquisitionDateTime", when, ".999999")
    top.date("PerformedProcedureStepEndDate", when + dt.timedelta(days=1))
    top.put("TimezoneOffsetFromUTC", "+0345")


def explanations(draft: Draft) -> None:
    """Write LUT and frame texts that the table of the standard omits."""
    top = draft.top
    lut = top.item("VOILUTSequence")
    lut.put("LUTDescriptor", [4, 0, 16], "US")
    lut.put("LUTData", b"\0\0\1\0\2\0\3\0", "OW")
    lut.text("LUTExplanation", draft.write.written("[BONE] {FAMILY}"))
    top.text("RequestedProcedureDescription", draft.write.description())
    top.text("ReasonForTheRequestedProcedure", draft.write.comment())
    top.text("RequestedProcedureComments", draft.write.comment(), "LT")
    top.text("ImagingServiceRequestComments", draft.write.comment(), "LT")
    top.text("InterpretationText", draft.write.comment(), "ST")


def signed(draft: Draft) -> None:
    """Add a digital signature and encrypted attributes of the hospital, and a retrieve address."""
    top = draft.top
    signature = top.item("DigitalSignaturesSequence")
    signature.put("MACIDNumber", 1)
    signature.uid("DigitalSignatureUID", f"{draft.study.uid}.{draft.slot}.66")
    signature.moment("DigitalSignatureDateTime", draft.when)
    signature.put("CertificateType", "X509_1993_SIG")
    certificate = b"0\x82" + draft.study.reading.encode()
    signature.put("CertificateOfSigner", certificate + b"\0" * (len(certificate) % 2))
    signature.put("Signature", b"\1" * 128)
    top.plant(draft.study.reading.split("^")[0], "name")
    url = f"https://pacs.{draft.study.town.lower()}.example/{draft.person.patient_id}"
    top.gone("RetrieveURL", url, "place", "UR")


def icon(draft: Draft) -> None:
    """Add an icon that shows the name in small."""
    from PIL import Image

    mask = strokes(_name(draft)[:8], Style(12))
    small = Image.fromarray((mask * 255).astype(np.uint8)).resize((64, 64))
    inner = draft.top.item("IconImageSequence")
    inner.put("SamplesPerPixel", 1)
    inner.put("PhotometricInterpretation", "MONOCHROME2")
    for keyword, value in (("Rows", 64), ("Columns", 64), ("BitsAllocated", 8)):
        inner.put(keyword, value)
    inner.put("BitsStored", 8)
    inner.put("HighBit", 7)
    inner.put("PixelRepresentation", 0)
    pixels = np.asarray(small).tobytes()
    inner.put("PixelData", pixels, "OB")
    draft.specimen.expect("removed", inner.where("PixelData"), pixels.hex())


def as_unknown(draft: Draft) -> None:
    """Write known and unknown elements written as UN, and a sequence inside one."""
    top = draft.top
    encoded = draft.person.name.encode("utf-8")
    top.put("OtherPatientNames", encoded + b" " * (len(encoded) % 2), "UN")
    top.plant(draft.person.name, "name")
    inner = Dataset()
    inner.PatientID = draft.person.patient_id
    inner.PatientComments = f"known as {_name(draft)}"
    sequence = Sequence([inner])
    draft.dataset[0x00081120] = DataElement(0x00081120, "SQ", sequence)
    draft.specimen.expect("removed", "00081120/00100020", draft.person.patient_id)
    block = top.private(0x0041, "UNKNOWN VR", 0x15)
    block.gone(0x01, "UN", f"{draft.person.address}", "place")


def related(draft: Draft) -> None:
    """Add references to objects outside of the corpus and an identified person inside."""
    top, study = draft.top, draft.study
    other = top.item("ReferencedStudySequence")
    other.keep("ReferencedSOPClassUID", "1.2.840.10008.3.1.2.3.1")
    other.uid("ReferencedSOPInstanceUID", f"{study.uid}.9999")
    person = top.item("PerformingPhysicianIdentificationSequence")
    code = person.item("PersonIdentificationCodeSequence")
    code.put("CodeValue", "D-4711")
    code.put("CodingSchemeDesignator", "99STAFF")
    code.gone("CodeMeaning", study.performing)
    person.gone("InstitutionName", study.hospital, "place")
    top.uid("SynchronizationFrameOfReferenceUID", f"{study.uid}.9998")
    top.gone("IssuerOfPatientID", study.hospital, "place")
    top.put("PatientIdentityRemoved", "NO")


def trial(draft: Draft) -> None:
    """Add a clinical trial's identifiers, and issuers that name the hospital."""
    top, study = draft.top, draft.study
    top.gone("ClinicalTrialSponsorName", f"{study.stranger} Pharma", "other")
    top.gone("ClinicalTrialProtocolID", f"TRIAL-{study.study_id}", "id")
    top.gone("ClinicalTrialSiteName", study.hospital, "place")
    top.gone("ClinicalTrialSubjectID", draft.person.other_id, "id")
    top.gone("ClinicalTrialCoordinatingCenterName", study.hospital, "place")
    issuer = top.item("IssuerOfAccessionNumberSequence")
    issuer.gone("LocalNamespaceEntityID", study.hospital, "place")
    scheme = top.item("CodingSchemeIdentificationSequence")
    scheme.put("CodingSchemeDesignator", "99LOCAL")
    scheme.gone("CodingSchemeResponsibleOrganization", study.hospital, "place")
    scheme.gone("CodingSchemeName", f"Codes of {study.town}", "other")


def results(draft: Draft) -> None:
    """Add retired results and visit attributes, which old archives still hold."""
    top, study, person = draft.top, draft.study, draft.person
    top.gone("InterpretationAuthor", study.reading)
    top.gone("InterpretationRecorder", study.operator)
    top.gone("InterpretationTranscriber", study.performing)
    top.gone("DistributionName", study.referring)
    top.text("Impressions", draft.write.comment(), "ST")
    top.text("ResultsComments", draft.write.comment(), "ST")
    top.gone("CurrentPatientLocation", f"Ward 7 {study.town}", "other")
    top.gone("PatientInstitutionResidence", f"Haus {study.town}", "other")
    top.text("VisitComments", draft.write.comment())
    top.gone("ScheduledPerformingPhysicianName", study.performing)
    top.gone("ScheduledStationName", study.station, "id")
    top.gone("NamesOfIntendedRecipientsOfResults", study.referring)
    top.gone("OrderEnteredBy", study.stranger)
    top.gone("OrderCallbackPhoneNumber", person.phone, "phone")
    top.date("AdmittingDate", study.when)


def context(draft: Draft) -> None:
    """Add an acquisition context: content items in an image, with a name and a text."""
    top = draft.top
    named = top.item("AcquisitionContextSequence")
    named.put("ValueType", "PNAME")
    named.code("ConceptNameCodeSequence", "121008", "DCM", "Person Observer Name")
    named.gone("PersonName", draft.study.operator)
    told = top.item("AcquisitionContextSequence")
    told.put("ValueType", "TEXT")
    told.code("ConceptNameCodeSequence", "121106", "DCM", "Comment")
    told.text("TextValue", draft.write.comment())
    dated = top.item("AcquisitionContextSequence")
    dated.put("ValueType", "DATE")
    dated.code("ConceptNameCodeSequence", "111060", "DCM", "Study Date")
    dated.date("Date", draft.study.when)


def odd_names(draft: Draft) -> None:
    """Add a patient's name of several values, with blanks, nulls and no carets."""
    family, given = draft.person.latin
    top = draft.top
    top.plant(family, "name")
    top.gone("OtherPatientNames", [f"{family} {given}", f"{given}^{family}^^Dr"], "names")
    top.gone("PatientMotherBirthName", f"  {family.upper()} ^ {given} ", "names")
    top.gone("ReviewerName", f"{draft.study.stranger}, {given}", "names")
    top.plant(draft.study.stranger, "name")
    top.text("PatientState", draft.write.written("[stable], Mr. {Fam}"))
    top.text("SpecialNeeds", draft.write.written("[wheelchair], ask {stranger}"))


def group_zero(draft: Draft) -> None:
    """Add command elements that strayed into the data set, and group lengths."""
    name = _name(draft).encode()[:16].ljust(16)

    def stray(data: bytes) -> bytes:
        start = _data_set_start(data)
        implicit = draft.specimen.syntax == "implicit"
        if implicit:
            element = struct.pack("<HHL", 0, 0x1000, len(name)) + name
        else:
            element = struct.pack("<HH2sH", 0, 0x1000, b"LO", len(name)) + name
        return data[:start] + element + data[start:]

    if draft.specimen.syntax not in {"deflated", "big-endian"}:
        draft.after.append(stray)


def trailing(draft: Draft) -> None:
    """Add Data Set Trailing Padding and bytes behind it, both with the name."""
    padding = _name(draft).encode()
    padding += b" " * (len(padding) % 2)
    draft.top.put(0xFFFCFFFC, padding, "OB")

    def longer(data: bytes) -> bytes:
        return data + b"\0\0" + _name(draft).encode() + b"\0" * 20

    if draft.number % 2 and draft.specimen.syntax != "deflated":
        draft.after.append(longer)


def pixel_tail(draft: Draft) -> None:
    """Add a name behind the last pixel, inside the pixel data element."""
    ds, specimen = draft.dataset, draft.specimen
    if specimen.syntax in {"explicit", "implicit"} and "PixelData" in ds:
        tail = _name(draft).encode()
        ds.PixelData = bytes(ds.PixelData) + tail + b"\0" * (len(tail) % 2)


def no_meta(draft: Draft) -> None:
    """Leave a bare data set: no preamble, no file meta."""
    if draft.specimen.syntax in {"implicit", "explicit"}:
        draft.after.append(lambda data: data[_data_set_start(data) :])


def no_preamble(draft: Draft) -> None:
    """Let the file begin with the file meta, with no preamble, no prefix."""
    draft.after.append(lambda data: data[132:])


def wrong_charset(draft: Draft) -> None:
    """Write text in Latin-1 while the character set says otherwise or nothing."""
    ds = draft.dataset
    raw = "Jørgensen-Åström^Bjørn".encode("latin-1")
    ds[0x00101005] = DataElement(0x00101005, "UN", raw + b" " * (len(raw) % 2))
    draft.specimen.expect("removed", "00101005", "Jørgensen")
    for part in ("Jørgensen", "Åström"):
        draft.specimen.plant(part, "name")
    if "latin-1" not in draft.specimen.encodings:
        draft.specimen.encodings.append("latin-1")


def _data_set_start(data: bytes) -> int:
    """Find where the data set begins: the file meta's group length tells."""
    length = struct.unpack("<L", data[140:144])[0]
    return int(144 + length)


EXTRAS: tuple[Callable[[Draft], None], ...] = (
    file_meta,
    preamble,
    overlay,
    private_nested,
    private_safe,
    unknown_public,
    moved,
    explanations,
    many_dates,
    wrong_values,
    overlay_bits,
    curve,
    group_zero,
    trailing,
    pixel_tail,
    signed,
    icon,
    as_unknown,
    related,
    private_safe_abused,
    no_meta,
    no_preamble,
    wrong_charset,
    trial,
    results,
    context,
    odd_names,
)
