"""Our Storage SCP, the destination of C-MOVE: one caller, one study at a time, nothing else.

It accepts associations only from the configured PACS (AE title and address), offers only the SOP
classes of the study being retrieved and takes only the instances asked for. Between retrieves it
listens but refuses.
"""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydicom.uid import MRImageStorage
from pynetdicom import evt

from fedpacs.pacs import pynetdicom_guard
from fedpacs.pacs.associations import application_entity, reject_caller
from fedpacs.pacs.contexts import accepted_contexts, in_offered_order
from fedpacs.pacs.errors import CannotListenError
from fedpacs.pacs.listening import Listener
from fedpacs.pacs.status import NOT_AUTHORISED
from fedpacs.pacs.tls import server_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fedpacs.config.pacs import DimsePacs
    from fedpacs.pacs.sink import Sink


class StorageScp:
    """Listens for what the PACS sends.

    Parameters
    ----------
    pacs
        The one peer that may send.

    Raises
    ------
    CannotListenError
        If there is no port, or it cannot be bound.
    TlsFilesError
        If our certificate or key cannot be used.
    """

    def __init__(self, pacs: DimsePacs) -> None:
        self._pacs = pacs
        self._sink: Sink | None = None
        self._broke: Callable[[], None] | None = None
        if pacs.storage_scp_port is None:
            raise CannotListenError("C-MOVE needs `storage_scp_port`, and the site names none.")
        entity = application_entity(pacs.calling_ae_title, pacs.timeout_s)
        entity.require_calling_aet = [pacs.called_ae_title]
        entity.require_called_aet = True
        self._listener = Listener(
            entity,
            (pacs.storage_scp_host, pacs.storage_scp_port),
            accepted_contexts([MRImageStorage]),
            [
                *pynetdicom_guard.WIRE_HANDLERS,
                (evt.EVT_REQUESTED, self._check_address),
                (evt.EVT_C_STORE, self._store),
                (evt.EVT_ABORTED, self._aborted),
            ],
            server_context(pacs.tls) if pacs.tls else None,
        )

    @property
    def tls_refusal(self) -> str:
        """Code of the last caller that failed at TLS; empty when none did."""
        return self._listener.tls_refusal

    @contextmanager
    def receiving(
        self, sink: Sink, sop_class_uids: frozenset[str], broke: Callable[[], None]
    ) -> Iterator[None]:
        """Let instances into a sink for the length of a ``with`` block.

        Parameters
        ----------
        broke
            Told when the PACS's association is aborted.
        """
        self._broke = broke
        self._listener.accept_only(accepted_contexts(sop_class_uids))
        self._sink = sink
        try:
            yield
        finally:
            self._sink = self._broke = None

    def close(self) -> None:
        """Stop listening."""
        self._listener.close()

    def _check_address(self, event: evt.Event) -> None:
        address = event.assoc.requestor.address
        if self._sink is None or address not in _addresses(self._pacs.host):
            reject_caller(event.assoc)
        else:
            in_offered_order(event.assoc)

    def _aborted(self, _event: evt.Event) -> None:
        broke = self._broke
        if broke is not None:
            broke()

    def _store(self, event: evt.Event) -> int:
        sink = self._sink
        return NOT_AUTHORISED if sink is None else sink.store(event)


def _addresses(host: str) -> frozenset[str]:
    try:
        return frozenset(str(info[4][0]) for info in socket.getaddrinfo(host, None))
    except OSError:
        return frozenset()
