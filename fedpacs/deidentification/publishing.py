"""Publishing: a complete file gets its final name, and never another one's.

References
----------
POSIX link(2): a name is given to a whole file at once, or not at all.
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import FedpacsError
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.errors import DuplicateInstanceError, UnwritableOutputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_CHUNK_BYTES = 1 << 20
_DIGEST_CHARACTERS = 8
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})
_counter = itertools.count()


def new_part(folder: Path) -> Path:
    """Give a name in a folder that no other worker uses."""
    return folder / f".{os.getpid()}-{next(_counter)}.part"


@contextmanager
def write_part(folder: Path) -> Iterator[Path]:
    """Give a name for a file that is not finished; it is gone afterwards."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnwritableOutputError(f"A folder cannot be made: {error.strerror}.") from None
    part = new_part(folder)
    try:
        yield part
    finally:
        with suppress(OSError):
            part.unlink()


def publish(part: Path, path: Path, *, durable: bool) -> str:
    """Give a complete file its final name, without ever replacing another whole file.

    Parameters
    ----------
    path
        Final name; a file of this name with the same bytes is left as it is, and one that a crash
        cut short is replaced.
    durable
        Whether the bytes must be on the disk before the name is; the digest is given only then.

    Returns
    -------
    str
        SHA-256 of the file, or nothing.

    Raises
    ------
    DuplicateInstanceError
        If a file of this name with other bytes is there.
    UnwritableOutputError
        If it cannot be written.
    """
    try:
        digest = _settled(part) if durable else ""
        if not _linked(part, path) and not _resolved(part, path):
            raise DuplicateInstanceError(
                "Another object with the same UID is there, with other content."
            )
    except OSError as error:
        raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
    return digest


def publish_beside(part: Path, path: Path) -> Path:
    """Give a complete file its final name, or one beside it when another object holds that.

    Old archives hold different objects under one UID, for instance a picture and its compressed
    copy. Each gets a file; the second one's name goes on with a digest of its content.

    Returns
    -------
    Path
        The name that it got.

    Raises
    ------
    UnwritableOutputError
        If it cannot be written.
    """
    try:
        if _linked(part, path) or _resolved(part, path):
            return path
        with part.open("rb") as handle:
            digest = hashlib.file_digest(handle, "sha256").hexdigest()
        path = path.with_name(f"{path.stem}-{digest[:_DIGEST_CHARACTERS]}{path.suffix}")
        if not _linked(part, path) and not _resolved(part, path):
            raise DuplicateInstanceError("A file of this name and other content is there.")
    except OSError as error:
        raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
    return path


def _linked(part: Path, path: Path) -> bool:
    """Give a file its name; tell whether the name was free."""
    try:
        os.link(part, path)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if path.exists():
            return False
        part.rename(path)  # a disk without links
    return True


def _settled(part: Path) -> str:
    with part.open("rb") as handle:
        os.fsync(handle.fileno())
        return sha256_hex(handle.read())


def _resolved(part: Path, path: Path) -> bool:
    """Tell whether a name that is taken is taken by the same file, or by a torn one: replace it."""
    if same_bytes(part, path):
        return True
    from fedpacs.deidentification.custody.encrypted import same_but_for_envelope  # seldom needed

    if same_but_for_envelope(part, path):
        return True
    try:
        parse(path).close()
    except FedpacsError:
        part.replace(path)
        return True
    return False


def same_bytes(one: Path, other: Path) -> bool:
    """Tell whether two files hold the same bytes."""
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(_CHUNK_BYTES):
            if chunk != second.read(_CHUNK_BYTES):
                return False
    return True
