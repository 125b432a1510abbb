"""MR Image Storage objects of an examination, with full geometry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from fedpacs.simulation.hospital_header import TEXT, identified_header

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from fedpacs.simulation.hospital_header import Examination
    from fedpacs.simulation.hospital_planted import Planter
    from fedpacs.simulation.phantom import Phantom


def mr_slices(
    exam: Examination, phantom: Phantom, uids: tuple[str, ...], plant: Planter
) -> Iterator[Dataset]:
    """Give the slices of one series, one after the other.

    Parameters
    ----------
    exam
        Who, where and when.
    phantom
        Images and their place in the patient.
    uids
        UID of the series, then of each slice from the lowest.
    plant
        Told what is planted.

    Yields
    ------
    Dataset
        The same object changed from slice to slice: write it before taking the next. Instances
        are numbered from the head down at hospitals whose stack is tilted, as some scanners do.
    """
    series_uid, *instance_uids = uids
    ds = _series(exam, plant)
    ds.SeriesInstanceUID = plant.uid(series_uid)
    _add_geometry(ds, exam, phantom)
    count = len(instance_uids)
    for index, uid in enumerate(instance_uids):
        number = count - index if exam.recipe.grid.tilt_deg else index + 1
        position = phantom.first_position_mm + index * phantom.slice_step_mm
        ds.SOPInstanceUID = plant.uid(uid)
        ds.InstanceNumber = str(number)
        ds.AcquisitionNumber = "1"
        ds.AcquisitionTime = ds.ContentTime = exam.visit.dicom_time(60 + 2 * number)
        ds.AcquisitionDateTime = exam.visit.dicom_date + exam.visit.dicom_time(60 + 2 * number)
        ds.ImagePositionPatient = decimals(position)
        ds.SliceLocation = decimals(position[2:])[0]
        ds.PixelData = phantom.image[index].astype("<u2").tobytes()
        ds["PixelData"].VR = "OW"
        ds.file_meta = file_meta(exam, ds)
        ds.preamble = preamble(exam)
        yield ds


def file_meta(exam: Examination, ds: Dataset) -> FileMetaDataset:
    """File meta information with a private note about the patient, as some exports have."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.SourceApplicationEntityTitle = exam.recipe.scanner.station
    meta.PrivateInformationCreatorUID = UID("1.2.826.0.1.3680043.8.498.1")
    note = f"{exam.person.name_groups[0]}|{exam.person.patient_id}".encode()
    meta.PrivateInformation = note + b" " * (len(note) % 2)
    return meta


def preamble(exam: Examination) -> bytes:
    """128 bytes before ``DICM`` that hold the patient's name and number (PS3.10 7.1)."""
    note = f"{exam.person.name_groups[0]}|{exam.person.patient_id}".encode()
    return note[:128].ljust(128, b"\0")


def decimals(values: NDArray[np.float64]) -> list[str]:
    """Numbers as DS, at most 16 characters (PS3.5 6.2)."""
    return [f"{value:.6f}" for value in np.round(values, 6) + 0.0]


def _series(exam: Examination, plant: Planter) -> Dataset:
    scanner, visit, person = exam.recipe.scanner, exam.visit, exam.person
    ds = identified_header(exam, plant)
    ds.SOPClassUID = MRImageStorage
    ds.Modality = "MR"
    ds.SeriesNumber = "3"
    ds.SeriesDescription = plant(TEXT, f"{scanner.sequence} {person.family}")
    ds.ProtocolName = plant(TEXT, f"{scanner.sequence} fuer {person.patient_id}")
    ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = visit.dicom_date
    ds.InstanceCreationDate = visit.dicom_date
    ds.SeriesTime = ds.InstanceCreationTime = visit.dicom_time(30)
    ds.ImageComments = plant(TEXT, f"Bewegung; {person.called} nochmals einbestellen")
    ds.PatientPosition = "HFS"
    ds.BodyPartExamined = "BRAIN"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "M"]
    inverted = exam.recipe.appearance.inverted
    ds.ScanningSequence = "SE" if inverted else "GR"
    ds.SequenceVariant = "SK"
    ds.ScanOptions = ""
    ds.MRAcquisitionType = "2D"
    ds.SequenceName = scanner.sequence[:16]
    ds.RepetitionTime = str(scanner.repetition_ms)
    ds.EchoTime = str(scanner.echo_ms)
    ds.EchoTrainLength = "16" if inverted else "1"
    ds.FlipAngle = "90" if inverted else "9"
    ds.MagneticFieldStrength = str(scanner.field_strength_t)
    ds.ImagingFrequency = str(round(42.577 * scanner.field_strength_t, 3))
    ds.ImagedNucleus = "1H"
    ds.NumberOfAverages = "1"
    return ds


def _add_geometry(ds: Dataset, exam: Examination, phantom: Phantom) -> None:
    grid = exam.recipe.grid
    ds.FrameOfReferenceUID = exam.frame_of_reference_uid
    ds.PositionReferenceIndicator = ""
    ds.ImageOrientationPatient = decimals(
        np.concatenate([phantom.row_direction, phantom.column_direction])
    )
    ds.PixelSpacing = decimals(np.full(2, grid.pixel_spacing_mm))
    ds.SliceThickness = ds.SpacingBetweenSlices = decimals(np.array([grid.slice_spacing_mm]))[0]
    ds.Rows, ds.Columns = grid.rows, grid.columns
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 16, 12, 11
    ds.PixelRepresentation = 0
    slope = exam.recipe.scanner.rescale_slope
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", str(slope), "US"
    brightest = exam.recipe.appearance.brightest * slope
    ds.WindowCenter, ds.WindowWidth = str(brightest / 2), str(brightest)
