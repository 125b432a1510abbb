"""One fault planted in an output that is right otherwise; each must be found."""

from __future__ import annotations

import struct

import pydicom
import pytest
from pydicom import config
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from fedpacs.deidentification.verification.instance import Verifier

ROOT = "1.2.826.0.1.3680043.9.7433"
NAME = "Łukasiewicz^Zbigniew"


def _set(keyword, value):
    return lambda ds: setattr(ds, keyword, value)


def _add(tag, vr, value):
    def change(ds):
        ds[tag] = DataElement(tag, vr, value, validation_mode=config.IGNORE)

    return change


def _text(value):
    return _set("SoftwareVersions", value)


def _move_date(keyword, days):
    def change(ds):
        date = pydicom.valuerep.DA(getattr(ds, keyword))
        moved = date.fromordinal(date.toordinal() + days)
        setattr(ds, keyword, moved.strftime("%Y%m%d"))

    return change


def _reference(number, uid):
    return lambda ds: setattr(ds.SourceImageSequence[number], "ReferencedSOPInstanceUID", uid)


def _same_reference(ds):
    first, second = ds.SourceImageSequence
    second.ReferencedSOPInstanceUID = first.ReferencedSOPInstanceUID


def _in_item(change):
    return lambda ds: change(ds.ReferencedImageSequence[0])


def _private(item, value="x"):
    item.private_block(0x0031, "ACME", create=True).add_new(1, "LO", value)


def _deep_private(ds):
    inner = Dataset()
    _private(inner, "PRIVATE-WORDS-HERE")
    ds.ReferencedImageSequence[0].PurposeOfReferenceCodeSequence[0].add_new(0x0008010B, "CS", "N")
    ds.ReferencedImageSequence[0].add_new(0x00081140, "SQ", [inner])


def _code(scheme, value, meaning):
    def change(ds):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
        ds.AnatomicRegionSequence = Sequence([item])

    return change


def _declare(code):
    def change(ds):
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code, "DCM", "an option"
        ds.DeidentificationMethodCodeSequence.append(item)

    return change


def _undeclare(ds):
    del ds.DeidentificationMethodCodeSequence[-1]


