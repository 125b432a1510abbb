"""The probe of a DICOMweb server: TCP, TLS, one question, one instance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fedpacs.pacs.errors import NothingArrivedError
from fedpacs.pacs.finding import value
from fedpacs.pacs.ladder import Outcome, Rung, climb, connect
from fedpacs.pacs.part10 import is_uid
from fedpacs.pacs.qido import QidoQuery
from fedpacs.pacs.tls import check_handshake

if TYPE_CHECKING:
    from fedpacs.config.pacs import DicomwebPacs
    from fedpacs.pacs.ports import ProbeStep
    from fedpacs.pacs.web_client import WebClient

    Found = list[tuple[str, str, str]]


class Reader(Protocol):
    """What the probe needs of the reader that will be used."""

    @property
    def client(self) -> WebClient:
        """The connection."""
        ...

    def fetch_one(self, study_uid: str, series_uid: str, sop_instance_uid: str) -> bool:
        """Tell whether one instance can be had."""
        ...

    def close(self) -> None:
        """End what was opened."""
        ...


def probe(pacs: DicomwebPacs, reader: Reader) -> tuple[ProbeStep, ...]:
    """Climb until a rung fails; the reader is closed."""
    found: Found = []
    rungs = [Rung("tcp", lambda: _connect(reader, pacs.timeout_s))]
    if pacs.tls is not None:
        rungs.append(Rung("tls", lambda: _handshake(reader, pacs)))
    rungs += [
        Rung("qido-rs", lambda: _ask(reader, found)),
        Rung("retrieve", lambda: _retrieve(reader, found)),
    ]
    return climb(rungs, reader.close)


def _connect(reader: Reader, timeout_s: float) -> None:
    connect(reader.client.host, reader.client.port, timeout_s)


def _handshake(reader: Reader, pacs: DicomwebPacs) -> None:
    if pacs.tls is not None:
        check_handshake(reader.client.host, reader.client.port, pacs.tls, pacs.timeout_s)


def _ask(reader: Reader, found: Found) -> None:
    """Ask for one study and one instance of it: a whole archive must not answer a probe."""
    query = QidoQuery(reader.client, page=1)
    keys = {"StudyInstanceUID": ""}
    for level, keyword in (
        ("STUDY", "StudyInstanceUID"),
        ("SERIES", "SeriesInstanceUID"),
        ("IMAGE", "SOPInstanceUID"),
    ):
        keys[keyword] = ""
        answer = next(iter(query.ask(level, keys)), None)
        uid = value(answer, keyword) if answer else ""
        if not is_uid(uid):
            return
        keys[keyword] = uid
    found.append((keys["StudyInstanceUID"], keys["SeriesInstanceUID"], keys["SOPInstanceUID"]))


def _retrieve(reader: Reader, found: Found) -> Outcome:
    if not found:
        return Outcome("The archive shows us no study, so retrieving was not tried.")
    if not reader.fetch_one(*found[0]):
        raise NothingArrivedError("The PACS reports success, but nothing arrived.")
    return Outcome("By WADO-RS.", "wado-rs")
