"""A label that does not fit its image is found: another space, grid, place, or nothing drawn."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_series import make_masks, make_seg, make_series, to_bytes
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, RTStructureSetStorage

from fedpacs.quality.study import check_study

SHAPE = (6, 12, 10)


def item(**values):
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def codes(images, label):
    reports = check_study([to_bytes(ds) for ds in [*images, label]])
    (of_label,) = [r for r in reports if r.modality == label.Modality]
    return {f.code.removeprefix("quality.") for f in of_label.findings}


@pytest.fixture
def images():
    return make_series(shape=SHAPE)


@pytest.fixture
def seg(images):
    return make_seg(images, make_masks(SHAPE))


def frames(seg):
    return seg.PerFrameFunctionalGroupsSequence


def structures(images, contour, number=1):
    """An RTSTRUCT of one closed contour, in mm."""
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = RTStructureSetStorage
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "2.25.77"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = images[0].StudyInstanceUID, "2.25.78"
    ds.Modality = "RTSTRUCT"
    frame = images[0].FrameOfReferenceUID
    ds.StructureSetROISequence = Sequence(
        [item(ROINumber=1, ReferencedFrameOfReferenceUID=frame, ROIName="x")]
    )
    drawn_on = item(ReferencedSOPInstanceUID=images[0].SOPInstanceUID)
    contours = [
        item(ContourImageSequence=Sequence([drawn_on]), ContourData=[float(v) for v in contour])
    ]
    ds.ROIContourSequence = Sequence(
        [item(ReferencedROINumber=number, ContourSequence=Sequence(contours))]
    )
    return ds


def inside(images):
    x, y, z = (float(v) for v in images[2].ImagePositionPatient)
    return [x + 1, y + 1, z, x + 4, y + 1, z, x + 4, y + 6, z]


def test_a_label_that_fits_has_no_finding(images, seg):
    assert codes(images, seg) == set()


def test_another_frame_of_reference_is_found(images, seg):
    seg.FrameOfReferenceUID = "2.25.5"
    assert codes(images, seg) == {"label-other-frame-of-reference"}


def test_a_lacking_image_is_found(images, seg):
    assert "label-lacks-image" in codes(images[:-1], seg)


def test_another_grid_is_found(images, seg):
    measures = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0]
    measures.PixelSpacing = [3, 3]
    assert codes(images, seg) == {"label-other-geometry"}


def test_a_frame_beside_the_slices_is_found(images, seg):
    place = frames(seg)[0].PlanePositionSequence[0]
    x, y, z = place.ImagePositionPatient
    place.ImagePositionPatient = [x, y, z + 1.0]
    assert codes(images, seg) == {"label-outside"}


def test_an_empty_segment_is_found(images, seg):
    seg.SegmentSequence.append(seg.SegmentSequence[0])
    seg.SegmentSequence[-1] = item(SegmentNumber=3)
    assert codes(images, seg) == {"label-empty"}


def test_an_undescribed_frame_is_found(images, seg):
    seg.PerFrameFunctionalGroupsSequence = frames(seg)[:-1]
    assert "label-undecodable" in codes(images, seg)


def test_cut_frames_are_found(images, seg):
    seg.PixelData = seg.PixelData[:10]
    assert "label-undecodable" in codes(images, seg)


def test_a_structure_that_fits_has_no_finding(images):
    assert codes(images, structures(images, inside(images))) == set()


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_structure_outside_of_the_volume_is_found(images, axis, side):
    contour = np.array(inside(images)).reshape(-1, 3)
    contour[1, axis] += side * 200
    assert codes(images, structures(images, contour.ravel())) == {"label-outside"}


def test_a_structure_without_a_contour_is_found(images):
    assert codes(images, structures(images, inside(images), number=2)) == {"label-empty"}


def test_a_structure_set_of_another_space_is_found(images):
    label = structures(images, inside(images))
    label.StructureSetROISequence[0].ReferencedFrameOfReferenceUID = "2.25.5"
    assert codes(images, label) == {"label-other-frame-of-reference"}


def test_findings_name_no_uid(images, seg):
    seg.FrameOfReferenceUID = "2.25.5"
    for report in check_study([to_bytes(ds) for ds in [*images[:-2], seg]]):
        assert all("2.25" not in f.sentence for f in report.findings)
