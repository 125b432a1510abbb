"""Reading a DICOM file: tolerant of age and origin, silent about values, coded in its refusals."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING

import pydicom
from pydicom.errors import InvalidDicomError
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from fedpacs.deidentification.errors import DamagedObjectError, NotDicomError
from fedpacs.deidentification.wholeness import check_whole

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom.dataset import FileDataset

_PREAMBLE_BYTES = 128
_SOP_CLASS_UID = 0x00080016
_MEDIA_SOP_CLASS_UID = 0x00020002


@contextmanager
def quiet() -> Iterator[None]:
    """Silence pydicom's warnings and log: they quote the values they complain of."""
    logger = logging.getLogger("pydicom")
    before = logger.disabled
    logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before


def read_object(source: Path) -> FileDataset:
    """Read a whole object.

    Files without preamble or file meta information, as old archives and raw exports write them,
    are read, too, when what follows is a data set with a SOP class.

    Raises
    ------
    NotDicomError
        If the file is not DICOM or cannot be opened.
    DamagedObjectError
        If it is, but cannot be read, or not to its end.
    """
    with quiet():
        try:
            content = source.read_bytes()
        except OSError:
            raise NotDicomError("The file cannot be opened.") from None
        ds = _parse(content)
        _name_transfer_syntax(ds)
    implicit, little = ds.original_encoding
    check_whole(
        content,
        implicit=bool(implicit),
        little=bool(little),
        deflated=ds.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian,
    )
    return ds


def _parse(content: bytes) -> FileDataset:
    try:
        return pydicom.dcmread(BytesIO(content))
    except InvalidDicomError:
        return _without_preamble(content)
    except Exception:  # noqa: BLE001 - damaged bytes make the parser fail in any way it likes
        raise DamagedObjectError("The header cannot be read.") from None


def _without_preamble(content: bytes) -> FileDataset:
    try:
        ds = pydicom.dcmread(BytesIO(content), force=True)
        named = _SOP_CLASS_UID in ds or _MEDIA_SOP_CLASS_UID in ds.file_meta
    except Exception:  # noqa: BLE001 - these bytes may be anything at all
        raise NotDicomError("The file is not DICOM.") from None
    if not named:
        raise NotDicomError("The file is not DICOM.")
    return ds


def _name_transfer_syntax(ds: FileDataset) -> None:
    """Write down the transfer syntax that pydicom found where the file does not name one."""
    if "TransferSyntaxUID" in ds.file_meta:
        return
    implicit, little = ds.original_encoding
    if implicit:
        ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    else:
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if little else ExplicitVRBigEndian
