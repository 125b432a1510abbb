"""A decoder behind a wall: a helper process that may hang or die without taking this one along.

The JPEG-LS decoder that all libraries share runs on without end in some damaged streams, and no
check of the header tells which. It works in a process of its own, which is started when the first
such stream comes, lives as long as this one, and is ended when it does not answer in time.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import select
import struct
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.core.errors import MachineError
from fedpacs.deidentification.errors import DamagedPixelsError

if TYPE_CHECKING:
    from fedpacs.deidentification.pixels.facts import Pixels

_SECONDS = 3.0
_SECONDS_TO_START = 60.0
_SECONDS_PER_MEGABYTE = 2.0
_CHUNK_BYTES = 1 << 20
_LARGEST_HEADER = 1 << 10
_PROGRAM = """
import struct, sys
import imagecodecs, numpy
source, target = sys.stdin.buffer, sys.stdout.buffer
target.write(b"!")
target.flush()
while len(head := source.read(8)) == 8:
    stream = source.read(struct.unpack("<Q", head)[0])
    try:
        pixels = numpy.ascontiguousarray(imagecodecs.jpegls_decode(stream))
        shape = pixels.shape
    except Exception:
        pixels, shape = b"", ()
    size = pixels.itemsize if shape else 0
    target.write(struct.pack(f"<2Q{len(shape)}Q", len(shape), size, *shape))
    target.write(pixels)
    target.flush()
"""


class GuardedDecoder:
    """A helper process that decodes JPEG-LS streams, one after the other."""

    __slots__ = ("_owner", "_process")

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0

    def decode(self, stream: bytes) -> Pixels:
        """Decode a stream.

        Parameters
        ----------
        stream
            A JPEG-LS stream.

        Returns
        -------
        NDArray
            (Y, X) or (Y, X, S).

        Raises
        ------
        DamagedPixelsError
            If it cannot be decoded, or not in time.
        MachineError
            If the helper process does not start.
        """
        seconds = _SECONDS + _SECONDS_PER_MEGABYTE * len(stream) / (1 << 20)
        process = self._running()
        try:
            deadline = time.monotonic() + seconds
            self._send(process, struct.pack("<Q", len(stream)) + stream, deadline)
            return self._answer(process, deadline)
        except (OSError, EOFError, struct.error):
            self.close()
            raise DamagedPixelsError("A compressed frame cannot be decoded.") from None

    def close(self) -> None:
        """End the helper process."""
        process, self._process = self._process, None
        if process is None or self._owner != os.getpid():
            return
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        process.wait()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._owner != os.getpid():
            self._process.returncode = 0  # another process's helper: nothing to wait for here
            self._process = None
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(  # noqa: S603 - this interpreter, a program of ours
                [sys.executable, "-I", "-c", _PROGRAM],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
            )
            self._owner = os.getpid()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    os.set_blocking(pipe.fileno(), False)
            self._await_start(self._process)
        return self._process

    def _await_start(self, process: subprocess.Popen[bytes]) -> None:
        try:
            self._receive(process, 1, time.monotonic() + _SECONDS_TO_START)
        except (OSError, EOFError):
            self.close()
            raise MachineError("The helper process that decodes JPEG-LS does not start.") from None

    @staticmethod
    def _send(process: subprocess.Popen[bytes], content: bytes, deadline: float) -> None:
        if process.stdin is None:
            raise EOFError
        descriptor = process.stdin.fileno()
        rest = memoryview(content)
        while rest:
            _wait(descriptor, select.POLLOUT, deadline)
            rest = rest[os.write(descriptor, rest[:_CHUNK_BYTES]) :]

    def _answer(self, process: subprocess.Popen[bytes], deadline: float) -> Pixels:
        dimensions, size = struct.unpack("<2Q", self._receive(process, 16, deadline))
        if not dimensions:
            raise DamagedPixelsError("A compressed frame cannot be decoded.")
        if dimensions * 8 > _LARGEST_HEADER:
            raise EOFError
        shape = struct.unpack(f"<{dimensions}Q", self._receive(process, dimensions * 8, deadline))
        content = self._receive(process, int(np.prod(shape)) * size, deadline)
        return np.frombuffer(content, f"u{size}").reshape(shape)

    @staticmethod
    def _receive(process: subprocess.Popen[bytes], size: int, deadline: float) -> bytearray:
        if process.stdout is None:
            raise EOFError
        descriptor = process.stdout.fileno()
        content = bytearray()
        while len(content) < size:
            _wait(descriptor, select.POLLIN, deadline)
            piece = os.read(descriptor, min(size - len(content), _CHUNK_BYTES))
            if not piece:
                raise EOFError
            content += piece
        return content


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poll = select.poll()
    poll.register(descriptor, event)
    left = deadline - time.monotonic()
    if left <= 0 or not poll.poll(left * 1000):
        raise TimeoutError


JPEG_LS_DECODER = GuardedDecoder()
atexit.register(JPEG_LS_DECODER.close)
