"""Originals sealed into an object: read by OpenSSL, opened by the right key alone, tied to it."""

from __future__ import annotations

import subprocess

import pydicom
import pytest
from sealed_objects import OLD, deidentified, identified, pseudonym, write

from fedpacs.crypto.errors import CertificateError, EnvelopeMalformedError, NotRecipientError
from fedpacs.deidentification.custody.encrypted import (
    encrypted_attributes,
    open_encrypted_attributes,
    originals_of,
    same_but_for_envelope,
    sealed_tags,
)
from fedpacs.deidentification.custody.errors import (
    EnvelopeContentError,
    EnvelopeMisplacedError,
    NoEnvelopeError,
)
from fedpacs.deidentification.dicom.parsing import parse

SYNTAXES = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99",
            "1.2.840.10008.1.2.2")  # fmt: skip


@pytest.fixture
def original(tmp_path):
    return write(identified(), tmp_path / "original.dcm")


def _open(path, key):
    with parse(path) as parsed:
        return open_encrypted_attributes(parsed, key)


def test_openssl_opens_the_envelope_and_finds_the_modified_attributes(original, people, tmp_path):
    path = deidentified(original, tmp_path, [people[0].certificate])
    item = pydicom.dcmread(path).EncryptedAttributesSequence[0]
    assert item.EncryptedContentTransferSyntaxUID == "1.2.840.10008.1.2.1"
    (tmp_path / "envelope.der").write_bytes(item.EncryptedContent)
    subprocess.run(
        ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", tmp_path / "envelope.der",
         "-inkey", people[0].key_uri.removeprefix("file:"), "-recip", people[0].pem,
         "-binary", "-out", tmp_path / "content"],
        check=True, capture_output=True,
    )  # fmt: skip
    content = (tmp_path / "content").read_bytes()
    sealed = pydicom.filereader.read_dataset(
        pydicom.filebase.DicomBytesIO(content), is_implicit_VR=False, is_little_endian=True
    )
    assert len(sealed.ModifiedAttributesSequence) == 1
    attributes = sealed.ModifiedAttributesSequence[0]
    assert str(attributes.PatientName) == "Müller^Jörg"
    assert attributes.PatientID == "PAT-0815"
    assert attributes.StudyInstanceUID == f"{OLD}.100"
    assert "PixelData" not in attributes
    shown = subprocess.run(
        ["openssl", "cms", "-cmsout", "-print", "-inform", "DER", "-in", tmp_path / "envelope.der"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "aes-256-cbc" in shown
    assert "rsaEncryption" in shown


@pytest.mark.parametrize("options", [[], ["-aes-128-cbc"], ["-aes-192-cbc", "-stream"]])
def test_an_envelope_of_openssl_is_opened_without_its_certificate(people, tmp_path, options):
    from fedpacs.crypto.envelope import open_envelope

    (tmp_path / "content").write_bytes(b"BEGINS with this and goes on" * 300)
    subprocess.run(
        ["openssl", "cms", "-encrypt", "-binary", "-outform", "DER", *options,
         "-in", tmp_path / "content", "-out", tmp_path / "envelope", people[1].pem, people[0].pem],
        check=True, capture_output=True,
    )  # fmt: skip
    envelope = (tmp_path / "envelope").read_bytes()
    if not options:
        with pytest.raises(EnvelopeMalformedError):  # 3DES, the default of this OpenSSL
            open_envelope(envelope, people[0].key, b"BEGINS")
        return
    opened = open_envelope(envelope, people[0].key, b"BEGINS")
    assert opened == (tmp_path / "content").read_bytes()
    with pytest.raises(NotRecipientError):
        open_envelope(envelope, people[2].key, b"BEGINS")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_every_custodian_opens_it_alone_whatever_the_encoding(people, tmp_path, syntax):
    original = write(identified(), tmp_path / "original.dcm", syntax)
    custodians = [people[0].certificate, people[1].certificate]
    path = deidentified(original, tmp_path, custodians)
    with parse(original) as parsed:
        expected = {tag: element.value for tag, element in originals_of(parsed).items()}
    for person in people[:2]:
        opened = _open(path, person.key)
        assert {tag: element.value for tag, element in opened.items()} == expected
    with pytest.raises(NotRecipientError):
        _open(path, people[2].key)


def test_no_original_is_readable_in_the_output(original, people, tmp_path):
    content = deidentified(original, tmp_path, [people[0].certificate]).read_bytes()
    for value in ("PAT-0815", "Müller", "19610317", OLD):
        assert value.encode() not in content
        assert value.encode("latin-1") not in content


def test_an_envelope_in_another_object_is_refused(original, people, tmp_path):
    one = deidentified(original, tmp_path, [people[0].certificate])
    ds = pydicom.dcmread(one)
    ds.SOPInstanceUID = pseudonym(f"{OLD}.2")
    other = write(ds, tmp_path / "other.dcm")
    with pytest.raises(EnvelopeMisplacedError):
        _open(other, people[0].key)


def test_a_changed_envelope_never_gives_another_original(original, people, tmp_path):
    """A bit that no key decides, as in the recipient's name, may change; an original may not."""
    path = deidentified(original, tmp_path, [people[0].certificate])
    true = {tag: element.value for tag, element in _open(path, people[0].key).items()}
    ds = pydicom.dcmread(path)
    content = bytearray(ds.EncryptedAttributesSequence[0].EncryptedContent)
    refused = 0
    for at in range(7, len(content) - 2, 29):
        changed = bytearray(content)
        changed[at] ^= 1
        ds.EncryptedAttributesSequence[0].EncryptedContent = bytes(changed)
        write(ds, tmp_path / "changed.dcm")
        try:
            opened = _open(tmp_path / "changed.dcm", people[0].key)
        except (EnvelopeContentError, EnvelopeMalformedError, NotRecipientError):
            refused += 1
        else:
            assert {tag: element.value for tag, element in opened.items()} == true
    assert refused > 20


@pytest.mark.parametrize("content", [b"", b"0\x00", b"\x30\x80" * 40, b"\x30\x84\xff\xff\xff\xff"])
def test_what_is_no_envelope_is_told_by_a_code(original, people, tmp_path, content):
    ds = pydicom.dcmread(deidentified(original, tmp_path, [people[0].certificate]))
    ds.EncryptedAttributesSequence[0].EncryptedContent = content
    write(ds, tmp_path / "changed.dcm")
    with pytest.raises(EnvelopeMalformedError) as caught:
        _open(tmp_path / "changed.dcm", people[0].key)
    assert caught.value.code == "crypto.envelope"


def test_an_object_without_an_envelope_is_told_by_a_code(original, people):
    with pytest.raises(NoEnvelopeError):
        _open(original, people[0].key)


def test_nobody_to_seal_to_is_refused():
    with pytest.raises(CertificateError):
        encrypted_attributes({}, [])


def test_two_runs_differ_in_nothing_but_the_envelope(original, people, tmp_path):
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    one = deidentified(original, tmp_path / "one", [people[0].certificate])
    two = deidentified(original, tmp_path / "two", [people[0].certificate])
    assert one.read_bytes() != two.read_bytes()
    assert one.stat().st_size == two.stat().st_size
    assert same_but_for_envelope(one, two)
    without = deidentified(original, tmp_path / "three", [])
    assert not same_but_for_envelope(one, without)
    assert not same_but_for_envelope(without, without)
    content = bytearray(two.read_bytes())
    content[-1] ^= 1
    two.write_bytes(content)
    assert not same_but_for_envelope(one, two)
    two.write_bytes(b"nothing")
    assert not same_but_for_envelope(one, two)


def test_the_table_of_what_is_sealed_names_standard_attributes():
    import csv
    from importlib import resources

    from pydicom.datadict import keyword_for_tag

    text = resources.files("fedpacs.deidentification").joinpath("data", "sealed_attributes.csv")
    lines = [line for line in text.read_text().splitlines() if not line.startswith("#")]
    rows = list(csv.DictReader(lines))
    assert all(keyword_for_tag(int(row["tag"], 16)) == row["keyword"] for row in rows)
    assert len(sealed_tags()) == len(rows) > 30
