"""Statistics of a real hospital: approved, held to gate 3, booked first, charged, signed."""

from __future__ import annotations

import fcntl
import json
import re

import pytest
import tomli_w

from fedpacs.agent import statistics as module
from fedpacs.agent.gates import GateClosedError
from fedpacs.agent.premises import SiteBusyError
from fedpacs.agent.service import NotApprovedError, serve
from fedpacs.agent.statistics import StatisticsNotApprovedError
from fedpacs.agent.statistics_file import LostReleaseError
from fedpacs.config.load import read_toml
from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import RecordsError
from fedpacs.federation.statistics import read_statistics
from fedpacs.records.budget import PrivacyLedger, noise_multiplier_for
from fedpacs.records.errors import BudgetExhaustedError
from fedpacs.records.events import EventKind


@pytest.fixture
def hospital(ingested):
    ask(ingested, moments=True)
    return ingested


def ask(clinic, **statistics):
    data = {**read_toml(clinic.job_file), "statistics": statistics}
    clinic.job_file.write_text(tomli_w.dumps(data))


def approve(clinic):
    site = clinic.site()
    read = site.terms(clinic.job, statistics=True)
    return site.approve(clinic.job, "dpo", clinic.place.dpo_key, read=read)


def release(clinic):
    return module.release_statistics(clinic.site().premises, clinic.job)


def kinds(clinic):
    return [entry.event.kind for entry in clinic.site().premises.book.entries()]


def released_files(clinic):
    folder = clinic.place.folder / "data" / "statistics"
    return [path for path in folder.glob("*") if path.suffix == ".json"]


def read(report):
    return read_statistics(report.file.read_bytes(), {"cedar": report.agent_key})


def spending(clinic):
    premises = clinic.site().premises
    privacy = premises.config.privacy
    return PrivacyLedger(premises.book, privacy.maximum_epsilon, privacy.delta).spending()


def test_nothing_is_counted_before_the_hospitals_people_have_approved_it(hospital, monkeypatch):
    monkeypatch.setattr(module, "count", lambda *_: pytest.fail("counted"))
    with pytest.raises(StatisticsNotApprovedError):
        release(hospital)
    assert released_files(hospital) == []


def test_an_approval_of_training_is_none_of_statistics_nor_the_other_way_round(hospital):
    site = hospital.site()
    site.approve(hospital.job, "dpo", hospital.place.dpo_key)
    with pytest.raises(StatisticsNotApprovedError):
        release(hospital)
    site.revoke("dpo", hospital.place.dpo_key)
    approve(hospital)
    with pytest.raises(NotApprovedError):
        serve(site.premises, hospital.job, site.terms(hospital.job))


def test_what_was_approved_leaves_signed_and_the_book_has_it_first(hospital):
    terms = approve(hospital)
    report = release(hospital)
    statistics = read(report)
    assert statistics.patients == 13
    assert statistics.tables.keys() | set(statistics.withheld) == hospital.job.all_tables.keys()
    assert kinds(hospital)[-2:] == [EventKind.GATE_OPENED, EventKind.STATISTICS_RELEASED]
    entry = hospital.site().premises.book.last(EventKind.STATISTICS_RELEASED)
    assert entry.event.fields["payload"] == sha256_hex(report.file.read_bytes())
    assert entry.event.fields["terms"] == terms
    assert report.file.stat().st_mode & 0o077 == 0


def test_no_pseudonym_uid_or_text_is_in_the_file(hospital):
    approve(hospital)
    text = release(hospital).file.read_text()
    assert not re.search(r"P-[A-Z2-7]{16}|2\.25\.", text)
    body = json.loads(text)
    assert set(body) == {
        "format", "site", "job", "schema", "minimum_cell", "patients", "tables", "withheld",
        "moments", "signature"}  # fmt: skip
    for planted in hospital.planted.strings:
        assert planted not in text


def test_asked_again_the_same_file_is_given_and_nothing_is_written_or_counted(
    hospital, monkeypatch
):
    approve(hospital)
    first = release(hospital)
    before = kinds(hospital)
    monkeypatch.setattr(module, "count", lambda *_: pytest.fail("counted"))
    again = release(hospital)
    assert (again.again, again.payload_digest) == (True, first.payload_digest)
    assert kinds(hospital) == before


def test_a_release_that_the_machine_stopped_behind_the_book_is_found(hospital):
    approve(hospital)
    file = release(hospital).file
    file.rename(file.with_name(f".{file.name}.draft"))
    assert release(hospital).file == file
    file.unlink()
    with pytest.raises(LostReleaseError):
        release(hospital)


