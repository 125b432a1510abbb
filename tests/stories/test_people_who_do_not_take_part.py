"""Who opted out is not fetched, who withdraws is removed everywhere, and no log names them."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

import pydicom
import pytest

from fedpacs.agent.withdrawals import OptOutExposedError, OptOutUnreadableError
from fedpacs.records.events import Event, EventKind


def patient_ids(clinic):
    found = {}
    for file in clinic.files():
        ds = pydicom.dcmread(file, stop_before_pixels=True)
        found.setdefault(str(ds.PatientID), set()).add(str(ds.StudyInstanceUID))
    return found


def let_few_suffice(clinic):
    """One patient fewer may leave the training part below the cell."""
    clinic.edit_site(limits={"minimum_cell": 3})
    clinic.edit_job(cohort={"minimum_patients": 8}, egress={"minimum_cell": 3})


@pytest.fixture
def opted_out(clinic):
    """The first patient is on the list, padded and with a comment, as a clinic's export may be."""
    patient_id = min(patient_ids(clinic))
    file = clinic.place.folder / "opt-out.txt"
    file.write_text(f"\ufeff# opted out\n\n {patient_id} \n", encoding="utf-8")
    file.chmod(0o600)
    clinic.edit_site(ingest={"opt_out": "opt-out.txt"})
    let_few_suffice(clinic)
    return clinic, patient_id


def test_whoever_is_on_the_list_is_not_fetched(opted_out, caplog):
    clinic, patient_id = opted_out
    studies = len(patient_ids(clinic)[patient_id])
    with caplog.at_level(logging.DEBUG):
        report = clinic.site().ingest(clinic.job)
    assert (report.withdrawn, report.found) == (studies, 14 - studies)
    premises = clinic.site().premises
    pseudonym = premises.pseudonyms.patient(patient_id)
    assert pseudonym not in {study.patient for study in premises.store.studies()}
    assert premises.index.of_patient(pseudonym) == ()
    assert patient_id not in caplog.text
    for file in clinic.place.config.store.path.parent.rglob("*"):
        assert not file.is_file() or patient_id.encode() not in file.read_bytes()


def test_whoever_comes_onto_the_list_later_is_removed_by_the_next_run(ingested):
    patient_id = min(patient_ids(ingested))
    file = ingested.place.folder / "opt-out.txt"
    file.write_text(patient_id)
    file.chmod(0o600)
    ingested.edit_site(ingest={"opt_out": "opt-out.txt"})
    let_few_suffice(ingested)
    report = ingested.site().ingest(ingested.job)
    assert report.forgotten == 1
    premises = ingested.site().premises
    pseudonym = premises.pseudonyms.patient(patient_id)
    assert pseudonym not in {study.patient for study in premises.store.studies()}
    assert premises.store.cohorts_of(pseudonym) == ()
    assert premises.book.last(EventKind.PATIENT_FORGOTTEN, patient=pseudonym)
    assert ingested.site().ingest(ingested.job).forgotten == 0


def test_a_list_that_cannot_be_relied_on_stops_everything(opted_out):
    clinic, _ = opted_out
    file = clinic.place.folder / "opt-out.txt"
    file.chmod(0o644)
    with pytest.raises(OptOutExposedError):
        clinic.site().ingest(clinic.job)
    file.chmod(0o600)
    file.write_bytes(b"\xff\xfe\x00M\xfcller")
    with pytest.raises(OptOutUnreadableError) as caught:
        clinic.site().ingest(clinic.job)
    assert "M" not in str(caught.value.__cause__)
    file.unlink()
    with pytest.raises(OptOutUnreadableError):
        clinic.site().ingest(clinic.job)


def test_whoever_is_forgotten_is_gone_everywhere_and_the_models_are_named(ingested):
    site = ingested.site()
    premises = site.premises
    patient = premises.store.studies()[0].patient
    cohorts = premises.store.cohorts_of(patient)
    ((cohort, part),) = cohorts
    job = ingested.job.digest
    for event in (
        Event.of(EventKind.AGENT_STARTED, process=1, job=job, cohort=cohort),
        Event.of(EventKind.UPDATE_RELEASED, job=job, round=1),
        Event.of(EventKind.UPDATE_RELEASED, job=job, round=2),
        Event.of(EventKind.UPDATE_RELEASED, job="b" * 64, round=7),
    ):
        premises.book.append(event)
    report = site.forget(patient)
    assert (report.known, report.cohorts) == (True, 1)
    (used,) = report.trained
    assert (used.job, used.cohort, used.part) == (job, cohort, part)
    assert (used.updates, used.last_round) == (2, 2)
    assert patient not in {study.patient for study in premises.store.studies()}
    assert patient not in premises.store.split_patients()
    assert premises.index.of_patient(patient) == ()
    again = site.forget(patient)  # the models are still known
    assert (again.known, again.trained) == (False, report.trained)


def test_whoever_was_forgotten_does_not_come_back(ingested):
    patient = ingested.site().premises.store.studies()[0].patient
    ingested.site().forget(patient)
    let_few_suffice(ingested)
    report = ingested.site().ingest(ingested.job)
    assert report.withdrawn >= 1
    assert patient not in {study.patient for study in ingested.site().premises.store.studies()}


def test_a_patient_in_quarantine_is_forgotten_too_without_any_index(clinic):
    victim = clinic.files()[0]
    ds = pydicom.dcmread(victim)
    ds.BurnedInAnnotation = "YES"
    ds.save_as(victim)
    clinic.site().ingest(clinic.job)
    premises = clinic.site().premises
    patient = premises.pseudonyms.patient(str(ds.PatientID))
    premises.index.remove_patient(patient)
    assert clinic.site().forget(patient).quarantined == 1
    assert clinic.site().premises.quarantine.counts() == {}


def test_the_command_takes_the_patient_from_its_input_and_names_nobody(ingested):
    patient_id = min(patient_ids(ingested))
    command = [sys.executable, "-m", "fedpacs.cli.main", "site", "forget", "--yes", "--json"]
    command += ["--site", str(ingested.place.site_file)]
    ended = subprocess.run(
        command, input=patient_id + "\n", capture_output=True, text=True, check=True
    )
    assert json.loads(ended.stdout)["studies"] >= 1
    assert patient_id not in ended.stdout + ended.stderr
