"""Fetching one study: complete or not at all, at the allowed rate, within the allowed space."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fedpacs.agent.intake.failures import Verdict, verdict
from fedpacs.core.errors import CryptoError, FedpacsError
from fedpacs.pacs.reconcile import retrieve_complete

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fedpacs.agent.intake.space import Space
    from fedpacs.agent.intake.throttle import Throttle
    from fedpacs.config.ingest import Ingest
    from fedpacs.core.study import Study, StudyRef, SurveyedStudy
    from fedpacs.crypto.pseudonyms import Pseudonyms
    from fedpacs.pacs.ports import ArchiveReader, Known, ProbeStep, StudyQuery

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0


class Fetcher:
    """Fetches from one archive.

    Parameters
    ----------
    reader
        The archive.
    throttle, space
        Told of every file that arrives.
    config
        How often an archive that is away is asked again.
    sleep
        For tests.
    """

    def __init__(
        self,
        reader: ArchiveReader,
        throttle: Throttle,
        space: Space,
        config: Ingest,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._reader = _Watched(reader, throttle, space)
        self._config = config
        self._sleep = sleep

    def fetch(self, ref: StudyRef, into: Path) -> Study:
        """Retrieve a study and reconcile it; wait for an archive that is away for a while.

        Raises
        ------
        PacsError
            If the study cannot be had, or the archive stays away.
        DiskLowError, StudyTooLargeError
            If there is no room for it.
        """
        for attempt in range(1, self._config.attempts + 1):
            try:
                return retrieve_complete(self._reader, ref, into)
            except FedpacsError as error:
                if verdict(error) is not Verdict.PAUSE or attempt == self._config.attempts:
                    raise
            self._sleep(min(_FIRST_PAUSE_S * 2 ** (attempt - 1), _LONGEST_PAUSE_S))
        msg = "at least one attempt is configured"
        raise AssertionError(msg)


class _Watched:
    """A reader whose files are counted as they arrive."""

    def __init__(self, reader: ArchiveReader, throttle: Throttle, space: Space) -> None:
        self._reader = reader
        self._throttle = throttle
        self._space = space
        self.unplaced = 0

    def probe(self) -> tuple[ProbeStep, ...]:
        return self._reader.probe()

    def find(self, query: StudyQuery, known: Known | None = None) -> Iterator[StudyRef]:
        return self._reader.find(query, known)

    def retrieve(
        self, study: StudyRef, into: Path, only: frozenset[str] | None = None
    ) -> Iterator[Path]:
        for path in self._reader.retrieve(study, into, only):
            size = path.stat().st_size
            self._space.took(size)
            self._throttle.took(size)
            yield path

    def done(self, study: StudyRef) -> None:
        self._reader.done(study)

    def close(self) -> None:
        self._reader.close()


def identity_of(ref: StudyRef | SurveyedStudy, pseudonyms: Pseudonyms) -> str:
    """Give the pseudonym of a study's patient; empty when the archive names none."""
    try:
        return pseudonyms.patient(ref.patient_id)
    except CryptoError:
        return ""
