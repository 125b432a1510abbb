"""Bad input, at the command line: a stable code, a next step, an exit status, nobody's name."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import tomli_w
from archives import free_port
from pynetdicom import evt
from pynetdicom.sop_class import Verification

from fedpacs.agent.ingest import NotAllReadyError
from fedpacs.cli.main import run
from fedpacs.config.consortium import ConsortiumConfig, ConsortiumIdentity, SuperLinkConfig
from fedpacs.config.load import read_toml
from fedpacs.core.errors import (
    AgentError,
    CohortError,
    ConfigError,
    CryptoError,
    FederationError,
    PacsError,
    RecordsError,
)
from fedpacs.crypto.keys import create_secret
from fedpacs.crypto.signatures import SigningKey
from fedpacs.pacs.access import parse_peer
from fedpacs.pacs.associations import application_entity
from fedpacs.pacs.embedded import EmbeddedPacs
from fedpacs.pacs.listening import Listener
from fedpacs.pacs.open import open_writer
from fedpacs.server.consortium import Consortium
from fedpacs.simulation.hospital_planted import PlantedKind
from fedpacs.simulation.scan import Scanner

pytestmark = pytest.mark.slow

HERE = "127.0.0.1"
OURS = "FEDPACS_CEDAR"
BAND = 5
IDENTIFIED = ("export", "quarantine")


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def document(self):
        return json.loads(self.out)


@pytest.fixture(scope="session")
def scanner(patients):
    _, planted = patients
    kinds = [kind for kind in PlantedKind if kind is not PlantedKind.DEVICE]
    return Scanner([*planted.of(*kinds), *planted.uids])


@pytest.fixture
def fedpacs(capfd, monkeypatch, scanner):
    """Run one command; whatever it prints must be free of the planted names, in words and JSON."""

    def call(clinic, *words, as_json=True) -> Ended:
        monkeypatch.setenv("FEDPACS_SITE", str(clinic.place.site_file))
        monkeypatch.setenv("FEDPACS_JOB", str(clinic.job_file))
        with pytest.raises(SystemExit) as end:
            run([*words, *(["--json"] if as_json else [])])
        ended = Ended(end.value.code, *capfd.readouterr())
        for stream in (ended.out, ended.err):
            assert scanner.found_in(stream.encode()) == frozenset()
            assert "Traceback" not in stream
        return ended

    return call


@pytest.fixture
def refused(fedpacs, scanner):
    """Run a command that must fail, for people and for machines, and give its document."""

    def call(clinic, package, code, *words):
        ended = fedpacs(clinic, *words)
        told = ended.document
        assert told["code"] == code
        assert told["message"]
        assert len(told["hint"]) > 15
        assert ended.status == told["exit_status"]
        assert package.exit_status <= ended.status < package.exit_status + BAND
        logs = [file for file in _kept(clinic) if file.suffix == ".log"]
        assert scanner.scan_files("logs", logs).hits == 0
        staging = clinic.place.folder / "data" / "staging"
        assert scanner.scan_files("staging", _files(staging)).hits == 0
        return told

    return call


def approve(clinic):
    clinic.site().approve(clinic.job, "dpo", clinic.place.dpo_key)


def ask_pacs(clinic, port, called="CEDAR_PACS", calling=OURS):
    """Let the site ask a PACS in place of its export folder."""
    data = read_toml(clinic.place.site_file)
    data["pacs"] = {
        "kind": "dimse",
        "host": HERE,
        "port": port,
        "called_ae_title": called,
        "calling_ae_title": calling,
        "retrieve": "c-get",
        "timeout_s": 5.0,
    }
    clinic.place.site_file.write_text(tomli_w.dumps(data))


@pytest.fixture
def pacs(tmp_path):
    """A PACS that lets OURS do everything and that FRIEND may only knock at."""
    peers = [parse_peer(f"{OURS}@{HERE}"), parse_peer(f"FRIEND@{HERE}=echo")]
    with EmbeddedPacs("CEDAR_PACS", (HERE, 0), tmp_path / "pacs", peers) as running:
        yield running


@contextmanager
def a_pacs_that_refuses():
    """Accept TCP, reject every association without a reason (PS3.8 Table 9-21: 1, 1, 1)."""

    def reject(event):
        event.assoc.acse.send_reject(1, 1, 1)
        event.assoc.kill()

    entity = application_entity("CEDAR_PACS", 5.0)
    entity.add_supported_context(Verification)
    handlers = [(evt.EVT_REQUESTED, reject)]
    listener = Listener(entity, (HERE, 0), entity.supported_contexts, handlers)
    try:
        yield listener.port
    finally:
        listener.close()


@pytest.mark.parametrize("verb", ["echo", "find", "ingest"])
def test_a_pacs_that_refuses_the_association(clinic, refused, verb):
    with a_pacs_that_refuses() as port:
        ask_pacs(clinic, port)
        refused(clinic, PacsError, "pacs.association-rejected", "site", verb)


@pytest.mark.parametrize(
    ("titles", "code"),
    [
        ({"calling": "NOBODY"}, "pacs.unknown-calling-ae-title"),
        ({"called": "NO_SUCH_PACS"}, "pacs.unknown-called-ae-title"),
        ({"calling": "FRIEND"}, "pacs.service-not-offered"),
    ],
)
def test_an_unknown_ae_title_is_named_with_whom_to_ask(clinic, refused, pacs, titles, code):
    ask_pacs(clinic, pacs.port, **titles)
    told = refused(clinic, PacsError, code, "site", "ingest")
    assert "administrator" in told["hint"]
    told = refused(clinic, PacsError, code, "site", "echo")
    assert [step["passed"] for step in told["steps"]][-1] is False


def test_a_pacs_that_cannot_be_reached(clinic, refused):
    ask_pacs(clinic, free_port())
    for verb in ("echo", "find", "ingest"):
        refused(clinic, PacsError, "pacs.unreachable", "site", verb)
    assert clinic.site().status().studies == 0


def test_a_corrupt_object_in_the_export_is_put_aside_and_the_rest_is_sealed(clinic, fedpacs):
    victim = clinic.files()[0]
    victim.write_bytes(victim.read_bytes()[:-200])
    (clinic.export / f"{victim.parent.name}.txt").write_text("no DICOM at all")
    ended = fedpacs(clinic, "site", "ingest")
    assert ended.status == NotAllReadyError.exit_status
    report = ended.document
    assert report["quarantined"] == {"pacs.corrupt-instance": 1}
    assert (report["found"], report["sealed"]) == (14, 13)
    assert report["unplaced"] == 0, "a note beside the images is no damaged object"
    assert fedpacs(clinic, "site", "status").document["quarantined"] == report["quarantined"]


def test_a_corrupt_object_in_the_pacs_is_put_aside_and_the_rest_is_sealed(
    clinic, fedpacs, pacs, tmp_path
):
    ask_pacs(clinic, pacs.port)
    receipt = open_writer(clinic.place.pacs).store(clinic.files())
    assert receipt.failed == ()
    victim = max((tmp_path / "pacs").rglob("*.dcm"), key=lambda file: file.stat().st_size)
    victim.write_bytes(victim.read_bytes()[:-200])
    ended = fedpacs(clinic, "site", "ingest")
    assert ended.status == NotAllReadyError.exit_status
    report = ended.document
    assert sum(report["quarantined"].values()) == 1
    assert all(code.startswith(("pacs.", "deid.")) for code in report["quarantined"])
    assert (report["found"], report["sealed"]) == (14, 13)


def test_a_superlink_that_cannot_be_reached(ingested, refused):
    approve(ingested)
    ingested.edit_site(link={"superlink": f"{HERE}:{free_port()}"})
    refused(ingested, FederationError, "federation.unreachable", "site", "train")
    events = ingested.site().status().events
    assert events["agent-started"] == events["agent-stopped"] == 1
    assert "update-released" not in events


def test_a_superlink_of_another_authority_is_told_nothing(ingested, refused, tmp_path):
    approve(ingested)
    other = Consortium(
        ConsortiumConfig(
            consortium=ConsortiumIdentity(name="other"),
            superlink=SuperLinkConfig(port=free_port()),
            home=tmp_path / "other",
            members=("cedar", "birch"),
        )
    )
    other.admit("cedar", ingested.place.folder / "keys" / "node.pub")
    with other.started():
        ingested.edit_site(link={"superlink": f"{HERE}:{other.config.superlink.port}"})
        refused(ingested, FederationError, "federation.untrusted-server", "site", "train")
        assert not any(member.online for member in other.status().members)


def _shelf(clinic, shelf):
    return sorted(file for file in (_store(clinic) / shelf).rglob("*") if file.is_file())


def _store(clinic):
    return clinic.place.config.store.path


def _cut(file):
    file.write_bytes(file.read_bytes()[:-20])


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (lambda clinic: [_cut(file) for file in _shelf(clinic, "blobs")], "cohort.damaged"),
        (lambda clinic: shutil.rmtree(_store(clinic) / "blobs"), "agent.no-cohort"),
        (lambda clinic: _cut(_shelf(clinic, "studies")[0]), "cohort.damaged"),
    ],
    ids=["cut-blobs", "missing-blobs", "cut-record"],
)
def test_a_damaged_store_is_not_trained_on_and_the_next_step_mends_it(
    ingested, refused, fedpacs, damage, code
):
    approve(ingested)
    damage(ingested)
    package = CohortError if code.startswith("cohort.") else AgentError
    told = refused(ingested, package, code, "site", "train")
    words = ["site", "ingest", *(["--repair"] if package is CohortError else [])]
    assert f"`fedpacs {' '.join(words)}" in told["hint"]
    again = fedpacs(ingested, *words)
    assert again.status == 0
    assert again.document["already_sealed"] + again.document["sealed"] == 14
    status = fedpacs(ingested, "site", "status").document
    assert (status["studies"], status["patients"]) == (14, 13)
    assert [approval["state"] for approval in status["approvals"]] == ["approved"]


def test_a_missing_record_is_a_study_that_the_next_ingest_brings_back(ingested, refused, fedpacs):
    approve(ingested)
    _shelf(ingested, "studies")[0].unlink()
    refused(ingested, AgentError, "agent.no-cohort", "site", "train")
    assert fedpacs(ingested, "site", "ingest").document["sealed"] == 1
    assert fedpacs(ingested, "site", "status").document["approvals"][0]["state"] == "approved"


def test_a_store_without_its_header_is_not_begun_anew(ingested, refused):
    (_store(ingested) / "header").unlink()
    for verb in ("status", "ingest", "train"):
        refused(ingested, CohortError, "cohort.half-written", "site", verb)
    assert not (_store(ingested) / "header").exists()


def test_what_a_killed_writer_left_is_swept_away(ingested, fedpacs):
    store = ingested.site().premises.store
    with pytest.raises(ZeroDivisionError), store.writing({"act": "put"}):
        raise ZeroDivisionError  # leaves the journal behind, as a kill does
    draft = _store(ingested) / "incoming" / "0123"
    draft.write_bytes(b"half a file")
    assert (_store(ingested) / "journal").exists()
    assert fedpacs(ingested, "site", "status").document["studies"] == 14
    assert not draft.exists()
    assert not (_store(ingested) / "journal").exists()


def test_an_unapproved_job_is_not_started(ingested, refused):
    refused(ingested, AgentError, "agent.not-approved", "site", "train")
    assert "agent-started" not in ingested.site().status().events


def test_a_job_with_another_record_than_the_approved_is_not_started(ingested, refused):
    approve(ingested)
    before = ingested.site().terms(ingested.job).schema_digest
    ingested.edit_job(network={"parameters": {"channels": [4, 8], "strides": [2]}})
    assert ingested.site().terms(ingested.job).schema_digest != before
    refused(ingested, AgentError, "agent.not-approved", "site", "train")


KEYS = [("project.key", "ingest"), ("store.key", "ingest"), ("agent.pem", "ingest")]


@pytest.mark.parametrize(("key", "verb"), KEYS)
def test_a_missing_key_stops_before_anything_is_read(clinic, refused, key, verb):
    (clinic.place.folder / "keys" / key).unlink()
    refused(clinic, CryptoError, "crypto.key-missing", "site", verb)


@pytest.mark.parametrize(("key", "verb"), KEYS)
def test_a_key_that_others_can_read_is_not_used(clinic, refused, key, verb):
    (clinic.place.folder / "keys" / key).chmod(0o644)
    refused(clinic, CryptoError, "crypto.key-exposed", "site", verb)


def _replace_secret(clinic, name):
    file = clinic.place.folder / "keys" / name
    file.unlink()
    create_secret(file)


def test_another_store_key_does_not_open_the_store(ingested, refused):
    _replace_secret(ingested, "store.key")
    refused(ingested, CohortError, "cohort.wrong-key", "site", "ingest")


def test_another_project_key_does_not_make_everybody_a_second_patient(ingested, refused):
    _replace_secret(ingested, "project.key")
    refused(ingested, CohortError, "cohort.other-project", "site", "ingest")
    status = ingested.site().status()
    assert (status.studies, status.patients) == (14, 13)


def test_another_signing_key_adds_nothing_to_the_book(ingested, refused):
    file = ingested.place.folder / "keys" / "agent.pem"
    file.unlink()
    SigningKey.create(file)
    entries = ingested.site().status().book_entries
    refused(ingested, RecordsError, "records.tampered", "site", "ingest")
    assert ingested.site().status().book_entries == entries


def test_somebody_elses_key_signs_no_approval(ingested, refused, tmp_path):
    SigningKey.create(tmp_path / "other.pem")
    words = ["site", "approve", "--approver", "dpo", "--key", f"file:{tmp_path / 'other.pem'}"]
    refused(ingested, AgentError, "agent.not-an-approver", *words, "--yes")
    assert ingested.site().status().approvals == ()


def _book(clinic):
    return clinic.place.folder / "data" / "book.db"


def test_a_book_that_is_no_database_stops_everything(ingested, refused):
    for tail in ("-wal", "-shm"):
        _book(ingested).with_name(f"book.db{tail}").unlink(missing_ok=True)
    _book(ingested).write_bytes(b"this is not a database" * 100)
    for words in (["site", "ingest"], ["site", "status"], ["site", "train"]):
        refused(ingested, RecordsError, "records.unwritable", *words)
    refused(ingested, RecordsError, "records.unreadable", "audit", "show")


def test_a_book_whose_end_was_cut_off_gets_no_further_entry(ingested, refused):
    with sqlite3.connect(_book(ingested)) as database:
        database.execute(
            "DELETE FROM book_entries WHERE position = (SELECT max(position) FROM book_entries)"
        )
    database.close()
    refused(ingested, RecordsError, "records.tampered", "site", "ingest")
    told = refused(ingested, RecordsError, "records.entries-removed", "audit", "verify")
    assert told["ok"] is False


def test_a_book_with_an_altered_entry_does_not_verify(ingested, refused, fedpacs):
    with sqlite3.connect(_book(ingested)) as database:
        database.execute("UPDATE book_entries SET body = body || ' ' WHERE position = 3")
    database.close()
    told = refused(ingested, RecordsError, "records.entry-altered", "audit", "verify")
    assert told["fault_index"] == 3
    refused(ingested, RecordsError, "records.unreadable", "site", "status")
    told = fedpacs(ingested, "site", "check").document
    assert [check["name"] for check in told["checks"] if not check["passed"]] == ["book verifies"]


def test_every_fault_of_a_site_file_is_told_at_once_and_no_value(clinic, refused, scanner):
    name = scanner_bait(clinic)
    clinic.edit_site(
        deidentification={"project_key": name, "colour": name},
        approval={"required": 0},
        link={"runtime_port": 99999},
    )
    told = refused(clinic, ConfigError, "config.faulty", "site", "status")
    assert {fault["where"] for fault in told["faults"]} == {
        "deidentification.project_key",
        "deidentification.colour",
        "approval.required",
        "link.runtime_port",
    }
    assert scanner.found_in(name.encode())


def test_every_fault_of_a_job_file_is_told_at_once(clinic, refused):
    clinic.edit_job(
        training={"learning_rate": -1.0, "optimiser": "Guess"},
        federation={"rounds": 0},
        network={"name": "os.system"},
    )
    for words in (["job", "lint", str(clinic.job_file)], ["site", "ingest"]):
        told = refused(clinic, ConfigError, "config.faulty", *words)
        assert {fault["where"] for fault in told["faults"]} == {
            "training.learning_rate",
            "training.optimiser",
            "federation.rounds",
            "network.name",
        }


@pytest.mark.parametrize("content", [None, b"[site\nname=", b"\xff\xfe\x00"])
def test_a_site_file_that_is_missing_or_no_toml(clinic, refused, content):
    clinic.place.site_file.unlink()
    if content is not None:
        clinic.place.site_file.write_bytes(content)
    refused(clinic, ConfigError, "config.unreadable", "site", "status")


def scanner_bait(clinic):
    """A planted name: if a message repeated the value, the scan would find it."""
    return min(clinic.planted.of(PlantedKind.NAME), key=len)


def _files(folder):
    return [file for file in folder.rglob("*") if file.is_file()] if folder.exists() else []


def _kept(clinic):
    return [f for f in _files(clinic.place.folder) if not set(IDENTIFIED) & set(f.parts)]
