"""``fedpacs deid`` as people and scripts use it, from a folder to a signed review and back."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from fedpacs.cli.main import run
from fedpacs.crypto.signatures import SigningKey

NAME, PATIENT = "Grabowska^Ewa", "PAT-0815-XY"


@pytest.fixture(scope="module")
def hospital(tmp_path_factory) -> Path:
    """A folder with two objects of one patient and a file that is none, and the keys."""
    root = tmp_path_factory.mktemp("hospital")
    for number in (1, 2):
        _write(root / "in" / "ct" / f"{number}.dcm", number)
    (root / "in" / "notes.txt").write_text("Ewa Grabowska")
    (root / "project.key").write_text(bytes(range(3, 96, 3)).hex() + "5d\n")
    (root / "project.key").chmod(0o600)
    SigningKey.create(root / "reviewer.key")
    return root


def _write(path: Path, number: int) -> None:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, f"1.2.826.0.1.3680043.9.7433.{number}"
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.826.7.1", "1.2.826.7.2"
    ds.FrameOfReferenceUID = "1.2.826.7.3"
    ds.PatientName, ds.PatientID, ds.PatientBirthDate, ds.PatientSex = (
        NAME,
        PATIENT,
        "19610317",
        "F",
    )
    ds.StudyDate = ds.SeriesDate = ds.ContentDate = ds.AcquisitionDate = "20230214"
    ds.StudyTime = ds.ContentTime = "101112"
    ds.AccessionNumber, ds.StudyID, ds.ReferringPhysicianName = "ACC-77-4711", "S1", ""
    ds.Modality, ds.Manufacturer, ds.ImageType = "CT", "Maker", ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SeriesNumber, ds.InstanceNumber, ds.AcquisitionNumber = "1", str(number), "1"
    ds.PositionReferenceIndicator, ds.PatientPosition, ds.KVP = "", "HFS", "120"
    ds.ImagePositionPatient = [0, 0, number]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SliceThickness = [1, 1], "1"
    ds.RescaleIntercept, ds.RescaleSlope = "-1024", "1"
    ds.BurnedInAnnotation = "NO"
    ds.Rows = ds.Columns = 64
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.SamplesPerPixel = 16, 16, 15, 1
    ds.PixelRepresentation, ds.PhotometricInterpretation = 0, "MONOCHROME2"
    y, x = np.mgrid[-1:1:64j, -1:1:64j]
    ds.PixelData = (1000 * np.exp(-3 * (x**2 + y**2))).astype("<u2").tobytes()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    path.parent.mkdir(parents=True, exist_ok=True)
    pydicom.dcmwrite(path, ds, enforce_file_format=True)


@pytest.fixture
def deid(hospital, tmp_path, monkeypatch, capsys):
    """Give a function that runs ``fedpacs deid`` in a folder of the test's own."""
    for name in ("in", "project.key", "reviewer.key"):
        (tmp_path / name).symlink_to(hospital / name)
    monkeypatch.chdir(tmp_path)

    def call(*words, status=0):
        with pytest.raises(SystemExit) as ended:
            run(["deid", *map(str, words)])
        told = capsys.readouterr()
        assert ended.value.code == status, told.err
        return json.loads(told.out) if "--json" in words else told.out + told.err

    return call


@pytest.fixture
def made(deid):
    """Run once, with map and quarantine."""
    return deid("run", "in", "out", "--key", "file:project.key", "--map", "map.jsonl",
                "--quarantine", "refused", "--report", "report.json", "--json")  # fmt: skip


def _custodians(deid, *names):
    for name in names:
        deid("custodian", name, "--name", f"The {name}")


def _outputs(folder="out"):
    return [pydicom.dcmread(path) for path in sorted(Path(folder).rglob("*.dcm"))]


def test_a_run_tells_each_code_in_a_sentence(made):
    assert (made["files"], made["deidentified"]) == (3, 2)
    assert made["quarantined"] == {"deid.not-dicom": 1}
    assert made["codes"] == [
        {
            "code": "deid.not-dicom",
            "count": 1,
            "meaning": "The file is not DICOM.",
            "what_to_do": "Leave it out; if it should be DICOM have the PACS send it again.",
        }
    ]
    assert json.loads(Path("report.json").read_text())["deidentified"] == 2
    assert Path("refused/notes.txt").exists()


@pytest.mark.usefixtures("made")
def test_the_map_accounts_for_every_file_by_relative_path():
    lines = [json.loads(line) for line in Path("map.jsonl").read_text().splitlines()]
    by_source = {line["src"]: line for line in lines}
    assert set(by_source) == {"ct/1.dcm", "ct/2.dcm", "notes.txt"}
    assert by_source["notes.txt"] == {
        "src": "notes.txt", "dst": None, "status": "quarantined", "code": "deid.not-dicom",
    }  # fmt: skip
    for name in ("ct/1.dcm", "ct/2.dcm"):
        line = by_source[name]
        assert (line["status"], line["code"]) == ("ok", None)
        assert (Path("out") / line["dst"]).is_file()