ELEMENTS = {
    "the name is back": (_set("PatientName", NAME), "leak-name"),
    "the name is back in pieces": (_set("PatientName", "Zbigniew^Ł"), "leak-name"),
    "name in another text": (_text("of Zbigniew"), "leak-name"),
    "name reversed": (_text("Zbigniew Łukasiewicz"), "leak-name"),
    "name as in a list": (_text("ŁUKASIEWICZ, ZBIGNIEW"), "leak-name"),
    "name without accents": (_text("lukasiewicz 3"), "leak-name"),
    "name with underscores": (_text("T1_Zbigniew_2"), "leak-name"),
    "a physician's name": (_set("Manufacturer", "Works of GRABOWSKA"), "leak-name"),
    "name in a code string": (_set("BodyPartExamined", "ZBIGNIEW"), "leak-name"),
    "name glued to others": (_text("XZBIGNIEWX"), "leak-in-bytes"),
    "patient's number": (_set("PatientID", "48151623"), "leak-number"),
    "number in a text": (_text("v 48151623"), "leak-number"),
    "number as a number": (_set("AcquisitionNumber", "48151623"), "leak-number"),
    "number as a decimal": (_set("EchoTime", "48151623.0"), "leak-number"),
    "number in a long": (_add(0x00189069, "UL", 48151623), "leak-number"),
    "other number": (_text("PAT-0815-XY"), "leak-number"),
    "other number without separators": (_text("PAT0815XY"), "leak-number"),
    "accession number": (_set("AccessionNumber", "ACC-77-4711"), "leak-number"),
    "accession number elsewhere": (_text("ACC-77-4711"), "leak-number"),
    "birth date": (_set("PatientBirthDate", "19610317"), "value-kept"),
    "birth date dotted": (_text("born 17.03.1961"), "leak-date"),
    "birth date with dashes": (_text("1961-03-17"), "leak-date"),
    "birth date the American way": (_text("03/17/1961"), "leak-date"),
    "birth date in short": (_text("17.3.61"), "leak-date"),
    "birth date in words": (_text("17 March 1961"), "leak-date"),
    "birth date in other words": (_text("Mar 17, 1961"), "leak-date"),
    "birth date in German": (_text("17. März 1961"), "leak-date"),
    "birth date as a number": (_set("AcquisitionNumber", "19610317"), "leak-date"),
    "birth date in binary": (_add(0x00189069, "UL", 19610317), "leak-date"),
    "study date": (_set("StudyDate", "20230214"), "value-kept"),
    "one date not shifted": (_set("SeriesDate", "20230214"), "value-kept"),
    "one date shifted by a day more": (_move_date("SeriesDate", 1), "date-interval"),
    "one date shifted by a week more": (_move_date("ContentDate", 7), "date-interval"),
    "datetime not shifted": (
        _set("AcquisitionDateTime", "20230214101112.123456+0100"),
        "value-kept",
    ),
    "true study date in a text": (_text("14.02.2023"), "leak-date"),
    "study UID": (_set("StudyInstanceUID", f"{ROOT}.1"), "leak-uid"),
    "series UID": (_set("SeriesInstanceUID", f"{ROOT}.3"), "value-kept"),
    "frame of reference": (_set("FrameOfReferenceUID", f"{ROOT}.2"), "leak-uid"),
    "one reference not replaced": (_reference(1, f"{ROOT}.4.2"), "leak-uid"),
    "one reference replaced by another": (_reference(0, "2.25.123456"), "uid-inconsistent"),
    "two references become one": (_same_reference, "uid-inconsistent"),
    "UID in a text": (_text(f"of {ROOT}.1"), "leak-uid"),
    "institution": (_set("InstitutionName", "St. Elsewhere Hospital"), "value-kept"),
    "institution elsewhere": (_text("ST. ELSEWHERE HOSPITAL"), "leak-in-bytes"),
    "institution in an item": (
        _in_item(_set("InstitutionName", "St. Elsewhere Hospital")),
        "leak-in-bytes",
    ),
    "comment": (_set("ImageComments", "Comment on the husband"), "leak-in-bytes"),
    "address": (_text("Maple Street 12"), "leak-number"),
    "serial number": (_set("DeviceSerialNumber", "SN-99-1234"), "value-kept"),
    "serial number elsewhere": (_text("SN-99-1234"), "leak-in-bytes"),
    "station": (_text("RAD_STATION_7"), "leak-in-bytes"),
    "private words elsewhere": (_text("PRIVATE-WORDS-HERE"), "leak-in-bytes"),
    "title of the sender": (_text("OLDAETITLE"), "leak-in-bytes"),
    "somebody's e-mail": (_text("ask ewa@elsewhere.org"), "suspicious-text"),
    "somebody's phone": (_text("+48 22 123 45 67"), "suspicious-text"),
    "somebody's number": (_text("MRN 7766554"), "suspicious-text"),
    "somebody's name": (_text("NOWAK^JAN"), "suspicious-text"),
    "somebody with a title": (_text("seen by Dr. Wenzel"), "suspicious-text"),
    "some date": (_text("12 Feb 2019"), "suspicious-text"),
    "private element": (_private, "private-element"),
    "private element in an item": (_in_item(_private), "private-element"),
    "private element deep down": (_deep_private, "private-element"),
    "private creator alone": (_add(0x00310010, "LO", "ACME"), "private-element"),
    "overlay": (_add(0x60003000, "OW", b"\0" * 32), "graphics"),
    "overlay's text": (_add(0x60004000, "LT", "x"), "graphics"),
    "curve": (_add(0x50003000, "OW", b"\0" * 4), "graphics"),
    "directory record": (_add(0x00041130, "CS", "X"), "stray-group"),
    "trailing padding": (_add(0xFFFCFFFC, "OB", b"\0\0"), "stray-group"),
    "unknown attribute": (_add(0x00080200, "LO", "ap"), "unlisted-attribute"),
    "bulk without a rule": (_add(0x00282000, "OB", b"ab"), "unlisted-attribute"),
    "unknown bulk": (_add(0x00280F00, "OW", b"ab"), "unlisted-attribute"),
    "code made up": (_code("99LOC", "X1", "anything"), "unlisted-code"),
    "word for a code": (_code("SCT", "SMITHERS", "Brain"), "unlisted-code"),
    "false meaning": (_code("SCT", "12738006", "Grzegorz's head"), "unlisted-code"),
    "age above 90": (_set("PatientAge", "093Y"), "age"),
    "age that is none": (_add(0x00101010, "AS", "BOB"), "age"),
    "not marked": (_set("PatientIdentityRemoved", "NO"), "not-marked"),
    "no method": (lambda ds: delattr(ds, "DeidentificationMethod"), "not-marked"),
    "no codes": (lambda ds: delattr(ds, "DeidentificationMethodCodeSequence"), "not-marked"),
    "code of what was not done": (_declare("113106"), "method-codes"),
    "pixels said to be clean": (_declare("113101"), "method-codes"),
    "code left out": (_undeclare, "method-codes"),
    "dates said to be true": (
        _set("LongitudinalTemporalInformationModified", "UNMODIFIED"),
        "marker-false",
    ),
    "dates said to be gone": (
        _set("LongitudinalTemporalInformationModified", "REMOVED"),
        "marker-false",
    ),
    "said to hold no text": (_set("BurnedInAnnotation", "NO"), "marker-false"),
    "said to show no face": (_set("RecognizableVisualFeatures", "NO"), "marker-false"),
    "another character set": (_set("SpecificCharacterSet", "ISO_IR 100"), "charset"),
    "one pixel": (lambda ds: setattr(ds, "PixelData", b"\1" + ds.PixelData[1:]), "pixels-changed"),
    "half the pixels": (
        lambda ds: setattr(ds, "PixelData", ds.PixelData[:256]),
        "pixels-changed",
    ),
    "no pixels": (lambda ds: delattr(ds, "PixelData"), "pixels-changed"),
}


