"""An export folder in place of a PACS: read-only, links not followed, nothing half-believed."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.pacs import evidence
from fedpacs.pacs.dicomdir import CLASS_UID, listed
from fedpacs.pacs.elements import text
from fedpacs.pacs.errors import CorruptInstanceError, FolderUnreadableError
from fedpacs.pacs.folder_index import FolderIndex
from fedpacs.pacs.ladder import Outcome, Rung, climb
from fedpacs.pacs.part10 import file_name, read_dataset, read_header, write_atomically

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.config.pacs import FolderPacs
    from fedpacs.core.study import StudyRef
    from fedpacs.pacs.ports import Known, ProbeStep, StudyQuery

_LOGGER = logging.getLogger(__name__)
_SUFFIXES = (".dcm", ".dicom", ".ima")


class FolderReader:
    """Reads studies from a folder tree of DICOM Part 10 files.

    Parameters
    ----------
    pacs
        Names the folder that the PACS exports to. Symbolic links in it are not followed, nor is
        any path of a DICOMDIR.

    Attributes
    ----------
    unplaced
        Files that cannot be read and cannot be told to which study they belong.
    """

    def __init__(self, pacs: FolderPacs) -> None:
        self._pacs = pacs
        self._root = pacs.path
        self._index: FolderIndex | None = None
        self.unplaced = 0

    def probe(self) -> tuple[ProbeStep, ...]:
        """Look at the folder until the first DICOM file; a large one is not read through."""
        steps = climb([Rung("folder", self._look)], _nothing)
        evidence.keep(self._pacs, steps)
        return steps

    def find(self, query: StudyQuery, known: Known | None = None) -> Iterator[StudyRef]:  # noqa: ARG002 - listing costs nothing
        """Give each study that contains the modality; the folder is read anew."""
        index = self._scan()
        self.unplaced = index.unplaced()
        for study, date in index.studies():
            if query.modality and query.modality not in study.modalities:
                continue
            if query.matches(
                study_date=date,
                patient_id=study.patient_id,
                study_instance_uid=study.study_instance_uid,
            ):
                yield study

    def retrieve(
        self, study: StudyRef, into: Path, only: frozenset[str] | None = None
    ) -> Iterator[Path]:
        """Copy files into staging. An instance with two different files is not sent at all."""
        index = self._scan() if self._index is None else self._index
        wanted = study.sop_instance_uids if only is None else only & study.sop_instance_uids
        for uid in sorted(wanted):
            contents = set()
            for path in index.paths(uid):
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

    def done(self, study: StudyRef) -> None:
        """Nothing to do: the folder is only read."""

    def close(self) -> None:
        """Forget the scan."""
        if self._index is not None:
            self._index.close()
            self._index = None

    def _look(self) -> Outcome:
        self._require_readable()
        for path in _regular_files(self._root):
            try:
                read_header(path)
            except CorruptInstanceError:
                continue
            return Outcome("", "folder")
        return Outcome("The folder holds no DICOM file yet.", "folder")

    def _require_readable(self) -> None:
        if not self._root.is_dir() or not os.access(self._root, os.R_OK | os.X_OK):
            raise FolderUnreadableError("The export folder is missing or not readable.")

    def _scan(self) -> FolderIndex:
        self._require_readable()
        self.close()
        self._index = index = FolderIndex()
        directories: list[Path] = []
        for path in _regular_files(self._root):
            try:
                header = read_header(path)
            except CorruptInstanceError:
                if _is_directory(path):
                    directories.append(path)
                elif _meant_as_dicom(path):
                    index.add_broken(path)
                continue
            if header.sop_class_uid == CLASS_UID:
                directories.append(path)
            else:
                index.add(header, path)
        index.finish()
        for directory in directories:
            try:
                for listed_header in listed(directory):
                    index.add_listed(listed_header)
            except CorruptInstanceError:
                index.add_broken(directory)
        return index


def _nothing() -> None:
    """Nothing was opened."""


def _is_directory(path: Path) -> bool:
    """Tell a DICOMDIR, which has no study and so no header, by its class."""
    try:
        ds = read_dataset(path, pixels=False)
    except CorruptInstanceError:
        return False
    return text(ds.file_meta, "MediaStorageSOPClassUID") == CLASS_UID


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
