"""The listening Storage SCP of a push site: named senders only, Success only for what is kept."""

from __future__ import annotations

import fcntl
import logging
import os
import uuid
from typing import TYPE_CHECKING, Self

from pynetdicom import evt
from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

from fedpacs.pacs import pynetdicom_guard
from fedpacs.pacs.access import AccessList, Peer, Verb
from fedpacs.pacs.associations import application_entity, reject_caller
from fedpacs.pacs.contexts import ALL_STORAGE_CLASSES, TRANSFER_SYNTAXES, in_offered_order
from fedpacs.pacs.errors import CannotListenError, CorruptInstanceError, DuplicateInstanceError
from fedpacs.pacs.inbox import Inbox
from fedpacs.pacs.listening import Listener
from fedpacs.pacs.push_errors import FullInboxError
from fedpacs.pacs.status import (
    DUPLICATE_INSTANCE,
    OUT_OF_RESOURCES,
    SUCCESS,
    UNABLE_TO_PROCESS,
)
from fedpacs.pacs.tls import server_context

if TYPE_CHECKING:
    from pynetdicom import AE
    from pynetdicom.association import Association

    from fedpacs.config.pacs import PushPacs

_LOGGER = logging.getLogger(__name__)
_VERBS = frozenset({Verb.ECHO, Verb.STORE})


class PushReceiver:
    """Takes what the site's senders send, from now until `close`.

    Parameters
    ----------
    pacs
        Who may send, and where to keep it.

    Raises
    ------
    CannotListenError
        If the port is taken, or another receiver works on the inbox.
    TlsFilesError
        If our certificate or key cannot be used.
    """

    def __init__(self, pacs: PushPacs) -> None:
        self._pacs = pacs
        self._access = AccessList(
            Peer(sender.ae_title.strip(), sender.host, None, _VERBS) for sender in pacs.senders
        )
        secured = server_context(pacs.tls) if pacs.tls else None
        self._inbox = Inbox(pacs.inbox)
        self._names: dict[int, str] = {}
        try:
            self._claim = _claim(pacs)
            self._inbox.repair()
            entity = _entity(pacs)
            self._listener = Listener(
                entity,
                (pacs.host, pacs.port),
                entity.supported_contexts,
                [
                    *pynetdicom_guard.WIRE_HANDLERS,
                    (evt.EVT_REQUESTED, self._check_caller),
                    (evt.EVT_C_STORE, self._store),
                    (evt.EVT_RELEASED, self._released),
                    (evt.EVT_CONN_CLOSE, self._closed),
                ],
                secured,
            )
        except CannotListenError:
            self._inbox.close()
            raise

    @property
    def tls_refusal(self) -> str:
        """Code of the last caller that failed at TLS; empty when none did."""
        return self._listener.tls_refusal

    def close(self) -> None:
        """Stop listening and abort what is open."""
        self._listener.close()
        self._inbox.close()
        os.close(self._claim)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_caller(self, event: evt.Event) -> None:
        requestor = event.assoc.requestor
        caller = requestor.primitive.calling_ae_title if requestor.primitive else ""
        if not self._access.admits(caller, requestor.address):
            _LOGGER.warning("rejected a sender that is not named", extra={"code": "pacs.stranger"})
            reject_caller(event.assoc)
        else:
            in_offered_order(event.assoc)

    def _store(self, event: evt.Event) -> int:
        uid = str(event.request.AffectedSOPInstanceUID)  # type: ignore[union-attr]  # a C-STORE
        name = self._name(event.assoc)
        try:
            self._inbox.put(event.encoded_dataset(), uid, name, self._pacs.minimum_free_bytes)
        except DuplicateInstanceError:
            return DUPLICATE_INSTANCE
        except CorruptInstanceError:
            return UNABLE_TO_PROCESS
        except FullInboxError as error:
            _LOGGER.error(error.message, extra={"code": error.code})  # noqa: TRY400 - our own words
            return OUT_OF_RESOURCES
        except OSError as error:
            _LOGGER.error(  # noqa: TRY400 - a traceback quotes paths
                "cannot keep an instance: errno %s", error.errno, extra={"code": "pacs.staging"}
            )
            return OUT_OF_RESOURCES
        return SUCCESS

    def _name(self, association: Association) -> str:
        return self._names.setdefault(id(association), uuid.uuid4().hex)

    def _released(self, event: evt.Event) -> None:
        self._end(event.assoc, orderly=True)

    def _closed(self, event: evt.Event) -> None:
        self._end(event.assoc, orderly=False)

    def _end(self, association: Association, *, orderly: bool) -> None:
        name = self._names.pop(id(association), None)
        if name is not None:
            self._inbox.settle(name, orderly=orderly)


def _claim(pacs: PushPacs) -> int:
    """Be the only receiver of an inbox; the claim ends with the process."""
    descriptor = os.open(pacs.inbox / ".receiver", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise CannotListenError(
            "Another receiver works on this inbox.", hint="Stop it first, or let it go on."
        ) from None
    return descriptor


def _entity(pacs: PushPacs) -> AE:
    entity = application_entity(pacs.ae_title, pacs.timeout_s)
    entity.require_called_aet = True
    entity.maximum_associations = pacs.maximum_associations
    entity.add_supported_context(Verification)
    for sop_class in ALL_STORAGE_CLASSES:
        entity.add_supported_context(sop_class, list(TRANSFER_SYNTAXES))
    return entity
