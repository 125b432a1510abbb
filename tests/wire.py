"""A proxy between two ends of a wire: it adds or takes off TLS, and breaks what passes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl

_HOST = "127.0.0.1"
_PIECE = 16384


@dataclass
class Fault:
    """What happens to what the server sends, so many bytes after the beginning.

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
    """Listens on `port` and passes everything on to `target`, each connection in threads."""

    def __init__(
        self,
        target: int,
        *,
        fault: Fault | None = None,
        listen_tls: ssl.SSLContext | None = None,
        connect_tls: ssl.SSLContext | None = None,
        port: int = 0,
    ) -> None:
        self._target = target
        self._fault = fault
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
        threading.Thread(target=self._pump, args=(client, server, None), daemon=True).start()
        self._pump(server, client, self._fault)

    def _pump(self, source: socket.socket, sink: socket.socket, fault: Fault | None) -> None:
        passed = 0
        with contextlib.suppress(OSError, ValueError):
            while piece := source.recv(_PIECE):
                if fault is not None and fault.strikes(passed, piece):
                    cut = fault.after_bytes - passed
                    sink.sendall(piece[:cut])
                    if fault.kind == "drop":
                        break
                    if fault.kind == "silence":
                        time.sleep(60)
                    if fault.kind == "garbage":
                        sink.sendall(bytes(range(255, 155, -1)))
                    time.sleep(fault.delay_s if fault.kind == "delay" else 0)
                    sink.sendall(piece[cut:])
                else:
                    sink.sendall(piece)
                passed += len(piece)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

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
