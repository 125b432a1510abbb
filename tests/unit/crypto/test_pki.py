"""The consortium's PKI, held to real TLS handshakes and to what Flower reads."""

from __future__ import annotations

import ssl
import stat

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from fedpacs.crypto.errors import (
    CertificateNameError,
    KeyExistsError,
    KeyExposedError,
    KeyMalformedError,
    KeyMissingError,
)
from fedpacs.crypto.pki import create_authority, create_node_key, issue_server_certificate


def shake_hands(folder, server_name, *, ca_folder=None, stem="server"):
    """Run a TLS handshake in memory, the client trusting one authority only."""
    client_context = ssl.create_default_context(cafile=(ca_folder or folder) / "ca.crt")
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_context.load_cert_chain(folder / f"{stem}.pem", folder / f"{stem}.key")
    up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = client_context.wrap_bio(down, up, server_hostname=server_name)
    server = server_context.wrap_bio(up, down, server_side=True)
    for _ in range(4):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    return client.getpeercert()


@pytest.fixture
def authority(tmp_path):
    create_authority(tmp_path / "pki", "brain-consortium")
    return tmp_path / "pki"


@pytest.mark.parametrize(
    "name", ["superlink.example.org", "10.1.2.3", "localhost", "127.0.0.1", "::1"]
)
def test_sites_and_own_processes_can_trust_the_server(authority, name):
    issue_server_certificate(authority, ["superlink.example.org", "10.1.2.3", "::1"])
    assert shake_hands(authority, name)


def test_another_name_is_not_trusted(authority):
    issue_server_certificate(authority, ["superlink.example.org"])
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(authority, "evil.example.org")


def test_a_server_of_another_authority_is_not_trusted(authority, tmp_path):
    create_authority(tmp_path / "other", "brain-consortium")
    issue_server_certificate(tmp_path / "other", ["localhost"])
    with pytest.raises(ssl.SSLCertVerificationError):
        shake_hands(tmp_path / "other", "localhost", ca_folder=authority)


def test_private_keys_are_the_owners_alone_and_certificates_are_public(authority):
    issue_server_certificate(authority, ["localhost"])
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in authority.iterdir()}
    assert modes == {"ca.key": 0o600, "ca.crt": 0o644, "server.key": 0o600, "server.pem": 0o644}


def test_an_authority_is_never_overwritten(authority):
    before = (authority / "ca.key").read_bytes()
    with pytest.raises(KeyExistsError):
        create_authority(authority, "another")
    assert (authority / "ca.key").read_bytes() == before


def test_a_server_certificate_can_be_renewed(authority):
    issue_server_certificate(authority, ["localhost"])
    before = (authority / "server.pem").read_bytes()
    issue_server_certificate(authority, ["localhost", "new.example.org"])
    assert (authority / "server.pem").read_bytes() != before
    assert shake_hands(authority, "new.example.org")


def test_a_second_certificate_beside_the_first(authority):
    issue_server_certificate(authority, ["localhost"])
    issue_server_certificate(authority, ["localhost"], stem="tap")
    assert shake_hands(authority, "localhost", stem="tap")
    assert shake_hands(authority, "localhost")


@pytest.mark.parametrize(
    "name", ["", "https://a.b", "a.b:8000", "a b", "-a.b", "a..b", "*.b", "ü.de"]
)
def test_what_is_no_name_is_refused_before_anything_is_written(authority, name):
    with pytest.raises(CertificateNameError):
        issue_server_certificate(authority, ["localhost", name])
    assert not (authority / "server.pem").exists()


def test_an_unprintable_consortium_is_refused(tmp_path):
    for name in ("", "x" * 65, "a\nb"):
        with pytest.raises(CertificateNameError):
            create_authority(tmp_path / "pki", name)


def test_missing_exposed_and_foreign_authority_keys_are_refused(authority, tmp_path):
    with pytest.raises(KeyMissingError):
        issue_server_certificate(tmp_path, ["localhost"])
    create_authority(tmp_path / "other", "other")
    (authority / "ca.crt").write_bytes((tmp_path / "other" / "ca.crt").read_bytes())
    with pytest.raises(KeyMalformedError):
        issue_server_certificate(authority, ["localhost"])
    (authority / "ca.key").chmod(0o640)
    with pytest.raises(KeyExposedError):
        issue_server_certificate(authority, ["localhost"])


def test_the_authority_cannot_be_extended_by_the_server_key(authority):
    issue_server_certificate(authority, ["localhost"])
    server = x509.load_pem_x509_certificate((authority / "server.pem").read_bytes())
    assert not server.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    ca = x509.load_pem_x509_certificate((authority / "ca.crt").read_bytes())
    assert ca.extensions.get_extension_for_class(x509.BasicConstraints).value.path_length == 0


def test_a_node_key_is_what_flower_reads(tmp_path):
    create_node_key(tmp_path / "keys" / "node")
    private = serialization.load_ssh_private_key((tmp_path / "keys" / "node").read_bytes(), None)
    public = serialization.load_ssh_public_key((tmp_path / "keys" / "node.pub").read_bytes())
    assert isinstance(private, ec.EllipticCurvePrivateKey)
    assert isinstance(private.curve, ec.SECP384R1)
    assert private.public_key() == public
    assert stat.S_IMODE((tmp_path / "keys" / "node").stat().st_mode) == 0o600
    with pytest.raises(KeyExistsError):
        create_node_key(tmp_path / "keys" / "node")
