"""A nightly run lists what is new, changed or not ready; counts alone make nothing ready."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import replace

import pytest
import tomli_w
from archives import READER_AE, dimse
from pydicom import dcmread
from pydicom.uid import generate_uid

from fedpacs.agent.gates import GateClosedError
from fedpacs.agent.ingest import NothingFoundError
from fedpacs.config.load import read_toml
from fedpacs.pacs.access import parse_peer
from fedpacs.pacs.embedded import EmbeddedPacs
from fedpacs.pacs.open import open_writer
from fedpacs.pacs.query import DimseQuery
from fedpacs.records.study_index import StudyState

_TITLES = {"called_ae_title", "calling_ae_title"}
_COUNTS = ("NumberOfStudyRelatedSeries", "NumberOfStudyRelatedInstances")


@pytest.fixture
def asked(monkeypatch):
    """Count the questions by level; `lies` changes the answers at STUDY level."""
    questions = Counter()
    original = DimseQuery.ask

    def ask(self, level, keys):
        questions[level] += 1
        answers = original(self, level, keys)
        return [questions.lies(answer) if level == "STUDY" else answer for answer in answers]

    questions.lies = lambda answer: answer
    monkeypatch.setattr(DimseQuery, "ask", ask)
    return questions


@contextmanager
def nights(place, folder):
    """Put a clinic's studies into a PACS; gives a function that runs one ingest."""
    peers = [parse_peer(f"{READER_AE}@127.0.0.1")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), folder, peers) as pacs:
        data = read_toml(place.place.site_file)
        data["pacs"] = dimse("c-get", pacs.port, "EMBEDDED", None).model_dump(
            mode="json", include={"kind", "retrieve", "host", "port"} | _TITLES
        )
        place.place.site_file.write_text(tomli_w.dumps(data))
        store(place, place.files())
        yield lambda: place.site().ingest(place.job)


def store(place, files):
    writer = open_writer(place.site().config.results_pacs)
    assert writer.store(files).failed == ()
    writer.close()


@pytest.fixture
def night(ingested, tmp_path):
    """After a first ingest from elsewhere, which knows of no counts."""
    with nights(ingested, tmp_path / "pacs") as run:
        yield run


@pytest.fixture
def first_night(clinic, tmp_path):
    with nights(clinic, tmp_path / "pacs") as run:
        yield run


def test_a_second_night_asks_one_question(first_night, asked):
    night = first_night
    assert night().sealed == 14
    assert asked["IMAGE"] > 14
    asked.clear()
    report = night()
    assert (report.found, report.already_sealed, report.retrieved) == (14, 14, 0)
    assert report.cohort is not None
    assert asked == {"STUDY": 1}


def grow(clinic):
    """Store one more instance of a study that the PACS has."""
    ds = dcmread(clinic.files()[0])
    ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    ds.InstanceNumber = 999
    ds.ImagePositionPatient = [*ds.ImagePositionPatient[:2], 999.0]
    file = clinic.export / "more.dcm"
    ds.save_as(file)
    store(clinic, [file])


def test_a_study_that_grew_is_listed_and_the_others_are_not(ingested, night, asked):
    night()
    grow(ingested)
    asked.clear()
    report = night()
    assert report.already_sealed == 13
    assert asked["SERIES"] == 1


def test_a_study_that_is_not_ready_is_listed_every_night(ingested, night, asked):
    night()
    index = ingested.site().premises.index
    study = next(index.in_states(StudyState.READY))
    index.put(replace(study, state=StudyState.WAITING, code="pacs.incomplete-study"))
    asked.clear()
    night()
    assert asked["SERIES"] == 1
    assert index.get(study.subject).state is StudyState.READY  # by its instance UIDs
    index.close()


@pytest.mark.parametrize(
    "lie",
    [
        lambda answer: {k: v for k, v in answer.items() if k not in _COUNTS},
        lambda answer: answer | dict.fromkeys(_COUNTS, ("",)),
        lambda answer: answer | dict.fromkeys(_COUNTS, ("many",)),
        lambda answer: answer | dict.fromkeys(_COUNTS, ("1",)),
        lambda answer: answer | {"ModalitiesInStudy": ()},
    ],
)
def test_an_archive_without_true_counts_is_listed_in_full(night, asked, lie):
    asked.lies = lie
    night()
    asked.clear()
    assert night().already_sealed == 14
    assert asked["SERIES"] == 14


def test_what_the_store_lost_is_fetched_again_though_the_counts_are_the_same(ingested, night):
    night()
    store = ingested.site().premises.store
    victim = next(store.each_study())
    blob = next(ingested.place.folder.rglob(f"{victim.instances[0].digest}*"))
    blob.unlink()
    report = night()
    assert (report.already_sealed, report.sealed) == (13, 1)
    assert store.has(victim.study_instance_uid)


@pytest.mark.parametrize("days", [0, 7])
def test_now_and_then_every_study_is_listed(ingested, night, asked, monkeypatch, days):
    ingested.edit_site(ingest={"full_survey_days": days})
    night()
    asked.clear()
    if days:
        later = time.time_ns() + (days * 86_400 + 60) * 10**9
        monkeypatch.setattr("fedpacs.agent.intake.run.time.time_ns", lambda: later)
    night()
    assert asked["SERIES"] == 14
    asked.clear()
    night()
    assert asked["SERIES"] == (0 if days else 14)


def test_another_profile_is_not_satisfied_by_counts(ingested, night):
    night()
    ingested.edit_site(deidentification={"profile": "basic"})
    assert night().sealed == 14


def test_a_patient_who_withdrew_is_not_even_listed(ingested, night, asked):
    night()
    ds = dcmread(ingested.files()[0], stop_before_pixels=True)
    register = ingested.place.folder / "opt-out.txt"
    register.write_text(f"{ds.PatientID}\n")
    register.chmod(0o600)
    ingested.edit_site(ingest={"opt_out": str(register)})
    # one patient fewer may leave the training part below the cell
    ingested.edit_site(limits={"minimum_cell": 3})
    ingested.edit_job(cohort={"minimum_patients": 8}, egress={"minimum_cell": 3})
    asked.clear()
    report = night()
    assert report.withdrawn >= 1
    assert report.found + report.withdrawn == 14
    assert asked["SERIES"] == 0


def test_a_study_that_did_not_match_is_passed_over_by_its_counts(clinic, first_night, asked):
    clinic.edit_job(cohort={"match": {"Manufacturer": "No Such Maker*"}})
    for listed in (14, 0):
        asked.clear()
        with pytest.raises(NothingFoundError):
            first_night()
        assert asked["SERIES"] == listed
    clinic.edit_job(cohort={"match": {"Manufacturer": "*"}})
    assert first_night().sealed == 14


@pytest.mark.parametrize(("sex", "found"), [("F", True), ("O", False)])
def test_the_archive_judges_what_it_can_and_headers_the_rest(
    clinic, first_night, asked, sex, found
):
    women = {
        ds.StudyInstanceUID
        for ds in (dcmread(f, stop_before_pixels=True) for f in clinic.files())
        if ds.PatientSex == "F"
    }
    assert 0 < len(women) < 14
    clinic.edit_job(cohort={"match": {"PatientSex": sex}, "minimum_patients": 2})
    if found:
        with pytest.raises(GateClosedError):  # too few for a cohort
            first_night()
        assert clinic.site().premises.index.states() == {StudyState.READY: len(women)}
        assert asked["SERIES"] == len(women)
    else:  # the archive knows nobody: it may not understand the key, so headers are asked
        with pytest.raises(NothingFoundError):
            first_night()
        assert asked["STUDY"] == 2
