"""A site that is sent to: studies are read from its inbox once they have been quiet.

Nobody lists what a pushed study should consist of. As far as it can be known it is reconciled:
refused instances, broken associations, and, where a PACS can be asked, what that PACS lists.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from fedpacs.pacs import evidence
from fedpacs.pacs.errors import StagingError, UnreachablePacsError
from fedpacs.pacs.inbox import Inbox
from fedpacs.pacs.ladder import Outcome, Rung, climb, connect
from fedpacs.pacs.part10 import file_name
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.push_errors import FullInboxError, NobodyListensError, SentInPartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fedpacs.config.pacs import PushPacs
    from fedpacs.core.study import InstanceRef, SeriesRef, StudyRef
    from fedpacs.pacs.ports import ArchiveReader, Known, ProbeStep

_EVERY_ADDRESS = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - not bound here


class PushReader:
    """Reads the inbox.

    Parameters
    ----------
    pacs
        Where the inbox is, and when a study counts as quiet.
    expected
        Reader of the PACS that can be asked what a study should consist of.

    Attributes
    ----------
    unplaced
        Always 0: what cannot be read is refused when it is sent.
    """

    def __init__(self, pacs: PushPacs, expected: Callable[[], ArchiveReader] | None) -> None:
        self._pacs = pacs
        self._open_expected = expected
        self._expected: ArchiveReader | None = None
        self._opened: Inbox | None = None
        self.unplaced = 0

    @property
    def _inbox(self) -> Inbox:
        if self._opened is None:
            try:
                self._opened = Inbox(self._pacs.inbox)
            except OSError as error:
                raise StagingError(f"Cannot open the inbox (errno {error.errno}).") from None
        return self._opened

    def probe(self) -> tuple[ProbeStep, ...]:
        """See whether the receiver listens and the inbox can take something."""
        pacs = self._pacs
        steps = climb([Rung("listen", lambda: _listens(pacs)), Rung("inbox", self._look)], _nothing)
        evidence.keep(pacs, steps)
        return steps

    def find(self, query: StudyQuery, known: Known | None = None) -> Iterator[StudyRef]:  # noqa: ARG002 - listing costs nothing
        """Give each quiet study that contains the modality."""
        for listed in self._inbox.studies(self._pacs.quiet_s):
            if query.modality and query.modality not in listed.modalities:
                continue
            if query.matches(
                study_date=self._inbox.date_of(listed),
                patient_id=listed.patient_id,
                study_instance_uid=listed.study_instance_uid,
            ):
                yield self._as_expected(listed)

    def retrieve(
        self, study: StudyRef, into: Path, only: frozenset[str] | None = None
    ) -> Iterator[Path]:
        """Link files into staging; see `fedpacs.pacs.ports.ArchiveReader`."""
        wanted = study.sop_instance_uids if only is None else only & study.sop_instance_uids
        gone = 0
        for uid in sorted(wanted):
            source = self._inbox.file_of(uid)
            target = into / file_name(uid)
            if source is None or not _place(source, target):
                gone += 1
                continue
            yield target
        if gone:
            raise SentInPartError(
                f"{gone} instances of the study are not in the inbox.",
                expected=len(wanted),
                received=len(wanted) - gone,
            )

    def done(self, study: StudyRef) -> None:
        """Let go of the files of a sealed study."""
        self._inbox.release(study)

    def close(self) -> None:
        """Close the index and the connection to the PACS that is asked."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None
        if self._expected is not None:
            self._expected.close()
            self._expected = None

    def _look(self) -> Outcome:
        usage = shutil.disk_usage(self._pacs.inbox if self._pacs.inbox.exists() else "/")
        if usage.free < self._pacs.minimum_free_bytes:
            raise FullInboxError("The inbox has too little free space: everything is refused.")
        inbox = Inbox(self._pacs.inbox)
        try:
            ready = sum(1 for _ in inbox.studies(self._pacs.quiet_s))
            waiting = inbox.waiting(self._pacs.quiet_s)
        finally:
            inbox.close()
        return Outcome(
            f"{ready} studies are complete as far as we know, {waiting} come in.", "push"
        )

    def _as_expected(self, listed: StudyRef) -> StudyRef:
        """Add what the PACS lists and nobody sent: it makes the study incomplete."""
        if self._open_expected is None:
            return listed
        if self._expected is None:
            self._expected = self._open_expected()
        query = StudyQuery("", study_instance_uid=listed.study_instance_uid)
        series = {s.series_instance_uid: s for s in listed.series}
        unlisted = listed.unlisted
        for known in self._expected.find(query):
            unlisted += known.unlisted
            for other in known.series:
                ours = series.get(other.series_instance_uid)
                series[other.series_instance_uid] = _united(ours, other)
        return replace(listed, series=tuple(series.values()), unlisted=unlisted)


def _united(ours: SeriesRef | None, other: SeriesRef) -> SeriesRef:
    if ours is None:
        return other
    instances: dict[str, InstanceRef] = {i.sop_instance_uid: i for i in other.instances}
    instances.update({i.sop_instance_uid: i for i in ours.instances})
    return replace(ours, instances=tuple(instances.values()))


def _place(source: Path, target: Path) -> bool:
    """Give a file a second name in staging, or a copy where that is another disk."""
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        try:
            shutil.copyfile(source, target)
        except OSError:
            return False
    return True


def _listens(pacs: PushPacs) -> None:
    host = _EVERY_ADDRESS.get(pacs.host, pacs.host)
    try:
        connect(host, pacs.port, min(pacs.timeout_s, 2.0))
    except UnreachablePacsError:
        raise NobodyListensError(f"Nobody listens at {pacs.host}:{pacs.port}.") from None


def _nothing() -> None:
    """Nothing was opened."""
