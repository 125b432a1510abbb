from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest
from archives import READER_AE, dimse, free_port, plant_study
from pydicom import dcmread
from pynetdicom import AE, build_context, build_role
from pynetdicom.sop_class import (
    MRImageStorage,
    PatientRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from fedpacs.pacs.access import parse_peer
from fedpacs.pacs.embedded import EmbeddedPacs, main
from fedpacs.pacs.errors import CannotListenError, CorruptInstanceError, UnsafeStoreError
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.query import identifier
from fedpacs.pacs.reconcile import retrieve_complete

_FIND = StudyRootQueryRetrieveInformationModelFind
_GET = StudyRootQueryRetrieveInformationModelGet
_MOVE = StudyRootQueryRetrieveInformationModelMove


def _start(store, port):
    process = subprocess.Popen(
        [
            sys.executable,
            *("-m", "fedpacs.pacs.embedded", "--aet", "EMBEDDED", "--port", str(port)),
            *("--store", str(store), "--allow", f"{READER_AE}@127.0.0.1"),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    return process, process.stdout.readline()


def _find(port):
    reader = open_reader(dimse("c-get", port, "EMBEDDED", None))
    found = list(reader.find(StudyQuery("MR")))
    reader.close()
    return found


def _associate(pacs, *models, caller=READER_AE, called="EMBEDDED", roles=()):
    entity = AE(ae_title=caller)
    contexts = [build_context(model) for model in models or (Verification,)]
    return entity.associate(
        "127.0.0.1", pacs.port, contexts=contexts, ae_title=called, ext_neg=list(roles)
    )


def _statuses(responses):
    return [response.Status for response, _ in responses]


def test_it_starts_fast_without_heavy_imports_and_stops_on_sigterm(tmp_path):
    began = time.monotonic()
    process, ready = _start(tmp_path / "store", 0)
    elapsed_s = time.monotonic() - began
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.stdout.close()
    assert ready.startswith("ready: EMBEDDED at 127.0.0.1:")
    assert elapsed_s < 5  # well under 2 s alone; the test machine may be busy
    heavy = "torch", "monai", "flwr", "presidio_analyzer", "highdicom", "sqlalchemy", "scipy"
    listing = f"import fedpacs.pacs.embedded, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_a_kill_loses_neither_files_nor_index(tmp_path):
    store, port = tmp_path / "store", free_port()
    study = plant_study(tmp_path / "source")
    process, _ = _start(store, port)
    config = dimse("c-get", port, "EMBEDDED", None)
    assert open_writer(config).store(study.files).stored == len(study.files)
    process.kill()
    process.wait(10)
    process.stdout.close()
    (store / "files" / ".half.1.partial").write_bytes(b"half")
    process, _ = _start(store, port)
    (found,) = _find(port)
    reader = open_reader(config)
    again = retrieve_complete(reader, found, tmp_path / "staging")
    reader.close()
    process.terminate()
    process.wait(10)
    process.stdout.close()
    assert len(again.files) == len(study.files)
    assert not (store / "files" / ".half.1.partial").exists()


def test_files_without_an_entry_are_indexed_and_entries_without_a_file_dropped(tmp_path):
    peers = [parse_peer(f"{READER_AE}@127.0.0.1")]
    study = plant_study(tmp_path / "source")
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:
        open_writer(dimse("c-get", pacs.port, "EMBEDDED", None)).store(study.files)
    (tmp_path / "pacs" / "index.db").unlink()
    (tmp_path / "pacs" / "files" / "stray.dcm").write_bytes(b"not DICOM")
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:
        (found,) = _find(pacs.port)
    assert len(found.sop_instance_uids) == len(study.files)
    for path in (tmp_path / "pacs" / "files").iterdir():
        path.unlink()
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:
        assert _find(pacs.port) == []


def test_a_stranger_is_rejected(embedded_pacs):
    association = _associate(embedded_pacs, caller="STRANGER")
    assert association.is_rejected
    assert association.acceptor.primitive.diagnostic == 3


def test_a_wrong_called_title_is_rejected(embedded_pacs):
    association = _associate(embedded_pacs, called="OTHER")
    assert association.is_rejected
    assert association.acceptor.primitive.diagnostic == 7


def test_a_listed_title_from_another_host_is_rejected(tmp_path):
    peers = [parse_peer("SITE@192.0.2.7")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path, peers) as pacs:
        assert _associate(pacs, caller="SITE").is_rejected


def test_only_granted_services_are_offered(tmp_path):
    peers = [parse_peer(f"{READER_AE}@127.0.0.1:104=echo")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path, peers) as pacs:
        association = _associate(pacs, Verification, _FIND, _GET, _MOVE, MRImageStorage)
        offered = {cx.abstract_syntax for cx in association.accepted_contexts}
        sent = association.send_c_store(dcmread(plant_study(tmp_path / "s").files[0]))
        association.release()
    assert offered == {Verification, MRImageStorage}
    assert sent.Status == 0x0124


def test_the_first_writer_wins(embedded_pacs, tmp_path):
    study = plant_study(tmp_path)
    config = dimse("c-get", embedded_pacs.port, "EMBEDDED", None)
    assert open_writer(config).store(study.files[:1]).stored == 1
    assert open_writer(config).store(study.files[:1]).stored == 1
    other = dcmread(study.files[0])
    other.PatientName = "Other^Name"
    other.save_as(tmp_path / "other.dcm")
    receipt = open_writer(config).store([tmp_path / "other.dcm"])
    assert (receipt.stored, receipt.failed) == (0, ("pacs.store-0x0111",))


def test_an_object_announced_as_another_is_refused(tmp_path):
    from fedpacs.pacs.archive_store import ArchiveStore

    store = ArchiveStore(tmp_path / "pacs")
    content = plant_study(tmp_path / "s").files[0].read_bytes()
    with pytest.raises(CorruptInstanceError):
        store.put(content, "../../etc/passwd")
    assert list((tmp_path / "pacs" / "files").iterdir()) == []
    store.close()


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"StudyInstanceUID": ""},
        {"StudyInstanceUID": "*"},
        {"StudyInstanceUID": "1.2.*"},
        {"PatientID": "MRN-000001"},
    ],
)
def test_a_retrieve_that_names_nothing_is_refused(embedded_pacs, tmp_path, keys):
    config = dimse("c-get", embedded_pacs.port, "EMBEDDED", None)
    open_writer(config).store(plant_study(tmp_path).files[:1])
    association = _associate(
        embedded_pacs,
        _GET,
        _MOVE,
        MRImageStorage,
        roles=[build_role(MRImageStorage, scp_role=True)],
    )
    got = _statuses(association.send_c_get(identifier("STUDY", **keys), _GET))
    moved = _statuses(association.send_c_move(identifier("STUDY", **keys), READER_AE, _MOVE))
    association.release()
    assert got == [0xA900]
    assert moved == [0xC514]


