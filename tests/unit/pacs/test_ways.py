"""How a way of retrieving is chosen, and how the choice is kept."""

from __future__ import annotations

import json

from archives import READER_AE, dimse, free_port, plant_study

from fedpacs.pacs.access import parse_peer
from fedpacs.pacs.embedded import EmbeddedPacs
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete


def _probe(config):
    reader = open_reader(config)
    steps = reader.probe()
    reader.close()
    return steps


def test_auto_takes_c_get_where_it_works_and_keeps_the_evidence(embedded_pacs, tmp_path):
    evidence = tmp_path / "data" / "evidence.json"
    config = dimse("auto", embedded_pacs.port, "EMBEDDED", None, evidence=evidence)
    study = plant_study(tmp_path / "source")
    open_writer(config).store(study.files)
    assert _probe(config)[-1].method == "c-get"
    kept = json.loads(evidence.read_text())
    assert (kept["chosen"], kept["passed"]) == ("c-get", True)
    assert evidence.stat().st_mode & 0o077 == 0
    for secret in (study.patient_id, study.study_instance_uid):
        assert secret not in evidence.read_text()


def test_auto_falls_to_c_move_and_says_why(tmp_path):
    scp_port = free_port()
    peers = [parse_peer(f"{READER_AE}@127.0.0.1:{scp_port}=echo,find,move,store")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:
        config = dimse("auto", pacs.port, "EMBEDDED", scp_port, evidence=tmp_path / "e.json")
        open_writer(config).store(plant_study(tmp_path / "source").files)
        last = _probe(config)[-1]
        assert (last.method, last.passed) == ("c-move", True)
        assert [step.code for step in last.tried] == ["pacs.service-not-offered"]
        for known in (config, config.model_copy(update={"evidence": tmp_path / "none.json"})):
            reader = open_reader(known)
            (ref,) = reader.find(StudyQuery("MR"))
            staging = tmp_path / f"staging-{known.evidence.stem}"
            assert len(retrieve_complete(reader, ref, staging).files) == 6
            reader.close()


def test_where_no_way_works_both_are_explained(tmp_path):
    peers = [parse_peer(f"{READER_AE}@127.0.0.1=echo,find,store")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path / "pacs", peers) as pacs:
        config = dimse("auto", pacs.port, "EMBEDDED", None)
        open_writer(config).store(plant_study(tmp_path / "source").files)
        last = _probe(config)[-1]
    assert (last.code, last.passed) == ("pacs.no-way", False)
    assert "C-GET" in last.advice
    assert f"add AE {READER_AE}" in last.advice
