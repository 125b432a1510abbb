"""Envelopes: CMS enveloped-data with RSA key transport and AES in CBC mode, as DICOM wants them.

The private key alone opens one; no certificate is needed for that. The mode does not
authenticate, so whoever seals puts a digest inside and whoever opens checks it.

References
----------
RFC 5652 6 (enveloped-data); RFC 3370 4.2.1; RFC 3565; PS3.15 E.1.1; PS3.3 C.12.1.1.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.hazmat.primitives.serialization.pkcs7 import PKCS7EnvelopeBuilder, PKCS7Options

from fedpacs.crypto.der import OBJECT_IDENTIFIER, OCTET_STRING, SEQUENCE, SET, Node, read
from fedpacs.crypto.errors import CertificateError, EnvelopeMalformedError, NotRecipientError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fedpacs.crypto.custodians import Custodian, CustodianKey

_ENVELOPED_DATA = bytes.fromhex("2a864886f70d010703")
_RSA = bytes.fromhex("2a864886f70d010101")
_AES_CBC_KEY_BYTES = {
    bytes.fromhex("608648016503040102"): 16,
    bytes.fromhex("608648016503040116"): 24,
    bytes.fromhex("60864801650304012a"): 32,
}
_BLOCK_BYTES = 16
_CONTENT_TAGS = {0x80, 0xA0}
_OPTIONAL_ORIGINATOR = 0xA0


def seal_envelope(content: bytes, recipients: Sequence[Custodian]) -> bytes:
    """Encrypt to one or more custodians, each of whom can open it alone.

    Parameters
    ----------
    content
        What to encrypt, with AES-256 in CBC mode under a new random key.
    recipients
        At least one.

    Returns
    -------
    bytes
        DER of a CMS ContentInfo; other bytes each time, of the same length.

    Raises
    ------
    CertificateError
        If there is no recipient.
    """
    if not recipients:
        raise CertificateError("There is nobody to seal an envelope to.")
    builder = PKCS7EnvelopeBuilder().set_data(content)
    builder = builder.set_content_encryption_algorithm(algorithms.AES256)
    for custodian in recipients:
        builder = builder.add_recipient(custodian.certificate)
    return builder.encrypt(Encoding.DER, [PKCS7Options.Binary])


def open_envelope(envelope: bytes, key: CustodianKey, begins: bytes) -> bytes:
    """Decrypt with a custodian's private key.

    Parameters
    ----------
    envelope
        BER or DER of a CMS ContentInfo; what follows it is ignored.
    begins
        How the content begins; this tells it from what a wrong key makes of it.

    Raises
    ------
    EnvelopeMalformedError
        If it is not enveloped-data with RSA key transport and AES in CBC mode.
    NotRecipientError
        If it was not sealed to this key, or was changed.
    """
    recipients, encrypted = _enveloped_data(envelope)
    key_bytes, initial, ciphertext = _encrypted_content(encrypted)
    for encrypted_key in _transported_keys(recipients):
        content_key = key.unwrap_transported(encrypted_key)
        if content_key is None or len(content_key) != key_bytes:
            continue
        content = _decrypt(content_key, initial, ciphertext)
        if content is not None and content.startswith(begins):
            return content
    raise NotRecipientError("The envelope was not sealed to this private key, or was changed.")


def _enveloped_data(envelope: bytes) -> tuple[Node, Node]:
    """Find the recipients and the encrypted content."""
    parts = _expect(read(envelope), SEQUENCE).children()
    if len(parts) < 2 or parts[0].content != _ENVELOPED_DATA:  # noqa: PLR2004 - type and content
        raise EnvelopeMalformedError("It is a CMS object, but not enveloped-data.")
    inner = parts[1].children()
    fields = iter(_expect(inner[0] if inner else parts[0], SEQUENCE).children())
    next(fields, None)  # the version
    recipients = next(fields, None)
    if recipients is not None and recipients.tag == _OPTIONAL_ORIGINATOR:
        recipients = next(fields, None)
    encrypted = next(fields, None)
    return _expect(recipients, SET), _expect(encrypted, SEQUENCE)


def _encrypted_content(encrypted: Node) -> tuple[int, bytes, bytes]:
    """Give key length in bytes, initialisation vector and ciphertext."""
    fields = encrypted.children()
    if len(fields) < 3 or fields[2].tag not in _CONTENT_TAGS:  # noqa: PLR2004 - type, algorithm, content
        raise EnvelopeMalformedError("The envelope holds no content.")
    algorithm = _expect(fields[1], SEQUENCE).children()
    key_bytes = _AES_CBC_KEY_BYTES.get(algorithm[0].content) if len(algorithm) > 1 else None
    if key_bytes is None or algorithm[0].tag != OBJECT_IDENTIFIER:
        raise EnvelopeMalformedError("The content is not encrypted with AES in CBC mode.")
    initial, ciphertext = _expect(algorithm[1], OCTET_STRING).content, fields[2].octets()
    if len(initial) != _BLOCK_BYTES or len(ciphertext) % _BLOCK_BYTES or not ciphertext:
        raise EnvelopeMalformedError("The encrypted content was cut.")
    return key_bytes, initial, ciphertext


def _transported_keys(recipients: Node) -> Iterator[bytes]:
    for recipient in recipients.children():
        if recipient.tag != SEQUENCE:
            continue  # another kind of recipient
        fields = recipient.children()
        if len(fields) < 4 or _RSA not in [f.content for f in fields[2].children()]:  # noqa: PLR2004 - version, recipient, algorithm, key
            continue
        yield fields[3].octets()


def _decrypt(key: bytes, initial: bytes, ciphertext: bytes) -> bytes | None:
    decryptor = Cipher(algorithms.AES(key), modes.CBC(initial)).decryptor()
    padded = decryptor.update(ciphertext) + decryptor.finalize()
    unpadder = PKCS7(_BLOCK_BYTES * 8).unpadder()
    try:
        return unpadder.update(padded) + unpadder.finalize()
    except ValueError:
        return None


def _expect(node: Node | None, tag: int) -> Node:
    if node is None or node.tag != tag:
        raise EnvelopeMalformedError("It is not a CMS object.")
    return node
