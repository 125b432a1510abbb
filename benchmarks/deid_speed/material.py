"""Files to measure with: CT series, small files by the thousand, long multi-frame objects, US."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

if TYPE_CHECKING:
    from pathlib import Path

ROOT = "1.3.6.1.4.1.99999.8"
CT = "1.2.840.10008.5.1.4.1.1.2"
SERIES = 100  # slices


def _common(number: int) -> Dataset:
    """Write what a hospital's CT header holds: about 150 elements."""
    ds = Dataset()
    study = number // (2 * SERIES)
    when = dt.datetime(2023, 3, 1 + study % 27, 9, 30)  # noqa: DTZ001 - DICOM's local time
    when += dt.timedelta(seconds=number % SERIES)
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = CT
    ds.SOPInstanceUID = f"{ROOT}.{study}.{number // SERIES}.{number}"
    ds.StudyInstanceUID = f"{ROOT}.{study}"
    ds.SeriesInstanceUID = f"{ROOT}.{study}.{number // SERIES}"
    ds.FrameOfReferenceUID = f"{ROOT}.{study}.99"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]
    for name in ("InstanceCreation", "Study", "Series", "Acquisition", "Content"):
        setattr(ds, f"{name}Date", f"{when:%Y%m%d}")
        setattr(ds, f"{name}Time", f"{when:%H%M%S}.{number % 1000:03d}000")
    ds.AcquisitionDateTime = f"{when:%Y%m%d%H%M%S}.000000"
    ds.AccessionNumber, ds.StudyID = f"A{study:07d}", f"{study}"
    ds.Modality, ds.Manufacturer = "CT", "SIEMENS"
    ds.ManufacturerModelName, ds.StationName = "SOMATOM Definition AS+", "CTAWP73329"
    ds.InstitutionName, ds.InstitutionAddress = "Klinikum Beispiel", "Rosenweg 7, 83999 Beispiel"
    ds.InstitutionalDepartmentName = "Radiologie"
    ds.ReferringPhysicianName, ds.OperatorsName = "Haberstroh^Ulrike^^Dr.", "MTA^Lindqvist"
    ds.PerformingPhysicianName = ds.NameOfPhysiciansReadingStudy = "Ostermayer^Korbinian"
    ds.StudyDescription, ds.SeriesDescription = "CT Thorax mit KM", "Thorax 5.0 B31f"
    ds.DeviceSerialNumber, ds.SoftwareVersions = "73329", "syngo CT 2012B"
    ds.PatientName, ds.PatientID = f"Müller{study}^Jürgen", f"PAT{study:06d}"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19570312", "M", "066Y"
    ds.PatientWeight, ds.PatientSize, ds.EthnicGroup = "82", "1.78", "European"
    ds.PatientAddress, ds.PatientTelephoneNumbers = "Birkenallee 118, Grunewinkel", "089 1234567"
    ds.OtherPatientIDs = [f"KV{study:08d}", f"H{study:06d}"]
    ds.AdditionalPatientHistory = "Z.n. Lobektomie links"
    _acquisition(ds, number)
    for keyword in ("ReferencedStudySequence", "ReferencedImageSequence", "SourceImageSequence"):
        item = Dataset()
        item.ReferencedSOPClassUID = CT
        item.ReferencedSOPInstanceUID = f"{ROOT}.{study}.77.{number % SERIES}"
        setattr(ds, keyword, [item])
    request = Dataset()
    request.RequestedProcedureDescription = "CT Thorax"
    request.ScheduledProcedureStepDescription = "CT Thorax KM"
    request.RequestedProcedureID = request.ScheduledProcedureStepID = f"RP{study}"
    ds.RequestAttributesSequence = [request]
    return ds


def _acquisition(ds: Dataset, number: int) -> None:
    place = number % SERIES
    ds.BodyPartExamined, ds.ScanOptions, ds.ProtocolName = "CHEST", "HELICAL MODE", "Thorax_KM"
    ds.SliceThickness, ds.KVP, ds.SpacingBetweenSlices = "5", "120", "5"
    ds.DataCollectionDiameter, ds.ReconstructionDiameter = "500", "380"
    ds.ContrastBolusAgent, ds.ContrastBolusVolume = "Ultravist 300", "90"
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = "1085.6", "595"
    ds.GantryDetectorTilt, ds.TableHeight, ds.RotationDirection = "0", "151", "CW"
    ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = "500", str(200 + place), "110"
    ds.FilterType, ds.GeneratorPower, ds.FocalSpots = "FLAT", "26", "1.2"
    ds.DateOfLastCalibration, ds.TimeOfLastCalibration = "20230228", "070000"
    ds.ConvolutionKernel, ds.PatientPosition = "B31f", "HFS"
    ds.SingleCollimationWidth, ds.TotalCollimationWidth = 0.6, 38.4
    ds.TableSpeed, ds.TableFeedPerRotation, ds.SpiralPitchFactor = 76.8, 38.4, 1.0
    ds.CTDIvol, ds.ExposureModulationType = 7.4, "XYZ_EC"
    ds.SeriesNumber, ds.AcquisitionNumber = str(1 + number // SERIES % 2), "2"
    ds.InstanceNumber = str(place + 1)
    ds.ImagePositionPatient = ["-189.6", "-340.1", f"{-5.0 * place:.1f}"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.PositionReferenceIndicator, ds.SliceLocation = "", f"{-5.0 * place:.1f}"
    ds.PixelSpacing, ds.ImageComments = ["0.742", "0.742"], "Spirale"
    ds.WindowCenter, ds.WindowWidth = ["50", "-600"], ["350", "1200"]
    ds.WindowCenterWidthExplanation = ["WINDOW1", "WINDOW2"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    ds.PerformedProcedureStepStartDate = ds.PerformedProcedureStepEndDate = "20230301"
    ds.PerformedProcedureStepStartTime, ds.PerformedProcedureStepID = "093000", "PPS1"
    ds.PerformedProcedureStepDescription, ds.RequestedProcedureDescription = "CT Thorax", "CT"
    for offset in range(24):
        _private(ds, 0x0019, "SIEMENS CT VA0 COAD", 0x10 + offset, f"{offset * 1.5:.2f}")
        _private(ds, 0x0021, "SIEMENS MED", 0x10 + offset, f"value {offset}")
    ds[0x00291010] = DataElement(0x00291010, "OB", b"CSA HEADER".ljust(1200, b"\1"))
    ds[0x00290010] = DataElement(0x00290010, "LO", "SIEMENS CSA HEADER")


def _private(ds: Dataset, group: int, creator: str, element: int, value: str) -> None:
    ds[(group << 16) | 0x10] = DataElement((group << 16) | 0x10, "LO", creator)
    tag = (group << 16) | 0x1000 | element
    ds[tag] = DataElement(tag, "LO", value)


def _save(ds: Dataset, pixels: np.ndarray, path: Path) -> None:
    ds.Rows, ds.Columns = pixels.shape[-2:]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = pixels.dtype.itemsize * 8
    ds.BitsStored, ds.PixelRepresentation = min(12, ds.BitsAllocated), 0
    ds.HighBit = ds.BitsStored - 1
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OW"
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)


def ct_series(folder: Path, count: int, side: int = 512) -> None:
    """Write CT slices, two series of a hundred a study.

    Parameters
    ----------
    folder
        New.
    count
        Files.
    side
        Rows and columns; 512 makes 526 KB.
    """
    grain = np.random.default_rng(1).integers(0, 40, (side, side), np.uint16)
    for number in range(count):
        pixels = np.roll(grain, number, axis=0) + np.uint16(1000 + number % 7)
        _save(_common(number), pixels, folder / f"{number // SERIES:04d}" / f"{number:06d}.dcm")


def small_files(folder: Path, count: int) -> None:
    """Write small CT files fast: one file whose own numbers are changed in its bytes."""
    ds = _common(0)
    ds.SOPInstanceUID = "9" * 26
    _save(ds, np.zeros((16, 16), np.uint16), folder / "one.dcm")
    data = (folder / "one.dcm").read_bytes()
    (folder / "one.dcm").unlink()
    for number in range(count):
        below = folder / f"{number // 1000:03d}"
        below.mkdir(exist_ok=True)
        fresh = f"{ROOT}.{number:06d}".ljust(26, "1")[:26].encode()
        (below / f"{number:06d}.dcm").write_bytes(data.replace(b"9" * 26, fresh))


def multi_frame(path: Path, megabytes: int) -> None:
    """Write one enhanced CT of so many MB, 512 x 512, 16 bit."""
    frames = megabytes * 2**20 // (512 * 512 * 2)
    ds = _common(1)
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2.1"
    ds.NumberOfFrames = frames
    grain = np.random.default_rng(2).integers(0, 4000, (512, 512), np.uint16)
    _save(ds, np.stack([np.roll(grain, one, axis=1) for one in range(frames)]), path)


def ultrasound(folder: Path, count: int) -> None:
    """Write US pictures with a banner that names the patient."""
    import random

    from benchmarks.deid_quality.pictures import Style, burn, fan

    for number in range(count):
        ds = _common(number * 2 * SERIES)
        ds.SOPClassUID, ds.Modality = "1.2.840.10008.5.1.4.1.1.6.1", "US"
        picture = fan(random.Random(number), (480, 640), 60)  # noqa: S311 - a picture, no secret
        burn(picture, f"Mueller{number}, Juergen", (8, 8), Style(16))
        burn(picture, f"ID PAT{number:06d}", (8, 34), Style(16))
        burn(picture, "Klinikum Beispiel", (380, 8), Style(16))
        _save(ds, (picture * 255).astype(np.uint8), folder / f"{number:04d}.dcm")