def test_a_series_query_without_its_study_is_refused(embedded_pacs):
    association = _associate(embedded_pacs, _FIND)
    keys = identifier("SERIES", SeriesInstanceUID="")
    assert _statuses(association.send_c_find(keys, _FIND)) == [0xA900]
    assert _statuses(association.send_c_find(identifier("NOWHERE"), _FIND)) == [0xA900]
    association.release()


def test_a_study_is_one_answer_with_its_counts(embedded_pacs, tmp_path):
    study = plant_study(tmp_path)
    config = dimse("c-get", embedded_pacs.port, "EMBEDDED", None)
    open_writer(config).store(study.files)
    association = _associate(embedded_pacs, _FIND)
    keys = identifier(
        "STUDY",
        PatientName="müller*",
        StudyInstanceUID="",
        ModalitiesInStudy="SEG",
        NumberOfStudyRelatedSeries="",
        NumberOfStudyRelatedInstances="",
        InstitutionName="",
    )
    keys.SpecificCharacterSet = "ISO_IR 192"
    answers = [(r.Status, a) for r, a in association.send_c_find(keys, _FIND) if a is not None]
    association.release()
    ((status, answer),) = answers
    assert status == 0xFF01  # InstitutionName is not supported
    assert str(answer.PatientName) == "Müller^Number1"
    assert set(answer.ModalitiesInStudy) == {"MR", "NM", "SEG"}
    assert (answer.NumberOfStudyRelatedSeries, answer.NumberOfStudyRelatedInstances) == (3, 6)
    assert answer.RetrieveAETitle == "EMBEDDED"


def test_patient_root_works_too(embedded_pacs, tmp_path):
    study = plant_study(tmp_path)
    config = dimse("c-get", embedded_pacs.port, "EMBEDDED", None)
    open_writer(config).store(study.files[:1])
    model = PatientRootQueryRetrieveInformationModelGet
    association = _associate(
        embedded_pacs, model, MRImageStorage, roles=[build_role(MRImageStorage, scp_role=True)]
    )
    keys = identifier("PATIENT", PatientID=study.patient_id)
    assert _statuses(association.send_c_get(keys, model))[-1] != 0xA900
    association.release()


def test_an_archive_for_nobody_does_not_start(tmp_path, capsys):
    with pytest.raises(UnsafeStoreError):
        EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path, [])
    assert main(["--aet", "A", "--port", "0", "--store", str(tmp_path)]) == 31
    assert capsys.readouterr().err.startswith("pacs.unsafe-store: ")


def test_a_taken_port_is_named(embedded_pacs, tmp_path):
    peers = [parse_peer("A@127.0.0.1")]
    with pytest.raises(CannotListenError, match=str(embedded_pacs.port)):
        EmbeddedPacs("B", ("127.0.0.1", embedded_pacs.port), tmp_path / "b", peers)
