"""A proxy between two ends of a wire: it adds or takes off TLS, and breaks what passes."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
import time
from dataclasses import dataclass
from typing import Self

_HOST = "127.0.0.1"
_PIECE = 16384


@dataclass
class Fault:
    """What happens to what one end sends, so many bytes after the beginning.

    Attributes
    ----------
    kind
        ``drop`` closes, ``delay`` waits, ``silence`` never goes on, ``garbage`` adds noise.
    times
        Connections it happens to; later ones are left alone.
    """

    kind: str
    after_bytes: int
    times: int = 10**6
    delay_s: float = 0.5

    def strikes(self, before: int, piece: bytes) -> bool:
        """Tell whether it happens within this piece; counts it."""
        if self.times <= 0 or not before <= self.after_bytes < before + len(piece):
            return False
        self.times -= 1
        return True


class Proxy:
    """Listens on `port` and passes everything on to `target`, each connection in its thread.

    The fault befalls what comes from the target; with `upstream` what goes to it.
    """

    def __init__(
        self,
        target: int,
        *,
        fault: Fault | None = None,
        upstream: bool = False,
        listen_tls: ssl.SSLContext | None = None,
        connect_tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self._target = target
        self._fault = fault
        self._upstream = upstream
        self._listen_tls = listen_tls
        self._connect_tls = connect_tls
        self._open: list[socket.socket] = []
        self._server = socket.create_server((_HOST, port))
        self.port = int(self._server.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._open.append(client)
        try:
            if self._listen_tls is not None:
                client = self._listen_tls.wrap_socket(client, server_side=True)
            server: socket.socket = socket.create_connection((_HOST, self._target))
            self._open.append(server)
            if self._connect_tls is not None:
                server = self._connect_tls.wrap_socket(server, server_hostname=_HOST)
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._open += [client, server]
        with contextlib.suppress(OSError, ValueError):
            self._pump(client, server)
        for end in (client, server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _pump(self, client: socket.socket, server: socket.socket) -> None:
        """Pass both ways in one thread: a TLS connection bears no two at once."""
        passed = 0
        while True:
            waiting = [end for end in (client, server) if _pending(end)]
            readable = waiting or select.select([client, server], [], [])[0]
            for source in readable:
                piece = source.recv(_PIECE)
                if not piece:
                    return
                sink = server if source is client else client
                if (source is client) is not self._upstream:
                    sink.sendall(piece)
                elif self._pass_on(sink, piece, passed):
                    passed += len(piece)
                else:
                    return

    def _pass_on(self, sink: socket.socket, piece: bytes, passed: int) -> bool:
        fault = self._fault
        if fault is None or not fault.strikes(passed, piece):
            sink.sendall(piece)
            return True
        cut = fault.after_bytes - passed
        sink.sendall(piece[:cut])
        if fault.kind == "drop":
            return False
        if fault.kind == "garbage":
            sink.sendall(bytes(range(255, 155, -1)))
        time.sleep({"silence": 60.0, "delay": fault.delay_s}.get(fault.kind, 0.0))
        sink.sendall(piece[cut:])
        return True

    def close(self) -> None:
        """Stop listening and close everything."""
        for end in (self._server, *self._open):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _pending(end: socket.socket) -> bool:
    return isinstance(end, ssl.SSLSocket) and end.pending() > 0
