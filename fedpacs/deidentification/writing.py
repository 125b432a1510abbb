"""Writing a de-identified file: whole or not at all, and never over another one.

The header is new; pixel data that stay are handed over by the kernel or from the one read of the
source, never decoded.

References
----------
PS3.10 7.1 (preamble and file meta information); PS3.15 E.1.1 (both are replaced).
"""

from __future__ import annotations

import errno
import hashlib
import itertools
import os
import struct
import zlib
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import FedpacsError
from fedpacs.deidentification.custody.encrypted import same_but_for_envelope
from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.encoding import encode_element, header
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.dicom.syntax import DEFLATED, LITTLE_EXPLICIT, SEQUENCE_END, UNDEFINED
from fedpacs.deidentification.errors import DuplicateInstanceError, UnwritableOutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.content import PixelContent

IMPLEMENTATION_CLASS_UID = "2.25.201853064189236215164410871036415018275"
IMPLEMENTATION_VERSION_NAME = "FEDPACS_1"
_GROUP_LENGTH = b"\x02\0\0\0UL\4\0"
_PREAMBLE = b"\0" * 128 + b"DICM"
_PIXEL_VRS = {0x7FE00008: ("OF",), 0x7FE00009: ("OD",), 0x7FE00010: ("OW", "OB")}
_CHUNK_BYTES = 1 << 20
_DIGEST_CHARACTERS = 8
_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS})
_counter = itertools.count()


