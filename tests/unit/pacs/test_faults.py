from __future__ import annotations

import socket
import threading
import time

import pytest
from archives import READER_AE, dimse, free_port, plant_study
from pydicom import dcmread
from pydicom.uid import generate_uid
from pynetdicom import AE, build_context
from pynetdicom.sop_class import MRImageStorage, Verification

from fedpacs.pacs.access import parse_peer
from fedpacs.pacs.archive_services import ArchiveServices
from fedpacs.pacs.dimse import DimseReader
from fedpacs.pacs.embedded import EmbeddedPacs
from fedpacs.pacs.errors import (
    CannotListenError,
    CorruptInstanceError,
    DroppedAssociationError,
    IncompleteStudyError,
    PacsError,
    QueryFailedError,
    TransientPacsError,
)
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete

RETRIEVES = pytest.mark.parametrize("retrieve", ["c-get", "c-move"])


class Faulty(ArchiveServices):
    """The embedded archive with one fault: `fault` rewrites what is sent, `times` times."""

    fault = None
    times = 1

    def _send(self, event, instances):
        if Faulty.times > 0:
            Faulty.times -= 1
            yield from Faulty.fault(event, list(super()._send(event, instances)))
        else:
            yield from super()._send(event, instances)


@pytest.fixture
def faulty(monkeypatch, tmp_path):
    """Start an archive with a fault, loaded with one study; gives its configuration."""
    monkeypatch.setattr("fedpacs.pacs.embedded.ArchiveServices", Faulty)
    study = plant_study(tmp_path / "source")
    scp_port = free_port()
    peers = [parse_peer(f"{READER_AE}@127.0.0.1:{scp_port}")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:

        def start(retrieve, fault, times=1, timeout_s=5.0):
            Faulty.times, Faulty.fault = times, staticmethod(fault)
            config = dimse(retrieve, pacs.port, "EMBEDDED", scp_port, timeout_s=timeout_s)
            open_writer(config).store(study.files)
            return config

        yield start


def _retrieve(config, staging, attempts=3):
    reader = open_reader(config)
    try:
        (ref,) = reader.find(StudyQuery("MR"))
        return retrieve_complete(reader, ref, staging, attempts)
    finally:
        reader.close()


def _drop(event, sent):
    yield sent[0]
    event.assoc.abort()
    yield from sent[1:]


def _short(_event, sent):
    yield from sent[1:]


def _cut(_event, sent):
    for status, ds in sent:
        ds.PixelData = ds.PixelData[: len(ds.PixelData) // 2]
        if not ds["PixelData"].is_undefined_length:
            yield status, ds


def _mislabelled(_event, sent):
    for status, ds in sent:
        ds.StudyInstanceUID = "1.2.3"
        yield status, ds


def _foreign(_event, sent):
    for status, ds in sent:
        ds.SOPInstanceUID = generate_uid()
        yield status, ds


def _silent(_event, sent):
    time.sleep(4.0)
    yield from sent


@RETRIEVES
@pytest.mark.parametrize("fault", [_drop, _short, _mislabelled, _foreign], ids=lambda f: f.__name__)
def test_what_goes_wrong_once_is_asked_for_again(faulty, retrieve, fault, tmp_path):
    study = _retrieve(faulty(retrieve, fault), tmp_path / "staging")
    assert len(study.files) == 6


@RETRIEVES
def test_what_stays_missing_is_never_a_study(faulty, retrieve, tmp_path):
    with pytest.raises(IncompleteStudyError) as caught:
        _retrieve(faulty(retrieve, _short, times=99), tmp_path / "staging")
    assert caught.value.code == "pacs.incomplete-study"
    assert caught.value.expected == 6
    assert caught.value.received < 6


@RETRIEVES
def test_objects_that_are_not_what_was_asked_for_are_never_a_study(faulty, retrieve, tmp_path):
    with pytest.raises(CorruptInstanceError) as caught:
        _retrieve(faulty(retrieve, _mislabelled, times=99), tmp_path / "staging")
    assert caught.value.code == "pacs.corrupt-instance"
    assert "1.2.3" not in str(caught.value)


@RETRIEVES
def test_objects_nobody_asked_for_are_refused_and_not_written(faulty, retrieve, tmp_path):
    config = faulty(retrieve, _foreign, times=99)
    with pytest.raises(PacsError):
        _retrieve(config, tmp_path / "staging")
    assert list((tmp_path / "staging").iterdir()) == []


@RETRIEVES
def test_a_silent_archive_is_given_up_and_says_so(faulty, retrieve, tmp_path):
    config = faulty(retrieve, _silent, times=99, timeout_s=1.5)
    with pytest.raises(TransientPacsError) as caught:
        _retrieve(config, tmp_path / "staging", attempts=1)
    assert caught.value.code == "pacs.association-dropped"


@RETRIEVES
def test_a_staging_folder_that_cannot_be_written_is_an_error(faulty, retrieve, tmp_path):
    reader = open_reader(faulty(retrieve, _short, times=0))
    (ref,) = reader.find(StudyQuery("MR"))
    with pytest.raises(PacsError) as caught:
        list(reader.retrieve(ref, tmp_path / "missing"))
    reader.close()
    assert caught.value.code == "pacs.retrieve-failed"


def test_an_archive_that_sends_to_somewhere_else_is_found_by_the_probe(tmp_path):
    elsewhere = AE(ae_title=READER_AE)
    elsewhere.add_supported_context(MRImageStorage)
    from pynetdicom import evt

    server = elsewhere.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, lambda _: 0)]
    )
    peers = [parse_peer(f"{READER_AE}@127.0.0.1:{server.socket.getsockname()[1]}")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:
        config = dimse("c-move", pacs.port, "EMBEDDED", free_port())
        open_writer(config).store(plant_study(tmp_path / "s").files[:1])
        reader = open_reader(config)
        last = reader.probe()[-1]
        reader.close()
    elsewhere.shutdown()
    assert (last.name, last.passed, last.code) == ("retrieve", False, "pacs.nothing-arrived")
    assert "another host or port" in last.advice


def test_an_empty_archive_passes_the_probe_and_says_that_nothing_was_tried(embedded_pacs):
    reader = open_reader(dimse("c-get", embedded_pacs.port, "EMBEDDED", None))
    steps = reader.probe()
    reader.close()
    assert [step.passed for step in steps] == [True] * 5
    assert "not tried" in steps[-1].advice


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"calling_ae_title": "STRANGER"}, "pacs.unknown-calling-ae-title"),
        ({"called_ae_title": "OTHER"}, "pacs.unknown-called-ae-title"),
        ({"port": free_port()}, "pacs.unreachable"),
        ({"host": "no-such-host.invalid"}, "pacs.unreachable"),
    ],
)
def test_each_refusal_has_its_code_and_next_step(embedded_pacs, changes, code):
    config = dimse("c-get", embedded_pacs.port, "EMBEDDED", None).model_copy(update=changes)
    with pytest.raises(PacsError) as caught:
        list(open_reader(config).find(StudyQuery("MR")))
    assert caught.value.code == code
    assert caught.value.hint


