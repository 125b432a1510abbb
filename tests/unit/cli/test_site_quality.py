"""A hospital codes and checks its series: ingest, look, answer, and it is asked no more."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from pydicom import dcmread

from fedpacs.cli.main import run
from fedpacs.simulation.hospital import write_patients
from fedpacs.simulation.hospital_recipe import RECIPES
from fedpacs.simulation.workspace import prepare_workspace


@pytest.fixture
def hospital(tmp_path, monkeypatch):
    workspace = prepare_workspace(tmp_path / "demo")
    place = next(p for p in workspace.hospitals if p.name == "cedar")
    cedar = RECIPES["cedar"]
    recipe = replace(cedar, patients=3, follow_ups=0, grid=replace(cedar.grid, slices=4))
    planted = write_patients(recipe, place.folder / "export")
    monkeypatch.setenv("FEDPACS_SITE", str(place.folder / "site.toml"))
    monkeypatch.setenv("FEDPACS_JOB", str(workspace.job_file))
    return place.folder, planted


def call(capsys, *words, code=0):
    with pytest.raises(SystemExit) as end:
        run(["site", *words])
    assert end.value.code == code
    return capsys.readouterr().out


def spoil(folder):
    """Take one slice between others out of one study."""
    images = [
        p
        for p in sorted(folder.rglob("*.dcm"))
        if dcmread(p, stop_before_pixels=True).Modality == "MR"
    ]
    first = dcmread(images[0], stop_before_pixels=True).SeriesInstanceUID
    series = [p for p in images if dcmread(p, stop_before_pixels=True).SeriesInstanceUID == first]
    series.sort(key=lambda p: float(dcmread(p, stop_before_pixels=True).ImagePositionPatient[2]))
    series[1].unlink()


def test_series_are_checked_coded_and_answered(hospital, tmp_path, capsys):
    folder, _ = hospital
    spoil(folder / "export")
    call(capsys, "ingest", code=20)  # too few patients for a cohort; what is sealed stays sealed
    summary = json.loads(call(capsys, "quality", "--json", "--report", str(tmp_path / "report")))
    assert summary["studies"] == 2, "the study with a missing slice was put aside"
    assert summary["severities"]["block"] == 0
    assert summary["usable"] == summary["series"] == 4
    assert (tmp_path / "report" / "quality.html").exists()
    (question,) = json.loads(call(capsys, "series", "review", "--json"))["open_questions"]
    assert question["count"] == 3, "a study that is put aside is coded, too"
    assert question["fields"] == {"contrast": "unknown"}
    call(capsys, "series", "map", question["number"], "--contrast", "without")
    assert json.loads(call(capsys, "series", "review", "--json"))["open_questions"] == []
    assert 'contrast = "without"' in (folder / "series-mapping.toml").read_text()
    months = json.loads(call(capsys, "series", "drift", "--json"))["months"]
    assert sum(month["series"] for month in months) == 3
    assert {tuple(m["shares"]["contrast"]) for m in months} == {("without",)}


def test_a_stricter_site_blocks_what_the_job_takes(hospital, capsys):
    folder, _ = hospital
    site = folder / "site.toml"
    site.write_text(site.read_text() + "\n[quality]\nslices = 30\n")
    call(capsys, "ingest", code=65)
    assert json.loads(call(capsys, "status", "--json"))["quarantined"] == {
        "quality.too-few-slices": 3
    }


def test_values_are_listed_for_who_answers(capsys):
    values = json.loads(call(capsys, "series", "values", "--json"))
    assert "Brain" in values["body_part"]
    assert {"t1", "ct-lung"} <= set(values["sequence"])
