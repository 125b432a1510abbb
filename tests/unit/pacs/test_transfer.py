"""A retrieve in progress: who reads slowly holds the archive back, and nobody waits for ever."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from queue import SimpleQueue
from types import SimpleNamespace

import pytest
from archives import READER_AE, dimse, free_port, plant_study
from pydicom import Dataset

from fedpacs.pacs import transfer as module
from fedpacs.pacs.access import parse_peer
from fedpacs.pacs.embedded import EmbeddedPacs
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.transfer import READY, Transfer


class Association:
    """What a transfer needs of one; an abort ends what is being sent."""

    def __init__(self):
        self.dimse = SimpleNamespace(msg_queue=SimpleQueue())
        self.aborted = threading.Event()

    def abort(self):
        self.aborted.set()


def sending(transfer, number, sent, status=0x0000):
    """Send files one after the other, each as soon as the one before was answered."""
    for n in range(number):
        transfer.arrived(Path(f"{n}.dcm"))
        sent.append(n)
    yield SimpleNamespace(Status=status), None


@pytest.fixture
def transfer(monkeypatch):
    monkeypatch.setattr(module, "_HOLD_S", 60.0)
    return Transfer(Association(), 120.0)


def settled(sent, wanted):
    deadline = time.monotonic() + 5
    while len(sent) < wanted and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(0.05)  # what is not held back would come now
    return len(sent)


def responses(transfer, number, sent):
    for response, _ in sending(transfer, number, sent):
        ds = Dataset()
        ds.Status = response.Status
        yield ds, None


def test_a_reader_that_pauses_holds_the_archive_back(transfer):
    sent = []
    files = transfer.run(lambda: responses(transfer, 100, sent))
    first = next(files)
    # one was taken, some lie ready, one more is kept until the next shows that it is whole
    assert settled(sent, READY + 2) == READY + 2
    assert [first, *files] == [Path(f"{n}.dcm") for n in range(100)]
    assert transfer.received == 100


def test_a_reader_that_leaves_lets_go_of_an_archive_that_waits(transfer):
    sent = []
    files = transfer.run(lambda: responses(transfer, 100, sent))
    next(files)
    settled(sent, READY + 2)
    start = time.monotonic()
    files.close()  # joins the thread that sends
    assert time.monotonic() - start < 5
    assert transfer._association.aborted.is_set()


def test_a_reader_that_fails_lets_go_too(transfer):
    sent = []

    def read():
        for _ in transfer.run(lambda: responses(transfer, 100, sent)):
            settled(sent, READY + 2)
            raise OSError("no space left")

    with pytest.raises(OSError, match="no space"):
        read()
    assert transfer._association.aborted.is_set()


def test_an_answer_is_never_held_back_until_the_archive_gives_up(monkeypatch):
    monkeypatch.setattr(module, "_HOLD_S", 0.02)
    transfer = Transfer(Association(), 120.0)
    sent = []
    files = transfer.run(lambda: responses(transfer, 20, sent))
    next(files)
    assert settled(sent, 20) == 20
    assert len(list(files)) == 19


def test_an_archive_that_goes_silent_is_noticed():
    transfer = Transfer(Association(), 0.1)

    def silence():
        transfer.arrived(Path("0.dcm"))
        transfer._association.aborted.wait(5)
        yield from ()

    assert list(transfer.run(silence)) == []
    assert (transfer.final_status, transfer.received) == (None, 0)


@pytest.mark.parametrize("retrieve", ["c-get", "c-move"])
def test_an_association_outlives_a_reader_slower_than_its_timeout(retrieve, tmp_path):
    port = free_port()
    peers = [parse_peer(f"{READER_AE}@127.0.0.1:{port}")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:
        config = dimse(retrieve, pacs.port, "EMBEDDED", port, timeout_s=1.0)
        open_writer(config).store(plant_study(tmp_path / "source").files)
        reader = open_reader(config)
        (ref,) = reader.find(StudyQuery("MR"))
        (tmp_path / "into").mkdir()
        files = []
        for path in reader.retrieve(ref, tmp_path / "into"):
            files.append(path)
            time.sleep(1.2 if len(files) == 1 else 0.1)
        reader.close()
    assert len(files) == len(ref.sop_instance_uids)
