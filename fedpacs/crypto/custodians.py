"""Custodians: people outside the project whose private keys alone open what is sealed to them.

A custodian hands out a certificate and keeps the private key. What is sealed to one custodian
alone is an envelope (`fedpacs.crypto.envelope`); what two must open together is split in two
shares (`fedpacs.crypto.splitting`).

References
----------
RFC 8017 7.1 (RSAES-OAEP); RFC 5280; PS3.15 E.1.1.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from fedpacs.core.digest import sha256_hex
from fedpacs.crypto.errors import (
    CertificateError,
    CertificateNameError,
    KeyExistsError,
    KeyMalformedError,
    NotRecipientError,
)
from fedpacs.crypto.keys import read_key_material, write_key_file

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

KEY_BITS = 3072
CERTIFICATE_DAYS = 3650
_MINIMUM_BITS = 2048
_MAXIMUM_FILE_BYTES = 64 * 1024
_MAXIMUM_NAME = 64
_CLOCK_SKEW = timedelta(hours=1)


class Custodian:
    """The public half: a certificate with an RSA key.

    Attributes
    ----------
    certificate
        X.509 certificate.
    fingerprint
        SHA-256 of the public key, 64 hexadecimal digits: equal for every certificate of one key.
    """

    __slots__ = ("_key", "certificate", "fingerprint")

    def __init__(self, certificate: x509.Certificate) -> None:
        key = certificate.public_key()
        if not isinstance(key, rsa.RSAPublicKey) or key.key_size < _MINIMUM_BITS:
            raise CertificateError(f"The certificate has no RSA key of {_MINIMUM_BITS} bits.")
        self._key = key
        self.certificate = certificate
        self.fingerprint = _fingerprint(key)

    @classmethod
    def load(cls, path: Path) -> Custodian:
        """Read a PEM certificate that is still valid.

        Raises
        ------
        CertificateError
            If it is not one, has run out, or its key is not RSA of at least 2048 bits.
        """
        try:
            with path.open("rb") as handle:
                custodian = cls.of_pem(handle.read(_MAXIMUM_FILE_BYTES))
        except OSError as error:
            raise CertificateError(f"{path.name} cannot be read: {error.strerror}.") from None
        if datetime.now(UTC) > custodian.certificate.not_valid_after_utc:
            raise CertificateError("The certificate has run out.")
        return custodian

    @classmethod
    def of_pem(cls, content: bytes) -> Custodian:
        """Read a certificate from PEM text, also one that has run out since it was checked."""
        try:
            certificate = x509.load_pem_x509_certificate(content)
            certificate.public_key()
        except (ValueError, UnsupportedAlgorithm):
            raise CertificateError("There is no readable PEM certificate in it.") from None
        return cls(certificate)

    @property
    def pem(self) -> bytes:
        """The certificate as PEM text."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def wrap(self, share: bytes, context: bytes) -> bytes:
        """Encrypt a few bytes to this custodian.

        Parameters
        ----------
        share
            At most 190 bytes.
        context
            What it is for; needed again to unwrap it.
        """
        return self._key.encrypt(share, _oaep(context))

    def __repr__(self) -> str:
        return f"Custodian({self.fingerprint[:16]})"


class CustodianKey:
    """The private half. Its `repr` shows the fingerprint only.

    Attributes
    ----------
    fingerprint
        As `Custodian.fingerprint`.
    """

    __slots__ = ("_key", "fingerprint")

    def __init__(self, key: rsa.RSAPrivateKey) -> None:
        self._key = key
        self.fingerprint = _fingerprint(key.public_key())

    @classmethod
    def load(cls, uri: str) -> CustodianKey:
        """Read a PEM private key by URI.

        Raises
        ------
        KeyUriError, KeyMissingError, KeyExposedError
            As `fedpacs.crypto.keys.load_secret`.
        KeyMalformedError
            If it is not an unencrypted RSA private key.
        """
        content = read_key_material(uri)
        try:
            key = serialization.load_pem_private_key(content, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # `from None`: what the parser says may repeat parts of the key.
            raise KeyMalformedError("It is not an unencrypted PEM private key.") from None
        if not isinstance(key, rsa.RSAPrivateKey):
            raise KeyMalformedError("The custodian's key is not an RSA key.")
        return cls(key)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Decrypt what `Custodian.wrap` encrypted.

        Raises
        ------
        NotRecipientError
            If it was encrypted to another key or for another purpose.
        """
        try:
            return self._key.decrypt(wrapped, _oaep(context))
        except ValueError:
            raise NotRecipientError("A share was not sealed to this private key.") from None

    def unwrap_transported(self, encrypted_key: bytes) -> bytes | None:
        """Decrypt a content-encryption key of a CMS envelope (RSAES-PKCS1-v1_5, RFC 3370 4.2.1).

        Returns
        -------
        bytes | None
            None, or bytes that mean nothing, when it was encrypted to another key.
        """
        try:
            return self._key.decrypt(encrypted_key, padding.PKCS1v15())
        except ValueError:
            return None

    def __repr__(self) -> str:
        return f"CustodianKey({self.fingerprint[:16]})"


def create_custodian(folder: Path, name: str) -> Custodian:
    """Make a custodian: ``custodian.key`` (mode 0600) and ``custodian.pem``, self-signed.

    Parameters
    ----------
    folder
        Where; made with mode 0700 when it is missing.
    name
        Who it is, 1 to 64 printable characters; stands in the certificate.

    Raises
    ------
    CertificateNameError
        If the name cannot stand in a certificate.
    KeyExistsError, KeyUnwritableError
        If there is a custodian already, or the files cannot be written.
    """
    if not 1 <= len(name.strip()) <= _MAXIMUM_NAME or not name.isprintable():
        raise CertificateNameError(
            "A custodian's name is not 1 to 64 printable characters.",
            hint="Give a name or a role, such as `Data protection officer`.",
        )
    if (folder / "custodian.pem").exists():
        raise KeyExistsError("There is a custodian already.")
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    custodian = Custodian(_self_signed(key, name.strip()))
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    write_key_file(folder / "custodian.key", pem)
    write_key_file(folder / "custodian.pem", custodian.pem, mode=0o644)
    return custodian


def _self_signed(key: rsa.RSAPrivateKey, name: str) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=True,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(int.from_bytes(secrets.token_bytes(19), "big") | 1)
        .not_valid_before(now - _CLOCK_SKEW)
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .sign(key, hashes.SHA256())
    )


def _oaep(context: bytes) -> padding.OAEP:
    return padding.OAEP(
        mgf=padding.MGF1(hashes.SHA256()), algorithm=hashes.SHA256(), label=context or None
    )


def _fingerprint(key: PublicKeyTypes) -> str:
    return sha256_hex(
        key.public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )
