"""The wiretap: every byte a hospital sends to the consortium, decrypted, in files.

It stands between a SuperNode and the SuperLink, ends the SuperNode's TLS with a certificate of the
consortium's authority, and opens its own to the SuperLink. Only whoever holds the authority's key
can do that; in the demo we do, and so can prove what left. What the SuperLink answers is passed on
and not kept: the proof is about what leaves a hospital.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import ssl
import threading
from typing import TYPE_CHECKING, Self, TypeVar

from fedpacs.crypto.pki import issue_server_certificate
from fedpacs.federation.errors import PortTakenError

if TYPE_CHECKING:
    from asyncio import StreamReader, StreamWriter
    from collections.abc import Coroutine
    from pathlib import Path

ResultT = TypeVar("ResultT")

_CHUNK_BYTES = 1 << 16
_LOOPBACK = "127.0.0.1"
_STEM = "wiretap"
_CLOSE_S = 5.0
_FLUSH_S = 2.0


class Wiretap:
    """A tap in front of one SuperLink, in a thread of this process.

    Parameters
    ----------
    pki
        Folder of the consortium's authority (``ca.crt``, ``ca.key``); the tap's certificate is
        issued into it.
    superlink
        ``host:port`` of the SuperLink.
    record
        Folder that takes every decrypted byte that arrives from the hospital's side, emptied
        first, readable by this user alone: a file (0600) per connection, so that what was sent
        in one piece lies in one piece. A byte is in its file before it is passed on.
    port
        Loopback port to listen on; 0 for any free one, see `address`.

    Raises
    ------
    PortTakenError
        If the port is taken.
    """

    def __init__(self, pki: Path, superlink: str, record: Path, port: int = 0) -> None:
        issue_server_certificate(pki, ["localhost", _LOOPBACK], stem=_STEM)
        host, _, superlink_port = superlink.rpartition(":")
        self._superlink = (host, int(superlink_port))
        self._outside = ssl.create_default_context(cafile=str(pki / "ca.crt"))
        self._inside = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._inside.load_cert_chain(pki / f"{_STEM}.pem", pki / f"{_STEM}.key")
        self._loop = asyncio.new_event_loop()
        self._connections: set[asyncio.Task[None]] = set()
        self._record = record
        self._number = 0
        # A loop of its own in a thread of its own: the caller (a notebook) may be running one.
        self._thread = threading.Thread(target=self._loop.run_forever, name="wiretap", daemon=True)
        self._thread.start()
        shutil.rmtree(record, ignore_errors=True)
        record.mkdir(mode=0o700, parents=True)
        try:
            self._server = self._in_loop(
                asyncio.start_server(self._serve, _LOOPBACK, port, ssl=self._inside)
            )
        except OSError as error:
            self._end_loop()
            raise PortTakenError(f"Cannot listen on {_LOOPBACK}:{port}.") from error

    @property
    def address(self) -> str:
        """``host:port`` that the site uses in place of the SuperLink's."""
        return f"{_LOOPBACK}:{self._server.sockets[0].getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Cut all connections and close the record."""
        if self._loop.is_closed():
            return
        self._in_loop(self._end())
        self._end_loop()

    def _in_loop(self, work: Coroutine[object, object, ResultT]) -> ResultT:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_CLOSE_S)

    def _end_loop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_S)
        self._loop.close()

    async def _end(self) -> None:
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        await asyncio.sleep(0.1)  # aborted transports close in the loop's next turns

    async def _serve(self, hospital_in: StreamReader, hospital_out: StreamWriter) -> None:
        """Relay one connection until either side ends it."""
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        try:
            consortium_in, consortium_out = await asyncio.open_connection(
                *self._superlink, ssl=self._outside
            )
        except OSError:
            _abort(hospital_out)
            return
        record = self._new_record()
        try:
            await _until_one_ends(
                _relay(hospital_in, consortium_out, record),
                _relay(consortium_in, hospital_out, None),
            )
            await asyncio.gather(_flush(hospital_out), _flush(consortium_out))
        except asyncio.CancelledError:
            return  # by `close` alone; asyncio's own callback trips over a cancelled task
        finally:
            os.close(record)
            _abort(hospital_out)
            _abort(consortium_out)

    def _new_record(self) -> int:
        self._number += 1
        path = self._record / f"{self._number:06d}.bin"
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)


async def _relay(source: StreamReader, target: StreamWriter, record: int | None) -> None:
    while piece := await source.read(_CHUNK_BYTES):
        view = memoryview(piece if record is not None else b"")
        while view and record is not None:
            view = view[os.write(record, view) :]
        target.write(piece)
        await target.drain()


def _abort(target: StreamWriter) -> None:
    # Early releases of Python 3.11 trip over a TLS transport that was closed already.
    with contextlib.suppress(AttributeError):
        target.transport.abort()


async def _flush(target: StreamWriter) -> None:
    target.close()
    with contextlib.suppress(OSError, TimeoutError):
        await asyncio.wait_for(target.wait_closed(), _FLUSH_S)


async def _until_one_ends(*directions: Coroutine[object, object, None]) -> None:
    tasks = [asyncio.ensure_future(direction) for direction in directions]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.exception()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
