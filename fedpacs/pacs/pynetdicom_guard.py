"""Guard around pynetdicom: a lost-response race closed, identifiers kept out of logs, no stalls.

`install` does seven things, once per process:

- It closes a race of pynetdicom 3.0.4 that loses a DIMSE response (its issues 875, 435, 842). The
  reactor thread announces "paused", waits at a checkpoint and only after that takes the
  announcement back. A sender that closes the checkpoint in between believes the reactor paused,
  sends, and the reactor eats the response. `GuardedCheckpoint` makes "pass the checkpoint and
  take the announcement back" one step.
- It replaces whatever pynetdicom logs by the place in its source that spoke: its messages quote
  UIDs, identifiers and exceptions.
- It switches off the printing of query identifiers.
- It closes the sockets of failed connections, which pynetdicom leaves to the garbage collector.
- It reads from the network in pieces as large as they come, not of 4096 bytes, and does not wait
  for the rest of a PDU for ever.
- It ends an association orderly when noise on the wire has brought it out of step.
- It has retired storage classes served like the others; archives are full of them.

`WIRE_HANDLERS` belong on every association: peers built on DCMTK pause 40 ms per message (Nagle
on their side against delayed ACK on ours) unless ACKs are sent at once.
"""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING, Any

from pydicom.uid import UID
from pynetdicom import StoragePresentationContexts, _config, evt
from pynetdicom.association import Association
from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import InvalidEventError
from pynetdicom.pdu_primitives import A_P_ABORT
from pynetdicom.service_class import ServiceClass, StorageServiceClass
from pynetdicom.sop_class import register_uid, uid_to_service_class
from pynetdicom.transport import AssociationSocket

if TYPE_CHECKING:
    from collections.abc import Callable

_LOCK = threading.Lock()
_CHECKPOINT = "_reactor_checkpoint"
_PAUSED = "_is_paused"
_AT_ONCE_BYTES = 256 * 1024


class GuardedCheckpoint(threading.Event):
    """Reactor checkpoint at which passing and un-pausing are one step.

    Parameters
    ----------
    association
        Association (itself the reactor's thread) whose pause announcement is kept.
    """

    def __init__(self, association: Any) -> None:  # noqa: ANN401 - pynetdicom's private surface
        super().__init__()
        self._association = association
        self._step = threading.Lock()
        self.set()

    def clear(self) -> None:
        """Close the checkpoint; a reactor already past it is not announced as paused."""
        with self._step:
            super().clear()
            if threading.current_thread() is self._association:
                # the reactor itself sends: it does not read meanwhile
                setattr(self._association, _PAUSED, True)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for the open checkpoint and take the pause announcement back in the same step."""
        while super().wait(timeout):
            with self._step:
                if self.is_set():
                    setattr(self._association, _PAUSED, False)
                    return True
        return False


class _PlaceOnly(logging.Filter):
    """Replace a record's text by the line of pynetdicom that spoke, before any handler sees it."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = f"pynetdicom {record.module} line {record.lineno}"
        record.args = None
        record.exc_info = record.exc_text = record.stack_info = None
        return True


_PLACE_ONLY = _PlaceOnly()


def install() -> None:
    """Guard pynetdicom in this process; safe to call again.

    Raises
    ------
    RuntimeError
        If this pynetdicom is not built the way the guard knows.
    """
    with _LOCK:
        _config.LOG_REQUEST_IDENTIFIERS = False
        _config.LOG_RESPONSE_IDENTIFIERS = False
        _config.LOG_HANDLER_LEVEL = "none"
        _redact()
        if getattr(Association.__init__, "guarded", False):
            return
        _serve_retired_classes()
        Association.__init__ = _guarded_init(Association.__init__)  # type: ignore[method-assign]  # the patch
        DULServiceProvider.run_reactor = _ending(DULServiceProvider.run_reactor)  # type: ignore[method-assign]  # the patch
        AssociationSocket.recv = _receive  # type: ignore[method-assign]  # the patch
        AssociationSocket._shutdown_socket = _closing(AssociationSocket._shutdown_socket)  # type: ignore[method-assign]  # noqa: SLF001 - the patch


