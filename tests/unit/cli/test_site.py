from __future__ import annotations

import json
import shlex
from dataclasses import replace

import pytest

from fedpacs.cli.main import run
from fedpacs.simulation.hospital import write_patients
from fedpacs.simulation.hospital_recipe import RECIPES
from fedpacs.simulation.workspace import prepare_workspace


@pytest.fixture
def folder(tmp_path):
    """A hospital with an export folder for a PACS, keys and configuration, and no patient."""
    place = prepare_workspace(tmp_path / "demo").hospitals[-1]
    (place.folder / "export").mkdir(exist_ok=True)
    return place.folder


@pytest.fixture
def site(folder, monkeypatch):
    monkeypatch.setenv("FEDPACS_SITE", str(folder / "site.toml"))

    def call(*words: str) -> int:
        with pytest.raises(SystemExit) as end:
            run(["site", *words])
        return end.value.code

    return call


def test_a_site_that_is_in_order_passes_its_check(site, capsys):
    assert site("check", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["passed"] is True
    assert len(document["checks"]) > 5
    assert "code" not in document


def test_a_missing_key_fails_the_check_and_all_parts_are_still_tried(site, folder, capsys):
    (folder / "keys" / "project.key").unlink()
    (folder / "keys" / "runtime.secret").unlink()
    assert site("check", "--json") == 65
    document = json.loads(capsys.readouterr().out)
    failed = [check["name"] for check in document["checks"] if not check["passed"]]
    assert failed == ["project key", "runtime secret"]
    assert document["code"] == "agent.failed"
    assert document["exit_status"] == 65


def test_a_next_step_can_be_pasted_where_a_path_has_a_space(folder, capsys):
    beside = folder.with_name("St. Mary's")
    folder.rename(beside)
    recipe = replace(RECIPES["cedar"], patients=1, follow_ups=0)
    write_patients(recipe, beside / "export")
    with pytest.raises(SystemExit):
        run(["site", "find", "--job", "brain-tissue", "--site", str(beside / "site.toml")])
    said = capsys.readouterr().out.rpartition("`fedpacs ")[2].rstrip("`\n")
    words = shlex.split(said)
    assert words == [
        *("site", "ingest", "--site", str(beside / "site.toml"), "--job", "brain-tissue"),
    ]


def test_a_probe_names_the_broken_rung_and_its_next_step(site, folder, capsys):
    (folder / "export").rmdir()
    assert site("echo") == 30
    out, err = capsys.readouterr()
    assert out.startswith(" FAIL  folder  [pacs.folder-unreadable]")
    assert err.startswith("error[pacs.folder-unreadable]: The PACS did not pass folder.\nnext: ")


def test_an_empty_pacs_leads_nowhere(site, capsys):
    assert site("find", "--job", "brain-tissue") == 66
    assert "Next:" not in capsys.readouterr().out
    assert site("find", "--job", "brain-tissue", "--json") == 66
    assert json.loads(capsys.readouterr().out)["studies"] == 0


def test_an_ingest_that_finds_nothing_is_an_error(site, capsys):
    assert site("ingest", "--job", "brain-tissue", "--json") == 66
    assert json.loads(capsys.readouterr().out)["code"] == "agent.nothing-found"


def test_a_closed_cohort_gate_is_told_by_the_exit_status(site, folder, capsys):
    few = replace(RECIPES["cedar"], patients=2, follow_ups=0)
    write_patients(few, folder / "export")
    assert site("ingest", "--job", "brain-tissue", "--json") == 20
    out, err = capsys.readouterr()
    document = json.loads(out)
    assert document["code"] == "cohort.empty-part"
    assert "The cohort has 2 patients" in document["message"]
    assert err.startswith("ingest: 1\n")


@pytest.mark.parametrize("words", [(), ("--json",)])
def test_nobody_signs_without_being_asked(site, capsys, words):
    people = ("--approver", "dpo", "--key", "file:people/dpo.pem")
    assert site("approve", "--job", "brain-tissue", *people, *words) == 2
    told = "".join(capsys.readouterr())
    assert "An approval needs a person who reads the terms" in told
    assert "--yes" in told


def test_a_faulty_site_file_is_told_with_every_fault(site, folder, capsys):
    file = folder / "site.toml"
    file.write_text(file.read_text().replace('kind = "folder"', 'kind = "cloud"') + "\n[extra]\n")
    assert site("status", "--json") == 10
    document = json.loads(capsys.readouterr().out)
    assert [fault["where"] for fault in document["faults"]] == ["pacs", "extra"]


def test_a_site_file_that_is_not_there_is_told_without_its_folder(site, folder, capsys):
    (folder / "site.toml").unlink()
    assert site("status") == 10
    assert capsys.readouterr().err.startswith(
        "error[config.unreadable]: site.toml cannot be read: No such file or directory.\n"
    )
