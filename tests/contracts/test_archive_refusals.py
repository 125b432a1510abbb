"""How real archives refuse, and what we make of it: a code and a sentence for the PACS admin."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from archives import READER_AE, RunningArchive, dcmqrscp, free_port, orthanc, plant_study

from fedpacs.pacs.errors import PacsError, UnknownMoveDestinationError
from fedpacs.pacs.open import open_reader
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete

if TYPE_CHECKING:
    from pathlib import Path


def _with(archive: RunningArchive, **changes: object) -> RunningArchive:
    return replace(archive, config=archive.config.model_copy(update=changes))


def _failed_rung(archive: RunningArchive) -> tuple[str, str, str]:
    reader = open_reader(archive.config)
    steps = reader.probe()
    reader.close()
    assert not steps[-1].passed
    assert all(step.passed for step in steps[:-1])
    return steps[-1].name, steps[-1].code, steps[-1].advice


@pytest.mark.parametrize(
    ("start", "status"), [(orthanc, "0xC000"), (dcmqrscp, "0xA801")], ids=["orthanc", "dcmqrscp"]
)
def test_an_unknown_move_destination_says_what_to_ask_the_admin(start, status, tmp_path: Path):
    study = plant_study(tmp_path / "source").uncompressed()
    with start(tmp_path, "c-move", knows_us=False) as archive:
        archive.load(study.files)
        name, code, advice = _failed_rung(archive)
        reader = open_reader(archive.config)
        (ref,) = reader.find(StudyQuery("MR"))
        with pytest.raises(UnknownMoveDestinationError):
            retrieve_complete(reader, ref, tmp_path / "staging")
        reader.close()
    assert (name, code) == ("retrieve", "pacs.unknown-move-destination")
    assert status in advice
    port = archive.config.storage_scp_port
    assert f"Ask your PACS admin to add AE {READER_AE} at 127.0.0.1:{port}" in advice


def test_orthanc_closes_on_a_title_it_does_not_know(tmp_path: Path):
    with orthanc(tmp_path, "c-get") as archive:
        rung = _failed_rung(_with(archive, calling_ae_title="STRANGER"))
        wrong = _failed_rung(_with(archive, called_ae_title="OTHER"))
    assert rung[1] in ("pacs.association-aborted", "pacs.unknown-calling-ae-title")
    assert "STRANGER" in rung[2]
    assert wrong[:2] == ("association", "pacs.unknown-called-ae-title")


def test_dcmqrscp_has_no_c_get(tmp_path: Path):
    study = plant_study(tmp_path / "source").uncompressed()
    with dcmqrscp(tmp_path, "c-move") as archive:
        archive.load(study.files)
        name, code, advice = _failed_rung(_with(archive, retrieve="c-get"))
    assert name == "retrieve"
    assert code == "pacs.service-not-offered"
    assert "the other value of `retrieve`" in advice


def test_an_archive_that_is_not_there(tmp_path: Path):
    with orthanc(tmp_path, "c-get") as archive:
        gone = _with(archive, port=free_port())
        nowhere = _with(archive, host="no-such-host.invalid")
        assert _failed_rung(gone)[:2] == ("tcp", "pacs.unreachable")
        assert _failed_rung(nowhere)[:2] == ("tcp", "pacs.unreachable")
        reader = open_reader(nowhere.config)
        with pytest.raises(PacsError) as caught:
            list(reader.find(StudyQuery("MR")))
    assert caught.value.code == "pacs.unreachable"
