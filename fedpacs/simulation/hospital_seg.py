"""A BINARY Segmentation object of grey and white matter, drawn on an MR series.

Written with pydicom alone, in the manner of a department's own tool (PS3.3 A.51): one frame per
segment and slice that is not empty, references to the source slices, and, as people do, a name in
the label, the description and the creator.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import MRImageStorage, SegmentationStorage, generate_uid

from fedpacs.simulation.hospital_header import NUMBER, TEXT, identified_header
from fedpacs.simulation.hospital_mr import decimals, file_meta, preamble

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fedpacs.simulation.hospital_header import Examination
    from fedpacs.simulation.hospital_planted import Planter
    from fedpacs.simulation.phantom import Phantom

_TISSUES = (("GM", "389081007", "Grey Matter"), ("WM", "389080008", "White Matter"))
_SEGMENT_NUMBER = 0x0062000B
_SEGMENT_IDENTIFICATION = 0x0062000A
_POSITION = 0x00200032
_PLANE_POSITION = 0x00209113


def segmentation(
    exam: Examination,
    phantom: Phantom,
    mr_uids: tuple[str, ...],
    uids: tuple[str, str],
    plant: Planter,
) -> Dataset:
    """Make the segmentation of one series.

    Parameters
    ----------
    exam
        Who, where and when.
    phantom
        Its label map.
    mr_uids
        UID of the MR series, then of each slice from the lowest.
    uids
        UIDs of the new series and instance.
    plant
        Told what is planted.
    """
    mr_series_uid, *slice_uids = mr_uids
    ds = identified_header(exam, plant)
    ds.SOPClassUID = SegmentationStorage
    ds.SeriesInstanceUID, ds.SOPInstanceUID = (plant.uid(uid) for uid in uids)
    _describe(ds, exam, plant)
    ds.SegmentSequence = Sequence(
        [_segment(number, exam, plant) for number in range(1, len(_TISSUES) + 1)]
    )
    ds.ReferencedSeriesSequence = Sequence([_referenced_series(mr_series_uid, slice_uids)])
    _add_dimensions(ds, exam, plant)
    ds.SharedFunctionalGroupsSequence = Sequence([_shared(exam, phantom)])
    frames = [
        (number, index)
        for number in range(1, len(_TISSUES) + 1)
        for index in range(len(slice_uids))
        if (phantom.label[index] == number).any()
    ]
    ds.PerFrameFunctionalGroupsSequence = Sequence(
        [_frame(phantom, number, index, slice_uids[index]) for number, index in frames]
    )
    ds.NumberOfFrames = str(len(frames))
    masks = np.stack([phantom.label[index] == number for number, index in frames])
    _add_pixels(ds, masks)
    ds.file_meta = file_meta(exam, ds)
    ds.preamble = preamble(exam)
    return ds


def _describe(ds: Dataset, exam: Examination, plant: Planter) -> None:
    visit, person = exam.visit, exam.person
    ds.Modality = "SEG"
    ds.SeriesNumber = "100"
    ds.InstanceNumber = "1"
    ds.SeriesDescription = plant(TEXT, f"GM WM {person.family}")
    ds.SeriesDate = ds.ContentDate = ds.InstanceCreationDate = visit.dicom_date
    ds.SeriesTime = ds.ContentTime = ds.InstanceCreationTime = visit.dicom_time(1800)
    ds.ImageType = ["DERIVED", "PRIMARY"]
    ds.ContentLabel = "TISSUE"
    ds.ContentDescription = plant(TEXT, f"Gewebe {person.patient_id}")
    ds.ContentCreatorName = exam.staff[2]
    ds.SegmentationType = "BINARY"
    ds.SegmentsOverlap = "NO"
    ds.LossyImageCompression = "00"
    ds.FrameOfReferenceUID = exam.frame_of_reference_uid
    ds.PositionReferenceIndicator = ""


def _segment(number: int, exam: Examination, plant: Planter) -> Dataset:
    short, value, meaning = _TISSUES[number - 1]
    person = exam.person
    item = Dataset()
    item.SegmentNumber = number
    item.SegmentLabel = plant(TEXT, f"{short} {person.family}")
    item.SegmentDescription = plant(TEXT, f"{meaning} von {person.called}")
    item.SegmentAlgorithmType = "MANUAL"
    item.SegmentedPropertyCategoryCodeSequence = _code("123037004", "SCT", "Anatomical Structure")
    item.SegmentedPropertyTypeCodeSequence = _code(value, "SCT", meaning)
    item.AnatomicRegionSequence = _code("12738006", "SCT", "Brain")
    item.TrackingID = plant(NUMBER, f"{person.patient_id}-{short}")
    item.TrackingUID = plant.uid(_derived_uid(exam, f"tracking-{number}"))
    return item


def _referenced_series(series_uid: str, slice_uids: list[str]) -> Dataset:
    item = Dataset()
    item.SeriesInstanceUID = series_uid
    item.ReferencedInstanceSequence = Sequence([_reference(uid) for uid in slice_uids])
    return item


def _reference(slice_uid: str) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = MRImageStorage
    item.ReferencedSOPInstanceUID = slice_uid
    return item


def _add_dimensions(ds: Dataset, exam: Examination, plant: Planter) -> None:
    uid = plant.uid(_derived_uid(exam, "dimensions"))
    organisation = Dataset()
    organisation.DimensionOrganizationUID = uid
    ds.DimensionOrganizationSequence = Sequence([organisation])
    indices = []
    for pointer, group, label in (
        (_SEGMENT_NUMBER, _SEGMENT_IDENTIFICATION, "Segment Number"),
        (_POSITION, _PLANE_POSITION, "Image Position Patient"),
    ):
        item = Dataset()
        item.DimensionOrganizationUID = uid
        item.DimensionIndexPointer = pointer
        item.FunctionalGroupPointer = group
        item.DimensionDescriptionLabel = label
        indices.append(item)
    ds.DimensionIndexSequence = Sequence(indices)


def _shared(exam: Examination, phantom: Phantom) -> Dataset:
    grid = exam.recipe.grid
    orientation = Dataset()
    orientation.ImageOrientationPatient = decimals(
        np.concatenate([phantom.row_direction, phantom.column_direction])
    )
    measures = Dataset()
    measures.PixelSpacing = decimals(np.full(2, grid.pixel_spacing_mm))
    measures.SliceThickness = decimals(np.array([grid.slice_spacing_mm]))[0]
    measures.SpacingBetweenSlices = measures.SliceThickness
    shared = Dataset()
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    return shared


def _frame(phantom: Phantom, number: int, index: int, slice_uid: str) -> Dataset:
    content = Dataset()
    content.DimensionIndexValues = [number, index + 1]
    position = Dataset()
    position.ImagePositionPatient = decimals(
        phantom.first_position_mm + index * phantom.slice_step_mm
    )
    identification = Dataset()
    identification.ReferencedSegmentNumber = number
    source = _reference(slice_uid)
    source.PurposeOfReferenceCodeSequence = _code(
        "121322", "DCM", "Source image for image processing operation"
    )
    derivation = Dataset()
    derivation.SourceImageSequence = Sequence([source])
    derivation.DerivationCodeSequence = _code("113076", "DCM", "Segmentation")
    frame = Dataset()
    frame.FrameContentSequence = Sequence([content])
    frame.PlanePositionSequence = Sequence([position])
    frame.SegmentIdentificationSequence = Sequence([identification])
    frame.DerivationImageSequence = Sequence([derivation])
    return frame


def _add_pixels(ds: Dataset, masks: NDArray[np.bool_]) -> None:
    """One bit per pixel, frames without a gap between them (PS3.5 8.1.1)."""
    ds.Rows, ds.Columns = masks.shape[1:]
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = 1, 1, 0
    ds.PixelRepresentation = 0
    packed = np.packbits(masks.ravel(), bitorder="little").tobytes()
    ds.PixelData = packed + b"\0" * (len(packed) % 2)
    ds["PixelData"].VR = "OB"


def _code(value: str, scheme: str, meaning: str) -> Sequence:
    item = Dataset()
    item.CodeValue = value
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning
    return Sequence([item])


def _derived_uid(exam: Examination, what: str) -> str:
    return str(generate_uid(entropy_srcs=[exam.study_uid, what]))
