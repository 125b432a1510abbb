"""An acceptor that starts, stops within a tenth of a second, and aborts what is still open.

With TLS the handshake is done in the caller's own thread, within a time limit: a caller that
connects and says nothing does not keep the others waiting.
"""

from __future__ import annotations

import logging
import ssl
import threading
from typing import TYPE_CHECKING, Any, cast

from pynetdicom.transport import ThreadedAssociationServer

from fedpacs.pacs.errors import CannotListenError
from fedpacs.pacs.tls import refusal_code

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from pynetdicom import AE
    from pynetdicom.presentation import PresentationContext

_POLL_S = 0.1
_ENDING_S = 1.0
_HANDSHAKE_S = 10.0
_LOGGER = logging.getLogger(__name__)


class _Server(ThreadedAssociationServer):
    """Accepts connections; shakes hands in the caller's thread."""

    daemon_threads = True
    tls: ssl.SSLContext | None = None
    refused: str = ""

    def get_request(self) -> tuple[socket.socket, tuple[str, int]]:
        connection, address = super().get_request()
        if self.tls is not None:
            connection = self.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401 - the library's signature
        if isinstance(request, ssl.SSLSocket):
            try:
                request.settimeout(_HANDSHAKE_S)
                request.do_handshake()
                request.settimeout(None)
            except OSError as error:
                self.refused = refusal_code(error)
                _LOGGER.warning("a caller failed at TLS", extra={"code": self.refused})
                request.close()
                return
        super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401, ARG002 - the library's signature
        """Say nothing on stderr: the library would print a traceback with addresses."""
        _LOGGER.warning("a caller left before it was heard")


class Listener:
    """Accepts associations from now until `close`.

    Parameters
    ----------
    entity
        Our application entity, with its limits and rules.
    address
        Host and port to listen on; port 0 chooses a free one.
    contexts
        Presentation contexts to accept, one per abstract syntax.
    handlers
        pynetdicom event handlers.
    tls
        Speak TLS with this context, and nothing else.

    Raises
    ------
    CannotListenError
        If the address cannot be bound.
    """

    def __init__(
        self,
        entity: AE,
        address: tuple[str, int],
        contexts: Sequence[PresentationContext],
        handlers: Sequence[tuple[Any, ...]],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._entity = entity
        try:
            server = entity.make_server(
                address,
                contexts=list(contexts),
                evt_handlers=list(handlers),
                server_class=_Server,
            )
        except OSError as error:
            raise CannotListenError(f"Cannot listen on {address[0]}:{address[1]}.") from error
        self._server = cast("_Server", server)
        self._server.tls = tls
        entity._servers.append(self._server)  # noqa: SLF001 - its shutdown takes it out again
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="fedpacs-listener", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Port it listens on."""
        return int(self._server.server_address[1])

    @property
    def tls_refusal(self) -> str:
        """Code of the last caller that failed at TLS; empty when none did."""
        return self._server.refused

    def accept_only(self, contexts: Sequence[PresentationContext]) -> None:
        """Change what later associations may contain."""
        self._server.contexts = list(contexts)

    def close(self) -> None:
        """Stop listening and abort open associations."""
        for association in self._entity.active_associations:
            if not association.is_established:
                # Being rejected or released: an abort would be out of turn in its state machine.
                association.join(_ENDING_S)
        self._entity.shutdown()
        self._thread.join()
