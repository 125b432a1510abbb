"""A PACS over DICOMweb: QIDO-RS, then WADO-RS by whole series, streamed and split onto disk.

One request for each instance costs a server more than the instance itself: on one we measured,
whole series are some eighty times as fast. ``transfer-syntax=*`` asks for objects as they are
stored; without it a server may decompress them (PS3.18 8.7.3.5.2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.pacs import evidence, web_probing
from fedpacs.pacs.errors import NothingArrivedError, RetrieveFailedError
from fedpacs.pacs.finding import Finder
from fedpacs.pacs.intake import Intake
from fedpacs.pacs.ladder import in_time
from fedpacs.pacs.multipart import MultipartStream, Part, boundary_of
from fedpacs.pacs.qido import QidoQuery, resource
from fedpacs.pacs.web_client import WebClient
from fedpacs.pacs.web_errors import UnreadableAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fedpacs.config.pacs import DicomwebPacs
    from fedpacs.core.study import SeriesRef, StudyRef
    from fedpacs.pacs.ports import Known, ProbeStep, StudyQuery

ACCEPT = 'multipart/related; type="application/dicom"; transfer-syntax=*'
_DICOM = "application/dicom"
_SINGLY = 16
"""Up to so many missing instances of a series are asked for one by one."""


class DicomwebReader:
    """Reads a PACS over DICOMweb.

    Parameters
    ----------
    pacs
        Where it is and who we are.

    Attributes
    ----------
    unplaced
        Always 0: a PACS says of everything to which study it belongs.
    """

    def __init__(self, pacs: DicomwebPacs) -> None:
        self._pacs = pacs
        self._client: WebClient | None = None
        self.unplaced = 0

    @property
    def client(self) -> WebClient:
        """The connection, from now until `close`."""
        if self._client is None:
            self._client = WebClient(self._pacs)
        return self._client

    def probe(self) -> tuple[ProbeStep, ...]:
        """Try the connection rung by rung, and keep the evidence."""
        limited = in_time(self._pacs)
        steps = web_probing.probe(limited, DicomwebReader(limited))
        evidence.keep(self._pacs, steps)
        return steps

    def find(self, query: StudyQuery, known: Known | None = None) -> Iterator[StudyRef]:
        """Give each study that contains the modality, with every series and instance of it."""
        return Finder(QidoQuery(self.client)).studies(query, known)

    def retrieve(
        self, study: StudyRef, into: Path, only: frozenset[str] | None = None
    ) -> Iterator[Path]:
        """Write instances as they are stored; see `fedpacs.pacs.ports.ArchiveReader`.

        Objects that were not asked for are dropped.
        """
        wanted = study.sop_instance_uids if only is None else only & study.sop_instance_uids
        intake = Intake(into, wanted)
        for series in study.series:
            for path in _paths(study, series, wanted):
                yield from self._fetch(path, intake)
        if wanted and not intake.received:
            raise NothingArrivedError(
                "The PACS reports success, but sent no instance that was asked for."
            )

    def fetch_one(self, study_uid: str, series_uid: str, sop_instance_uid: str) -> bool:
        """Tell whether one instance can be had; its bytes are forgotten (the probe)."""
        where = resource({"StudyInstanceUID": study_uid, "SeriesInstanceUID": series_uid})
        intake = Intake(None, frozenset({sop_instance_uid}))
        return bool(list(self._fetch(f"{where}/instances/{sop_instance_uid}", intake)))

    def done(self, study: StudyRef) -> None:
        """Nothing to do: the PACS keeps its studies."""

    def close(self) -> None:
        """Close connections."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _fetch(self, path: str, intake: Intake) -> Iterator[Path]:
        client = self.client
        with client.get(path, ACCEPT) as response:
            content_type = response.headers.get("Content-Type", "")
            boundary = boundary_of(content_type)
            chunks = client.chunks(response)
            if boundary is None:
                if content_type.partition(";")[0].strip().lower() != _DICOM:
                    raise UnreadableAnswerError("The PACS answered something else than DICOM.")
                parts = iter([Part(_DICOM, chunks)])
            else:
                parts = MultipartStream(chunks, boundary).parts()
            for part in parts:
                if part.content_type not in (_DICOM, ""):
                    raise RetrieveFailedError("The PACS sent a part that is no DICOM object.")
                taken = intake.take(part.body)
                if taken is not None:
                    yield taken


def _paths(study: StudyRef, series: SeriesRef, wanted: frozenset[str]) -> Iterator[str]:
    """Ask for a whole series, or for a few instances one by one."""
    uids = [i.sop_instance_uid for i in series.instances if i.sop_instance_uid in wanted]
    where = resource(
        {
            "StudyInstanceUID": study.study_instance_uid,
            "SeriesInstanceUID": series.series_instance_uid,
        }
    )
    if not uids:
        return
    if len(uids) < len(series.instances) and len(uids) <= _SINGLY:
        for uid in uids:
            yield f"{where}/instances/{uid}"
    else:
        yield where
