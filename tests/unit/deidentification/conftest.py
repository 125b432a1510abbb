"""Objects with a planted identity, and the engine to take it out again."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.profile import load_profile

if TYPE_CHECKING:
    from pathlib import Path

KEY = hashlib.sha256(b"a key for tests only").digest()
ROOT = "1.2.826.0.1.3680043.9.7433"
PLANTED = (
    "Łukasiewicz", "Zbigniew", "PAT-0815-XY", "ACC-77-4711", "Maple Street 12",
    "St. Elsewhere Hospital", "Grabowska", "0301234567", "lukas@example.org", "SN-99-1234",
    "PRIVATE-WORDS-HERE", "19610317", "20230214", ROOT, "RAD_STATION_7", "OLDAETITLE",
    "Comment on the husband",
)  # fmt: skip
"""Every one of these must be gone from the bytes of the output."""


@pytest.fixture(scope="session")
def pseudonyms() -> Pseudonymiser:
    return Pseudonymiser(KEY)


@pytest.fixture(scope="session")
def engine(pseudonyms) -> Engine:
    return Engine(load_profile("gdpr-pseudonymised"), pseudonyms)


@pytest.fixture(scope="session")
def planted() -> tuple[str, ...]:
    return PLANTED


def _meta(sop_class: str, sop_instance: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = sop_class
    meta.MediaStorageSOPInstanceUID = sop_instance
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = "OLDAETITLE"
    return meta


def _identify(ds: Dataset) -> None:
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = "Łukasiewicz^Zbigniew"
    ds.PatientID = "PAT-0815-XY"
    ds.PatientBirthDate = "19610317"
    ds.PatientSex = "M"
    ds.PatientAge = "061Y"
    ds.PatientWeight = "81.5"
    ds.PatientAddress = "Maple Street 12"
    ds.PatientTelephoneNumbers = "0301234567"
    ds.PatientComments = "Write to lukas@example.org"
    ds.OtherPatientIDs = ["PAT-0815-XY", "OTHER-1"]
    ds.AccessionNumber = "ACC-77-4711"
    ds.StudyID = "ST-4711"
    ds.InstitutionName = "St. Elsewhere Hospital"
    ds.ReferringPhysicianName = "Grabowska^Ewa"
    ds.OperatorsName = "Grabowska^Ewa"
    ds.StationName = "RAD_STATION_7"
    ds.DeviceSerialNumber = "SN-99-1234"
    ds.StudyDate = "20230214"
    ds.SeriesDate = "20230214"
    ds.ContentDate = "20230215"
    ds.AcquisitionDateTime = "20230214101112.123456+0100"
    ds.StudyTime = "101112.5"
    ds.ContentTime = "101112"
    ds.StudyDescription = "Brain of Grabowska"
    ds.SeriesDescription = "Comment on the husband"
    ds.StudyInstanceUID = f"{ROOT}.1"
    ds.FrameOfReferenceUID = f"{ROOT}.2"
    ds.PositionReferenceIndicator = "Łukasiewicz"


def _request() -> Dataset:
    item = Dataset()
    item.RequestedProcedureDescription = "Comment on the husband"
    return item


def _reference(sop_instance: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    item.ReferencedSOPInstanceUID = sop_instance
    item.PatientName = "Łukasiewicz^Zbigniew"
    block = item.private_block(0x0009, "ACME", create=True)
    block.add_new(0x01, "LO", "PRIVATE-WORDS-HERE")
    purpose = Dataset()
    purpose.CodeValue = "121311"
    purpose.CodingSchemeDesignator = "DCM"
    purpose.CodeMeaning = "Grabowska's localizer"
    item.PurposeOfReferenceCodeSequence = Sequence([purpose])
    return item


def build_mr(number: int = 1) -> FileDataset:
    """One slice of an MR series, identified."""
    sop_instance = f"{ROOT}.4.{number}"
    meta = _meta("1.2.840.10008.5.1.4.1.1.4", sop_instance)
    ds = FileDataset("", {}, file_meta=meta, preamble=b"Grabowska".ljust(128, b"\0"))
    _identify(ds)
    ds.SOPClassUID = meta.MediaStorageSOPClassUID
    ds.SOPInstanceUID = sop_instance
    ds.SeriesInstanceUID = f"{ROOT}.3"
    ds.Modality = "MR"
    ds.Manufacturer = "SIEMENS"
    ds.ManufacturerModelName = "Skyra"
    ds.SoftwareVersions = "syngo MR E11"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND"]
    ds.ScanningSequence = "GR"
    ds.SequenceVariant = "SP"
    ds.ScanOptions = ""
    ds.MRAcquisitionType = "3D"
    ds.EchoTime = "2.5"
    ds.RepetitionTime = "1900"
    ds.EchoTrainLength = "1"
    ds.MagneticFieldStrength = "3"
    ds.ImagedNucleus = "1H"
    ds.BodyPartExamined = "BRAIN"
    ds.PatientPosition = "HFS"
    ds.SeriesNumber = "3"
    ds.InstanceNumber = str(number)
    ds.AcquisitionNumber = "1"
    ds.ImagePositionPatient = [0.0, 0.0, 2.0 * number]
    ds.ImageOrientationPatient = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    ds.SliceThickness = "2"
    ds.PixelSpacing = [1.0, 1.0]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = 16, 16
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.SmallestImagePixelValue = 0
    pixels = np.random.default_rng(number).integers(0, 4095, (16, 16), dtype=np.uint16)
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW"
    ds.ReferencedImageSequence = Sequence([_reference(f"{ROOT}.9.9")])
    ds.RequestAttributesSequence = Sequence([_request()])
    block = ds.private_block(0x0029, "ACME", create=True)
    block.add_new(0x10, "OB", b"PRIVATE-WORDS-HERE Zbigniew ")
    ds.add_new(0x60003000, "OW", b"\0" * 32)
    ds.add_new(0x60000010, "US", 16)
    ds.add_new(0x50003000, "OW", b"Grabowska\0")
    return ds


def save(ds: FileDataset, path: Path) -> Path:
    pydicom.dcmwrite(path, ds, enforce_file_format=False)
    return path


@pytest.fixture
def mr() -> FileDataset:
    return build_mr()


@pytest.fixture
def saved(tmp_path):
    """Write an identified object and give its path."""

    def _save(ds: FileDataset, name: str = "source.dcm") -> Path:
        return save(ds, tmp_path / name)

    return _save


@pytest.fixture
def deidentified(engine, saved, tmp_path):
    """De-identify an object and give the output as a data set."""

    def _run(ds: FileDataset, by: Engine | None = None) -> FileDataset:
        instance = (by or engine).deidentify_file(saved(ds), tmp_path / "out")
        return pydicom.dcmread(instance.path)

    return _run


@pytest.fixture(scope="session")
def series(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("series")
    return [save(build_mr(n), folder / f"{n}.dcm") for n in range(1, 6)]
