"""The test files that pydicom's wheel brings, each given an identity of the corpus's kind."""

from __future__ import annotations

import contextlib
import datetime as dt
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pydicom
from pydicom.data import get_testdata_files
from pydicom.datadict import tag_for_keyword
from pydicom.filebase import DicomBytesIO
from pydicom.uid import ImplicitVRLittleEndian

from benchmarks.deid_quality.level import Level
from benchmarks.deid_quality.lookup import element_value, texts
from benchmarks.deid_quality.people import CODECS, ROOT, people
from benchmarks.deid_quality.phrases import Writer
from benchmarks.deid_quality.specimen import Specimen

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

from benchmarks.deid_quality.people import Person, Study

# Pictures that hold text of their own: nothing is asked of their pixels
WITH_TEXT = {
    "GDCMJ2K_TextGBR.dcm",
    "examples_jpeg2k.dcm",
    "examples_palette.dcm",
    "examples_rgb_color.dcm",
    "examples_ybr_color.dcm",
}
KEPT = (
    "SOPClassUID",
    "Modality",
    "SeriesNumber",
    "InstanceNumber",
    "SliceThickness",
    "KVP",
    "RepetitionTime",
    "EchoTime",
    "FlipAngle",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "PixelSpacing",
    "RescaleSlope",
    "RescaleIntercept",
    "WindowCenter",
    "WindowWidth",
    "Rows",
    "Columns",
    "BitsStored",
    "PhotometricInterpretation",
    "DoseGridScaling",
    "BodyPartExamined",
)


def bundled_specimens(source: Path) -> list[Specimen]:
    """Write pydicom's files with planted names, numbers and dates.

    Parameters
    ----------
    source
        The corpus's folder of files; they go to `bundled` below it.
    """
    files = []
    for name in sorted(get_testdata_files()):
        path = Path(name)
        tiny = "TINY_ALPHA" in name and path.name > "IM000005"
        if (
            path.is_file()
            and not tiny
            and path.suffix not in {".txt", ".dump", ".json", ".icc", ".gz"}
        ):
            files.append(path)
    cases = [(person, studies[0]) for person, studies in people(7)]
    made = []
    for number, path in enumerate(files):
        person, study = cases[number % len(cases)]
        made.append(_planted(path, source, number, person, study))
    return made


def _planted(path: Path, source: Path, number: int, person: Person, study: Study) -> Specimen:
    name = f"bundled/{number:03d}-{path.name.replace('+', '_')}"
    specimen = Specimen(path=name, kind="bundled", person=f"bundled-{person.key}")
    specimen.encodings = sorted({"utf-8", "utf-16-le", "utf-16-be", CODECS[person.charset]})
    specimen.variant = path.name
    target = source / name
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        ds = pydicom.dcmread(path, force=True)
        refusable = "MediaStorageDirectory" in str(
            ds.file_meta.get("MediaStorageSOPClassUID", "")
        ) or ("DirectoryRecordSequence" in ds)
        specimen.readable = not refusable and len(ds) > 1
        if specimen.readable:
            _identify(ds, specimen, number, person, study)
            specimen.readable = bool(ds.get("SOPClassUID"))
        target.write_bytes(_written(ds))
    except Exception as error:  # noqa: BLE001 - broken on purpose: it goes in as it is
        specimen.variant += f" ({type(error).__name__})"
        specimen.readable = False
        specimen.checks.clear()
        specimen.planted.clear()
        target.write_bytes(path.read_bytes())
    specimen.readable = specimen.readable and path.name != "MR_truncated.dcm"
    return specimen


def _written(ds: Dataset) -> bytes:
    """Write the data set as it was: with or without meta, in its own encoding."""
    out = DicomBytesIO()
    if "TransferSyntaxUID" in ds.file_meta:
        ds.save_as(out)
    else:
        implicit, little = ds.original_encoding
        ds.save_as(out, implicit_vr=implicit or False, little_endian=little is not False)
    return bytes(out.getvalue())


def _identify(ds: Dataset, specimen: Specimen, number: int, person: Person, study: Study) -> None:
    specimen.syntax = str(ds.file_meta.get("TransferSyntaxUID", ImplicitVRLittleEndian))
    with contextlib.suppress(ValueError):  # badVR.dcm
        ds.decode()
    _keep(ds, specimen)
    if person.charset:
        ds.SpecificCharacterSet = person.charset.split("\\")
    elif "SpecificCharacterSet" in ds:
        del ds.SpecificCharacterSet
    top = Level(specimen, ds)
    when = study.when + dt.timedelta(hours=number % 5)
    write = Writer(person, study, random.Random(number))  # noqa: S311 - a corpus, no secret
    top.gone("PatientName", person.name)
    top.linked("PatientID", person.patient_id)
    top.gone("OtherPatientIDs", person.other_id, "id")
    top.put("PatientBirthDate", f"{person.birth:%Y%m%d}")
    specimen.expect("removed", top.where("PatientBirthDate"), f"{person.birth:%Y%m%d}")
    specimen.plant(f"{person.birth:%Y%m%d}", "date")
    top.date("StudyDate", when)
    top.gone("AccessionNumber", study.accession, "id")
    top.gone("ReferringPhysicianName", study.referring)
    top.gone("InstitutionName", study.hospital, "place")
    top.text("StudyDescription", write.description())
    top.text("SeriesDescription", write.clean())
    if number % 2:
        top.text("ImageComments", write.comment())
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID"):
        if ds.get(keyword):
            top.uid(keyword, str(ds[keyword].value))
    top.uid("SOPInstanceUID", f"{ROOT}.999.{number}")  # several of the files share one
    if "MediaStorageSOPInstanceUID" in ds.file_meta:
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    _pixels(ds, specimen)


def _keep(ds: Dataset, specimen: Specimen) -> None:
    """Ask that acquisition parameters stay as they are."""
    for keyword in KEPT:
        tag = tag_for_keyword(keyword)
        if tag is not None and tag in ds:
            text = texts(element_value(ds, tag))
            if text:
                specimen.expect("retained", f"{tag:08X}", text)


def _pixels(ds: Dataset, specimen: Specimen) -> None:
    """Ask for untouched pixels where the picture has no text."""
    if "PixelData" not in ds:
        return
    specimen.frames = int(ds.get("NumberOfFrames") or 1)
    if specimen.variant not in WITH_TEXT:
        for frame in range(specimen.frames):
            specimen.expect("pixels", str(frame), "")
