"""Checkpoints: the agent's signature under the whole book up to an entry.

The signed text has the form of a C2SP checkpoint: origin, size and root on a line each, then the
time as an extension line.

References
----------
RFC 6962 3.5 (signed tree head); C2SP tlog-checkpoint.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.crypto.errors import BadSignatureError
from fedpacs.crypto.signatures import verify
from fedpacs.records.errors import CheckpointError

if TYPE_CHECKING:
    from fedpacs.crypto.signatures import SigningKey

_KIND = b"fedpacs book checkpoint v1\n"
_ROOT = re.compile(r"[0-9a-f]{64}")
_ORIGIN = re.compile(r"fedpacs/book/[0-9a-f]{32}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_SIGNATURE = re.compile(r"[0-9a-f]{128}")
_LINES = 6


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """State of a book, signed.

    Attributes
    ----------
    origin
        Which book; random, so that two books of one agent cannot be swapped.
    size
        Entries up to here.
    root
        RFC 6962 root over them, hexadecimal.
    time
        When it was signed, UTC.
    signature
        Ed25519, hexadecimal.
    """

    origin: str
    size: int
    root: str
    time: str
    signature: str

    @classmethod
    def sign(cls, key: SigningKey, origin: str, size: int, root: bytes, time: str) -> Checkpoint:
        """Sign a state."""
        signature = key.sign(_message(origin, size, root.hex(), time)).hex()
        return cls(origin, size, root.hex(), time, signature)

    def check(self, public: str) -> None:
        """Return only if the signature holds.

        Raises
        ------
        CheckpointError
            If it does not.
        """
        try:
            message = _message(self.origin, self.size, self.root, self.time)
            verify(public, message, bytes.fromhex(self.signature))
        except (BadSignatureError, ValueError) as error:
            raise CheckpointError("The signature of a checkpoint does not hold.") from error

    def as_text(self) -> str:
        """Give it as text, for publishing and for witnesses."""
        body = _message(self.origin, self.size, self.root, self.time).decode()
        signature = base64.b64encode(bytes.fromhex(self.signature)).decode()
        return body + f"signature {signature}\n"

    @classmethod
    def parse(cls, content: str) -> Checkpoint:
        """Read what `as_text` gave.

        Raises
        ------
        CheckpointError
            If it is not a checkpoint. The signature is not checked here.
        """
        lines = content.splitlines()
        try:
            if len(lines) != _LINES or f"{lines[0]}\n".encode() != _KIND:
                raise CheckpointError("The text is not a checkpoint.")
            origin, size, root, time, last = lines[1:]
            word, _, signature = last.partition(" ")
            checkpoint = cls(
                origin=origin,
                size=int(size),
                root=base64.b64decode(root, validate=True).hex(),
                time=time,
                signature=base64.b64decode(signature, validate=True).hex(),
            )
        except (ValueError, binascii.Error) as error:
            raise CheckpointError("The text is not a checkpoint.") from error
        if word != "signature" or not checkpoint.is_well_formed():
            raise CheckpointError("The text is not a checkpoint.")
        return checkpoint

    def is_well_formed(self) -> bool:
        """Tell whether every part has its form."""
        return (
            _ORIGIN.fullmatch(self.origin) is not None
            and self.size >= 0
            and _ROOT.fullmatch(self.root) is not None
            and _TIME.fullmatch(self.time) is not None
            and _SIGNATURE.fullmatch(self.signature) is not None
        )


def _message(origin: str, size: int, root: str, time: str) -> bytes:
    encoded = base64.b64encode(bytes.fromhex(root)).decode()
    return _KIND + f"{origin}\n{size}\n{encoded}\n{time}\n".encode()
