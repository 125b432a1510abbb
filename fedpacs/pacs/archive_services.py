"""What the embedded PACS does on each DIMSE request; every verb asks the access list first."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pydicom.datadict import keyword_for_tag
from pynetdicom import build_context, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # its UIDs are made at import
    PatientRootQueryRetrieveInformationModelFind,
    PatientRootQueryRetrieveInformationModelGet,
    PatientRootQueryRetrieveInformationModelMove,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from fedpacs.core.errors import PacsError
from fedpacs.pacs import pynetdicom_guard
from fedpacs.pacs.access import Verb
from fedpacs.pacs.archive_index import Level
from fedpacs.pacs.associations import reject_caller
from fedpacs.pacs.contexts import MAXIMUM_CONTEXTS, in_offered_order
from fedpacs.pacs.elements import text, texts
from fedpacs.pacs.errors import CorruptInstanceError, DuplicateInstanceError
from fedpacs.pacs.part10 import is_uid
from fedpacs.pacs.query import identifier
from fedpacs.pacs.status import (
    CANCEL,
    DUPLICATE_INSTANCE,
    IDENTIFIER_DOES_NOT_MATCH,
    INVALID_INSTANCE,
    NOT_AUTHORISED,
    OUT_OF_RESOURCES,
    SUCCESS,
    UNABLE_TO_PROCESS,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

    from pydicom import Dataset

    from fedpacs.pacs.access import AccessList
    from fedpacs.pacs.archive_index import StoredInstance
    from fedpacs.pacs.archive_store import ArchiveStore

_LOGGER = logging.getLogger(__name__)
_ABOVE = {
    Level.PATIENT: (),
    Level.STUDY: (),
    Level.SERIES: ("StudyInstanceUID",),
    Level.IMAGE: ("StudyInstanceUID", "SeriesInstanceUID"),
}
_VERB_OF: dict[str, Verb] = {
    Verification: Verb.ECHO,
    PatientRootQueryRetrieveInformationModelFind: Verb.FIND,
    StudyRootQueryRetrieveInformationModelFind: Verb.FIND,
    PatientRootQueryRetrieveInformationModelGet: Verb.GET,
    StudyRootQueryRetrieveInformationModelGet: Verb.GET,
    PatientRootQueryRetrieveInformationModelMove: Verb.MOVE,
    StudyRootQueryRetrieveInformationModelMove: Verb.MOVE,
}
SERVICES: tuple[str, ...] = tuple(_VERB_OF)
"""Abstract syntaxes besides storage."""
_PENDING = 0xFF00
_PENDING_OPTIONAL_KEYS = 0xFF01


class UnusableRequestError(PacsError):
    """A C-MOVE request cannot be served."""

    code = "pacs.unusable-request"


class ArchiveServices:
    """Handlers of one server.

    Parameters
    ----------
    store
        Files and index.
    access
        Who may do what.
    ae_title
        Our own, returned as RetrieveAETitle.
    tls
        Speak TLS with C-MOVE destinations.
    """

    def __init__(
        self,
        store: ArchiveStore,
        access: AccessList,
        ae_title: str,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self._store = store
        self._access = access
        self._ae_title = ae_title

    def handlers(self) -> list[Any]:
        """Bindings for `AE.start_server`."""
        return [
            *pynetdicom_guard.WIRE_HANDLERS,
            (evt.EVT_REQUESTED, self.check_caller),
            (evt.EVT_C_ECHO, self.echo),
            (evt.EVT_C_STORE, self.store),
            (evt.EVT_C_FIND, self.find),
            (evt.EVT_C_GET, self.get),
            (evt.EVT_C_MOVE, self.move),
        ]

    def check_caller(self, event: evt.Event) -> None:
        """Reject whoever is not listed or calls from elsewhere; offer only what is granted.

        Storage contexts stay, because C-GET needs them; `store` refuses with a status.
        """
        requestor = event.assoc.requestor
        request = requestor.primitive
        caller = request.calling_ae_title if request else ""
        if not self._access.admits(caller, requestor.address):
            reject_caller(event.assoc)
            return
        acceptor = event.assoc.acceptor
        acceptor.supported_contexts = [
            context
            for context in acceptor.supported_contexts
            if self._access.grants(caller, _VERB_OF.get(str(context.abstract_syntax), Verb.ECHO))
            or str(context.abstract_syntax) not in _VERB_OF
        ]
        in_offered_order(event.assoc)

    def echo(self, event: evt.Event) -> int:
        """C-ECHO."""
        return SUCCESS if self._may(event, Verb.ECHO) else NOT_AUTHORISED

    def store(self, event: evt.Event) -> int:
        """C-STORE; on Success the bytes are on disk and in the index."""
        if not self._may(event, Verb.STORE):
            return NOT_AUTHORISED
        uid = str(event.request.AffectedSOPInstanceUID)  # type: ignore[union-attr]  # a C-STORE
        if not is_uid(uid):
            return INVALID_INSTANCE
        try:
            self._store.put(event.encoded_dataset(), uid)
        except DuplicateInstanceError:
            return DUPLICATE_INSTANCE
        except CorruptInstanceError:
            return UNABLE_TO_PROCESS
        except OSError as error:
            _LOGGER.error("cannot store: errno %s", error.errno)  # noqa: TRY400 - a traceback quotes paths
            return OUT_OF_RESOURCES
        return SUCCESS

    def find(self, event: evt.Event) -> Iterator[tuple[int, Dataset | None]]:
        """C-FIND."""
        if not self._may(event, Verb.FIND):
            yield NOT_AUTHORISED, None
            return
        keys = _keys(event.identifier)
        level = _level(event.identifier)
        if level is None or not all(keys.get(above) for above in _ABOVE[level]):
            yield IDENTIFIER_DOES_NOT_MATCH, None
            return
        supported: set[str] | None = None
        for answer in self._store.index.find(level, keys):
            if event.is_cancelled:
                yield CANCEL, None
                return
            supported = supported or set(answer)
            status = _PENDING if keys.keys() <= supported else _PENDING_OPTIONAL_KEYS
            yield status, self._answer(level, answer)

    def get(self, event: evt.Event) -> Iterator[Any]:
        """C-GET: the count, then each instance."""
        if not self._may(event, Verb.GET):
            yield 1
            yield NOT_AUTHORISED, None
            return
        instances = self._selected(event)
        if instances is None:
            yield 1
            yield IDENTIFIER_DOES_NOT_MATCH, None
            return
        yield len(instances)
        yield from self._send(event, instances)

    def move(self, event: evt.Event) -> Iterator[Any]:
        """C-MOVE: destination, count, then each instance.

        Raises
        ------
        UnusableRequestError
            pynetdicom answers it with status 0xC514, unable to process.
        """
        target = self._access.destination(event.move_destination or "")
        instances = self._selected(event)
        if not self._may(event, Verb.MOVE) or instances is None:
            raise UnusableRequestError("The request is not granted, or names no entity.")
        if target is None:
            yield None, None
            return
        pairs = sorted({(i.sop_class_uid, i.transfer_syntax_uid) for i in instances})
        contexts = [build_context(*pair) for pair in pairs[:MAXIMUM_CONTEXTS]]
        options: dict[str, Any] = {
            "contexts": contexts,
            "evt_handlers": list(pynetdicom_guard.WIRE_HANDLERS),
            "tls_args": (self._tls, target[0]) if self._tls else None,
        }
        yield (*target, options)
        yield len(instances)
        yield from self._send(event, instances)

    def _may(self, event: evt.Event, verb: Verb) -> bool:
        return self._access.grants(event.assoc.requestor.ae_title, verb)

    def _selected(self, event: evt.Event) -> list[StoredInstance] | None:
        """Find what a retrieve asks for; None when it names no entity (never the whole archive)."""
        keys = _keys(event.identifier)
        level = _level(event.identifier)
        if level is None:
            return None
        unique = {k: keys.get(k, ()) for k in (*_ABOVE[level], level.unique_key)}
        values = [value for wanted in unique.values() for value in wanted]
        if not all(unique.values()) or any(c in value for value in values for c in "*?"):
            return None
        return self._store.index.select(unique)

    def _send(
        self, event: evt.Event, instances: list[StoredInstance]
    ) -> Iterator[tuple[int, Dataset | None]]:
        for instance in instances:
            if event.is_cancelled:
                yield CANCEL, None
                return
            yield _PENDING, self._store.read(instance)

    def _answer(self, level: Level, values: dict[str, str]) -> Dataset:
        many = {k: v.split("\\") if "\\" in v else v for k, v in values.items()}
        answer = identifier(level.name, **many, RetrieveAETitle=self._ae_title)
        if not all(value.isascii() for value in values.values()):
            answer.SpecificCharacterSet = "ISO_IR 192"
        return answer


def _level(keys: Dataset) -> Level | None:
    name = text(keys, "QueryRetrieveLevel")
    return Level[name] if name in Level.__members__ else None


def _keys(keys: Dataset) -> dict[str, tuple[str, ...]]:
    """Take the keys that the index can match or compute; `*` alone matches everything."""
    wanted = {}
    for tag in keys.keys():  # noqa: SIM118 - a Dataset iterates over elements, not tags
        keyword = keyword_for_tag(tag)
        if keyword and keyword not in ("QueryRetrieveLevel", "SpecificCharacterSet"):
            values = texts(keys, keyword)
            wanted[keyword] = () if values == ("*",) else values
    return wanted
