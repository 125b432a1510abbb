"""The connection probe: rung by rung from TCP to one retrieved instance, each put into words.

"The PACS pings but no study arrives" is the commonest trouble with a PACS; the last rung tries
the whole way with one instance, whose bytes are counted and forgotten.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from pynetdicom.sop_class import Verification  # type: ignore[attr-defined]  # made at import

from fedpacs.core.errors import PacsError
from fedpacs.pacs.associations import check_tcp, offering
from fedpacs.pacs.elements import text
from fedpacs.pacs.errors import NotAuthorisedError, NothingArrivedError, RetrieveFailedError
from fedpacs.pacs.ports import ProbeStep, StudyQuery
from fedpacs.pacs.query import FIND_MODEL, Finder, identifier
from fedpacs.pacs.status import CANCEL, PENDING, SUCCESS, query_error, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Protocol

    from pynetdicom.association import Association

    from fedpacs.config.site import DimsePacs
    from fedpacs.core.study import StudyRef

    class _Reader(Protocol):
        def query_association(self) -> Association: ...

        def retrieve(
            self, study: StudyRef, into: Path | None, only: frozenset[str] | None = None
        ) -> Iterator[Path]: ...


def probe(pacs: DimsePacs, reader: _Reader) -> tuple[ProbeStep, ...]:
    """Climb until a rung fails.

    Parameters
    ----------
    pacs
        Where and who.
    reader
        The reader that will be used.

    Returns
    -------
    tuple of ProbeStep
        The last one is the first that failed, or all passed.
    """
    found: list[str] = []
    rungs: list[tuple[str, Callable[[], str]]] = [
        ("tcp", lambda: _tcp(pacs)),
        ("association", lambda: _association(reader)),
        ("c-echo", lambda: _echo(reader)),
        ("c-find", lambda: _find(reader, found)),
        ("retrieve", lambda: _retrieve(reader, found)),
    ]
    steps: list[ProbeStep] = []
    for name, rung in rungs:
        steps.append(climb(name, rung))
        if not steps[-1].passed:
            break
    return tuple(steps)


def climb(name: str, rung: Callable[[], str]) -> ProbeStep:
    """Time one rung; an error of ours becomes its code and advice."""
    start = time.monotonic()
    try:
        advice = rung()
        step = ProbeStep(name, passed=True, elapsed_s=0.0, advice=advice)
    except PacsError as error:
        advice = f"{error.message} {error.hint}"
        step = ProbeStep(name, passed=False, elapsed_s=0.0, code=error.code, advice=advice)
    return replace(step, elapsed_s=round(time.monotonic() - start, 4))


def _tcp(pacs: DimsePacs) -> str:
    check_tcp(pacs)
    return ""


def _association(reader: _Reader) -> str:
    reader.query_association()
    return ""


def _echo(reader: _Reader) -> str:
    association = offering(reader.query_association(), Verification)
    status = status_of(association.send_c_echo())
    if status != SUCCESS:
        raise NotAuthorisedError("The PACS refuses C-ECHO.")
    return ""


def _find(reader: _Reader, found: list[str]) -> str:
    """Ask for studies and cancel after the first: a whole archive must not answer a probe."""
    association = offering(reader.query_association(), FIND_MODEL)
    responses = association.send_c_find(
        identifier("STUDY", StudyInstanceUID="", PatientID=""), FIND_MODEL
    )
    for response, answer in responses:
        status = status_of(response)
        if status in PENDING:
            if answer is not None and not found:
                found.append(text(answer, "StudyInstanceUID"))
                association.send_c_cancel(1, query_model=FIND_MODEL)
        elif status not in (SUCCESS, CANCEL):
            raise query_error(status)
    return ""


def _retrieve(reader: _Reader, found: list[str]) -> str:
    if not found:
        return "The archive shows us no study, so retrieving was not tried."
    query = StudyQuery(modality="", study_instance_uid=found[0])
    for study in Finder(reader.query_association).studies(query):
        for instance in sorted(study.sop_instance_uids)[:1]:
            if not list(reader.retrieve(study, None, frozenset({instance}))):
                raise NothingArrivedError("The PACS reports success, but nothing arrived.")
            return ""
    raise RetrieveFailedError("The archive lists a study without instances.")
