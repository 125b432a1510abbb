"""Keys by URI: read from where the hospital keeps them, checked, and never held in configuration.

``file:PATH`` names a file that only its owner can touch; ``env:NAME`` an environment variable.
"""

from __future__ import annotations

import itertools
import os
import re
import secrets
import stat
from pathlib import Path

from fedpacs.crypto.errors import (
    KeyExistsError,
    KeyExposedError,
    KeyMalformedError,
    KeyMissingError,
    KeyUnwritableError,
    KeyUriError,
    KeyWeakError,
)

__all__ = [
    "KeyMissingError",
    "check_strength",
    "create_secret",
    "load_secret",
    "read_key_material",
    "write_key_file",
]

MINIMUM_BYTES = 32
"""256 bits: what HMAC-SHA-256 and AES-256 are worth."""
_MAXIMUM_FILE_BYTES = 16 * 1024
_MINIMUM_DISTINCT_BYTES = 16
_HEX = re.compile(rb"[0-9A-Fa-f]+")
_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def load_secret(uri: str) -> bytes:
    """Read a secret key.

    Parameters
    ----------
    uri
        ``file:PATH``: hexadecimal text, or at least 32 raw bytes. ``env:NAME``: hexadecimal text.

    Returns
    -------
    bytes
        At least 32.

    Raises
    ------
    KeyUriError
        If the URI is neither.
    KeyMissingError
        If it is not there or cannot be read.
    KeyExposedError
        If group or others have any permission on the file.
    KeyMalformedError
        If it is not a plain file of sensible size, or the variable is not hexadecimal.
    KeyWeakError
        If it is short, a constant, a counter, a repetition or a text that a person wrote.
    """
    content = read_key_material(uri)
    text = content.strip()
    if _HEX.fullmatch(text) and len(text) % 2 == 0:
        secret = bytes.fromhex(text.decode("ascii"))
    elif uri.startswith("env:"):
        raise KeyMalformedError(f"{_label(uri)} does not hold hexadecimal digits.")
    elif content.isascii() and all(
        chr(byte).isprintable() or byte in b"\r\n\t" for byte in content
    ):
        raise KeyWeakError(
            f"{_label(uri)} holds text that is not hexadecimal; a pass phrase is no key."
        )
    else:
        secret = content
    check_strength(secret, _label(uri))
    return secret


def create_secret(path: Path) -> None:
    """Make a new random secret of 32 bytes, as hexadecimal text in a file of mode 0600.

    Raises
    ------
    KeyExistsError
        If there is anything at the path already; nothing is ever overwritten.
    KeyUnwritableError
        If the file cannot be written.
    """
    write_key_file(path, secrets.token_hex(MINIMUM_BYTES).encode() + b"\n")


def check_strength(secret: bytes, label: str = "The key") -> None:
    """Refuse what cannot have come from a random source.

    Parameters
    ----------
    secret
        The key.
    label
        How an error calls it.

    Raises
    ------
    KeyWeakError
        If it is shorter than 32 bytes, has fewer than 16 different bytes, counts up or down, or
        repeats itself. 32 random bytes fail this with a probability below 1e-12.
    """
    if len(secret) < MINIMUM_BYTES:
        raise KeyWeakError(f"{label} has {len(secret)} bytes; {MINIMUM_BYTES} are needed.")
    steps = {(b - a) % 256 for a, b in itertools.pairwise(secret)}
    repeats = any(
        secret == (secret[:period] * (len(secret) // period + 1))[: len(secret)]
        for period in range(1, len(secret) // 2 + 1)
    )
    if len(set(secret)) < _MINIMUM_DISTINCT_BYTES or len(steps) == 1 or repeats:
        raise KeyWeakError(f"{label} is a constant, a counter or a repetition, not random bytes.")


def read_key_material(uri: str) -> bytes:
    """Read the bytes behind a key URI, checking only who can get at them.

    Raises
    ------
    KeyUriError, KeyMissingError, KeyExposedError, KeyMalformedError
        As `load_secret`.
    """
    scheme, _, name = uri.partition(":")
    if scheme == "file" and name:
        return _read_file(Path(name))
    if scheme == "env" and name:
        value = os.environ.get(name)
        if not value:
            raise KeyMissingError(f"The environment variable {name} is not set.")
        return value.encode("utf-8", "surrogateescape")
    raise KeyUriError("A key is not named by a `file:` or `env:` URI.")


def write_key_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write a new file durably, never over another.

    Parameters
    ----------
    path
        Missing parent folders are made with mode 0700.
    content
        All of the file.
    mode
        Permission bits; of a public file 0644.

    Raises
    ------
    KeyExistsError
        If there is anything at the path already.
    KeyUnwritableError
        If it cannot be written; nothing half-written stays.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise KeyUnwritableError(f"The folder of {path.name} cannot be made.") from error
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
    except FileExistsError as error:
        raise KeyExistsError(f"There is a key at {path.name} already.") from error
    except OSError as error:
        raise KeyUnwritableError(f"{path.name} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise KeyUnwritableError(f"{path.name} cannot be written: {error.strerror}.") from error


def _read_file(path: Path) -> bytes:
    # Opened first and judged by descriptor: the file that is checked is the file that is read.
    # Non-blocking, so that a FIFO in its place cannot make the agent wait for ever.
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except OSError as error:
        raise KeyMissingError(
            f"The key file {path.name} cannot be read: {error.strerror}."
        ) from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise KeyMalformedError(f"{path.name} is not a plain file.")
        if status.st_mode & _OTHERS:
            bits = stat.S_IMODE(status.st_mode)
            raise KeyExposedError(f"The key file {path.name} has mode {bits:04o}; 0600 is needed.")
        if status.st_size > _MAXIMUM_FILE_BYTES:
            raise KeyMalformedError(f"{path.name} is far too large for a key.")
        with os.fdopen(os.dup(descriptor), "rb") as handle:
            return handle.read()
    finally:
        os.close(descriptor)


def _label(uri: str) -> str:
    scheme, _, name = uri.partition(":")
    return f"The key file {Path(name).name}" if scheme == "file" else f"The variable {name}"
