"""The parts of an ingest: rate, room, what a failure means, and what matches."""

from __future__ import annotations

import random

import pytest
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from fedpacs.agent.intake.failures import Verdict, pause_s, verdict
from fedpacs.agent.intake.matching import Matcher
from fedpacs.agent.intake.space import DiskLowError, Space, StudyTooLargeError
from fedpacs.agent.intake.throttle import Throttle
from fedpacs.cohort.errors import StoreUnwritableError
from fedpacs.config.ingest import Ingest
from fedpacs.config.job import MATCHING_KEYS
from fedpacs.core.errors import DeidentificationError, RecordsError
from fedpacs.core.study import InstanceRef, SeriesRef, Study, StudyRef
from fedpacs.pacs.errors import (
    BusyPacsError,
    CorruptInstanceError,
    DroppedAssociationError,
    IncompleteStudyError,
    UnreachablePacsError,
)


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_the_rate_is_held_on_average_and_what_was_saved_is_bounded():
    clock = Clock()
    throttle = Throttle(1000, clock, clock.sleep)
    for _ in range(50):
        throttle.took(100)
    assert clock.now == pytest.approx(105.0)
    clock.now += 3600  # an idle hour is no credit of an hour
    before = clock.now
    throttle.took(10_000)
    assert clock.now - before == pytest.approx(9.0)


def test_without_a_limit_nobody_waits():
    clock = Clock()
    Throttle(None, clock, clock.sleep).took(10**12)
    assert clock.now == 100.0


def space(tmp_path, free=10**12, quota=1000):
    for name in ("staging", "store"):
        (tmp_path / name).mkdir(exist_ok=True)
    return Space(tmp_path / "staging", tmp_path / "store", quota, 10**9, lambda _folder: free)


def test_there_is_room_until_staging_is_half_full(tmp_path):
    room = space(tmp_path)
    assert room.has_room()
    (tmp_path / "staging" / "a").mkdir()
    (tmp_path / "staging" / "a" / "b").write_bytes(bytes(501))
    assert not room.has_room()


def test_there_is_no_room_on_a_full_disk(tmp_path):
    assert not space(tmp_path, free=10**8).has_room()


def test_a_study_that_outgrows_staging_is_stopped_on_the_way(tmp_path):
    room = space(tmp_path)
    (tmp_path / "staging" / "b").write_bytes(bytes(1001))
    with pytest.raises(StudyTooLargeError):
        room.took(1001)


def test_a_disk_that_fills_on_the_way_stops(tmp_path):
    with pytest.raises(DiskLowError):
        space(tmp_path, free=10**8).took(900)


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        (UnreachablePacsError(""), Verdict.PAUSE),
        (BusyPacsError(""), Verdict.PAUSE),
        (DroppedAssociationError(""), Verdict.LATER),
        (IncompleteStudyError(""), Verdict.LATER),
        (CorruptInstanceError(""), Verdict.REFUSE),
        (StudyTooLargeError(""), Verdict.REFUSE),
        (DeidentificationError(""), Verdict.REFUSE),
        (StoreUnwritableError(""), Verdict.STOP),
        (DiskLowError(""), Verdict.STOP),
        (RecordsError(""), Verdict.STOP),
    ],
)
def test_a_failure_means_what_it_means(error, meaning):
    assert verdict(error) is meaning


def test_pauses_double_up_to_the_longest_and_differ():
    config = Ingest(first_retry_s=10, longest_retry_s=100)
    spread = random.Random(1)  # noqa: S311 - jitter
    for attempts, wanted in ((1, 10), (2, 20), (3, 40), (9, 100), (500, 100)):
        pauses = [pause_s(config, attempts, spread) for _ in range(50)]
        assert all(0.75 * wanted <= pause <= 1.25 * wanted for pause in pauses)
        assert len(set(pauses)) > 40


@pytest.fixture
def study(tmp_path):
    """Two series, each with one file."""
    series, files = [], {}
    for number, modality in enumerate(("CT", "MR")):
        ds = Dataset()
        ds.SOPClassUID, ds.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", generate_uid()
        ds.Modality, ds.StudyDescription = modality, "CT Thorax [nativ]"
        ds.PatientAge, ds.KVP, ds.AcquisitionDate = "067Y", "120", "20240503"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        item = Dataset()
        item.CodeValue = "24627-2"
        ds.ProcedureCodeSequence = [item]
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        path = tmp_path / f"{number}.dcm"
        dcmwrite(path, ds, enforce_file_format=True)
        files[ds.SOPInstanceUID] = path
        instances = (InstanceRef(ds.SOPInstanceUID, ds.SOPClassUID),)
        series.append(SeriesRef(generate_uid(), modality, instances))
    return Study(StudyRef(generate_uid(), "4711", tuple(series)), files)


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"StudyDescription": "*Thorax*"},
        {"StudyDescription": "CT ?horax [nativ]"},
        {"StudyDescription": ""},
        {"Modality": "PT\\MR"},
        {"Modality": ("PT", "CT")},
        {"Modality": "CT", "KVP": "100-130"},
        {"KVP": "120.0"},
        {"PatientAge": "018Y-090Y"},
        {"PatientAge": "700M-"},
        {"AcquisitionDate": "20240101-20241231"},
        {"AcquisitionDate": "-20240503"},
        {"ImageType": "AXIAL"},
        {"ProcedureCodeSequence.CodeValue": "24627-*"},
    ],
)
def test_a_study_that_has_what_is_asked_for_matches(study, keys):
    assert Matcher(keys).matches(study)


@pytest.mark.parametrize(
    "keys",
    [
        {"StudyDescription": "*thorax*"},
        {"StudyDescription": "CT ?horax n"},
        {"StudyDescription": "Thorax"},
        {"Modality": "US"},
        {"KVP": "-119"},
        {"KVP": "low-high"},
        {"PatientAge": "-018Y"},
        {"AcquisitionDate": "20240504-"},
        {"AcquisitionDate": "20240502"},
        {"ImageType": "LOCALIZER"},
        {"ProcedureCodeSequence.CodeValue": "1"},
        {"AnatomicRegionSequence.CodeValue": "*"},
        {"Modality": "CT", "BodyPartExamined": "CHEST"},
    ],
)
def test_a_study_that_lacks_one_thing_does_not(study, keys):
    assert not Matcher(keys).matches(study)


def test_a_job_cannot_ask_for_a_person():
    asked = {key.split(".")[-1] for key in MATCHING_KEYS}
    persons = {"PatientName", "PatientID", "PatientBirthDate", "AccessionNumber", "StudyID"}
    places = {"InstitutionName", "ReferringPhysicianName", "StationName", "StudyInstanceUID"}
    assert not asked & (persons | places)