def test_a_person_reads_what_was_done_and_what_to_do(deid):
    told = deid("run", "in", "out", "--key", "file:project.key", "--map", "map.jsonl")
    assert "2 of 3 files de-identified and verified under gdpr-pseudonymised" in told
    assert "The file is not DICOM." in told
    assert "fedpacs deid review out --source in --map map.jsonl" in told
    assert NAME not in told
    assert PATIENT not in told


def test_nothing_but_refusals_is_a_failure(deid, tmp_path):
    (tmp_path / "words").mkdir()
    (tmp_path / "words" / "a.txt").write_text("Ewa")
    told = deid("run", "words", "out", "--key", "file:project.key", "--json", status=40)
    assert told["code"] == "deid.all-refused"


def test_a_profile_with_a_key_asks_for_it(deid):
    assert "deid.key-needed" in deid("run", "in", "out", status=40)
    assert not Path("out").exists() or _outputs() == []


def test_an_ephemeral_run_cannot_be_linked_to_another(deid):
    for out in ("one", "two"):
        told = deid("run", "in", out, "--profile", "gdpr-anonymous-candidate")
        assert "The key of this run is gone" in told
    one, two = (_outputs(out) for out in ("one", "two"))
    assert len(one) == len(two) == 2
    assert {ds.PatientID for ds in one}.isdisjoint({ds.PatientID for ds in two})
    assert len({ds.StudyInstanceUID for ds in one}) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_random_codes_are_kept_beside_the_output(deid, workers):
    for _ in range(2):  # the second run finds the same codes and changes nothing
        told = deid("run", "in", "out", "--profile", "hipaa-safe-harbor", "--workers", workers,
                    "--key", "file:project.key")  # fmt: skip
        assert "out.vault" in told
    assert Path("out.vault").stat().st_mode & 0o777 == 0o600
    outputs = _outputs()
    assert len(outputs) == 2
    assert len({ds.StudyInstanceUID for ds in outputs}) == 1
    status = deid("vault", "status", "out.vault", "--key", "file:project.key", "--json")
    assert status["codes"] > 4
    assert status["sealed"] == 0
    assert status["custodians"] == []


def test_two_custodians_export_what_the_codes_of_a_run_stand_for(deid):
    _custodians(deid, "dpo", "radiology")
    vault = ("codes.vault", "--key", "file:project.key")
    deid("vault", "create", *vault, "--custodian", "dpo/custodian.pem",
         "--custodian", "radiology/custodian.pem")  # fmt: skip
    deid("run", "in", "out", "--profile", "hipaa-safe-harbor", "--key", "file:project.key",
         "--vault", "codes.vault")  # fmt: skip
    assert not Path("out.vault").exists()
    one, both = ("--custodian-key", "file:dpo/custodian.key"), (
        "--custodian-key", "file:radiology/custodian.key",
    )  # fmt: skip
    told = deid("vault", "export", *vault, *one, "--to", "codes.csv", status=40)
    assert "deid.export-refused" in told
    line = deid("vault", "export", *vault, *one, *both, "--to", "codes.csv", "--json")
    rows = list(csv.DictReader(Path("codes.csv").read_text().splitlines()))
    originals = {row["code"]: row["original"] for row in rows}
    for ds in _outputs():
        assert originals[ds.StudyInstanceUID] == "1.2.826.7.1"
        assert originals[ds.PatientID] == PATIENT
    status = deid("vault", "status", *vault, "--json")
    assert status["export_log"] == [line]
    assert "1" in deid("vault", "status", *vault)


def test_sealed_originals_come_back_for_the_custodian_alone(deid):
    _custodians(deid, "dpo", "thief")
    deid("run", "in", "out", "--key", "file:project.key", "--custodian", "dpo/custodian.pem")
    before = {path: path.read_bytes() for path in Path("out").iterdir()}
    again = deid("run", "in", "out", "--key", "file:project.key", "--custodian",
                 "dpo/custodian.pem", "--json")  # fmt: skip
    assert again["deidentified"] == 2
    assert {path: path.read_bytes() for path in Path("out").iterdir()} == before
    assert all(PATIENT.encode() not in content for content in before.values())
    told = deid("reidentify", "out", "no", "--key", "file:thief/custodian.key", status=40)
    assert "crypto.not-recipient" in told
    assert "not sealed to this private key" in told
    told = deid("reidentify", "out", "back", "--key", "file:dpo/custodian.key")
    assert "2 of 2 files re-identified" in told
    for ds in _outputs("back"):
        original = pydicom.dcmread(f"in/ct/{ds.InstanceNumber}.dcm")
        for keyword in ("SOPInstanceUID", "StudyInstanceUID", "PatientName", "PatientID",
                        "PatientBirthDate", "StudyDate", "AccessionNumber",
                        "PixelData"):  # fmt: skip
            assert ds[keyword].value == original[keyword].value, keyword
        assert ds.PatientIdentityRemoved == "NO"


def test_a_profile_that_forbids_sealing_is_obeyed(deid):
    _custodians(deid, "dpo")
    told = deid("run", "in", "out", "--profile", "hipaa-safe-harbor", "--key", "file:project.key",
                "--custodian", "dpo/custodian.pem", status=40)  # fmt: skip
    assert "deid.encryption-forbidden" in told
    assert _outputs() == []


@pytest.mark.usefixtures("made")
def test_what_was_not_sealed_cannot_be_reidentified(deid):
    _custodians(deid, "dpo")
    told = deid("reidentify", "out", "back", "--key", "file:dpo/custodian.key", "--json", status=40)
    assert told["code"] == "deid.none-reidentified"
    assert told["refused"] == {"deid.no-envelope": 2}


@pytest.mark.usefixtures("made")
def test_a_folder_is_verified_again_and_a_leak_is_told_by_its_place(deid):
    pair = ("--source", "in", "--map", "map.jsonl")
    told = deid("verify", "out", *pair, "--json")
    assert (told["files"], told["compared"], told["passed"]) == (2, 2, True)
    assert "nothing was found" in deid("verify", "out")
    path = next(Path("out").iterdir())
    ds = pydicom.dcmread(path)
    ds.StudyDescription = NAME
    pydicom.dcmwrite(path, ds)
    told = deid("verify", "out", *pair, "--json", status=40)
    assert told["code"] == "deid.verification-failed"
    assert {finding["file"] for finding in told["findings"]} == {path.name}
    assert any(finding["tag"].lower() == "0008,1030" for finding in told["findings"])
    words = deid("verify", "out", *pair, status=40)
    assert "Let nothing of the folder leave" in words
    assert "Grabowska" not in words


@pytest.mark.usefixtures("made")
def test_a_review_is_drawn_judged_signed_and_checked(deid):
    sheet = deid("review", "out", "--source", "in", "--map", "map.jsonl", "--seed", 5,
                 "--to", "sheet", "--json")  # fmt: skip
    assert (sheet["sampled"], sheet["with_source"], sheet["without_picture"]) == (2, 2, 0)
    assert NAME in Path("sheet/sheet.html").read_text()
    told = deid("review", "out", "--check", status=40)
    assert "deid.nothing-to-review" in told
    for verdict, status in (("pass", 0), ("leak", 40)):
        names = [path.name for path in Path("out").iterdir()]
        saved = {
            "kind": "fedpacs review verdict 1", "sample": sheet["sample"], "seed": "5", "size": 2,
            "verdicts": [{"name": n, "verdict": verdict, "remarks": []} for n in names],
        }  # fmt: skip
        Path("verdict.json").write_text(json.dumps(saved))
        told = deid("review", "out", "--record", "verdict.json", "--reviewer", "R. Viewer",
                    "--key", "file:reviewer.key", status=status)  # fmt: skip
        assert ("deid.review-leak" in told) is (verdict == "leak")
    told = deid("review", "out", "--check", "--json", status=40)
    assert [review["verdicts"]["leak"] for review in told["reviews"]] == [0, 2]
    assert told["code"] == "deid.review-leak"


@pytest.mark.usefixtures("made")
def test_a_review_shows_the_output_alone_without_its_source(deid):
    told = deid("review", "out")
    assert "out.sheet/sheet.html" in told
    assert NAME not in Path("out.sheet/sheet.html").read_text()
    assert "usage.invalid" in deid("review", "out", "--record", "verdict.json", status=2)


def test_explain_tells_what_differs_from_another_profile(deid):
    told = deid("explain", "research-rich", "--against", "gdpr-pseudonymised", "--json")
    assert (told["profile"], told["against"]) == ("research-rich", "gdpr-pseudonymised")
    assert any("B asks for" in sentence for sentence in told["sentences"])
    told = deid("explain", "research-rich", "--against", "research-rich")
    assert "They do the same to every object." in told
    assert "PatientID" in deid("explain", "gdpr-pseudonymised", "PatientID").replace(" ", "")


@pytest.mark.usefixtures("made")
def test_from_python_it_is_the_same():
    from fedpacs import api

    report = api.deidentify(
        "in", "again", profile="gdpr-pseudonymised", key="file:project.key",
        map_file=Path("again.jsonl"),
    )  # fmt: skip
    assert report.deidentified == 2
    assert {p.name for p in Path("again").iterdir()} == {p.name for p in Path("out").iterdir()}
    sheet = api.review("again", "py-sheet", source="in", map_file="again.jsonl", size=1)
    assert sheet.with_source == 1
    assert api.explain("research-rich", against="research-rich") == []
    report = api.deidentify("in", "random", profile="hipaa-safe-harbor", key="file:project.key")
    assert report.deidentified == 2
    assert Path("random.vault").exists()
