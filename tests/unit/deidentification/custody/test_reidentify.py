"""The way back for the custodian: originals in their places, references too, and nobody else."""

from __future__ import annotations

import pydicom
import pytest
from sealed_objects import OLD, deidentified, identified, write

from fedpacs.core.errors import CryptoError
from fedpacs.crypto.envelope import seal_envelope
from fedpacs.deidentification.custody.reidentify import NothingReidentifiedError, reidentify
from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.encoding import encode_items
from fedpacs.deidentification.dicom.syntax import LITTLE_EXPLICIT

SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99",
            "1.2.840.10008.1.2.2")  # fmt: skip


@pytest.fixture
def folder(people, tmp_path):
    """Two objects that refer to each other."""
    (tmp_path / "out").mkdir()
    for number in (1, 2):
        original = write(identified(number), tmp_path / f"{number}.dcm")
        deidentified(original, tmp_path / "out", [people[0].certificate])
    return tmp_path / "out"


def test_a_folder_comes_back_with_its_references(folder, people, tmp_path):
    steps = []
    report = reidentify(
        folder, tmp_path / "back", people[0].key_uri, lambda *step: steps.append(step)
    )
    assert (report.files, report.reidentified, report.refused) == (2, 2, {})
    assert report.restored_references == 2
    assert steps == [("open", 1, 2), ("open", 2, 2), ("restore", 1, 2), ("restore", 2, 2)]
    back = tmp_path / "back"
    assert back.stat().st_mode & 0o777 == 0o700
    assert sorted(p.name for p in back.iterdir()) == [f"{OLD}.1.dcm", f"{OLD}.2.dcm"]
    for number in (1, 2):
        path = back / f"{OLD}.{number}.dcm"
        assert path.stat().st_mode & 0o777 == 0o600
        ds, original = pydicom.dcmread(path), pydicom.dcmread(tmp_path / f"{number}.dcm")
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert ds.PatientIdentityRemoved == "NO"
        for name in ("EncryptedAttributesSequence", "DeidentificationMethod"):
            assert name not in ds
        del ds.PatientIdentityRemoved
        ds.SpecificCharacterSet = original.SpecificCharacterSet
        assert ds == original


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_object_comes_back_in_its_own_encoding(people, tmp_path, syntax):
    original = write(identified(), tmp_path / "1.dcm", syntax)
    path = deidentified(original, tmp_path, [people[1].certificate])
    report = reidentify(path, tmp_path / "back", people[1].key_uri)
    assert report.reidentified == 1
    ds = pydicom.dcmread(tmp_path / "back" / f"{OLD}.1.dcm")
    assert ds.file_meta.TransferSyntaxUID == syntax
    assert str(ds.PatientName) == "Müller^Jörg"
    assert ds.PixelData == pydicom.dcmread(original).PixelData


def test_another_key_gets_nothing(folder, people, tmp_path):
    report = reidentify(folder, tmp_path / "back", people[2].key_uri)
    assert (report.reidentified, report.refused) == (0, {"crypto.not-recipient": 2})
    assert list((tmp_path / "back").iterdir()) == []


def test_each_refused_file_is_counted_by_its_code(folder, people, tmp_path):
    (folder / "notes.txt").write_text("Jörg Müller")
    original = write(identified(7), tmp_path / "7.dcm")
    deidentified(original, folder, [])
    report = reidentify(folder, tmp_path / "back", people[0].key_uri)
    assert report.refused == {"deid.no-envelope": 1, "deid.not-dicom": 1}
    again = reidentify(folder, tmp_path / "back", people[0].key_uri)
    assert again.refused["deid.reidentified-exists"] == 2
    assert len(list((tmp_path / "back").iterdir())) == 2


def test_an_envelope_that_anybody_can_seal_leads_to_no_other_folder(people, tmp_path):
    original = write(identified(), tmp_path / "1.dcm")
    path = deidentified(original, tmp_path, [people[0].certificate])
    item = {0x00080018: Element.of_text(0x00080018, "UI", "../../outside")}
    content = encode_items([Element.of_items(0x04000550, [item])], LITTLE_EXPLICIT)
    ds = pydicom.dcmread(path)
    envelope = seal_envelope(content, [people[0].certificate])
    ds.EncryptedAttributesSequence[0].EncryptedContent = envelope + b"\0" * (len(envelope) % 2)
    write(ds, path)
    reidentify(path, tmp_path / "deep" / "back", people[0].key_uri)
    assert [p.name for p in (tmp_path / "deep" / "back").iterdir()] == [path.name]
    assert sorted(p.name for p in (tmp_path / "deep").iterdir()) == ["back"]


def test_a_missing_key_or_folder_stops_before_anything_is_written(folder, people, tmp_path):
    with pytest.raises(CryptoError):
        reidentify(folder, tmp_path / "back", "env:FEDPACS_NO_SUCH_KEY")
    with pytest.raises(NothingReidentifiedError):
        reidentify(tmp_path / "nowhere", tmp_path / "back", people[0].key_uri)
    assert not (tmp_path / "back").exists()
