from __future__ import annotations

import socket

import pytest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_ssh_public_key,
)

from fedpacs.config.consortium import load_consortium
from fedpacs.config.shipped import shipped
from fedpacs.crypto.pki import create_node_key
from fedpacs.federation.errors import UnreachableError
from fedpacs.server.consortium import Consortium
from fedpacs.server.control import read_node_key
from fedpacs.server.errors import (
    NoMemberKeyError,
    NotStartedError,
    TooFewSitesError,
    UnknownMemberError,
)
from fedpacs.server.following import follow
from fedpacs.server.registry import RoundRecord, RunFolder, RunRecord


@pytest.fixture
def consortium(tmp_path):
    config = load_consortium(shipped("configs", "consortia", "demo.toml"))
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    link = config.superlink.model_copy(update={"port": port})
    return Consortium(config.model_copy(update={"home": tmp_path / "home", "superlink": link}))


@pytest.fixture
def node_key(tmp_path):
    create_node_key(tmp_path / "node")
    return tmp_path / "node.pub"


def test_the_kit_holds_the_authority_and_the_address_and_no_secret(consortium, tmp_path):
    report = consortium.kit("aurora", tmp_path / "kit")
    assert sorted(file.name for file in report.folder.iterdir()) == ["ca.crt", "link.toml"]
    assert report.sites == ("aurora",)
    text = (report.folder / "link.toml").read_text()
    assert report.superlink in text
    for file in report.folder.iterdir():
        assert "PRIVATE" not in file.read_text()


def test_a_second_kit_is_of_the_same_authority(consortium, tmp_path):
    first = consortium.kit(None, tmp_path / "one")
    second = consortium.kit(None, tmp_path / "two")
    assert (first.folder / "ca.crt").read_bytes() == (second.folder / "ca.crt").read_bytes()
    assert second.sites == ("aurora", "birch", "cedar")


def test_who_is_no_member_gets_no_kit_and_is_not_admitted(consortium, tmp_path, node_key):
    with pytest.raises(UnknownMemberError):
        consortium.kit("mallory", tmp_path / "kit")
    with pytest.raises(UnknownMemberError):
        consortium.admit("mallory", node_key)
    assert not (tmp_path / "kit").exists()


def test_a_member_s_key_is_read_as_the_cryptography_library_reads_it(node_key):
    key = load_ssh_public_key(node_key.read_bytes())
    assert read_node_key(node_key) == key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    )


@pytest.mark.parametrize(
    "text",
    ["", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384 !!!", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"],
)
def test_what_is_no_key_is_not_admitted(consortium, tmp_path, text):
    (tmp_path / "bad.pub").write_text(text)
    with pytest.raises(NoMemberKeyError):
        consortium.admit("aurora", tmp_path / "bad.pub")
    with pytest.raises(NoMemberKeyError):
        consortium.admit("aurora", tmp_path / "absent.pub")
    assert not (consortium.home.members / "aurora.pub").exists()


def test_a_job_needs_the_keys_of_its_minimum_of_sites(consortium, job, node_key):
    consortium.admit("aurora", node_key)
    with pytest.raises(TooFewSitesError, match="needs 2 sites; the home holds the keys of 1"):
        consortium.run(job)


def test_a_consortium_that_is_not_running_says_so(consortium, job, node_key):
    for name in ("aurora", "birch"):
        consortium.admit(name, node_key)
    with pytest.raises(NotStartedError):
        consortium.run(job)
    consortium.prepare()
    with pytest.raises(UnreachableError):
        consortium.run(job)
    status = consortium.status()
    assert not status.running
    assert [member.key_present for member in status.members] == [True, True, False]


class FinishedControl:
    """Flower that says the run is over."""

    class State:
        finished = True

    def run_state(self, _run_id):
        return self.State()


def test_a_run_that_flower_ended_without_a_word_is_recorded_as_failed(consortium, job, monkeypatch):
    monkeypatch.setattr("fedpacs.server.following._LAST_WORD_S", 0.1)
    folder = RunFolder.of(consortium.home, 5)
    record = follow(FinishedControl(), 5, job, folder, lambda *_: None)
    assert (record.phase, record.code) == ("failed", "server.run-died")
    assert folder.read() == record


def test_following_tells_of_rounds_and_ends_with_the_record(consortium, job):
    folder = RunFolder.of(consortium.home, 6)
    entry = RoundRecord(1, "a" * 64, 1.0, {}, {})
    folder.write(RunRecord("6", "toy", job.digest, 1, "completed", (entry,)))
    told = []
    record = follow(FinishedControl(), 6, job, folder, lambda *args: told.append(args))
    assert record.phase == "completed"
    assert told == [("Rounds", 1, 1)]
