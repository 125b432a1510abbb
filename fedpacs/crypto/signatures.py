"""Ed25519 signatures: of the agent under the book's checkpoints, of people under approvals.

Whoever signs puts the kind of statement first in the message, so that a signature under one kind
can never be shown as one under another.

References
----------
RFC 8032.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from fedpacs.crypto.errors import BadSignatureError, KeyMalformedError, PublicKeyError
from fedpacs.crypto.keys import read_key_material, write_key_file

if TYPE_CHECKING:
    from pathlib import Path

_PUBLIC = re.compile(r"ed25519:([0-9a-f]{64})")
_FIELD = 2**255 - 19
_ORDER_8 = 0x05FC536D880238B13933C6D305ACDFD5F098EFF289F4C345B027B2C28F95E826
_SMALL_ORDER_Y = frozenset({0, 1, _FIELD - 1, _ORDER_8, _FIELD - _ORDER_8})
"""Under these points (RFC 8032 y coordinates) some signatures hold for *any* message."""


class SigningKey:
    """An Ed25519 private key. Its `repr` shows the public half only.

    Attributes
    ----------
    public
        ``ed25519:`` and 64 hexadecimal digits.
    """

    __slots__ = ("_key", "public")

    def __init__(self, key: Ed25519PrivateKey) -> None:
        self._key = key
        self.public = f"ed25519:{key.public_key().public_bytes_raw().hex()}"

    @classmethod
    def load(cls, uri: str) -> SigningKey:
        """Read a PKCS #8 PEM private key by URI.

        Raises
        ------
        KeyUriError, KeyMissingError, KeyExposedError
            As `fedpacs.crypto.keys.load_secret`.
        KeyMalformedError
            If it is not an unencrypted Ed25519 private key.
        """
        content = read_key_material(uri)
        try:
            key = serialization.load_pem_private_key(content, password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            # `from None`: what the parser says may repeat parts of the key.
            raise KeyMalformedError(
                "The signing key is not an unencrypted PEM private key."
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyMalformedError("The signing key is not an Ed25519 key.")
        return cls(key)

    @classmethod
    def create(cls, path: Path) -> SigningKey:
        """Make a new key in a file of mode 0600.

        Raises
        ------
        KeyExistsError, KeyUnwritableError
            As `fedpacs.crypto.keys.create_secret`.
        """
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        write_key_file(path, pem)
        return cls(key)

    def sign(self, message: bytes) -> bytes:
        """Sign.

        Parameters
        ----------
        message
            Begins with the kind of statement.

        Returns
        -------
        bytes
            64.
        """
        return self._key.sign(message)

    def __repr__(self) -> str:
        return f"SigningKey({self.public})"


def check_public(public: str) -> None:
    """Refuse a public key that is malformed or under which signatures can be forged.

    Raises
    ------
    PublicKeyError
        If it is not ``ed25519:`` and 64 lower-case hexadecimal digits, not canonical, or a point
        of small order, such as the placeholder of 64 zeros.
    """
    match = _PUBLIC.fullmatch(public)
    if match is None:
        raise PublicKeyError("A public key is not `ed25519:` and 64 lower-case hexadecimal digits.")
    y = int.from_bytes(bytes.fromhex(match[1]), "little") % 2**255
    if y >= _FIELD or y in _SMALL_ORDER_Y:
        raise PublicKeyError(
            "A public key is a placeholder under which anyone can forge signatures."
        )


def verify(public: str, message: bytes, signature: bytes) -> None:
    """Return only if the signature holds.

    Parameters
    ----------
    public
        As `SigningKey.public`.
    message
        Exactly what was signed.
    signature
        64 bytes.

    Raises
    ------
    BadSignatureError
        If it does not hold.
    PublicKeyError
        If the key itself is unusable.
    """
    check_public(public)
    key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public.removeprefix("ed25519:")))
    try:
        key.verify(signature, message)
    except InvalidSignature:
        raise BadSignatureError("A signature does not hold.") from None
