"""The bytes of a file, read in windows: a header costs one read, whatever the file's size."""

from __future__ import annotations

import mmap
import os
import stat
import zlib
from typing import TYPE_CHECKING

from fedpacs.deidentification.errors import CutObjectError, DamagedObjectError, NotDicomError

if TYPE_CHECKING:
    from pathlib import Path

_WINDOW_BYTES = 1 << 16
_MARGIN_BYTES = 12
_WHOLE_BYTES = 8 << 20
_INFLATE_BYTES = 1 << 20
_MAXIMUM_INFLATED_BYTES = 2 << 30


class InflatedTooLargeError(DamagedObjectError):
    """A deflated data set grows beyond what memory may hold."""

    code = "deid.inflates-too-large"
    default_hint = "Have the PACS send the object in Explicit VR Little Endian."


_spare: list[bytearray] = []
"""Room to read small files into: fresh memory would cost more than the reading."""


class Source:
    """An open file, or the inflated data set of one.

    Small files are read whole at once, so the pixels are at hand for writing.

    Attributes
    ----------
    descriptor
        For handing ranges over without reading them.
    size
        Bytes.
    """

    __slots__ = ("_base", "_buffer", "_map", "_room", "descriptor", "size")

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size
        self._base = 0
        self._map: mmap.mmap | None = None
        self._room: bytearray | None = None
        if size <= _WINDOW_BYTES or size > _WHOLE_BYTES:
            self._buffer = os.pread(descriptor, min(size, _WINDOW_BYTES), 0)
            return
        self._room = _spare.pop() if _spare else bytearray(_WHOLE_BYTES)
        view = memoryview(self._room)
        if os.preadv(descriptor, [view[:size]], 0) != size:
            self._give_room_back()
        self._buffer = bytes(view[:_WINDOW_BYTES])

    @classmethod
    def open(cls, path: Path) -> Source:
        """Open a file.

        Raises
        ------
        NotDicomError
            If it cannot be opened, or is no regular file.
        """
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            raise NotDicomError("The file cannot be opened.") from None
        try:
            state = os.fstat(descriptor)
            if stat.S_ISREG(state.st_mode):
                return cls(descriptor, state.st_size)
        except OSError:
            pass
        os.close(descriptor)
        raise NotDicomError("It is no regular file, or cannot be read.")

    @property
    def whole(self) -> memoryview | None:
        """All of it, when it is small enough to have been read at once; until it is closed."""
        if self._room is not None:
            return memoryview(self._room)[: self.size]
        if self._base == 0 and len(self._buffer) == self.size:
            return memoryview(self._buffer)
        return None

    def close(self) -> None:
        """Close the file; views of it are not to be used any more."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
        self._give_room_back()
        self._map = None

    def _give_room_back(self) -> None:
        if self._room is not None:
            _spare.append(self._room)
            self._room = None

    def window(self, position: int) -> tuple[bytes, int]:
        """Give bytes around a position and where they start: the next header is in them whole.

        Near the end of the file there may be fewer.
        """
        inside = position - self._base
        if inside >= 0 and (
            inside + _MARGIN_BYTES <= len(self._buffer)
            or self._base + len(self._buffer) >= self.size
        ):
            return self._buffer, self._base
        self._buffer = os.pread(self.descriptor, _WINDOW_BYTES, position)
        self._base = position
        return self._buffer, self._base

    def read(self, position: int, size: int) -> bytes:
        """Read a range; shorter at the end of the file."""
        inside = position - self._base
        if inside >= 0 and inside + size <= len(self._buffer):
            return self._buffer[inside : inside + size]
        if self._room is not None:
            return bytes(memoryview(self._room)[position : min(position + size, self.size)])
        return os.pread(self.descriptor, size, position)

    def view(self, position: int, size: int) -> memoryview:
        """Give a range without copying it."""
        whole = self.whole
        if whole is not None:
            return whole[position : position + size]
        if self._map is None:
            self._map = mmap.mmap(self.descriptor, 0, access=mmap.ACCESS_READ)
        return memoryview(self._map)[position : position + size]

    def inflated(self, start: int) -> Source:
        """Give the inflated rest of the file, and close this one.

        Raises
        ------
        CutObjectError
            If the stream is broken or ends too early.
        InflatedTooLargeError
            If it grows beyond 2 GiB.
        """
        descriptor = os.memfd_create("inflated", os.MFD_CLOEXEC)
        try:
            size = self._inflate(start, descriptor)
            inflated = Source(descriptor, size)
        except BaseException:
            os.close(descriptor)
            raise
        self.close()
        return inflated

    def _inflate(self, start: int, descriptor: int) -> int:
        stream = zlib.decompressobj(-zlib.MAX_WBITS)
        position, size = start, 0
        try:
            while not stream.eof and position < self.size:
                chunk = os.pread(self.descriptor, _INFLATE_BYTES, position)
                position += len(chunk)
                while chunk and not stream.eof:
                    inflated = stream.decompress(chunk, _INFLATE_BYTES)
                    chunk = stream.unconsumed_tail
                    size += os.write(descriptor, inflated)
                    if size > _MAXIMUM_INFLATED_BYTES:
                        raise InflatedTooLargeError("The deflated data set is too large.")
        except zlib.error:
            raise CutObjectError("The deflated data set is broken.") from None
        if not stream.eof:
            raise CutObjectError("The deflated data set ends too early.")
        return size