@dataclass(frozen=True, slots=True)
class NewFile:
    """A de-identified file, ready to be written.

    Attributes
    ----------
    parsed
        Where pixel data that stay come from.
    elements
        Encoded elements of the top level by tag, without the pixel data.
    content
        New value of the pixel data; None when they stay as they are.
    """

    parsed: ParsedObject
    sop_class_uid: str
    sop_instance_uid: str
    elements: Mapping[int, bytes]
    content: PixelContent | None = None

    def write(self, part: Path) -> None:
        """Write the file.

        Raises
        ------
        UnwritableOutputError
            If it cannot be written to its end; what was begun is removed.
        """
        try:
            descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
        try:
            try:
                self._write(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
        except BaseException:
            part.unlink(missing_ok=True)
            raise

    def _write(self, descriptor: int) -> None:
        uid = self.transfer_syntax_uid
        meta = _PREAMBLE + file_meta(self.sop_class_uid, self.sop_instance_uid, uid)
        before, after = self._around_pixels()
        sink = _Deflating(descriptor) if uid == DEFLATED else _Plain(descriptor)
        if self.parsed.pixel is None or not before:
            sink.start(meta, before + after)
        else:
            sink.start(meta, before)
            self._write_pixels(sink)
            sink.add(after)
        sink.finish()

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer syntax of the new file."""
        if self.content is not None:
            return self.content.transfer_syntax_uid
        return self.parsed.transfer_syntax_uid

    def _around_pixels(self) -> tuple[bytes, bytes]:
        """Give what stands before the pixels, their header included, and what comes after."""
        pixel = self.parsed.pixel
        tags = sorted(self.elements)
        if pixel is None:
            return b"".join(self.elements[tag] for tag in tags), b""
        before = [self.elements[tag] for tag in tags if tag < pixel.tag]
        after = [self.elements[tag] for tag in tags if tag > pixel.tag]
        encapsulated, length = pixel.undefined, pixel.length
        if self.content is not None:
            encapsulated, length = self.content.encapsulated, self.content.length
        vrs = _PIXEL_VRS[pixel.tag]
        vr = "OB" if encapsulated else pixel.vr if pixel.vr in vrs else vrs[0]
        encoding = self.parsed.encoding
        if encapsulated:
            before.append(header(pixel.tag, vr, UNDEFINED, encoding))
            after.insert(0, struct.pack("<HHL", SEQUENCE_END >> 16, SEQUENCE_END & 0xFFFF, 0))
        else:
            before.append(header(pixel.tag, vr, length + length % 2, encoding))
            after.insert(0, b"\0" * (length % 2))
        return b"".join(before), b"".join(after)

    def _write_pixels(self, sink: _Plain | _Deflating) -> None:
        if self.content is None:
            pixel = self.parsed.pixel
            if pixel is not None:
                sink.hand_over(self.parsed, pixel.offset, pixel.length)
        elif isinstance(self.content.source, Path):
            sink.add_file(self.content.source, self.content.length)
        else:
            sink.add(self.content.source)


class _Plain:
    """Writes to a file; small things are gathered into one system call."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending: list[bytes | memoryview] = []

    def start(self, meta: bytes, before: bytes) -> None:
        self._pending = [meta, before]

    def add(self, content: bytes | memoryview) -> None:
        if len(content):
            self._pending.append(content)

    def hand_over(self, parsed: ParsedObject, offset: int, length: int) -> None:
        if parsed.source.whole is not None:
            self.add(parsed.source.view(offset, length))
        else:
            self._flush()
            _copy(parsed.source.descriptor, self._descriptor, offset, length)

    def add_file(self, path: Path, length: int) -> None:
        self._flush()
        with path.open("rb") as handle:
            _copy(handle.fileno(), self._descriptor, 0, length)

    def finish(self) -> None:
        self._flush()

    def _flush(self) -> None:
        pending = self._pending
        while pending:
            written = os.writev(self._descriptor, pending)
            while pending and written >= len(pending[0]):
                written -= len(pending.pop(0))
            if written:
                pending[0] = memoryview(pending[0])[written:]


class _Deflating:
    """Writes a data set as one deflated stream (PS3.5 A.5)."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._bytes = 0

    def start(self, meta: bytes, before: bytes) -> None:
        _write_all(self._descriptor, meta)
        self.add(before)

    def add(self, content: bytes | memoryview) -> None:
        view = memoryview(content)
        for start in range(0, len(view), _CHUNK_BYTES):
            self._write(self._stream.compress(view[start : start + _CHUNK_BYTES]))

    def hand_over(self, parsed: ParsedObject, offset: int, length: int) -> None:
        self.add(parsed.source.view(offset, length))

    def add_file(self, path: Path, length: int) -> None:
        with path.open("rb") as handle:
            while length and (chunk := handle.read(min(_CHUNK_BYTES, length))):
                length -= len(chunk)
                self.add(chunk)

    def finish(self) -> None:
        self._write(self._stream.flush())
        if self._bytes % 2:
            _write_all(self._descriptor, b"\0")

    def _write(self, content: bytes) -> None:
        self._bytes += len(content)
        _write_all(self._descriptor, content)


def _write_all(descriptor: int, content: bytes | memoryview) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _copy(source: int, target: int, offset: int, length: int) -> None:
    """Have the kernel copy a range; read and write where it cannot."""
    while length:
        try:
            copied = os.copy_file_range(source, target, min(length, 1 << 30), offset)
        except OSError as error:
            if error.errno not in {errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS}:
                raise
            copied = 0
        if not copied:
            chunk = os.pread(source, min(length, _CHUNK_BYTES), offset)
            if not chunk:
                raise OSError(errno.EIO, "the source ended early")
            _write_all(target, chunk)
            copied = len(chunk)
        offset += copied
        length -= copied


def file_meta(sop_class_uid: str, sop_instance_uid: str, transfer_syntax_uid: str) -> bytes:
    """Give new file meta information; nothing of the old one stays."""
    first, last = _fixed_meta(sop_class_uid, transfer_syntax_uid)
    uid = encode_element(Element.of_text(0x00020003, "UI", sop_instance_uid), LITTLE_EXPLICIT)
    length = struct.pack("<L", len(first) + len(uid) + len(last))
    return b"".join((_GROUP_LENGTH, length, first, uid, last))


@lru_cache(maxsize=256)
def _fixed_meta(sop_class_uid: str, transfer_syntax_uid: str) -> tuple[bytes, bytes]:
    """Give what stands before and after the SOP Instance UID."""
    elements = (
        Element(0x00020001, "OB", b"\0\1"),
        Element.of_text(0x00020002, "UI", sop_class_uid),
        Element.of_text(0x00020010, "UI", transfer_syntax_uid),
        Element.of_text(0x00020012, "UI", IMPLEMENTATION_CLASS_UID),
        Element.of_text(0x00020013, "SH", IMPLEMENTATION_VERSION_NAME),
    )
    encoded = [encode_element(element, LITTLE_EXPLICIT) for element in elements]
    return b"".join(encoded[:2]), b"".join(encoded[2:])


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
    if same_bytes(part, path) or same_but_for_envelope(part, path):
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
