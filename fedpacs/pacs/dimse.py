"""A PACS over DIMSE: C-FIND, then C-GET on our association or C-MOVE to our Storage SCP.

Associations are kept and reused from study to study: one for queries (and C-MOVE), one for C-GET
that is reopened only when a study brings SOP classes it was not negotiated for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pynetdicom import build_context, build_role, evt
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # its UIDs are made at import
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from fedpacs.pacs import evidence, probing
from fedpacs.pacs.associations import Proposal, offering, open_association
from fedpacs.pacs.contexts import in_batches, storage_contexts
from fedpacs.pacs.errors import NotAuthorisedError, RetrieveFailedError, ServiceNotOfferedError
from fedpacs.pacs.finding import Finder
from fedpacs.pacs.ladder import in_time
from fedpacs.pacs.query import FIND_MODEL, DimseQuery, identifier
from fedpacs.pacs.sink import Sink
from fedpacs.pacs.status import retrieve_error
from fedpacs.pacs.storage_scp import StorageScp
from fedpacs.pacs.transfer import Transfer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset
    from pynetdicom.association import Association

    from fedpacs.config.pacs import DimsePacs
    from fedpacs.core.errors import PacsError
    from fedpacs.core.study import SeriesRef, StudyRef
    from fedpacs.pacs.ports import Known, ProbeStep, StudyQuery

_GET: str = StudyRootQueryRetrieveInformationModelGet
_MOVE: str = StudyRootQueryRetrieveInformationModelMove
_UIDS_PER_REQUEST = 100


class DimseReader:
    """Reads a PACS over DIMSE.

    Parameters
    ----------
    pacs
        Where it is and who we are.

    Attributes
    ----------
    unplaced
        Always 0: a PACS says of everything to which study it belongs.
    method
        ``c-get`` or ``c-move``; empty until ``auto`` has been decided.
    """

    def __init__(self, pacs: DimsePacs) -> None:
        self._pacs = pacs
        self.method = _known_method(pacs)
        self._proven = False
        self.unplaced = 0
        self._query: Association | None = None
        self._get: Association | None = None
        self._get_classes: frozenset[str] = frozenset()
        self._sink: Sink | None = None
        self._scp: StorageScp | None = None

    def probe(self) -> tuple[ProbeStep, ...]:
        """Try the connection rung by rung, and keep the evidence."""
        self.close()  # our Storage SCP's port is needed
        limited = in_time(self._pacs)
        steps = probing.probe(limited, DimseReader(limited))
        evidence.keep(self._pacs, steps)
        self.method = _known_method(self._pacs)
        return steps

    def find(self, query: StudyQuery, known: Known | None = None) -> Iterator[StudyRef]:
        """Give each study that contains the modality, with every series and instance of it."""
        return Finder(DimseQuery(self.query_association)).studies(query, known)

    def retrieve(
        self, study: StudyRef, into: Path | None, only: frozenset[str] | None = None
    ) -> Iterator[Path]:
        """Write instances as they are stored; see `fedpacs.pacs.ports.ArchiveReader`.

        With `into` None nothing is written and the null device is given for each instance that
        arrives; the probe does that.
        """
        wanted = study.sop_instance_uids if only is None else only & study.sop_instance_uids
        if not self.method:
            self.method = self._offered_method()
        try:
            for path in self._retrieve(study, into, wanted):
                self._proven = True
                yield path
        except (RetrieveFailedError, ServiceNotOfferedError, NotAuthorisedError):
            if into is None or not self._may_change():  # the probe tries each way by itself
                raise
            self.method = "c-move"
            yield from self._retrieve(study, into, wanted)

    def _may_change(self) -> bool:
        """Tell whether C-GET, which has never yet worked here, may be given up for C-MOVE."""
        pacs = self._pacs
        return (
            pacs.retrieve == "auto"
            and self.method == "c-get"
            and not self._proven
            and pacs.storage_scp_port is not None
        )

    def _offered_method(self) -> str:
        """Decide between C-GET and C-MOVE by what the PACS accepts."""
        offered = {cx.abstract_syntax for cx in self.query_association().accepted_contexts}
        return "c-move" if _GET not in offered and _MOVE in offered else "c-get"

    def _retrieve(
        self, study: StudyRef, into: Path | None, wanted: frozenset[str]
    ) -> Iterator[Path]:
        received = 0
        worst: int | None = 0
        for classes in in_batches(study.sop_class_uids, reserved=1):
            for request in _requests(study, wanted, classes, singly=into is None):
                transfer = yield from self._request(request, into, wanted, classes)
                received += transfer.received
                if transfer.final_status != 0:
                    worst = transfer.final_status
                if worst is None or (worst and not received):
                    raise self._error(worst)

    def _error(self, status: int | None) -> PacsError:
        refusal = self._scp.tls_refusal if self._scp is not None else ""
        if status is not None and self.method == "c-move" and refusal:
            return RetrieveFailedError(
                f"The PACS called our Storage SCP and failed at TLS ({refusal}).",
                hint="Have it send with TLS, with a certificate of an authority in `ca`, and "
                "trust the authority that signed ours.",
            )
        return retrieve_error(status, self._pacs, self.method)

    def done(self, study: StudyRef) -> None:
        """Nothing to do: the PACS keeps its studies."""

    def close(self) -> None:
        """Release associations and stop listening."""
        for association in (self._query, self._get):
            if association is not None and association.is_established:
                association.release()
        self._query = self._get = None
        if self._scp is not None:
            self._scp.close()
            self._scp = None

    def query_association(self) -> Association:
        """Give the association for C-ECHO, C-FIND and C-MOVE, opening it when needed."""
        if self._query is None or not self._query.is_established:
            models = [Verification, FIND_MODEL]
            if self.method != "c-get":
                models.append(_MOVE)
            if not self.method:
                models.append(_GET)
            self._query = open_association(self._pacs, Proposal([build_context(m) for m in models]))
        return self._query

    def storage_scp(self) -> StorageScp:
        """Give our Storage SCP, listening from now until `close`."""
        if self._scp is None:
            self._scp = StorageScp(self._pacs)
        return self._scp

    def _request(
        self, keys: Dataset, into: Path | None, wanted: frozenset[str], classes: frozenset[str]
    ) -> Any:  # noqa: ANN401 - a generator that returns its Transfer
        pacs = self._pacs
        if self.method == "c-get":
            association = offering(self._get_association(classes), _GET)
            transfer = Transfer(association, pacs.timeout_s)
            self._sink = Sink(into, wanted, transfer.arrived)
            yield from transfer.run(lambda: association.send_c_get(keys, _GET))
            self._sink = None
            return transfer
        scp = self.storage_scp()
        association = offering(self._move_association(), _MOVE)
        transfer = Transfer(association, pacs.timeout_s)
        association.dimse_timeout = None  # pending responses are optional: Transfer watches
        with scp.receiving(Sink(into, wanted, transfer.arrived), classes, transfer.broke):
            yield from transfer.run(
                lambda: association.send_c_move(keys, pacs.calling_ae_title, _MOVE)
            )
        association.dimse_timeout = pacs.timeout_s
        return transfer

    def _move_association(self) -> Association:
        """Give the query association; anew when it was opened for C-GET."""
        current = self.query_association()
        if all(cx.abstract_syntax != _MOVE for cx in current.requestor.requested_contexts):
            current.release()
            current = self.query_association()
        return current

    def _get_association(self, classes: frozenset[str]) -> Association:
        current = self._get
        if current is not None and current.is_established:
            if classes <= self._get_classes:
                return current
            current.release()
        contexts = storage_contexts(classes)[:127]
        offered = {cx.abstract_syntax for cx in contexts if cx.abstract_syntax}
        self._get_classes = classes
        self._get = open_association(
            self._pacs,
            Proposal(
                contexts=[build_context(_GET), *contexts],
                roles=[build_role(uid, scp_role=True) for uid in sorted(offered)],
                handlers=[(evt.EVT_C_STORE, self._store)],
            ),
        )
        return self._get

    def _store(self, event: evt.Event) -> int:
        sink = self._sink
        return 0x0124 if sink is None else sink.store(event)


def _known_method(pacs: DimsePacs) -> str:
    if pacs.retrieve != "auto":
        return pacs.retrieve
    found = evidence.chosen(pacs)
    return found if found in ("c-get", "c-move") else ""


def _requests(
    study: StudyRef, wanted: frozenset[str], classes: frozenset[str], *, singly: bool
) -> Iterator[Dataset]:
    """Ask for whole series where all of it is wanted, else for lists of instances.

    The probe, which knows one instance of a series, asks `singly`.
    """
    for series in study.series:
        if classes != {""} and not any(i.sop_class_uid in classes for i in series.instances):
            continue
        yield from _series_requests(study, series, wanted, singly=singly)


def _series_requests(
    study: StudyRef, series: SeriesRef, wanted: frozenset[str], *, singly: bool
) -> Iterator[Dataset]:
    uids = [i.sop_instance_uid for i in series.instances if i.sop_instance_uid in wanted]
    keys: dict[str, str] = {
        "StudyInstanceUID": study.study_instance_uid,
        "SeriesInstanceUID": series.series_instance_uid,
    }
    if uids and not singly and len(uids) == len(series.instances):
        yield identifier("SERIES", **keys)
        return
    for start in range(0, len(uids), _UIDS_PER_REQUEST):
        yield identifier("IMAGE", **keys, SOPInstanceUID=uids[start : start + _UIDS_PER_REQUEST])
