"""An export folder in place of a PACS: read-only, links not followed, nothing half-believed."""

from __future__ import annotations

import logging
import os
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.core.study import InstanceRef, SeriesRef, StudyRef
from fedpacs.pacs.errors import CorruptInstanceError, FolderUnreadableError
from fedpacs.pacs.part10 import Header, file_name, read_header, write_atomically
from fedpacs.pacs.ports import ProbeStep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.pacs.ports import StudyQuery

_LOGGER = logging.getLogger(__name__)
_SUFFIXES = (".dcm", ".dicom", ".ima")
_DICOMDIR_CLASS = "1.2.840.10008.1.3.10"


class FolderReader:
    """Reads studies from a folder tree of DICOM Part 10 files.

    Parameters
    ----------
    root
        Folder that the PACS exports to. Symbolic links in it are not followed.

    Attributes
    ----------
    unplaced
        Files that cannot be read and cannot be told to which study they belong.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, list[tuple[Path, Header]]] | None = None
        self._broken: list[Path] = []
        self.unplaced = 0

    def probe(self) -> tuple[ProbeStep, ...]:
        """Look at the folder, then read the headers in it."""
        start = time.monotonic()
        try:
            self._files = self._scan()
        except FolderUnreadableError as error:
            elapsed = round(time.monotonic() - start, 4)
            advice = f"{error.message} {error.hint}"
            return (ProbeStep("folder", False, elapsed, error.code, advice),)
        elapsed = round(time.monotonic() - start, 4)
        advice = "" if self._files else "The folder holds no DICOM file yet."
        return (ProbeStep("folder", True, elapsed, "", advice),)

    def find(self, query: StudyQuery) -> Iterator[StudyRef]:
        """Give each study that contains the modality; the folder is read anew."""
        self._files = self._scan()
        studies: dict[str, list[Header]] = {}
        for copies in self._files.values():
            header = copies[0][1]
            studies.setdefault(header.study_instance_uid, []).append(header)
        unlisted = self._place_broken()
        for study_uid, headers in studies.items():
            first = headers[0]
            if query.modality and all(h.modality != query.modality for h in headers):
                continue
            if query.matches(
                study_date=first.study_date,
                patient_id=first.patient_id,
                study_instance_uid=study_uid,
            ):
                lost = unlisted[study_uid]
                yield StudyRef(study_uid, first.patient_id, _series(headers), lost)

    def _place_broken(self) -> Counter[str]:
        """Count unreadable files by study: a file belongs to the only study in its folder.

        Such a study is incomplete. What lies among several studies, or alone, has no place.
        """
        studies_in: dict[Path, set[str]] = {}
        for copies in (self._files or {}).values():
            for path, header in copies:
                studies_in.setdefault(path.parent, set()).add(header.study_instance_uid)
        placed: Counter[str] = Counter()
        self.unplaced = 0
        for path in self._broken:
            studies = studies_in.get(path.parent, set())
            if len(studies) == 1:
                placed.update(studies)
            else:
                self.unplaced += 1
        return placed

    def retrieve(
        self, study: StudyRef, into: Path, only: frozenset[str] | None = None
    ) -> Iterator[Path]:
        """Copy files into staging. An instance with two different files is not sent at all."""
        files = self._scan() if self._files is None else self._files
        wanted = study.sop_instance_uids if only is None else only & study.sop_instance_uids
        for uid in sorted(wanted):
            contents = set()
            for path, _ in files.get(uid, []):
                try:
                    contents.add(path.read_bytes())
                except OSError:
                    continue  # gone since the scan; the reconciliation will miss it
            if len(contents) == 1:
                target = into / file_name(uid)
                write_atomically(target, contents.pop(), durable=False)
                yield target
            elif contents:
                _LOGGER.warning(
                    "an instance has %d different files",
                    len(contents),
                    extra={"code": "pacs.twice"},
                )

    def close(self) -> None:
        """Forget the scan."""
        self._files = None

    def _scan(self) -> dict[str, list[tuple[Path, Header]]]:
        if not self._root.is_dir() or not os.access(self._root, os.R_OK | os.X_OK):
            raise FolderUnreadableError("The export folder is missing or not readable.")
        files: dict[str, list[tuple[Path, Header]]] = {}
        self._broken = []
        for path in _regular_files(self._root):
            try:
                header = read_header(path)
            except CorruptInstanceError:
                if _meant_as_dicom(path):
                    self._broken.append(path)
                continue
            if header.sop_class_uid != _DICOMDIR_CLASS:
                files.setdefault(header.sop_instance_uid, []).append((path, header))
        return files


def _meant_as_dicom(path: Path) -> bool:
    """Tell a damaged DICOM file from a viewer, a note or a picture that lies beside them."""
    if path.suffix.lower() in _SUFFIXES:
        return True
    try:
        with path.open("rb") as handle:
            return handle.read(132)[128:] == b"DICM"
    except OSError:
        return True


def _regular_files(root: Path) -> Iterator[Path]:
    for folder, folders, names in os.walk(root, followlinks=False):
        folders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _series(headers: list[Header]) -> tuple[SeriesRef, ...]:
    grouped: dict[str, list[Header]] = {}
    for header in headers:
        grouped.setdefault(header.series_instance_uid, []).append(header)
    return tuple(
        SeriesRef(
            series_uid,
            members[0].modality,
            tuple(InstanceRef(h.sop_instance_uid, h.sop_class_uid) for h in members),
        )
        for series_uid, members in grouped.items()
    )
