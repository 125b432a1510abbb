from __future__ import annotations

import json
import shutil

import pydicom
import pytest

from fedpacs.core.errors import CryptoError
from fedpacs.deidentification import batch
from fedpacs.deidentification.batch import BatchOptions, NoSuchFolderError, run


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
    assert report.quarantined == {"deid.cut-short": 1, "deid.not-dicom": 1}
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


def test_a_second_object_with_the_same_uid_is_refused(source, key_uri, tmp_path, series):
    ds = pydicom.dcmread(series[0])
    ds.EchoTime = "77"
    pydicom.dcmwrite(source / "Grabowska" / "twin.dcm", ds)
    report = run(source, tmp_path / "out", _options(key_uri, tmp_path))
    assert report.quarantined["deid.duplicate-instance"] == 1
    assert report.deidentified == 3


def test_what_does_not_verify_never_appears(source, key_uri, tmp_path, monkeypatch):
    from fedpacs.deidentification.verification.instance import Finding

    out = tmp_path / "out"
    seen = []

    def find(_original, output, _options):
        seen.append(output.parent.parent.name.startswith(".unverified-"))
        return (Finding("deid.leak-name", "0010,0010"),)

    monkeypatch.setattr(batch, "verify_instance", find)
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
    outcome = batch._Outcome("/in/Grabowska", "", "deid.not-dicom")
    assert "Grabowska" not in repr(outcome)
