"""Ingest never loses a study, never stops for one, and never counts a broken one as success."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from fedpacs.agent.gates import GateClosedError
from fedpacs.agent.ingest import NothingSealedError
from fedpacs.agent.premises import SiteBusyError
from fedpacs.cohort.errors import StoreUnwritableError
from fedpacs.core.errors import RecordsError
from fedpacs.records.events import EventKind


def test_every_study_is_found_sealed_and_written_into_the_book(clinic):
    report = clinic.site().ingest(clinic.job)
    assert report.found == report.sealed == 14
    assert report.quarantined == {}
    kinds = [entry.event.kind for entry in clinic.site().premises.book.entries()]
    assert kinds.count(EventKind.STUDY_SEALED) == 14
    assert clinic.site().status().book_verifies


def test_a_second_ingest_changes_nothing(ingested):
    before = ingested.site().status()
    report = ingested.site().ingest(ingested.job)
    assert (report.already_sealed, report.sealed, report.retrieved) == (14, 0, 0)
    after = ingested.site().status()
    assert (after.studies, after.patients) == (before.studies, before.patients)


@pytest.mark.parametrize("kept", [0, 60, 300, 0.5])
def test_a_damaged_object_puts_its_study_aside_and_the_rest_goes_on(clinic, kept):
    victim = clinic.files()[0]
    content = victim.read_bytes()
    victim.write_bytes(content[: kept if isinstance(kept, int) else int(kept * len(content))])
    report = clinic.site().ingest(clinic.job)
    assert (report.found, report.sealed) == (14, 13)
    assert sum(report.quarantined.values()) == 1


def test_a_damaged_file_that_nobody_can_place_is_counted(clinic):
    (clinic.export / "stray.dcm").write_bytes(b"")
    (clinic.export / "readme.txt").write_text("of the viewer")
    report = clinic.site().ingest(clinic.job)
    assert (report.sealed, report.unplaced) == (14, 1)


def test_what_a_killed_run_left_in_staging_is_told_and_emptied(clinic):
    left = clinic.place.config.store.staging / "identified"
    left.mkdir(parents=True)
    (left / "of-somebody.dcm").write_bytes(b"identified")
    codes = {item.code for item in clinic.site().check() if not item.passed}
    assert "agent.staging-left" in codes
    clinic.site().ingest(clinic.job)
    assert not left.exists()
    assert all(item.name != "staging is empty" or item.passed for item in clinic.site().check())


def test_what_is_put_aside_says_why_and_keeps_its_files(clinic):
    import pydicom

    victim = clinic.files()[0]
    ds = pydicom.dcmread(victim)
    ds.BurnedInAnnotation = "YES"
    ds.save_as(victim)
    report = clinic.site().ingest(clinic.job)
    assert report.quarantined == {"deid.burned-in": 1}
    (folder,) = clinic.place.config.store.quarantine.iterdir()
    assert json.loads((folder / "reason.json").read_text())["code"] == "deid.burned-in"
    assert len(list((folder / "files").iterdir())) == 4
    assert folder.stat().st_mode & 0o077 == 0


def test_a_repaired_study_leaves_the_quarantine(clinic):
    import pydicom

    victim = clinic.files()[0]
    good = victim.read_bytes()
    ds = pydicom.dcmread(victim)
    ds.BurnedInAnnotation = "YES"
    ds.save_as(victim)
    clinic.site().ingest(clinic.job)
    victim.write_bytes(good)
    report = clinic.site().ingest(clinic.job)
    assert (report.retrieved, report.not_ready) == (0, {"deid.burned-in": 1})  # nobody asked
    report = clinic.site().ingest(clinic.job, retry=True)
    assert (report.already_sealed, report.sealed, report.not_ready) == (13, 1, {})
    assert clinic.site().status().quarantined == {}


def test_a_study_that_has_grown_is_fetched_again(clinic):
    late = clinic.files()[0]
    content = late.read_bytes()
    late.unlink()
    clinic.site().ingest(clinic.job)
    late.write_bytes(content)
    report = clinic.site().ingest(clinic.job)
    assert (report.already_sealed, report.sealed) == (13, 1)


def test_staging_is_empty_after_an_ingest(ingested):
    left = [p.name for p in ingested.place.config.store.staging.iterdir()]
    assert left == [".lock"]


def test_a_killed_ingest_is_finished_by_the_next(clinic):
    command = [sys.executable, "-m", "fedpacs.cli.main", "site", "ingest"]
    command += ["--site", str(clinic.place.site_file), "--job", str(clinic.job_file)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not _sealed_some(clinic):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    report = clinic.site().ingest(clinic.job)
    assert report.already_sealed + report.sealed == 14
    status = clinic.site().status()
    assert (status.studies, status.quarantined, status.book_verifies) == (14, {}, True)


def _sealed_some(clinic) -> bool:
    book = clinic.place.config.store.path.parent / "book.db"
    if not book.exists():
        return False
    return clinic.site().status().events.get("study-sealed", 0) >= 2


def test_two_ingests_at_once_do_not_mix(clinic):
    with clinic.site().premises.staging(), pytest.raises(SiteBusyError):
        clinic.site().ingest(clinic.job)


def test_nothing_is_sealed_when_the_book_cannot_be_written(clinic):
    site = clinic.site()
    book = site.premises.book  # exists now
    book.close()
    (clinic.place.config.store.path.parent / "book.db").write_bytes(b"not a database")
    with pytest.raises(RecordsError):
        clinic.site().ingest(clinic.job)
    assert clinic.site().premises.store.studies() == ()


def test_a_full_disk_ends_the_ingest_and_puts_no_study_aside(clinic):
    clinic.site().premises.store  # noqa: B018 - made now, so that only its shelf is in the way
    shelf = clinic.place.config.store.path / "blobs"
    shelf.write_text("no folder")  # the file system refuses, whoever runs this
    with pytest.raises(StoreUnwritableError):
        clinic.site().ingest(clinic.job)
    assert clinic.site().status().quarantined == {}
    assert [p.name for p in clinic.place.config.store.staging.iterdir()] == [".lock"]
    shelf.unlink()
    assert clinic.site().ingest(clinic.job).sealed == 14


def test_where_every_study_is_put_aside_the_reason_is_told_and_not_the_gate(clinic):
    for file in clinic.files():
        file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(NothingSealedError) as caught:
        clinic.site().ingest(clinic.job)
    assert "pacs.corrupt-instance (14)" in caught.value.message


def test_another_profile_de_identifies_every_study_again(ingested):
    ingested.edit_site(deidentification={"profile": "basic"})
    report = ingested.site().ingest(ingested.job)
    assert (report.already_sealed, report.sealed) == (0, 14)
    status = ingested.site().status()
    assert (status.studies, status.patients) == (14, 13)


def test_quarantine_without_its_reason_is_counted_and_repaired(clinic):
    victim = clinic.files()[0]
    good = victim.read_bytes()
    victim.write_bytes(good[:-200])
    clinic.site().ingest(clinic.job)
    (folder,) = clinic.place.config.store.quarantine.iterdir()
    (folder / "reason.json").write_text('{"co')  # killed while writing
    assert clinic.site().status().quarantined == {"agent.reason-lost": 1}
    victim.write_bytes(good)
    assert clinic.site().ingest(clinic.job, retry=True).sealed == 1
    assert clinic.site().status().quarantined == {}


def test_too_few_patients_close_gate_2_but_lose_nothing(clinic):
    clinic.edit_job(cohort={"minimum_patients": 50})
    with pytest.raises(GateClosedError) as caught:
        clinic.site().ingest(clinic.job)
    assert caught.value.code == "cohort.too-few-patients"
    assert clinic.site().status().studies == 14
