"""Reconciliation: expected against received, asked again for the difference, or quarantined.

No archive can be trusted to send what it lists. A `Study` exists only when every expected
instance is on disk, readable to its last byte, and what its UIDs say it is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from fedpacs.core.errors import PacsError
from fedpacs.core.study import Study
from fedpacs.pacs.errors import (
    CorruptInstanceError,
    IncompleteStudyError,
    RetrieveFailedError,
    TransientPacsError,
)
from fedpacs.pacs.part10 import verify_whole

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.core.study import StudyRef
    from fedpacs.pacs.ports import ArchiveReader

_PAUSE_S = 0.2


def retrieve_complete(
    reader: ArchiveReader, ref: StudyRef, staging: Path, attempts: int = 3
) -> Study:
    """Retrieve a study until nothing is missing.

    Parameters
    ----------
    reader
        Archive.
    ref
        What the archive lists.
    staging
        Folder for this study alone; created. Files of an incomplete study stay in it, for the
        quarantine.
    attempts
        How often to ask in all; each time only for what is missing.

    Raises
    ------
    IncompleteStudyError
        If instances are still missing.
    CorruptInstanceError
        If all that is missing arrived, but unreadable or as something else.
    PacsError
        If the archive refuses to send at all.
    """
    expected = ref.sop_instance_uids
    if not expected:
        raise IncompleteStudyError("The archive lists a study without instances.")
    if ref.unlisted:
        raise IncompleteStudyError(
            f"The archive does not name {ref.unlisted} of the study's series or instances.",
            expected=len(expected) + ref.unlisted,
        )
    staging.mkdir(parents=True, exist_ok=True)
    intake = _Intake(ref)
    for attempt in range(attempts):
        missing = expected - intake.files.keys()
        if not missing:
            break
        try:
            for path in reader.retrieve(ref, staging, frozenset(missing) if attempt else None):
                intake.take(path)
        except PacsError as error:
            last = attempt + 1 == attempts
            if not intake.files and (last or not _worth_asking_again(error)):
                raise
            if not last:
                time.sleep(_PAUSE_S * 2**attempt)
    _judge(expected, intake)
    return Study(ref, intake.files)


def _worth_asking_again(error: PacsError) -> bool:
    """Tell what may pass from what a person has to put right."""
    return isinstance(error, TransientPacsError) or type(error) is RetrieveFailedError


class _Intake:
    """Files that passed, and how many did not."""

    def __init__(self, ref: StudyRef) -> None:
        self._study_uid = ref.study_instance_uid
        self._series_of = {
            instance.sop_instance_uid: series.series_instance_uid
            for series in ref.series
            for instance in series.instances
        }
        self.files: dict[str, Path] = {}
        self.corrupt: set[Path] = set()

    def take(self, path: Path) -> None:
        try:
            header = verify_whole(path)
        except CorruptInstanceError:
            self.corrupt.add(path)
            return
        uid = header.sop_instance_uid
        if (
            header.study_instance_uid != self._study_uid
            or self._series_of.get(uid) != header.series_instance_uid
        ):
            self.corrupt.add(path)
            return
        self.corrupt.discard(path)
        self.files[uid] = path


def _judge(expected: frozenset[str], intake: _Intake) -> None:
    missing = len(expected - intake.files.keys())
    if not missing:
        return
    kind = CorruptInstanceError if len(intake.corrupt) >= missing else IncompleteStudyError
    reason = "unreadable or not what was asked for" if kind is CorruptInstanceError else "missing"
    raise kind(
        f"{missing} of {len(expected)} instances are {reason}.",
        expected=len(expected),
        received=len(intake.files),
    )