def _redact() -> None:
    """Put the filter on every logger of pynetdicom; filters are not inherited."""
    for name in list(logging.root.manager.loggerDict):
        if name.split(".")[0] == "pynetdicom":
            logging.getLogger(name).addFilter(_PLACE_ONLY)


def _guarded_init(original: Callable[..., None]) -> Callable[..., None]:
    def __init__(self: Association, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401, N807 - stands in for it
        original(self, *args, **kwargs)
        checkpoint = getattr(self, _CHECKPOINT, None)
        if not isinstance(checkpoint, threading.Event) or not hasattr(self, _PAUSED):
            msg = "this pynetdicom has another reactor than 3.0.4; review pynetdicom_guard"
            raise RuntimeError(msg)
        setattr(self, _CHECKPOINT, GuardedCheckpoint(self))

    __init__.guarded = True  # type: ignore[attr-defined]  # marks the patch
    return __init__


def _serve_retired_classes() -> None:
    for context in StoragePresentationContexts:
        uid = UID(str(context.abstract_syntax))
        if uid_to_service_class(uid) is ServiceClass:  # none: an acceptor would abort
            register_uid(uid, uid.keyword, StorageServiceClass)


def _closing(original: Callable[..., None]) -> Callable[..., None]:
    """Close the socket even where its shutdown fails, as it does on a dead connection."""

    def shutdown_socket(self: AssociationSocket) -> None:
        opened = self.socket
        original(self)
        if opened is not None:
            opened.close()

    return shutdown_socket


def _receive(self: AssociationSocket, nr_bytes: int) -> bytearray:
    """Read so many bytes, fewer when the connection ends, as `AssociationSocket.recv` does."""
    connection = self.socket
    if connection is None:
        return bytearray()
    content = bytearray()
    connection.settimeout(self.assoc.network_timeout)
    try:
        while len(content) < nr_bytes:  # what is announced is not believed: it grows as it comes
            piece = connection.recv(min(nr_bytes - len(content), _AT_ONCE_BYTES))
            if not piece:
                break
            content += piece
    except TimeoutError:
        pass  # a PDU that does not go on is the end of a connection
    finally:
        connection.settimeout(None)
    return content


def _ending(original: Callable[..., None]) -> Callable[..., None]:
    """End a provider's thread orderly when noise has brought its state machine out of step."""

    def run_reactor(self: DULServiceProvider) -> None:
        try:
            original(self)
        except InvalidEventError:
            abort = A_P_ABORT()
            abort.provider_reason = 0x00
            self.to_user_queue.put(abort)  # whoever waits for an answer is told
        finally:
            wrapper = self.socket
            if wrapper is not None and wrapper.socket is not None:
                wrapper.socket.close()

    return run_reactor


def _no_delay(event: evt.Event) -> None:
    _set_option(event, socket.TCP_NODELAY)


def _quick_ack(event: evt.Event) -> None:
    option = getattr(socket, "TCP_QUICKACK", None)  # Linux; it has to be renewed after each send
    if option is not None:
        _set_option(event, option)


def _set_option(event: evt.Event, option: int) -> None:
    wrapper = event.assoc.dul.socket
    connection = wrapper.socket if wrapper else None
    if connection is None:
        return
    try:
        connection.setsockopt(socket.IPPROTO_TCP, option, 1)
    except OSError:
        return  # the connection has just gone; whoever reads from it will say so


WIRE_HANDLERS: tuple[tuple[Any, Callable[[evt.Event], None]], ...] = (
    (evt.EVT_CONN_OPEN, _no_delay),
    (evt.EVT_DATA_SENT, _quick_ack),
)
