"""Heads: the face goes and the brain stays, for any number of workers; or the head is held back."""

from __future__ import annotations

import hashlib

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file

from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.batch import BatchOptions, run
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.errors import DeidentificationError
from fedpacs.deidentification.faces.template import head_template
from fedpacs.deidentification.profile import load_profile

ROWS, COLUMNS, SLICES = 84, 76, 70
ORIGIN_MM, SPACING_MM, STEP_MM = np.array([-112.0, -160.0, -115.0]), 3.0, 3.3
SKIN = 400


def points():
    """Give the (Z, Y, X, 3) positions of the voxels."""
    z, y, x = np.meshgrid(np.arange(SLICES), np.arange(ROWS), np.arange(COLUMNS), indexing="ij")
    return np.stack([x * SPACING_MM, y * SPACING_MM, z * STEP_MM], -1) + ORIGIN_MM


def turned(degrees):
    angle = np.deg2rad(degrees)
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def head(degrees=0.0):
    """Give a head of the template's outline, turned about the ears, and where its brain is."""
    template = head_template()
    places = points().reshape(-1, 3) @ turned(degrees)
    solid = (template.distances(places) < 0).reshape(SLICES, ROWS, COLUMNS)
    inside = (places - template.origin_mm) / 3.0
    from fedpacs.deidentification.faces.template import sampled

    brain = (sampled(template.brain_mm, inside, 99.0) < 0.5).reshape(solid.shape)
    noise = np.random.default_rng(7).normal(20, 6, solid.shape)
    values = np.where(solid, SKIN, 0) + np.where(brain, 200, 0) + noise
    return values.clip(0).astype("u2"), solid, brain


def written(volume, folder, **more):
    folder.mkdir(parents=True, exist_ok=True)
    ds = pydicom.dcmread(get_testdata_file("MR_small.dcm"))
    for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
        ds.pop(keyword, None)
    ds.Rows, ds.Columns, ds.BitsStored, ds.HighBit = ROWS, COLUMNS, 16, 15
    ds.PixelRepresentation, ds.SliceThickness = 0, STEP_MM
    ds.PixelSpacing, ds.ImageOrientationPatient = [SPACING_MM] * 2, [1, 0, 0, 0, 1, 0]
    ds.BodyPartExamined, ds.SeriesInstanceUID = "HEAD", "1.2.840.113619.77.5"
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    for number, frame in enumerate(volume):
        ds.SOPInstanceUID = f"1.2.840.113619.77.88.99.{1000 + number}"
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.InstanceNumber = number + 1
        ds.ImagePositionPatient = [*ORIGIN_MM[:2], ORIGIN_MM[2] + number * STEP_MM]
        ds.PixelData = frame.tobytes()
        ds.save_as(folder / f"{number:03d}.dcm")
    return folder


@pytest.fixture
def defacing(tmp_path):
    """A profile that defaces, with keyed identities so that runs can be compared."""
    path = tmp_path / "defacing.toml"
    path.write_text(
        'name = "defacing"\ntitle = "Defacing"\ninherits = "gdpr-pseudonymised"\n'
        '[policies]\nfaces = "deface"\n'
    )
    return str(path)


@pytest.fixture
def key_uri(monkeypatch):
    monkeypatch.setenv("FEDPACS_TEST_KEY", hashlib.sha256(b"faces").hexdigest())
    return "env:FEDPACS_TEST_KEY"


def outcome(folder):
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    slices.sort(key=lambda ds: float(ds.ImagePositionPatient[2]))
    return slices, np.stack([ds.pixel_array for ds in slices])


@pytest.mark.parametrize("degrees", [0, 14])
def test_the_face_goes_and_the_brain_stays(defacing, key_uri, tmp_path, degrees):
    volume, solid, brain = head(degrees)
    source = written(volume, tmp_path / "in")
    report = run(source, tmp_path / "out", BatchOptions(defacing, key_uri, workers=2))
    assert report.quarantined == {}
    slices, after = outcome(tmp_path / "out")
    assert np.array_equal(after[brain], volume[brain])
    gone = solid & (after < SKIN / 2)
    template = head_template()
    local = points().reshape(-1, 3) @ turned(degrees)
    face = template.is_removed(local).reshape(solid.shape) & solid
    assert (gone & face).sum() > 0.9 * face.sum()
    assert gone.sum() < 1.3 * face.sum()
    changed = [not np.array_equal(one, other) for one, other in zip(volume, after, strict=True)]
    assert 5 < sum(changed) < SLICES - 20  # slices above the brows are the same bytes
    for ds in slices:
        assert ds.RecognizableVisualFeatures == "NO"
        assert "113102" in {item.CodeValue for item in ds.DeidentificationMethodCodeSequence}


def test_any_number_of_workers_makes_the_same_files(defacing, key_uri, tmp_path):
    source = written(head()[0], tmp_path / "in")
    made = []
    for workers in (1, 2):
        out = tmp_path / f"out-{workers}"
        run(source, out, BatchOptions(defacing, key_uri, workers=workers))
        made.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert made[0] == made[1]
    assert len(made[0]) == SLICES


def _crate():
    place = points()
    inside = (abs(place - [0, -20, 0]) < 60).all(-1)
    return (inside * SKIN).astype("u2")


@pytest.mark.parametrize(
    "volume",
    [_crate, lambda: head()[0][:, ::-1], lambda: head()[0][::-1]],
    ids=["no head at all", "the face where the header says the back is", "upside down"],
)
def test_a_head_that_does_not_lie_as_the_header_says_is_held_back(
    defacing, key_uri, tmp_path, volume
):
    source = written(np.ascontiguousarray(volume()), tmp_path / "in")
    report = run(source, tmp_path / "out", BatchOptions(defacing, key_uri))
    assert report.quarantined == {"deid.face-not-found": SLICES}


def test_another_part_of_the_body_is_none_of_its_business(defacing, key_uri, tmp_path):
    volume = head()[0][:3]
    source = written(volume, tmp_path / "in", BodyPartExamined="KNEE", StudyDescription="Knee")
    report = run(source, tmp_path / "out", BatchOptions(defacing, key_uri))
    assert report.deidentified == 3
    slices, after = outcome(tmp_path / "out")
    assert np.array_equal(after, volume)
    assert "RecognizableVisualFeatures" not in slices[0]


def test_a_profile_that_holds_heads_lets_no_slice_of_one_pass(tmp_path):
    profile = tmp_path / "holding.toml"
    profile.write_text(
        'name = "holding"\ntitle = "Holding"\ninherits = "gdpr-pseudonymised"\n'
        '[policies]\nfaces = "hold"\n'
    )
    engine = Engine(load_profile(str(profile)), Pseudonymiser(hashlib.sha256(b"faces").digest()))
    source = written(head()[0][:2], tmp_path / "in") / "000.dcm"
    with pytest.raises(DeidentificationError) as caught:
        engine.deidentify_file(source, tmp_path / "out")
    assert caught.value.code == "deid.face-visible"
