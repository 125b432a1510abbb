"""The consortium's PKI: its own authority, the SuperLink's certificate, and the sites' node keys.

A site makes its node key itself and hands out the public half only.

References
----------
RFC 5280; Flower's SuperNode authentication (NIST P-384 keys in OpenSSH form).
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from fedpacs.crypto.errors import (
    CertificateNameError,
    KeyExistsError,
    KeyMalformedError,
    KeyUnwritableError,
)
from fedpacs.crypto.keys import read_key_material, write_key_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

AUTHORITY_DAYS = 3650
SERVER_DAYS = 397
"""The longest that TLS clients in general accept."""
_CLOCK_SKEW = timedelta(hours=1)
_LOOPBACK = ("localhost", "127.0.0.1")
_LABEL = r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
_COMMON_NAME = re.compile(r"[\x20-\x7e]{1,64}")


def create_authority(folder: Path, name: str) -> None:
    """Make the consortium's certificate authority: ``ca.crt`` and ``ca.key`` (mode 0600).

    Parameters
    ----------
    folder
        Where; made when it is missing.
    name
        Name of the consortium, 1 to 64 printable ASCII characters.

    Raises
    ------
    CertificateNameError
        If the name cannot stand in a certificate.
    KeyExistsError
        If there is an authority already.
    KeyUnwritableError
        If the files cannot be written.
    """
    if not _COMMON_NAME.fullmatch(name):
        raise CertificateNameError("The consortium's name is not 1 to 64 ASCII characters.")
    if (folder / "ca.crt").exists():
        raise KeyExistsError("There is an authority already.")
    key = ec.generate_private_key(ec.SECP384R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    usage = _usage(key_cert_sign=True, crl_sign=True)
    certificate = (
        _builder(subject, key.public_key(), AUTHORITY_DAYS)
        .issuer_name(subject)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA384())
    )
    write_key_file(folder / "ca.key", _pem(key))
    write_key_file(
        folder / "ca.crt", certificate.public_bytes(serialization.Encoding.PEM), mode=0o644
    )


def issue_server_certificate(folder: Path, names: Sequence[str], *, stem: str = "server") -> None:
    """Issue ``server.pem`` and ``server.key`` (mode 0600); issuing again renews them.

    Parameters
    ----------
    folder
        That of the authority.
    names
        DNS names and IP addresses as the sites write them; ``localhost`` and ``127.0.0.1`` are
        added, for the consortium's own processes use them.
    stem
        First part of the file names.

    Raises
    ------
    CertificateNameError
        If a name is neither.
    KeyMissingError, KeyExposedError, KeyMalformedError
        If the authority's key or certificate is missing, open to others or not one.
    KeyUnwritableError
        If the files cannot be written.
    """
    alternatives = [_general_name(name) for name in dict.fromkeys([*names, *_LOOPBACK])]
    authority_key, authority = _load_authority(folder)
    key = ec.generate_private_key(ec.SECP384R1())
    common_name = next((n for n in names if _COMMON_NAME.fullmatch(n)), _LOOPBACK[0])
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        _builder(subject, key.public_key(), SERVER_DAYS)
        .issuer_name(authority.subject)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key()),
            critical=False,
        )
        .sign(authority_key, hashes.SHA384())
    )
    _replace(folder / f"{stem}.key", _pem(key), 0o600)
    _replace(folder / f"{stem}.pem", certificate.public_bytes(serialization.Encoding.PEM), 0o644)


def create_node_key(path: Path) -> None:
    """Make a site's P-384 node key in OpenSSH form (mode 0600) and its ``.pub`` beside it.

    Raises
    ------
    KeyExistsError
        If there is a key already.
    KeyUnwritableError
        If the files cannot be written.
    """
    key = ec.generate_private_key(ec.SECP384R1())
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.OpenSSH,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    )
    write_key_file(path, private)
    write_key_file(path.with_name(path.name + ".pub"), public + b"\n", mode=0o644)


def _builder(
    subject: x509.Name, public_key: ec.EllipticCurvePublicKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
    )


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        if not _DNS_NAME.fullmatch(name):
            raise CertificateNameError(f"{name!r} is no DNS name and no IP address.") from None
        return x509.DNSName(name)


def _load_authority(folder: Path) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    material = read_key_material(f"file:{folder / 'ca.key'}")
    try:
        key = serialization.load_pem_private_key(material, password=None)
        certificate = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    except (ValueError, TypeError, OSError):
        # `from None`: what the parser says may repeat parts of the key.
        raise KeyMalformedError("The authority's key or certificate cannot be read.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyMalformedError("The authority's key is not an elliptic-curve key.")
    if key.public_key() != certificate.public_key():
        raise KeyMalformedError("The authority's key and certificate do not belong together.")
    return key, certificate


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def _replace(path: Path, content: bytes, mode: int) -> None:
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_key_file(fresh, content, mode=mode)
    try:
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise KeyUnwritableError(f"{path.name} cannot be written: {error.strerror}.") from error
