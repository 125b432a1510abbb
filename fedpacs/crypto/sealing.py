"""Sealing at rest: authenticated encryption of whole blobs, each under a key of its own.

Format, version 1: ``FEDPACS-SEAL`` (12 bytes), version (1), salt (32), AES-256-GCM ciphertext
with its tag (16). HKDF-SHA-256 of the store's key and the salt gives key and nonce, so there is
no limit on the number of blobs as with random nonces under one key. Header and context are
authenticated: a blob that was moved to another place or another role does not open.

References
----------
RFC 5869; NIST SP 800-38D.
"""

from __future__ import annotations

import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from fedpacs.crypto.errors import BrokenSealError, SealTooLargeError
from fedpacs.crypto.keys import check_strength

_HEADER = b"FEDPACS-SEAL\x01"
_INFO = b"fedpacs seal v1"
_SALT_BYTES = 32
_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_MAXIMUM_BYTES = 2**31 - 1 - _TAG_BYTES
OVERHEAD_BYTES = len(_HEADER) + _SALT_BYTES + _TAG_BYTES
"""How much longer a sealed blob is than its content."""


class Sealer:
    """Seals and opens blobs with one key.

    Parameters
    ----------
    key
        32 random bytes or more.

    Raises
    ------
    KeyWeakError
        If the key is short or not random.
    """

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        check_strength(key, "The sealing key")
        self._key = key

    def seal(self, plaintext: bytes, context: bytes) -> bytes:
        """Encrypt.

        Parameters
        ----------
        plaintext
            Content; just under 2 GiB at most.
        context
            What the blob is and where it belongs; needed again to open it, and not stored in it.

        Raises
        ------
        SealTooLargeError
            If the content is too large.
        """
        if len(plaintext) > _MAXIMUM_BYTES:
            raise SealTooLargeError("The content is too large to be sealed in one piece.")
        header = _HEADER + os.urandom(_SALT_BYTES)
        cipher, nonce = self._cipher(header)
        return header + cipher.encrypt(nonce, plaintext, header + context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt, if not one bit was changed.

        Raises
        ------
        BrokenSealError
            If content, header or context differ from what was sealed, or the key is another.
        """
        if len(sealed) < OVERHEAD_BYTES or not sealed.startswith(_HEADER):
            raise BrokenSealError("The bytes are not a seal of this version, or were cut.")
        split = len(_HEADER) + _SALT_BYTES
        header = bytes(sealed[:split])
        cipher, nonce = self._cipher(header)
        try:
            return cipher.decrypt(nonce, memoryview(sealed)[split:], header + context)
        except InvalidTag:
            raise BrokenSealError(
                "A seal is broken, or it belongs to another key or place."
            ) from None

    def __repr__(self) -> str:
        return "Sealer()"

    def _cipher(self, header: bytes) -> tuple[AESGCM, bytes]:
        derived = HKDF(
            algorithm=hashes.SHA256(),
            length=_KEY_BYTES + _NONCE_BYTES,
            salt=header[len(_HEADER) :],
            info=_INFO,
        ).derive(self._key)
        return AESGCM(derived[:_KEY_BYTES]), derived[_KEY_BYTES:]
