"""A run that only asks for statistics: one question to every site, each file kept as it came."""

from __future__ import annotations

import pytest
from flwr.app import Message, MetricRecord, RecordDict

from fedpacs.core.wire import WireSchema
from fedpacs.federation.bundle import build_bundle, bundle_digest, read_bundle, run_config
from fedpacs.federation.questions import read_question, write_answer
from fedpacs.server.asking import ask_for_statistics, statistics_folder
from fedpacs.server.errors import QuorumError
from fedpacs.server.exchange import NO_REPLY, Sites
from fedpacs.server.registry import RunFolder, RunRecord


@pytest.fixture
def folder(tmp_path):
    return RunFolder(tmp_path / "runs" / "1", tmp_path / "models")


@pytest.fixture
def go(grid, keys, job, folder):
    record = RunRecord("1", job.job.name, job.digest, 0)
    sites = Sites(grid, keys, WireSchema((), ()))
    return lambda: ask_for_statistics(sites, job, folder, record)


def gives(file, job):
    def hospital(message):
        read_question(message.content, job.digest)
        return Message(write_answer(file), reply_to=message)

    return hospital


def files(folder):
    return {path.name: path.read_bytes() for path in statistics_folder(folder).iterdir()}


def test_every_site_is_asked_once_and_its_file_is_kept_as_it_came(grid, job, go, folder):
    grid.hospitals = {name: gives(name.encode(), job) for name in ("aurora", "birch", "cedar")}
    record = go()
    assert [kind for _, kind, _ in grid.asked] == ["query"] * 3
    assert record.phase == folder.read().phase == "completed"
    assert files(folder) == {f"{name}.json": name.encode() for name in ("aurora", "birch", "cedar")}


def test_a_site_that_refuses_is_named_and_the_others_are_kept(grid, job, go, folder, fails):
    grid.hospitals = {
        "aurora": gives(b"a", job),
        "birch": gives(b"b", job),
        "cedar": fails("egress.noise-required"),
    }
    record = go()
    assert record.evaluation_absent == {"cedar": "egress.noise-required"}
    assert set(files(folder)) == {"aurora.json", "birch.json"}


def test_too_few_answers_end_the_run_and_what_came_is_kept(grid, job, go, folder, fails):
    grid.hospitals = {
        "aurora": gives(b"a", job),
        "birch": fails("Patient Mustermann"),
        "cedar": lambda _message: None,
    }
    with pytest.raises(QuorumError) as caught:
        go()
    assert caught.value.absent == {"birch": "server.site-error", "cedar": NO_REPLY}
    assert set(files(folder)) == {"aurora.json"}


def test_an_answer_of_another_kind_is_none(grid, job, go):
    def talks(message):
        return Message(RecordDict({"metrics": MetricRecord({"mrn": 20417733})}), reply_to=message)

    grid.hospitals = {"aurora": gives(b"a", job), "birch": gives(b"b", job), "cedar": talks}
    assert go().evaluation_absent == {"cedar": "federation.unexpected-record"}


def test_the_bundle_of_statistics_is_another_than_that_of_training(job):
    one, other = build_bundle(job), build_bundle(job, "statistics")
    assert bundle_digest(one) != bundle_digest(other)
    assert read_bundle(one) == read_bundle(other) == job
    assert run_config(job) != run_config(job, "statistics")
