"""The probe of a DIMSE archive: from TCP to one retrieved instance.

"The PACS pings but no study arrives" is the commonest trouble with a PACS; the last rung tries
the whole way with one instance, whose bytes are counted and forgotten. With ``retrieve = "auto"``
it tries C-GET, then C-MOVE, and keeps why the first was not taken.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

from fedpacs.core.study import InstanceRef, SeriesRef, StudyRef
from fedpacs.pacs.associations import offering
from fedpacs.pacs.elements import text
from fedpacs.pacs.errors import (
    CannotListenError,
    NotAuthorisedError,
    NothingArrivedError,
    NoWayError,
)
from fedpacs.pacs.ladder import Outcome, Rung, attempt, climb, connect
from fedpacs.pacs.part10 import is_uid
from fedpacs.pacs.query import FIND_MODEL, identifier
from fedpacs.pacs.status import CANCEL, PENDING, SUCCESS, destination, query_error, status_of
from fedpacs.pacs.tls import check_handshake

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pydicom import Dataset
    from pynetdicom.association import Association

    from fedpacs.config.pacs import DimsePacs
    from fedpacs.pacs.ports import ProbeStep

_LATELY_DAYS = 3


class Reader(Protocol):
    """What the probe needs of the reader that will be used."""

    method: str

    def query_association(self) -> Association:
        """Give the association for C-ECHO, C-FIND and C-MOVE."""
        ...

    def retrieve(
        self, study: StudyRef, into: Path | None, only: frozenset[str] | None = None
    ) -> Iterator[Path]:
        """Retrieve; into None counts and forgets."""
        ...

    def close(self) -> None:
        """End what was opened."""
        ...


def probe(pacs: DimsePacs, reader: Reader) -> tuple[ProbeStep, ...]:
    """Climb until a rung fails.

    Parameters
    ----------
    pacs
        Where and who, with waits that fit into a probe.
    reader
        Reader for the same; it is closed.

    Returns
    -------
    tuple of ProbeStep
        The last one is the first that failed, or all passed.
    """
    found: list[StudyRef] = []
    rungs = [Rung("tcp", lambda: connect(pacs.host, pacs.port, pacs.timeout_s))]
    if pacs.tls is not None:
        tls = pacs.tls
        rungs.append(
            Rung("tls", lambda: check_handshake(pacs.host, pacs.port, tls, pacs.timeout_s))
        )
    rungs += [
        Rung("association", lambda: _association(reader)),
        Rung("c-echo", lambda: _echo(reader)),
        Rung("c-find", lambda: _find(reader, found)),
        Rung("retrieve", lambda: _retrieve(pacs, reader, found)),
    ]
    return climb(rungs, reader.close)


def _association(reader: Reader) -> None:
    reader.query_association()


def _echo(reader: Reader) -> None:
    association = offering(reader.query_association(), Verification)
    status = status_of(association.send_c_echo())
    if status != SUCCESS:
        raise NotAuthorisedError("The PACS refuses C-ECHO.")


def _find(reader: Reader, found: list[StudyRef]) -> None:
    """Find one instance: of the last days, which is a cheap question, else of any time."""
    since = datetime.now(UTC).date() - timedelta(days=_LATELY_DAYS)
    for dates in (f"{since:%Y%m%d}-", ""):
        study = _first(reader, identifier("STUDY", StudyInstanceUID="", StudyDate=dates))
        study_uid = text(study, "StudyInstanceUID") if study is not None else ""
        if is_uid(study_uid):
            break
    else:
        return
    keys = {"StudyInstanceUID": study_uid, "SeriesInstanceUID": ""}
    series = _first(reader, identifier("SERIES", **keys))
    if series is None:
        return
    keys["SeriesInstanceUID"] = text(series, "SeriesInstanceUID")
    image = _first(reader, identifier("IMAGE", **keys, SOPInstanceUID="", SOPClassUID=""))
    if image is None:
        return
    instance = InstanceRef(text(image, "SOPInstanceUID"), text(image, "SOPClassUID"))
    found.append(StudyRef(study_uid, "", (SeriesRef(keys["SeriesInstanceUID"], "", (instance,)),)))


def _first(reader: Reader, keys: Dataset) -> Dataset | None:
    """Take the first answer and cancel: a whole archive must not answer a probe."""
    association = offering(reader.query_association(), FIND_MODEL)
    first: Dataset | None = None
    for response, answer in association.send_c_find(keys, FIND_MODEL):
        status = status_of(response)
        if status in PENDING:
            if answer is not None and first is None:
                first = answer
                association.send_c_cancel(1, query_model=FIND_MODEL)
        elif status not in (SUCCESS, CANCEL):
            raise query_error(status)
    return first


def _retrieve(pacs: DimsePacs, reader: Reader, found: list[StudyRef]) -> Outcome:
    if not found:
        return Outcome("The archive shows us no study, so retrieving was not tried.")
    methods = [pacs.retrieve] if pacs.retrieve != "auto" else ["c-get", "c-move"]
    tried: list[ProbeStep] = []
    for method in methods:
        reader.method = method
        step = attempt(Rung(method, lambda: _one(pacs, reader, found[0])))
        if step.passed:
            return Outcome(_chosen(method, tried), method, tuple(tried))
        tried.append(step)
    raise NoWayError.after(tuple(tried))


def _one(pacs: DimsePacs, reader: Reader, study: StudyRef) -> None:
    if reader.method == "c-move" and pacs.retrieve == "auto" and pacs.storage_scp_port is None:
        raise CannotListenError(
            "C-MOVE was not tried: `storage_scp_port` is not set.",
            hint=f"Set it, and ask your PACS admin to add AE {destination(pacs)}.",
        )
    if not list(reader.retrieve(study, None, study.sop_instance_uids)):
        raise NothingArrivedError("The PACS reports success, but nothing arrived.")


def _chosen(method: str, tried: list[ProbeStep]) -> str:
    if not tried:
        return f"By {method.upper()}."
    passed_over = "; ".join(f"{step.name.upper()}: {step.advice}" for step in tried)
    return f"By {method.upper()}. Not taken: {passed_over}"
