"""What a job did to each volume before training is sealed, named by the book, and shown."""

from __future__ import annotations

import json

import pytest

from fedpacs.agent.learner import Learner
from fedpacs.agent.service import begin
from fedpacs.agent.snapshot import current_cohort
from fedpacs.cohort.errors import DamagedStoreError
from fedpacs.cohort.preparations import read_preparation
from fedpacs.core.digest import digest_of


def run(clinic):
    site, job = clinic.site(), clinic.job
    cohort = current_cohort(site.premises, job)
    begin(site.premises, job, cohort, Learner(site.premises, job, cohort))
    return site, cohort


def test_every_volume_is_in_the_record_with_its_steps(ingested):
    ingested.edit_job(preparation={"slice_spacing_mm": 4.0})
    site, cohort = run(ingested)
    (shown,) = site.status().preparations
    assert (shown.job, shown.volumes) == (ingested.job.digest, len(cohort.subjects))
    assert shown.steps["resample-slices 1"] == shown.steps["resample-in-plane 1"] == shown.volumes
    record = read_preparation(site.premises.store, shown.digest)
    assert record["cohort"] == cohort.digest
    assert digest_of(record) == shown.digest
    assert {row["series"] for row in record["volumes"]} == {
        subject.series_instance_uid for subject in cohort.subjects
    }
    for row in record["volumes"]:
        steps = {step["name"]: step["parameters"] for step in row["steps"]}
        assert steps["resample-slices"]["slice_step"] > 0
        assert steps["resample-in-plane"]["spacing_mm"] == ingested.job.preparation.spacing_mm


def test_another_preparation_is_another_record_and_the_same_one_is_not(ingested):
    digests = []
    for size in (64, 64, 96):
        ingested.edit_job(preparation={"pixel_size": size})
        site, _ = run(ingested)
        by_job = {shown.job: shown.digest for shown in site.status().preparations}
        digests.append(by_job[ingested.job.digest])
    assert digests[0] == digests[1] != digests[2]


def test_nothing_of_a_patient_is_shown_and_the_record_goes_with_one(ingested):
    site, cohort = run(ingested)
    (before,) = site.status().preparations
    patient = cohort.subjects[0].patient
    assert patient not in json.dumps(before.steps)
    site.forget(patient)
    (after,) = site.status().preparations
    assert (after.digest, after.volumes, after.steps) == (before.digest, 0, {})
    sealed = list((ingested.place.folder).rglob(before.digest))
    assert sealed == []


def test_a_record_that_was_altered_is_told(ingested):
    site, _ = run(ingested)
    (shown,) = site.status().preparations
    (sealed,) = (ingested.place.folder).rglob(shown.digest)
    sealed.write_bytes(sealed.read_bytes()[:-1] + b"?")
    with pytest.raises(DamagedStoreError):
        ingested.site().status()
    assert [fault.name for fault in site.premises.store.check()] == [shown.digest]
    site.premises.store.repair(drop_damaged=True)
    assert ingested.site().status().preparations[0].volumes == 0