def test_a_service_that_is_not_granted_is_named(tmp_path):
    peers = [parse_peer(f"{READER_AE}@127.0.0.1=echo")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:
        config = dimse("c-get", pacs.port, "EMBEDDED", None)
        reader = open_reader(config)
        last = reader.probe()[-1]
        reader.close()
        receipt = open_writer(config).store(plant_study(tmp_path / "s").files[:1])
    assert (last.name, last.code) == ("c-find", "pacs.service-not-offered")
    assert receipt.failed == ("pacs.store-0x0124",)


def test_a_busy_archive_is_transient():
    entity = AE(ae_title="BUSY")
    entity.add_supported_context(Verification)
    entity.maximum_associations = 1
    server = entity.start_server(("127.0.0.1", 0), block=False)
    port = server.socket.getsockname()[1]
    holder = AE()
    held = holder.associate("127.0.0.1", port, contexts=[build_context(Verification)])
    with pytest.raises(TransientPacsError) as caught:
        DimseReader(dimse("c-get", port, "BUSY", None)).query_association()
    held.release()
    entity.shutdown()
    assert caught.value.code == "pacs.busy"


def test_a_port_that_is_no_dicom_server_is_aborted():
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up():
            listener.accept()[0].close()

        thread = threading.Thread(target=hang_up)
        thread.start()
        config = dimse("c-get", listener.getsockname()[1], "X", None, timeout_s=2.0)
        with pytest.raises(PacsError) as caught:
            DimseReader(config).query_association()
        thread.join()
    assert caught.value.code == "pacs.association-aborted"


@pytest.mark.parametrize("taken", [True, False])
def test_a_storage_scp_that_cannot_listen_says_so(embedded_pacs, tmp_path, taken):
    port = embedded_pacs.port if taken else None
    config = dimse("c-move", embedded_pacs.port, "EMBEDDED", port)
    open_writer(config).store(plant_study(tmp_path).files)
    reader = open_reader(config)
    (ref,) = reader.find(StudyQuery("MR"))
    with pytest.raises(CannotListenError):
        retrieve_complete(reader, ref, tmp_path / "staging")
    reader.close()


def test_our_storage_scp_takes_calls_from_the_pacs_only_and_only_during_a_retrieve(embedded_pacs):
    config = dimse("c-move", embedded_pacs.port, "EMBEDDED", free_port())
    reader = DimseReader(config)
    reader.storage_scp()
    for caller in ("STRANGER", "EMBEDDED"):
        association = AE(ae_title=caller).associate(
            "127.0.0.1",
            config.storage_scp_port,
            contexts=[build_context(MRImageStorage)],
            ae_title=READER_AE,
        )
        assert association.is_rejected, caller
    reader.close()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", config.storage_scp_port)) != 0


def test_an_association_that_idled_out_is_opened_anew(embedded_pacs, tmp_path):
    config = dimse("c-get", embedded_pacs.port, "EMBEDDED", None, timeout_s=0.5)
    open_writer(config).store(plant_study(tmp_path).files[:1])
    reader = DimseReader(config)
    assert list(reader.find(StudyQuery("MR")))
    first = reader.query_association()
    time.sleep(1.2)
    assert list(reader.find(StudyQuery("MR")))
    assert reader.query_association() is not first
    reader.close()


def test_one_association_serves_many_studies(embedded_pacs, tmp_path):
    config = dimse("c-get", embedded_pacs.port, "EMBEDDED", None)
    for number in (1, 2, 3):
        open_writer(config).store(plant_study(tmp_path / str(number), number).files)
    reader = DimseReader(config)
    used = set()
    for number, ref in enumerate(reader.find(StudyQuery("MR"))):
        retrieve_complete(reader, ref, tmp_path / f"staging{number}")
        used.add((id(reader._query), id(reader._get)))
    reader.close()
    assert len(used) == 1


def test_more_sop_classes_than_fit_into_one_association(embedded_pacs, tmp_path):
    config = dimse("c-get", embedded_pacs.port, "EMBEDDED", None)
    study = plant_study(tmp_path / "source", with_seg=False)
    files = []
    from pynetdicom import StoragePresentationContexts

    for number, context in enumerate(StoragePresentationContexts[:20]):
        ds = dcmread(study.files[0])
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = context.abstract_syntax
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        files.append(tmp_path / f"{number}.dcm")
        ds.save_as(files[-1])
    assert open_writer(config).store(files).stored == 20
    assert len(_retrieve(config, tmp_path / "staging").files) == 20


class FindFault(ArchiveServices):
    """An archive whose C-FIND has one of the habits seen in the field."""

    habit = ""

    def find(self, event):
        keys = event.identifier
        if FindFault.habit == "fails-on-optional-keys" and "ModalitiesInStudy" in keys:
            yield 0xC000, None
            return
        if FindFault.habit == "fails":
            yield 0xA700, None
            return
        for status, answer in super().find(event):
            if FindFault.habit == "no-optional-keys":
                for keyword in ("ModalitiesInStudy", "SOPClassesInStudy"):
                    if keyword in answer:
                        del answer[keyword]
            if FindFault.habit == "other-patients" and "PatientID" in answer:
                answer.PatientID = "SOMEBODY-ELSE"
            yield status, answer
            if FindFault.habit == "answers-twice":
                yield status, answer


@pytest.fixture
def habitual(monkeypatch, tmp_path):
    """Start an archive with a habit, loaded with one study; gives its configuration."""
    monkeypatch.setattr("fedpacs.pacs.embedded.ArchiveServices", FindFault)
    peers = [parse_peer(f"{READER_AE}@127.0.0.1")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:
        config = dimse("c-get", pacs.port, "EMBEDDED", None)
        open_writer(config).store(plant_study(tmp_path / "source").files)

        def find(habit, query):
            FindFault.habit = habit
            reader = open_reader(config)
            try:
                return list(reader.find(query))
            finally:
                reader.close()

        yield find


@pytest.mark.parametrize("habit", ["fails-on-optional-keys", "no-optional-keys", "answers-twice"])
def test_habits_of_archives_are_borne(habitual, habit):
    (ref,) = habitual(habit, StudyQuery("MR"))
    assert len(ref.sop_instance_uids) == sum(len(s.instances) for s in ref.series) == 6
    assert habitual(habit, StudyQuery("CT")) == []


def test_an_answer_for_somebody_else_is_dropped(habitual):
    assert habitual("other-patients", StudyQuery("MR", patient_id="MRN-000001")) == []


def test_a_failed_query_is_an_error_not_an_empty_answer(habitual):
    with pytest.raises(QueryFailedError, match="0xA700"):
        habitual("fails", StudyQuery("MR"))


def test_dropped_is_transient():
    assert issubclass(DroppedAssociationError, TransientPacsError)