def _pixels(plant, at=100):
    def change(content):
        place = content.index(b"\xe0\x7f\x10\x00OW") + 12 + at
        return content[:place] + plant + content[place + len(plant) :]

    return change


def _header(old, new):
    def change(content):
        assert content.count(old) >= 1
        return content.replace(old, new, 1)

    return change


def _twice(content):
    place = content.index(b"\x08\x00\x60\x00CS")
    return content[:place] + content[place : place + 10] + content[place:]


def _meta_element(element):
    def change(content):
        (length,) = struct.unpack_from("<L", content, 140)
        start = 144 + length
        return (
            content[:140]
            + struct.pack("<L", length + len(element))
            + content[144:start]
            + element
            + content[start:]
        )

    return change


def _short(tag, vr, value):
    return struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr, len(value)) + value


BYTES = {
    "name in the pixels": (_pixels(NAME.encode()), "leak-in-bytes"),
    "name in the pixels, odd place": (_pixels(NAME.encode(), 101), "leak-in-bytes"),
    "name in capitals in the pixels": (_pixels(NAME.upper().encode()), "leak-in-bytes"),
    "given name first in the pixels": (_pixels("Zbigniew Łukasiewicz".encode()), "leak-in-bytes"),
    "one name in the pixels": (_pixels(b"\0ZBIGNIEW\0"), "leak-in-bytes"),
    "name in the pixels in UTF-16": (_pixels(NAME.encode("utf-16-le")), "leak-in-bytes"),
    "name in the pixels in big-endian UTF-16": (
        _pixels(NAME.encode("utf-16-be"), 103),
        "leak-in-bytes",
    ),
    "UID in the pixels": (_pixels(f"\0{ROOT}.1\0".encode()), "leak-uid"),
    "number in the pixels": (_pixels(b"\0PAT-0815-XY\0"), "leak-in-bytes"),
    "birth date in the pixels": (_pixels(b"\x0019610317\0"), "leak-date"),
    "institution in the pixels": (_pixels(b"St. Elsewhere Hospital"), "leak-in-bytes"),
    "text of the preamble in the pixels": (_pixels(b"Grabowska"), "leak-in-bytes"),
    "name in the preamble": (lambda c: b"Grabowska".ljust(128, b"\0") + c[128:], "preamble"),
    "anything in the preamble": (lambda c: b"II*\0" + c[4:], "preamble"),
    "no preamble": (lambda c: c[132:], "preamble"),
    "sender in the file meta": (_meta_element(_short(0x00020016, b"AE", b"ANYAET")), "file-meta"),
    "wrong length of the file meta": (lambda c: c[:140] + b"\1\1\0\0" + c[144:], "file-meta"),
    "another instance in the file meta": (
        lambda c: c.replace(b"2.25.", b"2.26.", 1),
        "file-meta",
    ),
    "name behind the end": (lambda c: c + NAME.encode(), "leak-in-bytes"),
    "name behind the end in another set": (
        lambda c: c + NAME.encode("iso8859-2"),
        "trailing-bytes",
    ),
    "zeros behind the end": (lambda c: c + b"\0" * 64, "stray-group"),
    "remains behind the end": (lambda c: c + b"\x08\0", "trailing-bytes"),
    "group length": (
        _header(b"\x08\x00\x05\x00", b"\x08\0\0\0UL\4\0\4\0\0\0\x08\x00\x05\x00"),
        "stray-group",
    ),
    "number that is none": (_header(b"IS\x02\x001 ", b"IS\x02\x00OB"), "not-a-number"),
    "an element behind the pixels": (
        lambda c: c + struct.pack("<HH2sHL", 0xFFFC, 0xFFFC, b"OB", 0, 4) + b"abcd",
        "stray-group",
    ),
    "an element twice": (_twice, "duplicate-element"),
    "cut short": (lambda c: c[:-3], "trailing-bytes"),
    "not of its character set": (_header(b"SIEMENS ", b"SIEM\xff\xfe\xfd "), "undecodable-text"),
    "no file meta at all": (lambda c: c[c.index(b"\x08\x00\x05\x00") :], "file-meta"),
    "nothing": (lambda _c: b"", "output-unreadable"),
}


