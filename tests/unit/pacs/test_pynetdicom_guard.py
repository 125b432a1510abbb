from __future__ import annotations

import logging
import threading
import time

import pytest
from archives import READER_AE, dimse, plant_study
from pydicom import Dataset
from pynetdicom import AE, evt
from pynetdicom.association import Association
from pynetdicom.sop_class import Verification

from fedpacs.pacs import pynetdicom_guard
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete

_PAUSE_S = 0.01
_ANSWER_S = 0.05
_ECHOES = 5


class _SlowUnguarded(threading.Event):
    """pynetdicom's own checkpoint, with the window of the race held open."""

    def wait(self, timeout=None):
        passed = super().wait(timeout)
        time.sleep(_PAUSE_S)
        return passed


class _SlowGuarded(pynetdicom_guard.GuardedCheckpoint):
    """Ours, with the same pause at the same place."""

    def wait(self, timeout=None):
        passed = super().wait(timeout)
        time.sleep(_PAUSE_S)
        return passed


@pytest.fixture
def slow_peer():
    """A peer that answers C-ECHO after a while."""

    def answer(_event):
        time.sleep(_ANSWER_S)
        return 0x0000

    entity = AE(ae_title="SLOW")
    entity.add_supported_context(Verification)
    server = entity.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, answer)]
    )
    yield server.socket.getsockname()[1]
    entity.shutdown()


def _reads_while_a_sender_waits(port, make_checkpoint) -> int:
    """Count how often the reactor reads although the sender saw it paused.

    Each such read takes the sender's response when it happens to be there.
    """
    entity = AE(ae_title=READER_AE)
    entity.add_requested_context(Verification)
    association = entity.associate("127.0.0.1", port)
    checkpoint = make_checkpoint(association)
    checkpoint.set()
    association._reactor_checkpoint = checkpoint
    original = association.dimse.get_msg
    reads = 0

    waiting = False

    def get_msg(block=False):
        nonlocal reads, waiting
        reads += waiting and not block
        waiting = waiting or block
        answer = original(block)
        waiting = waiting and not block
        return answer

    association.dimse.get_msg = get_msg
    for _ in range(_ECHOES):
        time.sleep(1.5 * _PAUSE_S)  # the reactor is somewhere in the window
        assert association.send_c_echo().Status == 0x0000
    association.release()
    return reads


def test_pynetdicom_alone_reads_past_a_waiting_sender(slow_peer):
    assert _reads_while_a_sender_waits(slow_peer, lambda _: _SlowUnguarded()) > 0


def test_the_guarded_checkpoint_never_does(slow_peer):
    assert _reads_while_a_sender_waits(slow_peer, _SlowGuarded) == 0


def test_every_association_has_the_guarded_checkpoint():
    pynetdicom_guard.install()
    pynetdicom_guard.install()
    association = Association(AE(), "requestor")
    assert isinstance(association._reactor_checkpoint, pynetdicom_guard.GuardedCheckpoint)


def test_a_reactor_that_sends_by_itself_counts_as_paused():
    class Reactor(threading.Thread):
        def run(self):
            self._is_paused = False
            checkpoint.clear()

    reactor = Reactor()
    checkpoint = pynetdicom_guard.GuardedCheckpoint(reactor)
    reactor.start()
    reactor.join()
    assert reactor._is_paused is True


def test_an_unknown_reactor_is_refused():
    def bare(self):
        del self

    with pytest.raises(RuntimeError, match="another reactor"):
        pynetdicom_guard._guarded_init(bare)(object.__new__(Association))


def test_no_identifier_reaches_any_log(embedded_pacs, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    study = plant_study(tmp_path / "source")
    config = dimse("c-get", embedded_pacs.port, "EMBEDDED", None)
    open_writer(config).store(study.files)
    reader = open_reader(config)
    for ref in reader.find(StudyQuery("MR", patient_id=study.patient_id)):
        retrieve_complete(reader, ref, tmp_path / "staging")
    reader.close()
    try:
        raise ValueError(study.patient_id)  # noqa: TRY301 - what pynetdicom does with handlers
    except ValueError:
        logging.getLogger("pynetdicom.association").exception("Bad %s", study.patient_id)
    printed = caplog.text
    assert "pynetdicom test_pynetdicom_guard line" in printed
    for secret in (study.patient_id, study.study_instance_uid, "Müller", "Number1"):
        assert secret not in printed


def test_nothing_identified_has_a_telling_repr(tmp_path):
    study = plant_study(tmp_path)
    query = StudyQuery("MR", patient_id=study.patient_id)
    assert study.patient_id not in repr(query)


def test_the_peer_of_a_dead_connection_does_no_harm():
    class Gone:
        def setsockopt(self, *_):
            raise OSError

    event = Dataset()
    event.assoc = type("A", (), {})()
    event.assoc.dul = type("D", (), {})()
    event.assoc.dul.socket = type("S", (), {"socket": Gone()})()
    for _, handler in pynetdicom_guard.WIRE_HANDLERS:
        handler(event)
