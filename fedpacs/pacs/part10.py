"""DICOM Part 10 files at rest: names without identifiers, atomic writes, honest reading."""

from __future__ import annotations

import hashlib
import os
import re
import struct
import threading
import zlib
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, BinaryIO

from pydicom import dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import DeflatedExplicitVRLittleEndian

from fedpacs.pacs.elements import text
from fedpacs.pacs.errors import CorruptInstanceError

if TYPE_CHECKING:
    from pathlib import Path

    from pydicom import Dataset

_UID = re.compile(r"[0-9.]{1,64}")
_UNREADABLE = (
    InvalidDicomError,
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    NotImplementedError,
    IndexError,
    struct.error,
    zlib.error,
    UserWarning,  # where warnings are errors
)
_PIXEL_DATA = 0x7FE00010
_UNDEFINED_LENGTH = 0xFFFFFFFF
_ITEM = (0xFFFE, 0xE000)
_SEQUENCE_DELIMITER = (0xFFFE, 0xE0DD)
_ITEM_HEADER_BYTES = 8
_PREAMBLE_BYTES = 128
_META_GROUP, _MEDIA_STORAGE_UID = 0x0002, 0x0003
_LONG_FORM = (b"OB", b"OW", b"UN", b"SQ", b"UT")
_HEADER_KEYWORDS = (
    "SOPInstanceUID",
    "SOPClassUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "Modality",
    "PatientID",
    "StudyDate",
)


@dataclass(frozen=True, slots=True, repr=False)
class Header:
    """The few elements by which an instance is filed; identified."""

    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    modality: str
    patient_id: str
    study_date: str
    transfer_syntax_uid: str

    def __repr__(self) -> str:
        return f"Header({self.modality})"


def is_uid(value: str) -> bool:
    """Tell whether a string can be a UID: digits and dots, 64 at most (PS3.5 9.1).

    Leading zeros in a component are wrong but found in the wild, and harmless.
    """
    return bool(_UID.fullmatch(value))


def file_name(sop_instance_uid: str) -> str:
    """Name a file by digest: it holds no identifier and cannot climb out of its folder."""
    return hashlib.sha256(sop_instance_uid.encode()).hexdigest()[:40] + ".dcm"


def write_atomically(path: Path, content: bytes, *, durable: bool) -> None:
    """Write a file so that after a crash it is there completely or not at all.

    Parameters
    ----------
    path
        File to make or replace.
    content
        All of it.
    durable
        Force it to the disk before it gets its name, and then the name. Staging, which is
        retrieved again after a crash, does without.
    """
    partial = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.partial")
    with partial.open("wb") as file:
        file.write(content)
        if durable:
            file.flush()
            os.fsync(file.fileno())
    partial.replace(path)
    if durable:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name, too
        finally:
            os.close(folder)


def announced_uid(head: bytes) -> str:
    """Give the SOP Instance UID in the file meta information; empty when it is not there.

    Parameters
    ----------
    head
        The first few thousand bytes of a Part 10 file.

    References
    ----------
    PS3.10 7.1: the group is in Explicit VR Little Endian, whatever the object is in.
    """
    at = _PREAMBLE_BYTES + 4
    if head[_PREAMBLE_BYTES:at] != b"DICM":
        return ""
    while at + 12 <= len(head):
        group, element = struct.unpack_from("<HH", head, at)
        if group != _META_GROUP:
            return ""
        long_form = head[at + 4 : at + 6] in _LONG_FORM
        (length,) = struct.unpack_from(
            "<L" if long_form else "<H", head, at + (8 if long_form else 6)
        )
        at += 12 if long_form else 8
        if element == _MEDIA_STORAGE_UID:
            return head[at : at + length].decode("ascii", errors="replace").strip(" \x00")
        at += length
    return ""


def read_header(source: Path | bytes) -> Header:
    """Read what an instance is, without its pixels.

    Raises
    ------
    CorruptInstanceError
        If it is no DICOM Part 10 file or lacks one of its UIDs.
    """
    return header_of(read_dataset(source, pixels=False))