def _codes(verifier, engine, source, output):
    findings = verifier.verify(source, output, engine.profile.option_codes)
    afresh = Verifier().verify(source, output, engine.profile.option_codes)
    assert findings == afresh, "what was remembered changes no finding"
    return {finding.code.removeprefix("deid.") for finding in findings}


def test_the_right_output_is_right(verifier, engine, source, output):
    assert _codes(verifier, engine, source, output) == set()


@pytest.mark.parametrize("case", ELEMENTS)
def test_a_fault_in_an_element_is_found(verifier, engine, source, output, case):
    change, code = ELEMENTS[case]
    ds = pydicom.dcmread(output)
    change(ds)
    pydicom.dcmwrite(output, ds, enforce_file_format=True)
    found = _codes(verifier, engine, source, output)
    assert code in found, found


@pytest.mark.parametrize("case", BYTES)
def test_a_fault_in_the_bytes_is_found(verifier, engine, source, output, case):
    change, code = BYTES[case]
    output.write_bytes(change(output.read_bytes()))
    assert code in _codes(verifier, engine, source, output)


def test_a_name_for_a_file_name_is_found(verifier, engine, source, output):
    renamed = output.rename(output.with_name("Grabowska.dcm"))
    assert "file-name" in _codes(verifier, engine, source, renamed)


def test_there_are_enough_faults():
    assert len(ELEMENTS) + len(BYTES) >= 100
