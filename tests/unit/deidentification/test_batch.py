from __future__ import annotations

import json
import shutil

import pydicom
import pytest

from fedpacs.core.errors import CryptoError
from fedpacs.deidentification import worker
from fedpacs.deidentification.batch import BatchOptions, run
from fedpacs.deidentification.folders import NoSuchFolderError


@pytest.fixture
def key_uri(monkeypatch):
    import hashlib

    monkeypatch.setenv("FEDPACS_TEST_KEY", hashlib.sha256(b"batch").hexdigest())
    return "env:FEDPACS_TEST_KEY"


@pytest.fixture
def source(series, tmp_path):
    folder = tmp_path / "in" / "Grabowska"
    folder.mkdir(parents=True)
    for path in series[:3]:
        shutil.copy(path, folder / path.name)
    (folder / "notes.txt").write_text("Ewa Grabowska")
    (folder / "cut.dcm").write_bytes(series[3].read_bytes()[:-100])
    return tmp_path / "in"


def _options(key_uri, tmp_path, **more):
    return BatchOptions(
        profile="gdpr-pseudonymised",
        key_uri=key_uri,
        map_file=tmp_path / "private" / "map.jsonl",
        report_file=tmp_path / "report.json",
        quarantine=tmp_path / "quarantine",
        **more,
    )


def _names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("workers", [1, 2])
def test_a_folder_is_deidentified_or_refused_file_by_file(source, key_uri, tmp_path, workers):
    steps = []
    out = tmp_path / "out"
    report = run(
        source,
        out,
        _options(
            key_uri, tmp_path, workers=workers, progress=lambda done, of: steps.append((done, of))
        ),
    )
    assert (report.files, report.deidentified) == (5, 3)
    assert report.quarantined == {"deid.damaged-pixels": 1, "deid.not-dicom": 1}
    assert steps == [(n, 5) for n in range(1, 6)]
    assert len(_names(out)) == 3
    assert all(pydicom.dcmread(path).PatientIdentityRemoved == "YES" for path in out.iterdir())
    assert json.loads((tmp_path / "report.json").read_text())["deidentified"] == 3
    assert "Grabowska" not in (tmp_path / "report.json").read_text()


def test_the_map_accounts_for_every_file(source, key_uri, tmp_path):
    run(source, tmp_path / "out", _options(key_uri, tmp_path))
    path = tmp_path / "private" / "map.jsonl"
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert len(lines) == 5
    assert path.stat().st_mode & 0o077 == 0
    for line in lines:
        assert set(line) == {"src", "dst", "status", "code"}
        assert (line["status"] == "ok") == bool(line["dst"]) == (not line["code"])
    assert _names(tmp_path / "quarantine") == [
        "Grabowska", "Grabowska/cut.dcm", "Grabowska/notes.txt",
    ]  # fmt: skip


def test_running_again_changes_nothing(source, key_uri, tmp_path):
    out = tmp_path / "out"
    run(source, out, _options(key_uri, tmp_path))
    before = {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.iterdir()}
    report = run(source, out, _options(key_uri, tmp_path))
    assert report.deidentified == 3
    assert {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in out.iterdir()} == before


@pytest.mark.parametrize("workers", [1, 2])
def test_a_second_object_with_the_same_uid_gets_a_name_of_its_own(
    source, key_uri, tmp_path, series, workers
):
    ds = pydicom.dcmread(series[0])
    ds.EchoTime = "77"
    pydicom.dcmwrite(source / "Grabowska" / "twin.dcm", ds)
    names = []
    for out in ("out", "out", "again"):
        report = run(source, tmp_path / out, _options(key_uri, tmp_path, workers=workers))
        assert report.deidentified == 4
        names.append(_names(tmp_path / out))
    assert names[0] == names[1] == names[2]
    echo_times = [pydicom.dcmread(tmp_path / "out" / name).EchoTime for name in names[0]]
    assert echo_times.count(77) == 1
    assert sum("-" in name for name in names[0]) == 1


def test_a_torn_file_of_a_crash_is_replaced(source, key_uri, tmp_path):
    out = tmp_path / "out"
    run(source, out, _options(key_uri, tmp_path))
    torn = next(out.iterdir())
    whole = torn.read_bytes()
    torn.write_bytes(whole[:700])
    assert run(source, out, _options(key_uri, tmp_path)).deidentified == 3
    assert torn.read_bytes() == whole


def test_every_entry_has_a_line_whatever_it_is(source, key_uri, tmp_path, series):
    import os

    (source / "dangling").symlink_to(tmp_path / "nowhere")
    (source / "elsewhere").symlink_to(tmp_path)
    (source / "linked.dcm").symlink_to(series[0])
    os.mkfifo(source / "pipe")
    (source / os.fsdecode(b"caf\xe9")).write_bytes(b"")
    run(source, tmp_path / "out", _options(key_uri, tmp_path))
    text = (tmp_path / "private" / "map.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    codes = {line["src"]: line["code"] for line in lines}
    assert len(codes) == len(lines) == 10
    assert codes["linked.dcm"] is None
    for name in ("dangling", "elsewhere", "pipe", os.fsdecode(b"caf\xe9")):
        assert codes[name] == "deid.not-dicom"


def test_the_map_must_not_lie_in_the_output(source, key_uri, tmp_path):
    options = BatchOptions("basic", key_uri, map_file=tmp_path / "out" / "map.jsonl")
    with pytest.raises(NoSuchFolderError):
        run(source, tmp_path / "out", options)


def test_a_file_that_kills_its_worker_is_told_apart():
    from fedpacs.deidentification.workforce import Workforce

    force = Workforce(2, _begin, (), _die_of_the_cut_one, lambda name: f"lost {name}")
    jobs = [f"{number}" for number in range(40)] + ["cut"] + ["last"]
    results = list(force.results(jobs))
    assert results == [*(f"done {n}" for n in range(40)), "lost cut", "done last"]


def _begin():
    return None


def _die_of_the_cut_one(name):
    import os

    if name == "cut":
        os._exit(9)
    return f"done {name}"


def test_what_does_not_verify_never_appears(source, key_uri, tmp_path, monkeypatch):
    from fedpacs.deidentification.verification.instance import Finding

    out = tmp_path / "out"
    seen = []

    def find(_original, output, _options, *, name):
        assert name.startswith("2.25.")
        seen.append(output.parent.parent.name.startswith(".unverified-"))
        return (Finding("deid.leak-name", "0010,0010"),)

    monkeypatch.setattr(worker, "verify_instance", find)
    report = run(source, out, _options(key_uri, tmp_path))
    assert report.quarantined["deid.leak-name"] == 3
    assert seen == [True] * 3
    assert _names(out) == []


def test_a_missing_key_stops_before_anything_is_written(source, tmp_path):
    options = BatchOptions(profile="basic", key_uri="env:FEDPACS_NO_SUCH_KEY")
    with pytest.raises(CryptoError):
        run(source, tmp_path / "out", options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("out", ["in", "in/out", "."])
def test_folders_must_not_lie_in_one_another(source, key_uri, tmp_path, out):
    with pytest.raises(NoSuchFolderError):
        run(source, tmp_path / out, _options(key_uri, tmp_path))


def test_a_folder_that_is_not_there_is_refused(key_uri, tmp_path):
    with pytest.raises(NoSuchFolderError):
        run(tmp_path / "none", tmp_path / "out", _options(key_uri, tmp_path))


def test_nothing_identified_is_in_a_repr():
    outcome = worker.Outcome("/in/Grabowska", "", "deid.not-dicom")
    assert "Grabowska" not in repr(outcome)
