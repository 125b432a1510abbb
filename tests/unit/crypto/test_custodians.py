"""Custodians: certificates are checked, two join a share, one opens an envelope, nobody else."""

from __future__ import annotations

import stat
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.crypto.custodians import Custodian, CustodianKey, create_custodian
from fedpacs.crypto.der import read
from fedpacs.crypto.envelope import open_envelope, seal_envelope
from fedpacs.crypto.errors import (
    CertificateError,
    CertificateNameError,
    CryptoError,
    EnvelopeMalformedError,
    KeyExistsError,
    KeyExposedError,
    KeyMalformedError,
    NotRecipientError,
)
from fedpacs.crypto.signatures import SigningKey
from fedpacs.crypto.splitting import joined_sealer, split_sealer


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    made = []
    for name in ("one", "other"):
        folder = tmp_path_factory.mktemp(name)
        certificate = create_custodian(folder, f"The {name} é")
        made.append((certificate, CustodianKey.load(f"file:{folder / 'custodian.key'}"), folder))
    return made


@pytest.fixture(scope="module")
def envelope(people):
    return seal_envelope(b"CONTENT of the envelope", [people[0][0]])


def test_the_private_key_is_its_owners_only(people):
    certificate, key, folder = people[0]
    assert stat.S_IMODE((folder / "custodian.key").stat().st_mode) == 0o600
    assert (
        key.fingerprint
        == certificate.fingerprint
        == Custodian.load(folder / "custodian.pem").fingerprint
    )
    assert repr(key) == f"CustodianKey({key.fingerprint[:16]})"
    (folder / "open.key").write_bytes((folder / "custodian.key").read_bytes())
    with pytest.raises(KeyExposedError):
        CustodianKey.load(f"file:{folder / 'open.key'}")


def test_openssl_believes_the_certificate(people):
    shown = subprocess.run(
        ["openssl", "x509", "-in", people[0][2] / "custodian.pem", "-noout", "-text"],
        check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    assert "Public-Key: (3072 bit)" in shown
    assert "Key Encipherment" in shown
    assert "CA:FALSE" in shown


def test_nothing_is_overwritten(people):
    folder = people[0][2]
    before = (folder / "custodian.key").read_bytes()
    with pytest.raises(KeyExistsError):
        create_custodian(folder, "Another")
    assert (folder / "custodian.key").read_bytes() == before


@pytest.mark.parametrize("name", ["", " ", "a" * 65, "line\nbreak"])
def test_a_custodian_has_a_name(tmp_path, name):
    with pytest.raises(CertificateNameError):
        create_custodian(tmp_path, name)
    assert list(tmp_path.iterdir()) == []


def _openssl(folder, *options, days=1):
    subprocess.run(
        ["openssl", "req", "-x509", "-nodes", "-subj", "/CN=x", "-days", str(days),
         "-keyout", folder / "k", "-out", folder / "c.pem", *options],
        check=True, capture_output=True,
    )  # fmt: skip
    return folder / "c.pem"


@pytest.mark.parametrize(
    "options",
    [("-newkey", "rsa:1024"), ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
     ("-newkey", "ed25519")],
    ids=["short", "elliptic curve", "ed25519"],
)  # fmt: skip
def test_a_certificate_that_cannot_be_sealed_to_is_refused(tmp_path, options):
    with pytest.raises(CertificateError):
        Custodian.load(_openssl(tmp_path, *options))


def test_a_certificate_that_has_run_out_is_refused_but_still_opened(tmp_path):
    from datetime import UTC, datetime, timedelta

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import Encoding

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([])
    long_ago = datetime.now(UTC) - timedelta(days=9)
    pem = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).serial_number(1)
        .public_key(key.public_key()).not_valid_before(long_ago)
        .not_valid_after(long_ago + timedelta(days=1)).sign(key, hashes.SHA256())
        .public_bytes(Encoding.PEM)
    )  # fmt: skip
    (tmp_path / "c.pem").write_bytes(pem)
    with pytest.raises(CertificateError):
        Custodian.load(tmp_path / "c.pem")
    assert Custodian.of_pem(pem).fingerprint


@pytest.mark.parametrize("content", [b"", b"no certificate", b"\xff" * 100])
def test_what_is_no_certificate_is_refused(tmp_path, content):
    (tmp_path / "c.pem").write_bytes(content)
    for path in (tmp_path / "c.pem", tmp_path / "missing.pem"):
        with pytest.raises(CertificateError):
            Custodian.load(path)


def test_another_kind_of_key_is_refused(tmp_path):
    SigningKey.create(tmp_path / "signing.key")
    with pytest.raises(KeyMalformedError):
        CustodianKey.load(f"file:{tmp_path / 'signing.key'}")


def test_two_custodians_join_what_was_split(people):
    (first, first_key, _), (second, second_key, _) = people
    sealer, split = split_sealer(first, second, b"here")
    sealed = sealer.seal(b"a secret", b"")
    assert joined_sealer(split, first_key, second_key, b"here").open(sealed, b"") == b"a secret"
    for keys in ((second_key, first_key), (first_key, first_key), (second_key, second_key)):
        with pytest.raises(NotRecipientError):
            joined_sealer(split, *keys, b"here")
    with pytest.raises(NotRecipientError):
        joined_sealer(split, first_key, second_key, b"there")


def test_one_share_says_nothing_about_the_key(people):
    """The same share goes with every key: half of the keys have either value of each bit."""
    (first, first_key, _), (second, _, _) = people
    context = b"fedpacs share v1|x"
    shares = [
        first_key.unwrap(split_sealer(first, second, b"x")[1].first, context) for _ in range(40)
    ]
    ones = sum(int.from_bytes(share, "big").bit_count() for share in shares)
    assert len(set(shares)) == 40
    assert abs(ones - 40 * 128) < 5 * (40 * 256 / 4) ** 0.5


def test_an_envelope_opens_with_the_key_alone(people, envelope):
    assert open_envelope(envelope, people[0][1], b"CONTENT") == b"CONTENT of the envelope"
    with pytest.raises(NotRecipientError):
        open_envelope(envelope, people[1][1], b"CONTENT")
    with pytest.raises(NotRecipientError):
        open_envelope(envelope, people[0][1], b"SOMETHING ELSE")


def test_envelopes_of_one_content_have_one_length_and_no_two_are_alike(people):
    envelopes = {seal_envelope(b"x" * 100, [people[0][0], people[1][0]]) for _ in range(20)}
    assert len(envelopes) == 20
    assert len({len(envelope) for envelope in envelopes}) == 1


@given(content=st.binary(max_size=200))
def test_bytes_that_mean_nothing_are_refused_by_a_code(people, content):
    with pytest.raises(CryptoError):
        open_envelope(content, people[0][1], b"CONTENT")


@given(at=st.integers(0, 2000), bit=st.integers(0, 7), cut=st.booleans())
def test_an_envelope_that_was_changed_or_cut_is_refused_by_a_code(people, envelope, at, bit, cut):
    at %= len(envelope)
    changed = bytearray(envelope)
    changed[at] ^= 1 << bit
    try:
        opened = open_envelope(envelope[:at] if cut else bytes(changed), people[0][1], b"CONTENT")
    except CryptoError:
        return
    assert not cut
    assert opened.startswith(b"CONTENT")  # what no key decides: a version or a name


def test_encodings_nested_without_end_are_refused():
    with pytest.raises(EnvelopeMalformedError):
        read(b"\x30\x80" * 100_000)
