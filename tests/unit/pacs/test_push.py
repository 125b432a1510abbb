from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from archives import free_port, plant_study
from pynetdicom import AE, build_context
from pynetdicom.sop_class import MRImageStorage

from fedpacs.config.pacs import DimsePacs, PushPacs
from fedpacs.pacs.errors import CannotListenError, IncompleteStudyError
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.push_receiver import PushReceiver
from fedpacs.pacs.reconcile import retrieve_complete

QUERY = StudyQuery("MR")


@pytest.fixture
def pacs(tmp_path):
    """A push block that CT1 of this machine may send to."""
    return PushPacs.model_validate(
        {
            "kind": "push",
            "ae_title": "INBOX",
            "port": free_port(),
            "senders": [{"ae_title": "CT1", "host": "127.0.0.1"}],
            "inbox": tmp_path / "inbox",
            "quiet_s": 0.01,
            "minimum_free_bytes": 0,
        }
    )


def _sender(pacs, title="CT1"):
    return open_writer(
        DimsePacs(
            kind="dimse",
            host="127.0.0.1",
            port=pacs.port,
            called_ae_title="INBOX",
            calling_ae_title=title,
            timeout_s=5,
        )
    )


def _found(pacs):
    time.sleep(0.05)
    reader = open_reader(pacs)
    found = list(reader.find(QUERY))
    reader.close()
    return found


def test_what_is_sent_is_found_retrieved_and_let_go_of(pacs, tmp_path):
    study = plant_study(tmp_path / "source")
    with PushReceiver(pacs):
        assert _sender(pacs).store(study.files).failed == ()
    time.sleep(0.05)
    reader = open_reader(pacs)
    (ref,) = reader.find(QUERY)
    assert len(retrieve_complete(reader, ref, tmp_path / "staging").files) == len(study.files)
    reader.done(ref)
    assert list((pacs.inbox / "files").iterdir()) == []
    (again,) = reader.find(QUERY)
    assert again.sop_instance_uids == ref.sop_instance_uids  # the cohort still knows it
    reader.close()


def test_a_sealed_study_sent_again_in_part_is_not_taken_for_a_whole_one(pacs, tmp_path):
    study = plant_study(tmp_path / "source")
    with PushReceiver(pacs):
        _sender(pacs).store(study.files)
        time.sleep(0.05)
        reader = open_reader(pacs)
        reader.done(next(reader.find(QUERY)))
        _sender(pacs).store(study.files[:2])
    time.sleep(0.05)
    (ref,) = reader.find(QUERY)
    with pytest.raises(IncompleteStudyError):
        retrieve_complete(reader, ref, tmp_path / "staging", attempts=1)
    reader.close()


def test_a_stranger_is_rejected(pacs):
    with PushReceiver(pacs):
        association = AE("STRANGER").associate(
            "127.0.0.1", pacs.port, [build_context(MRImageStorage)], ae_title="INBOX"
        )
        assert association.is_rejected
    assert _found(pacs) == []


def test_a_study_is_not_given_while_it_comes_in(pacs, tmp_path):
    slow = pacs.model_copy(update={"quiet_s": 60.0})
    with PushReceiver(slow):
        _sender(slow).store(plant_study(tmp_path / "source").files)
    assert _found(slow) == []


def test_an_association_that_breaks_off_makes_the_study_incomplete_until_it_is_sent_again(
    pacs, tmp_path
):
    from pydicom import dcmread

    study = plant_study(tmp_path / "source")
    with PushReceiver(pacs):
        association = AE("CT1").associate(
            "127.0.0.1", pacs.port, [build_context(MRImageStorage)], ae_title="INBOX"
        )
        assert association.send_c_store(dcmread(study.files[0])).Status == 0
        association.abort()
        time.sleep(0.3)
        assert [ref.unlisted for ref in _found(pacs)] == [1]
        _sender(pacs).store(study.files)
        time.sleep(0.3)
    assert [ref.unlisted for ref in _found(pacs)] == [0]


def test_a_full_disk_refuses_and_the_study_is_incomplete(pacs, tmp_path):
    full = pacs.model_copy(update={"minimum_free_bytes": 10**18})
    study = plant_study(tmp_path / "source")
    with PushReceiver(pacs):
        _sender(pacs).store(study.files[:1])
    with PushReceiver(full):
        receipt = _sender(full).store(study.files[1:2])
    assert receipt.failed == ("pacs.store-0xa700",)
    assert [ref.unlisted for ref in _found(pacs)] == [1]


def test_a_kill_loses_nothing_that_was_answered_with_success(pacs, tmp_path):
    code = "import sys,time\nfrom fedpacs.config.pacs import PushPacs\n"
    code += "from fedpacs.pacs.push_receiver import PushReceiver\n"
    code += "r = PushReceiver(PushPacs.model_validate_json(sys.argv[1]))\nprint('up', flush=True)\n"
    code += "time.sleep(60)\n"
    process = subprocess.Popen(
        [sys.executable, "-c", code, pacs.model_dump_json()], stdout=subprocess.PIPE
    )
    process.stdout.readline()
    study = plant_study(tmp_path / "source")
    stored = _sender(pacs).store(study.files).stored
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    (pacs.inbox / "index.db").unlink()  # the worst: only the files are left
    with PushReceiver(pacs):
        pass
    (ref,) = _found(pacs)
    assert len(ref.sop_instance_uids) == stored == len(study.files)


def test_an_inbox_has_one_receiver(pacs):
    with PushReceiver(pacs), pytest.raises(CannotListenError):
        PushReceiver(pacs.model_copy(update={"port": free_port()}))


def test_the_probe_says_when_nobody_listens(pacs):
    reader = open_reader(pacs)
    assert reader.probe()[-1].code == "pacs.nobody-listens"
    with PushReceiver(pacs):
        steps = reader.probe()
    reader.close()
    assert [(step.name, step.passed) for step in steps] == [("listen", True), ("inbox", True)]
