"""Where bytes of a new file go: straight to it, or through one deflated stream.

Pixel data that stay are handed over by the kernel, or from the one read of the source.
"""

from __future__ import annotations

import errno
import os
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.deidentification.dicom.parsed import ParsedObject

_CHUNK_BYTES = 1 << 20


class Plain:
    """Writes to a file; small things are gathered into one system call.

    Parameters
    ----------
    descriptor
        The file, open for writing. Every method raises `OSError` when it cannot be written.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._pending: list[bytes | memoryview] = []

    def start(self, meta: bytes, before: bytes) -> None:
        """Write what comes before the data set, and its beginning."""
        self._pending = [meta, before]

    def add(self, content: bytes | memoryview) -> None:
        """Write bytes; they must live until `finish`."""
        if len(content):
            self._pending.append(content)

    def hand_over(self, parsed: ParsedObject, offset: int, length: int) -> None:
        """Write a range of the source."""
        if parsed.source.whole is not None:
            self.add(parsed.source.view(offset, length))
        else:
            self._flush()
            _copy(parsed.source.descriptor, self._descriptor, offset, length)

    def add_file(self, path: Path, length: int) -> None:
        """Write the beginning of a file."""
        self._flush()
        with path.open("rb") as handle:
            _copy(handle.fileno(), self._descriptor, 0, length)

    def finish(self) -> None:
        """Write what is still to be written."""
        self._flush()

    def _flush(self) -> None:
        pending = self._pending
        while pending:
            written = os.writev(self._descriptor, pending)
            while pending and written >= len(pending[0]):
                written -= len(pending.pop(0))
            if written:
                pending[0] = memoryview(pending[0])[written:]


class Deflating:
    """Writes a data set as one deflated stream (PS3.5 A.5).

    Parameters
    ----------
    descriptor
        The file, open for writing. Every method raises `OSError` when it cannot be written.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        self._bytes = 0

    def start(self, meta: bytes, before: bytes) -> None:
        """Write what comes before the data set, and its beginning."""
        _write_all(self._descriptor, meta)
        self.add(before)

    def add(self, content: bytes | memoryview) -> None:
        """Write bytes; they must live until `finish`."""
        view = memoryview(content)
        for start in range(0, len(view), _CHUNK_BYTES):
            self._write(self._stream.compress(view[start : start + _CHUNK_BYTES]))

    def hand_over(self, parsed: ParsedObject, offset: int, length: int) -> None:
        """Write a range of the source."""
        self.add(parsed.source.view(offset, length))

    def add_file(self, path: Path, length: int) -> None:
        """Write the beginning of a file."""
        with path.open("rb") as handle:
            while length and (chunk := handle.read(min(_CHUNK_BYTES, length))):
                length -= len(chunk)
                self.add(chunk)

    def finish(self) -> None:
        """Write what is still to be written."""
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
