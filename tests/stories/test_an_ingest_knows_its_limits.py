"""An ingest keeps to its windows, its room and its keys, whoever does the work, and says so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from fedpacs.agent.ingest import NothingFoundError, not_all_ready
from fedpacs.agent.intake.run import Run
from fedpacs.agent.intake.space import DiskLowError
from fedpacs.agent.intake.windows import OutsideWindowError, Windows
from fedpacs.config.ingest import Ingest
from fedpacs.core.errors import FedpacsError
from fedpacs.records.study_index import StudyState
from fedpacs.simulation.workspace import free_ports


def command(clinic, *words):
    argv = [sys.executable, "-m", "fedpacs.cli.main", "site", *words, "--json"]
    argv += ["--site", str(clinic.place.site_file)]
    if words[0] in ("find", "ingest"):
        argv += ["--job", str(clinic.job_file)]
    ended = subprocess.run(argv, check=False, capture_output=True, text=True)
    return ended.returncode, json.loads(ended.stdout)


def damage(clinic):
    victim = clinic.files()[0]
    victim.write_bytes(victim.read_bytes()[:-200])


def test_studies_that_are_not_ready_are_told_by_exit_status_and_code(clinic):
    damage(clinic)
    status, report = command(clinic, "ingest")
    assert (status, report["code"]) == (67, "agent.not-all-ready")
    assert report["not_ready"] == {"pacs.corrupt-instance": 1}
    status, report = command(clinic, "status")
    assert report["dead_letters"] == {"pacs.corrupt-instance": 1}
    assert report["index"] == {"ready": 13, "refused": 1}
    assert status == 0


def test_nothing_matched_is_an_outcome_of_its_own(clinic):
    clinic.edit_job(cohort={"study_date": "19000101-19000102"})
    with pytest.raises(NothingFoundError):
        clinic.site().ingest(clinic.job)
    for verb in ("find", "ingest"):
        status, report = command(clinic, verb)
        assert (status, report["code"]) == (66, "agent.nothing-found")


def test_outside_its_windows_nothing_is_asked_of_the_pacs(clinic):
    day = (datetime.now(UTC) + timedelta(days=3)).strftime("%a")
    clinic.edit_site(ingest={"windows": [f"{day} 12:00-13:00"]})
    with pytest.raises(OutsideWindowError):
        clinic.site().ingest(clinic.job)


def test_a_window_that_closes_ends_the_run_and_the_next_goes_on(clinic, monkeypatch):
    left = iter([True] * 5 + [False] * 100)
    monkeypatch.setattr(Windows, "is_open", lambda *_: next(left))
    report = clinic.site().ingest(clinic.job)
    assert (report.stopped, report.cohort) == ("agent.outside-window", None)
    assert 0 < report.sealed < 14
    assert not_all_ready(report).exit_status == 67
    monkeypatch.undo()
    after = clinic.site().ingest(clinic.job)
    assert (after.already_sealed, after.sealed) == (report.sealed, 14 - report.sealed)


def test_without_room_no_study_is_begun_and_none_is_put_aside(clinic):
    clinic.edit_site(ingest={"minimum_free_bytes": 2**60})
    with pytest.raises(DiskLowError):
        clinic.site().ingest(clinic.job)
    assert clinic.site().status().quarantined == {}
    clinic.edit_site(ingest={"minimum_free_bytes": 0})
    assert clinic.site().ingest(clinic.job).sealed == 14


def test_a_study_that_does_not_match_is_fetched_once_and_not_sealed(clinic):
    clinic.edit_job(cohort={"match": {"Manufacturer": "No Such Maker*"}})
    with pytest.raises(NothingFoundError):
        clinic.site().ingest(clinic.job)
    premises = clinic.site().premises
    assert premises.index.states() == {StudyState.UNMATCHED: 14}
    assert (premises.store.studies(), premises.quarantine.counts()) == ((), {})
    clinic.edit_job(cohort={"match": {"Manufacturer": "*"}})
    assert clinic.site().ingest(clinic.job).sealed == 14


def test_what_another_job_sealed_is_held_to_the_keys_of_this_one(clinic):
    """The store's headers are de-identified, so the archive's are looked at once more."""
    assert clinic.site().ingest(clinic.job).sealed == 14
    clinic.edit_job(cohort={"match": {"Manufacturer": "No Such Maker*"}})
    with pytest.raises(NothingFoundError):
        clinic.site().ingest(clinic.job)
    clinic.edit_job(cohort={"match": {"Manufacturer": "*"}})
    for retrieved in (14, 0):
        report = clinic.site().ingest(clinic.job)
        assert (report.retrieved, report.unmatched) == (retrieved, 0)
    clinic.edit_job(cohort={"match": {}})
    report = clinic.site().ingest(clinic.job)
    assert (report.already_sealed, report.retrieved) == (14, 0)


def test_a_failure_that_may_pass_is_tried_again_in_the_same_run_and_then_given_up(
    clinic, monkeypatch
):
    from fedpacs.pacs.errors import DroppedAssociationError
    from fedpacs.pacs.folder import FolderReader

    clinic.edit_site(ingest={"first_retry_s": 0.01, "attempts": 3})
    monkeypatch.setattr("fedpacs.pacs.reconcile._PAUSE_S", 0.0)
    original, failing = FolderReader.retrieve, {"left": 3}

    def retrieve(self, study, into, only=None):
        if failing["left"] and study.sop_instance_uids == failing.setdefault(
            "study", study.sop_instance_uids
        ):
            failing["left"] -= 1
            raise DroppedAssociationError("The association was aborted.")
        yield from original(self, study, into, only)

    monkeypatch.setattr(FolderReader, "retrieve", retrieve)
    report = clinic.site().ingest(clinic.job)  # one fetch asks three times
    assert (report.sealed, report.quarantined, report.not_ready) == (14, {}, {})
    failing.update(left=10**6)
    del failing["study"]
    clinic.edit_site(deidentification={"profile": "basic"})
    report = clinic.site().ingest(clinic.job)
    assert report.not_ready == {"pacs.association-dropped": 1}
    assert clinic.site().status().dead_letters == {"pacs.association-dropped": 1}
    assert clinic.site().ingest(clinic.job).retrieved == 0  # nobody asked
    failing.update(left=0)
    assert clinic.site().ingest(clinic.job, retry=True).sealed == 1


def test_an_index_that_was_lost_is_made_anew_and_nothing_is_fetched_again(ingested):
    for file in ingested.place.folder.rglob("index.db*"):
        file.unlink()
    report = ingested.site().ingest(ingested.job)
    assert (report.already_sealed, report.retrieved) == (14, 0)
    premises = ingested.site().premises
    assert premises.index.states() == {StudyState.READY: 14}
    events = ingested.site().status().events
    assert events["study-sealed"] == 14


def test_a_pool_of_processes_does_the_same(clinic):
    damage(clinic)
    clinic.edit_site(ingest={"workers": 2})
    report = clinic.site().ingest(clinic.job)
    assert (report.sealed, report.not_ready) == (13, {"pacs.corrupt-instance": 1})
    assert clinic.site().status().book_verifies


def test_a_cluster_does_the_same_and_a_killed_worker_loses_nothing(clinic, tmp_path, monkeypatch):
    (port,) = free_ports(1)
    address = f"tcp://127.0.0.1:{port}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    worker = ["dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    log = (tmp_path / "dask.log").open("wb")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:]],
            env=environment,
            cwd=tmp_path,
            stdout=log,
            stderr=log,
        )
        for words in (scheduler, worker, worker)
    ]
    original = Run._collect

    def collect(self, wait_s):
        original(self, wait_s)
        if self.tally.counts["sealed"] >= 3:
            processes[2].kill()

    monkeypatch.setattr(Run, "_collect", collect)
    try:
        report = _when_it_answers(clinic, address)
    finally:
        for process in processes:
            process.kill()
            process.wait()
        log.close()
    assert (report.sealed, report.not_ready) == (14, {})
    premises = clinic.site().premises
    assert premises.store.check() == ()
    assert clinic.site().status().events["study-sealed"] == 14
    # neither key nor identity went through the scheduler
    spoken = (tmp_path / "dask.log").read_bytes()
    key = (clinic.place.folder / "keys" / "project.key").read_bytes().strip()
    assert key not in spoken


def _when_it_answers(clinic, address):
    deadline = time.monotonic() + 60
    while True:
        try:
            return clinic.site().ingest(clinic.job, scheduler=address)
        except FedpacsError as error:
            if error.code != "agent.no-scheduler" or time.monotonic() > deadline:
                raise


def test_two_projects_of_a_site_cannot_read_each_other(ingested, tmp_path):
    import secrets
    import shutil

    from fedpacs.agent.site import Site
    from fedpacs.cohort.errors import OtherProjectError, StoreKeyError

    other = tmp_path / "other"
    shutil.copytree(ingested.place.folder, other)
    key = other / "keys" / "project.key"
    key.write_text(secrets.token_hex(32))
    with pytest.raises(OtherProjectError):
        Site.open(other / "site.toml").ingest(ingested.job)
    assert Site.open(other / "site.toml").premises.index.states() == {}  # shares the file
    (other / "keys" / "store.key").write_text(secrets.token_hex(32))
    with pytest.raises(StoreKeyError):
        Site.open(other / "site.toml").premises.store.studies()


def test_the_site_file_of_an_ingest_may_be_left_out():
    assert Ingest() == Ingest(windows=())
