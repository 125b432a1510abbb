from __future__ import annotations

import numpy as np
import pytest

from fedpacs.core.update import GlobalModel
from fedpacs.federation.errors import ModelFileError
from fedpacs.server.errors import RunUnreadableError, UnknownJobError
from fedpacs.server.home import Home
from fedpacs.server.registry import RoundRecord, RunFolder, RunRecord
from fedpacs.server.report import report_of

DIGEST = "a" * 64


def entry(number, **sites):
    absent = {} if "birch" in sites else {"birch": "server.no-reply"}
    return RoundRecord(number, DIGEST, 1.5, sites, absent)


@pytest.fixture
def home(tmp_path):
    home = Home(tmp_path / "home")
    home.prepare()
    return home


@pytest.fixture
def folder(home):
    return RunFolder.of(home, "17")


def test_a_record_comes_back_as_it_was(folder):
    record = RunRecord(
        "17", "toy", DIGEST, 2, "training", (entry(1, aurora={"loss": 0.5}),), missing={"x": "y"}
    )
    assert folder.read() is None
    folder.write(record)
    assert folder.read() == record
    assert [file.name for file in folder.path.iterdir()] == ["run.json"]


def test_a_damaged_record_is_a_coded_error(folder):
    folder.write(RunRecord("17", "toy", DIGEST, 2))
    for damage in ("", "{", "[]", '{"rounds": []}'):
        (folder.path / "run.json").write_text(damage)
        with pytest.raises(RunUnreadableError):
            folder.read()


def test_the_last_two_rounds_are_kept(folder, schema):
    digests = [
        folder.checkpoint(GlobalModel(DIGEST, n, np.full(schema.size, n, np.float32)), schema)
        for n in range(1, 6)
    ]
    kept = {file.stem for file in (folder.path / "checkpoints").iterdir()}
    assert kept == set(digests[-2:])


def test_a_checkpoint_that_is_missing_is_a_coded_error(folder, schema):
    with pytest.raises(RunUnreadableError):
        folder.last_checkpoint(schema, RunRecord("17", "toy", DIGEST, 2))
    with pytest.raises(ModelFileError):
        folder.last_checkpoint(schema, RunRecord("17", "toy", DIGEST, 2, rounds=(entry(1),)))


def test_the_report_arranges_by_site(home):
    rounds = (
        entry(1, aurora={"loss": 0.5, "dice": 0.1}, birch={"loss": 0.4}),
        entry(2, aurora={"loss": 0.3}),
    )
    record = RunRecord("17", "toy", DIGEST, 3, "failed", rounds, code="server.quorum-lost")
    record = RunRecord(
        **{
            **{name: getattr(record, name) for name in RunRecord.__dataclass_fields__},
            "missing": {"birch": "agent.gone"},
        }
    )
    report = report_of(record, home)
    assert report.sites == ("aurora", "birch")
    assert report.curves == {
        "aurora": {"dice": (0.1, None), "loss": (0.5, 0.3)},
        "birch": {"loss": (0.4, None)},
    }
    assert report.absent == {"birch": {2: "server.no-reply", 3: "agent.gone"}}
    assert (report.rounds, report.planned, report.failed) == (2, 3, "server.quorum-lost")
    assert report.model_file is None


def test_the_home_is_this_user_s_alone_and_keeps_its_token(home):
    token = home.control_token.read_text()
    assert len(token) == 64
    assert home.control_token.stat().st_mode & 0o077 == 0
    assert home.path.stat().st_mode & 0o077 == 0
    home.prepare()
    assert home.control_token.read_text() == token


def test_a_job_is_found_by_its_digest_and_nothing_else(home, job):
    path = home.keep_job(job)
    assert home.job(job.digest) == job
    for name in ("", "../../etc/passwd", "b" * 64):
        with pytest.raises(UnknownJobError):
            home.job(name)
    changed = job.model_copy(update={"job": job.job.model_copy(update={"title": "another"})})
    path.write_bytes(home.keep_job(changed).read_bytes())
    with pytest.raises(UnknownJobError):
        home.job(job.digest)