def test_nothing_is_left_to_hand_over_when_the_book_cannot_be_written(hospital, monkeypatch):
    approve(hospital)
    site = hospital.site()
    record = type(site.premises).record

    def full(self, kind, **fields):
        if kind is EventKind.STATISTICS_RELEASED:
            raise RecordsError("The book is full.")
        return record(self, kind, **fields)

    monkeypatch.setattr(type(site.premises), "record", full)
    with pytest.raises(RecordsError):
        module.release_statistics(site.premises, hospital.job)
    folder = hospital.place.folder / "data" / "statistics"
    assert [path.name for path in folder.iterdir()] == [".lock"]


def test_revoked_while_it_is_counted_nothing_leaves(hospital, monkeypatch):
    approve(hospital)
    count = module.count

    def count_and_revoke(*arguments):
        counted = count(*arguments)
        hospital.site().revoke("dpo", hospital.place.dpo_key)
        return counted

    monkeypatch.setattr(module, "count", count_and_revoke)
    with pytest.raises(StatisticsNotApprovedError):
        release(hospital)
    assert released_files(hospital) == []


@pytest.mark.parametrize(
    ("limits", "code"),
    [
        ({"statistics": "never"}, "egress.statistics-not-allowed"),
        ({"statistics": "with-noise"}, "egress.noise-required"),
        ({"minimum_patients": 14}, "egress.small-cell"),
    ],
)
def test_the_sites_own_limits_hold(hospital, limits, code):
    hospital.edit_site(limits=limits)
    approve(hospital)
    with pytest.raises(GateClosedError) as caught:
        release(hospital)
    assert caught.value.code == code
    assert kinds(hospital)[-1] is EventKind.GATE_CLOSED
    assert released_files(hospital) == []


def test_exact_numbers_do_not_leave_again_once_the_cohort_has_changed(hospital):
    approve(hospital)
    release(hospital)
    store = hospital.site().premises.store
    store.forget(store.studies()[0].patient)
    ask(hospital, tables=["age"])
    with pytest.raises(GateClosedError) as caught:
        rebuild_and_release(hospital)
    assert caught.value.code == "egress.overlapping-statistics"


def test_other_tables_of_the_same_cohort_may_leave_and_a_stricter_cell_may_not(hospital):
    approve(hospital)
    release(hospital)
    ask(hospital, tables=["vendor"])
    approve(hospital)
    assert read(release(hospital)).tables.keys() == {"vendor"}
    hospital.edit_job(egress={"minimum_cell": 6})
    approve(hospital)
    with pytest.raises(GateClosedError) as caught:
        release(hospital)
    assert caught.value.code == "egress.overlapping-statistics"


def rebuild_and_release(clinic):
    from fedpacs.cohort.selection import build_cohort, save_cohort

    store = clinic.site().premises.store
    save_cohort(store, build_cohort(store, clinic.job.cohort, None))
    approve(clinic)
    return release(clinic)


def test_noise_is_charged_before_it_leaves_and_once_for_each_release(hospital):
    ask(hospital, noise={"epsilon": 1.0, "delta": 1e-6})
    approve(hospital)
    statistics = read(release(hospital))
    assert statistics.patients is None
    assert statistics.moments is None
    assert statistics.noise.noise_multiplier == noise_multiplier_for(1.0, 1e-6)
    assert [k for k in kinds(hospital) if k.startswith(("budget", "stat", "gate-open"))][-4:] == [
        EventKind.BUDGET_RESERVED,
        EventKind.GATE_OPENED,
        EventKind.BUDGET_COMMITTED,
        EventKind.STATISTICS_RELEASED,
    ]
    release(hospital)
    assert spending(hospital).committed == 1
    assert 0.99 < spending(hospital).epsilon <= 1.0


def test_a_gate_that_stays_closed_costs_nothing(hospital):
    hospital.edit_site(limits={"statistics": "never"})
    ask(hospital, noise={"epsilon": 1.0})
    approve(hospital)
    with pytest.raises(GateClosedError):
        release(hospital)
    assert (spending(hospital).epsilon, spending(hospital).open) == (0.0, 0)


def test_a_release_that_costs_more_than_the_site_allows_stays(hospital):
    ask(hospital, noise={"epsilon": 5.0})
    approve(hospital)
    with pytest.raises(BudgetExhaustedError):
        release(hospital)
    assert spending(hospital).epsilon == 0.0
    assert released_files(hospital) == []


def test_two_at_once_do_not_both_draw_noise(hospital):
    approve(hospital)
    folder = hospital.place.folder / "data" / "statistics"
    folder.mkdir()
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SiteBusyError):
            release(hospital)
