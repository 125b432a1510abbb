"""Modelled heads, which the template knows nothing of: every part of the face is found."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from benchmarks.deid_faces import CASES, FEATURES, Case, Model, Scan
from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.errors import DeidentificationError
from fedpacs.deidentification.faces.blanking import face_mask
from fedpacs.deidentification.faces.locating import head_in_files
from fedpacs.deidentification.faces.planes import geometry_of
from fedpacs.deidentification.profile import load_profile

COARSE_MM = (3.0, 5.0)


@pytest.fixture(scope="module")
def model():
    return Model()


@pytest.fixture
def engine(tmp_path):
    path = tmp_path / "defacing.toml"
    path.write_text(
        'name = "defacing"\ntitle = "Defacing"\ninherits = "gdpr-pseudonymised"\n'
        '[policies]\nfaces = "deface"\n'
    )
    return Engine(load_profile(str(path)), Pseudonymiser(hashlib.sha256(b"faces").digest()))


def scanned(model, folder, name):
    """Write one of the benchmark's cases, coarser; give the scan and its files."""
    case = next(case for case in CASES if case.name == name)
    scan = Scan(model, replace(case, spacing_mm=COARSE_MM))
    scan.write(folder)
    return scan, sorted(folder.iterdir())


def blanked(pose, files):
    masks = []
    for path in files:
        with parse(path) as parsed:
            masks.append(face_mask(geometry_of(parsed)[0].plane, pose))
    return np.stack(masks)


@pytest.mark.parametrize(
    "name",
    ["CT turned, chin up", "MR coronal 5 mm", "MR sagittal 1 mm", "MR chin down 25", "MR child",
     "MR cut at the nose", "PET"],
)  # fmt: skip
def test_nose_eyes_mouth_and_chin_are_found_and_the_brain_is_left(model, tmp_path, name):
    scan, files = scanned(model, tmp_path / "in", name)
    head = head_in_files(files)
    assert head.shows_face
    gone = blanked(head.pose, files)
    for feature in FEATURES[:-1]:
        mask = scan.masks[feature]
        assert not mask.any() or gone[mask].mean() > 0.97, feature
    assert gone[scan.masks["brain"]].mean() < 0.002
    assert gone[scan.masks["ears"]].mean() > 0.5


def test_above_the_brows_there_is_nothing_to_take(engine, model, tmp_path):
    _, files = scanned(model, tmp_path / "in", "MR cut above the brows")
    assert not head_in_files(files).shows_face
    with engine.together(files):
        made = pydicom.dcmread(engine.deidentify_file(files[0], tmp_path / "out").path)
    assert made.PixelData == pydicom.dcmread(files[0]).PixelData
    assert made.RecognizableVisualFeatures == "NO"


def test_a_face_whose_nose_cannot_be_seen_is_not_taken_for_certain(model, tmp_path):
    _, files = scanned(model, tmp_path / "in", "MR nose cut off in front")
    assert head_in_files(files) is None


def test_a_single_slice_is_defaced_by_a_volume_of_the_same_frame_of_reference(
    engine, model, tmp_path
):
    _, files = scanned(model, tmp_path / "in", "MR axial")
    thin = Case(
        "localizer", plane="sagittal", low_mm=(-1.0, -150.0, -185.0), high_mm=(1.0, 125.0, 110.0)
    )
    localizer = Scan(
        model, replace(thin, spacing_mm=(2.0, 2.0), more={"SeriesInstanceUID": "2.25.9"})
    )
    localizer.write(tmp_path / "localizer")
    (single,) = (tmp_path / "localizer").iterdir()
    with pytest.raises(DeidentificationError) as caught:
        engine.deidentify_file(single, tmp_path / "out")
    assert caught.value.code == "deid.face-not-found"
    with engine.together([single, *files]):
        made = engine.deidentify_file(single, tmp_path / "out")
    ds = pydicom.dcmread(made.path)
    changed = ds.pixel_array != pydicom.dcmread(single).pixel_array
    assert changed[localizer.masks["nose"][0]].mean() > 0.97
    assert not changed[localizer.masks["brain"][0]].any()
    assert ds.RecognizableVisualFeatures == "NO"


def enhanced(scan, path):
    """Write a scan as one multi-frame object."""
    scan.write(path.parent / "single")
    files = sorted((path.parent / "single").iterdir())
    ds = pydicom.dcmread(files[0])
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    shared, groups, pixels = Dataset(), [], []
    for tag, keyword in (("PlaneOrientationSequence", "ImageOrientationPatient"),
                         ("PixelMeasuresSequence", "PixelSpacing")):  # fmt: skip
        item = Dataset()
        setattr(item, keyword, ds[keyword].value)
        setattr(shared, tag, Sequence([item]))
        del ds[keyword]
    for file in files:
        one = pydicom.dcmread(file)
        position, group = Dataset(), Dataset()
        position.ImagePositionPatient = one.ImagePositionPatient
        group.PlanePositionSequence = Sequence([position])
        groups.append(group)
        pixels.append(one.PixelData)
    del ds.ImagePositionPatient
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    ds.PerFrameFunctionalGroupsSequence = Sequence(groups)
    ds.NumberOfFrames, ds.PixelData = len(files), b"".join(pixels)
    ds.save_as(path)
    return path


def test_a_multi_frame_object_is_a_volume_by_itself(engine, model, tmp_path):
    case = next(case for case in CASES if case.name == "MR axial")
    scan = Scan(model, replace(case, spacing_mm=COARSE_MM))
    source = enhanced(scan, tmp_path / "enhanced.dcm")
    made = engine.deidentify_file(source, tmp_path / "out")
    changed = pydicom.dcmread(made.path).pixel_array != pydicom.dcmread(source).pixel_array
    for feature in FEATURES[:-1]:
        assert changed[scan.masks[feature]].mean() > 0.97
    assert changed[scan.masks["brain"]].mean() < 0.002
    assert not changed.any((1, 2)).all()