def read_dataset(source: Path | bytes, *, pixels: bool) -> Dataset:
    """Parse a DICOM Part 10 file.

    Raises
    ------
    CorruptInstanceError
        If it cannot be parsed.
    """
    try:
        return dcmread(
            BytesIO(source) if isinstance(source, bytes) else source, stop_before_pixels=not pixels
        )
    except _UNREADABLE:
        # the cause is dropped on purpose: pydicom's messages quote the file's values
        raise CorruptInstanceError("An object is not readable as DICOM.") from None


def header_of(ds: Dataset) -> Header:
    """Take the header from a parsed data set.

    Raises
    ------
    CorruptInstanceError
        If one of its UIDs is missing or malformed.
    """
    values = [text(ds, keyword) for keyword in _HEADER_KEYWORDS]
    syntax = text(ds.file_meta, "TransferSyntaxUID") if hasattr(ds, "file_meta") else ""
    header = Header(*[*values, syntax])
    needed = (
        header.sop_instance_uid,
        header.sop_class_uid,
        header.study_instance_uid,
        header.series_instance_uid,
        header.transfer_syntax_uid,
    )
    if not all(is_uid(uid) for uid in needed):
        raise CorruptInstanceError("An object lacks a UID, or one of its UIDs is malformed.")
    return header


def verify_whole(path: Path) -> Header:
    """Make sure that an instance is readable and its pixel data are all there.

    The pixel data are walked over in the file, fragment by fragment, not loaded.

    Raises
    ------
    CorruptInstanceError
        If the file is unreadable or cut short.

    References
    ----------
    PS3.5 7.1 and A.4 (encapsulated pixel data end with a sequence delimiter).
    """
    try:
        with path.open("rb") as file:
            ds = dcmread(file, stop_before_pixels=True)
            header = header_of(ds)
            if header.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
                whole = _PIXEL_DATA in dcmread(path) or "Rows" not in ds
            else:
                whole = _pixels_are_whole(file, ds, path.stat().st_size)
    except _UNREADABLE:
        # the cause is dropped on purpose: pydicom's messages quote the file's values
        raise CorruptInstanceError("An object is not readable as DICOM.") from None
    if not whole:
        raise CorruptInstanceError("An object's pixel data are missing or cut short.")
    return header


def _pixels_are_whole(file: BinaryIO, ds: Dataset, size: int) -> bool:
    implicit, little = ds.original_encoding
    order = "<" if little else ">"
    start = file.read(12)
    if not start:
        return "Rows" not in ds
    if implicit:
        (length,) = struct.unpack(order + "L", start[4:8])
        file.seek(-4, os.SEEK_CUR)
    else:
        (length,) = struct.unpack(order + "L", start[8:12])
    if length != _UNDEFINED_LENGTH:
        if not 0 < length <= size - file.tell():
            return False
        file.seek(length, os.SEEK_CUR)
        return _tail_is_sound(file, size, order, implicit=bool(implicit))
    fragments = 0
    while len(item := file.read(8)) == _ITEM_HEADER_BYTES:
        group, element, length = struct.unpack("<HHL", item)
        if (group, element) == _SEQUENCE_DELIMITER:
            # the first item is the offset table
            return fragments > 1 and _tail_is_sound(file, size, order, implicit=bool(implicit))
        if (group, element) != _ITEM or file.tell() + length > size:
            return False
        file.seek(length, os.SEEK_CUR)
        fragments += 1
    return False


def _tail_is_sound(file: BinaryIO, size: int, order: str, *, implicit: bool) -> bool:
    """Tell whether what follows the pixel data are data elements, to the very end.

    Bytes that got into the middle of the pixel data push others out behind them.
    """
    last = _PIXEL_DATA
    while head := file.read(8):
        if len(head) < _ITEM_HEADER_BYTES:
            return False
        group, element = struct.unpack(order + "HH", head[:4])
        if (tag := group << 16 | element) <= last:
            return False
        if implicit:
            (length,) = struct.unpack(order + "L", head[4:])
        elif head[4:6] in _LONG_FORM:
            (length,) = struct.unpack(order + "L", file.read(4).ljust(4, b"\xff"))
        else:
            (length,) = struct.unpack(order + "H", head[6:])
        if length == _UNDEFINED_LENGTH:
            return True  # a sequence; its items are not walked
        if length > size - file.tell():
            return False
        file.seek(length, os.SEEK_CUR)
        last = tag
    return True
