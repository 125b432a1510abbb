"""Quality control finds what would spoil a volume and is silent about sound series."""

from __future__ import annotations

import numpy as np
import pytest
from dicom_series import (
    AXIAL,
    SAGITTAL,
    make_masks,
    make_seg,
    make_series,
    oblique,
    reread,
    to_bytes,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from fedpacs.quality.series import Severity, check_series

SHAPE = (8, 10, 9)


def check(images):
    return check_series([to_bytes(ds) for ds in images])


def codes(images):
    """What is more than a note."""
    return {finding.code for finding in check(images).alarms}


def errors(images):
    return {f.code for f in check(images).findings if f.severity is Severity.BLOCK}


def shift(ds, x=0.0, y=0.0, z=0.0):
    old = ds.ImagePositionPatient
    ds.ImagePositionPatient = [old[0] + x, old[1] + y, old[2] + z]


def blank(ds):
    ds.PixelData = np.full((ds.Rows, ds.Columns), 7, np.uint16).tobytes()


@pytest.fixture
def images():
    return make_series(shape=SHAPE)


@pytest.mark.parametrize("orientation", [AXIAL, SAGITTAL, oblique(12, 77), (-1, 0, 0, 0, -1, 0)])
@pytest.mark.parametrize("modality", ["MR", "CT"])
@pytest.mark.parametrize("slices", [1, 2, 8])
def test_a_sound_series_has_no_finding(orientation, modality, slices):
    images = make_series(
        shape=(slices, 10, 9),
        orientation=orientation,
        modality=modality,
        rescale=(1.0, -1024.0) if modality == "CT" else None,
    )
    report = check(images[::-1])
    assert report.alarms == ()
    assert report.usable
    assert report.series_uid == images[0].SeriesInstanceUID


@settings(max_examples=12, deadline=None)
@given(
    st.tuples(*[st.floats(-89, 89)] * 2),
    st.floats(0.4, 7),
    st.floats(0.3, 2),
    st.integers(2, 4),
    st.integers(0, 99),
)
def test_no_false_alarm_on_rounded_positions_of_any_sound_geometry(turn, gap, pixel, digits, seed):
    images = make_series(
        shape=(6, 4, 4),
        spacing=(gap, pixel, pixel),
        orientation=oblique(*turn),
        origin=(seed * 1.37, -seed, seed / 3),
        seed=seed,
    )
    for ds in images:
        ds.ImagePositionPatient = [round(float(v), digits) for v in ds.ImagePositionPatient]
    assert codes(images) == set()


def test_paths_and_bytes_are_read_alike(images, tmp_path):
    for n, ds in enumerate(images):
        (tmp_path / str(n)).write_bytes(to_bytes(ds))
    assert check_series(sorted(tmp_path.iterdir())) == check(images)


def test_missing_slices_are_counted(images):
    report = check([images[i] for i in (0, 1, 3, 6, 7)])
    (finding,) = report.findings
    assert finding.code == "quality.missing-slices"
    assert finding.severity is Severity.BLOCK
    assert finding.sentence == "3 slices missing in 2 gaps."
    assert not report.usable
    (single,) = check(images[:3] + images[4:]).findings
    assert single.sentence == "1 slice missing in 1 gap."


@settings(max_examples=12, deadline=None)
@given(st.sets(st.integers(1, 6), min_size=1, max_size=2), st.floats(0.5, 5))
def test_any_missing_inner_slice_is_found(gone, gap):
    images = make_series(shape=(8, 4, 4), spacing=(gap, 1, 1), orientation=oblique(33, 12))
    assert "quality.missing-slices" in errors([d for z, d in enumerate(images) if z not in gone])


def test_every_second_slice_missing_at_one_end_is_found(images):
    assert errors([images[i] for i in (0, 1, 2, 3, 5, 7)]) == {"quality.missing-slices"}


def test_a_duplicate_position_is_found(images):
    shift(images[4], z=-2.0)
    assert "quality.duplicate-position" in errors(images)


def test_an_extra_copy_under_another_uid_is_found(images):
    copy = reread(images[4])
    copy.SOPInstanceUID = copy.file_meta.MediaStorageSOPInstanceUID = "2.25.4"
    assert errors([*images, copy]) == {"quality.duplicate-position"}


def test_the_same_file_twice_is_found(images):
    assert "quality.duplicate-instance" in errors([*images, images[2]])


def test_a_series_sent_twice_under_other_uids_is_no_second_volume(images):
    copies = [reread(ds) for ds in images]
    for n, ds in enumerate(copies):
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"2.25.{n + 1}"
    assert errors(images + copies) == {"quality.duplicate-position"}


def test_uneven_spacing_is_found(images):
    shift(images[4], z=0.5)
    assert errors(images) == {"quality.uneven-spacing"}


def test_two_slice_distances_in_one_series_are_found(images):
    for n, ds in enumerate(images[4:]):
        shift(ds, z=0.7 * (n + 1))
    assert errors(images) == {"quality.uneven-spacing"}


def test_mixed_orientation_is_found(images):
    images[3].ImageOrientationPatient = list(oblique(10, 0))
    assert "quality.mixed-orientation" in errors(images)


def test_mixed_pixel_spacing_is_found(images):
    images[3].PixelSpacing = [1.5, 0.8]
    assert errors(images) == {"quality.mixed-spacing"}


def test_mixed_size_is_found(images):
    images[3].Rows, images[3].PixelData = 9, images[3].PixelData[: 9 * 9 * 2] + b""
    assert errors(images) == {"quality.mixed-size"}


def test_images_of_two_series_are_found(images):
    images[3].SeriesInstanceUID = "2.25.3"
    assert errors(images) == {"quality.mixed-series"}


def test_a_blank_slice_between_others_is_found(images):
    blank(images[3])
    blank(images[5])
    assert errors(images) == {"quality.blank-slice"}
    assert "2 images" in check(images).findings[0].sentence


def test_blank_slices_at_the_ends_are_normal(images):
    for z in (0, 1, 7):
        blank(images[z])
    assert codes(images) == set()


def test_a_wholly_blank_series_is_found(images):
    for ds in images:
        blank(ds)
    assert errors(images) == {"quality.blank"}


def test_cut_pixels_are_found(images):
    images[3].PixelData = images[3].PixelData[:-20]
    assert errors(images) == {"quality.undecodable"}


def test_missing_pixels_are_found(images):
    del images[3].PixelData
    assert errors(images) == {"quality.undecodable"}


def test_broken_compressed_pixels_are_found(images):
    from pydicom.encaps import encapsulate
    from pydicom.uid import RLELossless

    ds = images[3]
    ds.compress(RLELossless)
    assert codes(images) == set()
    ds.PixelData = encapsulate([b"\x01" * 70])
    assert errors(images) == {"quality.undecodable"}


@pytest.mark.parametrize("content", [b"", b"hello", b"\x00" * 128 + b"DICM" + b"\xff" * 50])
def test_what_is_no_dicom_is_found(images, content):
    report = check_series([*(to_bytes(ds) for ds in images), content])
    assert "quality.unreadable" in {f.code for f in report.findings}
    alone = check_series([content])
    assert not alone.usable
    assert alone.series_uid == ""


def test_a_vanished_file_is_a_finding(images, tmp_path):
    report = check_series([to_bytes(images[0]), tmp_path / "none"])
    assert "quality.unreadable" in {f.code for f in report.findings}


def test_no_files_are_no_series():
    assert [f.code for f in check_series([]).findings] == ["quality.empty-series"]


@pytest.mark.parametrize(
    "keyword", ["ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"]
)
def test_missing_geometry_is_found(images, keyword):
    delattr(images[2], keyword)
    assert errors(images) == {"quality.no-geometry"}
    setattr(images[2], keyword, None)
    assert errors(images) == {"quality.no-geometry"}


def test_a_sheared_stack_is_a_warning(images):
    for z, ds in enumerate(images):
        shift(ds, y=0.5 * z)
    assert codes(images) == {"quality.gantry-tilt"}
    assert check(images).usable


def test_several_volumes_at_the_same_places_are_a_warning(images):
    second = make_series(shape=SHAPE, seed=9)
    for ds in second:
        ds.SeriesInstanceUID = images[0].SeriesInstanceUID
        ds.FrameOfReferenceUID = images[0].FrameOfReferenceUID
    assert codes(images + second) == {"quality.several-volumes"}
    assert check(images + second).usable
    assert errors(images + second[1:]) == {"quality.duplicate-position"}


def test_a_localizer_is_a_note(images):
    for z, ds in enumerate(images):
        ds.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
        ds.ImageOrientationPatient = list((AXIAL, SAGITTAL)[z % 2])
    (only,) = check(images).findings
    assert only.code == "quality.localizer"
    assert only.severity is Severity.NOTE


def test_mixed_kernels_are_a_warning():
    images = make_series(shape=SHAPE, modality="CT", rescale=(1, -1024))
    images[2].ConvolutionKernel = "B70f"
    assert codes(images) == {"quality.mixed-kernel"}


def test_a_ct_without_rescaling_is_found():
    assert errors(make_series(shape=SHAPE, modality="CT")) == {"quality.no-rescale"}


def test_a_ct_without_air_is_a_warning():
    images = make_series(shape=SHAPE, modality="CT", rescale=(1, 0))
    assert codes(images) == {"quality.no-air"}
    assert check(images).usable


def test_a_segmentation_is_only_asked_to_be_decodable():
    seg = make_seg(make_series(shape=SHAPE), make_masks(SHAPE))
    assert codes([seg]) == set()
    seg.PixelData = seg.PixelData[:20]
    assert codes([seg]) == {"quality.undecodable"}


def test_findings_hold_no_identity(images):
    for ds in images:
        ds.PatientName, ds.PatientID = "Doe^Jane", "MRN-4711"
    del images[3]
    shift(images[5], z=0.3)
    blank(images[2])
    for finding in check(images).findings:
        assert "Doe" not in finding.sentence
        assert "4711" not in finding.sentence
        assert "2.25" not in finding.sentence


def test_errors_come_first():
    images = make_series(shape=SHAPE, modality="CT", rescale=(1, 0))
    del images[3]
    assert [f.severity for f in check(images).findings] == [Severity.BLOCK, Severity.WARN]
