"""A sealed series and its SEG give exactly the voxels that were drawn."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_series import (
    AXIAL,
    GREY,
    LABELS,
    SAGITTAL,
    WHITE,
    make_masks,
    make_seg,
    make_series,
    make_study,
    oblique,
    pixels_of,
    reread,
)
from pydicom.pixels import pack_bits
from pydicom.sequence import Sequence

from fedpacs.cohort.errors import (
    GeometryError,
    LabelMismatchError,
    StaleCohortError,
    UnsupportedImageError,
    UnsupportedLabelError,
)
from fedpacs.cohort.labels import has_every_class, label_map
from fedpacs.cohort.stacks import stack_series
from fedpacs.cohort.volumes import load_slices, load_volume
from fedpacs.config.job import Code
from fedpacs.core.cohort import Split, Subject

SHAPE = (5, 12, 10)


def drawn(masks):
    return (masks["389081007"] * 1 + masks["389080008"] * 2).astype(np.uint8)


def subject_of(study, images, seg, **changes):
    values = {
        "patient": study.patient,
        "study_instance_uid": study.study_instance_uid,
        "series_instance_uid": images[0].SeriesInstanceUID,
        "label_sop_instance_uid": seg.SOPInstanceUID,
        "split": Split.TRAIN,
    }
    return Subject(**values | changes)


def frames_of(seg):
    return seg.pixel_array.copy(), list(seg.PerFrameFunctionalGroupsSequence)


def with_frames(seg, frames, groups):
    seg = reread(seg)
    seg.NumberOfFrames = len(frames)
    seg.PerFrameFunctionalGroupsSequence = Sequence(groups)
    seg.PixelData = pack_bits(np.asarray(frames, dtype=np.uint8), pad=True)
    return reread(seg)


@pytest.fixture(scope="module")
def labelled():
    images = make_series(shape=SHAPE)
    masks = make_masks(SHAPE)
    return images, masks, make_seg(images, masks)


@pytest.mark.parametrize(
    "orientation", [AXIAL, SAGITTAL, oblique(17, 0), oblique(31, -42), (0, 1, 0, 1, 0, 0)]
)
@pytest.mark.parametrize("modality", ["MR", "CT"])
def test_voxels_come_back_as_drawn_in_any_orientation(store, tmp_path, orientation, modality):
    images = make_series(shape=SHAPE, orientation=orientation, modality=modality, seed=3)
    masks = make_masks(SHAPE, seed=4)
    seg = make_seg(images, masks)
    mixed = [images[i] for i in (3, 0, 4, 2, 1)]
    study = make_study(tmp_path / "s", [seg, *mixed])
    store.put(study)
    ordered = load_slices(store, subject_of(study, images, seg), LABELS)
    volume = ordered.volume
    np.testing.assert_array_equal(volume.image, pixels_of(images))
    np.testing.assert_array_equal(volume.label, drawn(masks))
    assert volume.image.dtype == np.float32
    assert volume.label.dtype == np.uint8
    assert volume.spacing_mm == pytest.approx((2.0, 1.5, 0.75), abs=1e-4)
    assert ordered.sop_instance_uids == tuple(ds.SOPInstanceUID for ds in images)
    assert volume.patient == study.patient


def test_class_numbers_follow_the_job_not_the_segmentation(labelled):
    images, masks, seg = labelled
    turned = label_map(seg, stack_series(images), (WHITE, GREY))
    expected = (masks["389080008"] * 1 + masks["389081007"] * 2).astype(np.uint8)
    np.testing.assert_array_equal(turned, expected)
    only_white = label_map(seg, stack_series(images), (WHITE,))
    np.testing.assert_array_equal(only_white, masks["389080008"])


def test_rescale_is_applied_slice_by_slice():
    images = make_series(shape=(3, 4, 4), modality="CT", rescale=(2.0, -1024.0))
    images[1].RescaleIntercept = 10.0
    stack = stack_series(images)
    stored = pixels_of(images).astype(np.float32)
    np.testing.assert_array_equal(stack.image[0], stored[0] * 2 - 1024)
    np.testing.assert_array_equal(stack.image[1], stored[1] * 2 + 10)


def test_signed_pixels_stay_signed():
    images = make_series(shape=(2, 4, 4))
    for ds in images:
        ds.PixelRepresentation = 1
        ds.BitsStored, ds.HighBit = 16, 15
        ds.PixelData = np.full((4, 4), -7, np.int16).tobytes()
    assert (stack_series(images).image == -7).all()


def test_frames_in_any_order_give_the_same_label(labelled):
    images, masks, seg = labelled
    frames, groups = frames_of(seg)
    order = np.random.default_rng(1).permutation(len(frames))
    mixed = with_frames(seg, frames[order], [groups[i] for i in order])
    np.testing.assert_array_equal(label_map(mixed, stack_series(images), LABELS), drawn(masks))


def test_missing_frames_are_background(labelled):
    images, masks, seg = labelled
    frames, groups = frames_of(seg)
    gone = [
        g.SegmentIdentificationSequence[0].ReferencedSegmentNumber == 1
        and g.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        == images[2].SOPInstanceUID
        for g in groups
    ]
    assert sum(gone) == 1
    kept = [i for i, is_gone in enumerate(gone) if not is_gone]
    sparse = with_frames(seg, frames[kept], [groups[i] for i in kept])
    expected = drawn(masks)
    expected[2][expected[2] == 1] = 0
    np.testing.assert_array_equal(label_map(sparse, stack_series(images), LABELS), expected)


def test_one_frame_alone_is_read(labelled):
    images, masks, seg = labelled
    frames, groups = frames_of(seg)
    one = with_frames(seg, frames[:1], groups[:1])
    label = label_map(one, stack_series(images), LABELS)
    z = [ds.SOPInstanceUID for ds in images].index(
        groups[0].DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
    )
    np.testing.assert_array_equal(label[z], masks["389081007"][z])
    assert not np.delete(label, z, axis=0).any()


def test_frames_without_source_images_are_placed_by_position():
    images = make_series(shape=SHAPE, orientation=oblique(20, 35))
    masks = make_masks(SHAPE)
    seg = make_seg(images, masks)
    for group in seg.PerFrameFunctionalGroupsSequence:
        del group.DerivationImageSequence
    np.testing.assert_array_equal(label_map(seg, stack_series(images), LABELS), drawn(masks))


def test_frames_without_position_are_placed_by_source_image(labelled):
    images, masks, seg = labelled
    seg = reread(seg)
    for group in seg.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence
    np.testing.assert_array_equal(label_map(seg, stack_series(images), LABELS), drawn(masks))


def test_frames_with_neither_are_refused(labelled):
    images, _, seg = labelled
    seg = reread(seg)
    for group in seg.PerFrameFunctionalGroupsSequence:
        del group.PlanePositionSequence
        del group.DerivationImageSequence
    with pytest.raises(LabelMismatchError):
        label_map(seg, stack_series(images), LABELS)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_frame_whose_position_contradicts_its_source_image_is_refused(labelled, axis):
    images, _, seg = labelled
    seg = reread(seg)
    position = seg.PerFrameFunctionalGroupsSequence[3].PlanePositionSequence[0]
    place = list(position.ImagePositionPatient)
    place[axis] += 0.5
    position.ImagePositionPatient = place
    with pytest.raises(LabelMismatchError):
        label_map(seg, stack_series(images), LABELS)


def test_a_label_drawn_on_another_series_is_refused(labelled):
    _, _, seg = labelled
    with pytest.raises(LabelMismatchError):
        label_map(seg, stack_series(make_series(shape=SHAPE, seed=9)), LABELS)


@pytest.mark.parametrize("shape", [(5, 12, 12), (5, 24, 20), (5, 10, 12)])
def test_a_label_of_another_size_is_refused(labelled, shape):
    images, _, _ = labelled
    other = make_series(shape=shape)
    seg = make_seg(other, make_masks(shape))
    with pytest.raises(LabelMismatchError):
        label_map(seg, stack_series(images), LABELS)


def test_a_label_on_a_turned_grid_is_refused(labelled):
    images, _, seg = labelled
    seg = reread(seg)
    shared = seg.SharedFunctionalGroupsSequence[0]
    shared.PlaneOrientationSequence[0].ImageOrientationPatient = [-1, 0, 0, 0, -1, 0]
    with pytest.raises(LabelMismatchError):
        label_map(seg, stack_series(images), LABELS)


def test_where_classes_overlap_the_later_one_in_the_job_wins():
    images = make_series(shape=SHAPE)
    rng = np.random.default_rng(5)
    masks = {code: rng.random(SHAPE) < 0.6 for code in ("389081007", "389080008")}
    seg = make_seg(images, masks)
    both = masks["389081007"] & masks["389080008"]
    assert both.any()
    stack = stack_series(images)
    label = label_map(seg, stack, LABELS)
    assert (label[both] == 2).all()
    assert (label[masks["389081007"] & ~both] == 1).all()
    assert (label_map(seg, stack, (WHITE, GREY))[both] == 2).all()


def test_two_segments_of_one_class_are_united():
    images = make_series(shape=SHAPE)
    masks = make_masks(SHAPE)
    seg = make_seg(images, masks)
    for segment in seg.SegmentSequence:
        segment.SegmentedPropertyTypeCodeSequence[0].CodeValue = "389081007"
    label = label_map(seg, stack_series(images), (GREY,))
    np.testing.assert_array_equal(label, drawn(masks) > 0)


def test_a_slice_drawn_twice_is_refused(labelled):
    images, _, seg = labelled
    frames, groups = frames_of(seg)
    doubled = with_frames(seg, [*frames, frames[0]], [*groups, groups[0]])
    with pytest.raises(UnsupportedLabelError):
        label_map(doubled, stack_series(images), LABELS)


def test_more_frames_described_than_drawn_is_refused(labelled):
    images, _, seg = labelled
    seg = reread(seg)
    seg.PerFrameFunctionalGroupsSequence.pop()
    with pytest.raises(UnsupportedLabelError):
        label_map(seg, stack_series(images), LABELS)


def test_cut_label_pixels_are_refused(labelled):
    images, _, seg = labelled
    seg = reread(seg)
    seg.PixelData = seg.PixelData[:10]
    with pytest.raises(UnsupportedLabelError):
        label_map(seg, stack_series(images), LABELS)


def test_a_missing_class_is_refused(labelled):
    images, masks, _ = labelled
    seg = make_seg(images, {"389081007": masks["389081007"]})
    with pytest.raises(LabelMismatchError):
        label_map(seg, stack_series(images), LABELS)


def test_what_a_model_drew_is_no_label(labelled):
    images, masks, seg = labelled
    assert has_every_class(seg, LABELS)
    assert has_every_class(make_seg(images, masks, algorithm="SEMIAUTOMATIC"), LABELS)
    assert not has_every_class(make_seg(images, masks, algorithm="AUTOMATIC"), LABELS)


def test_a_retired_snomed_code_is_the_same_concept():
    images = make_series(shape=SHAPE)
    masks = make_masks(SHAPE)
    brain = GREY.model_copy(
        update={"property_type": Code(value="12738006", scheme="SCT", meaning="Brain")}
    )
    seg = make_seg(images, {"T-A0100": masks["389081007"]}, scheme="SRT")
    label = label_map(seg, stack_series(images), (brain,))
    np.testing.assert_array_equal(label, masks["389081007"])


def test_a_code_of_another_scheme_is_another_code(labelled):
    images, masks, _ = labelled
    assert not has_every_class(make_seg(images, masks, scheme="99TEST"), LABELS)


def test_a_fractional_segmentation_is_refused(store, tmp_path, labelled):
    images, masks, _ = labelled
    seg = make_seg(images, masks, kind="FRACTIONAL")
    study = make_study(tmp_path / "s", [*images, seg])
    store.put(study)
    with pytest.raises(UnsupportedLabelError):
        load_volume(store, subject_of(study, images, seg), LABELS)


def test_a_subject_the_store_lacks_is_refused(store, tmp_path, labelled):
    images, _, seg = labelled
    study = make_study(tmp_path / "s", [*images, seg])
    store.put(study)
    with pytest.raises(StaleCohortError):
        load_volume(store, subject_of(study, images, seg, label_sop_instance_uid="2.25.1"), LABELS)


def shift(ds, x=0.0, y=0.0, z=0.0):
    old = ds.ImagePositionPatient
    ds.ImagePositionPatient = [old[0] + x, old[1] + y, old[2] + z]


def every(images, **values):
    for ds in images:
        ds.update(values)


def cut_a_row(ds):
    ds.Rows, ds.PixelData = 11, ds.PixelData[: 11 * 10 * 2]


DEFECTS = {
    "missing": lambda images: images.pop(2),
    "duplicate": lambda images: shift(images[3], z=-2.0),
    "uneven": lambda images: shift(images[2], z=0.4),
    "orientation": lambda images: every(images[2:3], ImageOrientationPatient=list(oblique(10, 0))),
    "spacing": lambda images: every(images[2:3], PixelSpacing=[1.5, 0.8]),
    "size": lambda images: cut_a_row(images[2]),
    "no-position": lambda images: images[2].pop("ImagePositionPatient"),
    "no-spacing": lambda images: every(images, PixelSpacing=None),
    "not-orthogonal": lambda images: every(images, ImageOrientationPatient=[1, 0, 0, 0.6, 0.8, 0]),
    "no-unit": lambda images: every(images, ImageOrientationPatient=[2, 0, 0, 0, 1, 0]),
    "sheared": lambda images: [shift(ds, y=0.5 * z) for z, ds in enumerate(images)],
}


@pytest.mark.parametrize("defect", DEFECTS.values(), ids=DEFECTS.keys())
def test_what_is_no_regular_stack_is_refused(labelled, defect):
    images = [reread(ds) for ds in labelled[0]]
    stack_series(images)
    defect(images)
    with pytest.raises(GeometryError):
        stack_series(images)


@pytest.mark.parametrize("change", ["colour", "cut", "frames", "class", "none"])
def test_what_is_no_plain_image_is_refused(labelled, change):
    images = [reread(ds) for ds in labelled[0]]
    if change == "colour":
        images[1].SamplesPerPixel = 3
    elif change == "cut":
        images[1].PixelData = images[1].PixelData[:-20]
    elif change == "frames":
        images[1].NumberOfFrames = 2
    elif change == "class":
        images[1].SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    else:
        images = []
    with pytest.raises(UnsupportedImageError):
        stack_series(images)


def test_slices_jittered_by_rounding_are_accepted():
    images = make_series(shape=SHAPE, spacing=(0.6, 0.5, 0.5))
    for ds in images:
        ds.ImagePositionPatient = [round(float(v), 2) for v in ds.ImagePositionPatient]
    assert stack_series(images).spacing_mm[0] == pytest.approx(0.6, abs=0.01)


def test_a_single_slice_has_the_thickness_it_says():
    images = make_series(shape=(1, 4, 4), spacing=(3.5, 1.0, 1.0))
    assert stack_series(images).spacing_mm == (3.5, 1.0, 1.0)
    del images[0].SliceThickness
    with pytest.raises(GeometryError):
        stack_series(images)
