"""Writing a de-identified file: whole or not at all, and never over another one."""

from __future__ import annotations

import os
from contextlib import suppress
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
from pydicom.dataset import FileMetaDataset
from pydicom.uid import UID

from fedpacs.core.digest import sha256_hex
from fedpacs.deidentification.errors import DuplicateInstanceError, UnwritableOutputError

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom.dataset import FileDataset

IMPLEMENTATION_CLASS_UID = "2.25.201853064189236215164410871036415018275"
IMPLEMENTATION_VERSION_NAME = "FEDPACS_1"
_PREAMBLE = b"\0" * 128


def encode(ds: FileDataset) -> bytes:
    """Give the bytes of a file: preamble of zeros, new file meta information, the data set."""
    meta = FileMetaDataset()
    meta.FileMetaInformationVersion = b"\x00\x01"
    meta.MediaStorageSOPClassUID = ds.SOPClassUID
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ds.file_meta.TransferSyntaxUID
    meta.ImplementationClassUID = UID(IMPLEMENTATION_CLASS_UID)
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    ds.file_meta = meta
    ds.preamble = _PREAMBLE
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def write_once(content: bytes, path: Path) -> str:
    """Write a file under its final name only when it is complete and on the disk.

    Parameters
    ----------
    content
        Whole file.
    path
        Final name; a file of this name with the same bytes is left as it is.

    Returns
    -------
    str
        SHA-256 of the file.

    Raises
    ------
    DuplicateInstanceError
        If a file of this name with other bytes is there.
    UnwritableOutputError
        If it cannot be written.
    """
    digest = sha256_hex(content)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_part(content, part)
        publish(part, path, digest)
    except OSError as error:
        raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
    finally:
        with suppress(OSError):
            part.unlink()
    return digest


def _write_part(content: bytes, part: Path) -> None:
    with part.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())


def publish(part: Path, path: Path, digest: str) -> None:
    """Give a complete file its final name, without ever replacing another file.

    Raises
    ------
    DuplicateInstanceError
        If a file of this name with other bytes is there.
    """
    try:
        os.link(part, path)
    except FileExistsError:
        if sha256_hex(path.read_bytes()) != digest:
            raise DuplicateInstanceError(
                "Another object with the same UID is there, with other content."
            ) from None
