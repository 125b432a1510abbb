"""An acceptor that starts, stops within a tenth of a second, and aborts what is still open."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from pynetdicom.transport import ThreadedAssociationServer

from fedpacs.pacs.errors import CannotListenError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pynetdicom import AE
    from pynetdicom.presentation import PresentationContext

_POLL_S = 0.1
_ENDING_S = 1.0


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
    ) -> None:
        self._entity = entity
        try:
            self._server = entity.make_server(
                address,
                contexts=list(contexts),
                evt_handlers=list(handlers),
                server_class=ThreadedAssociationServer,
            )
        except OSError as error:
            raise CannotListenError(f"Cannot listen on {address[0]}:{address[1]}.") from error
        entity._servers.append(self._server)  # noqa: SLF001 - its shutdown takes it out again
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(_POLL_S,), name="fedpacs-listener", daemon=True
        )
        self._thread.start()

    @property
    def port(self) -> int:
        """Port it listens on."""
        return int(self._server.server_address[1])

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
