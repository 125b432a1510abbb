"""What lies in an export folder, indexed in a private temporary database, not in memory.

SQLite keeps it in a file without a name, which vanishes with the process, however it ends. So
millions of files take no more memory than thousands.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.core.study import InstanceRef, SeriesRef, StudyRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.pacs.part10 import Header

_TABLES = """
CREATE TABLE instance (
    uid TEXT NOT NULL, class TEXT NOT NULL, study TEXT NOT NULL, series TEXT NOT NULL,
    modality TEXT NOT NULL, patient TEXT NOT NULL, date TEXT NOT NULL, folder TEXT NOT NULL,
    name TEXT);
CREATE TABLE broken (folder TEXT NOT NULL);
"""
_INDICES = """
CREATE INDEX IF NOT EXISTS by_uid ON instance (uid);
CREATE INDEX IF NOT EXISTS by_study ON instance (study, series, uid);
CREATE INDEX IF NOT EXISTS by_folder ON instance (folder);
"""


class FolderIndex:
    """Index of one scan."""

    def __init__(self) -> None:
        self._connection = sqlite3.connect("", check_same_thread=False)
        self._connection.executescript(_TABLES)

    def add(self, header: Header, path: Path) -> None:
        """Enter a file that was read."""
        self._insert(header, str(path.parent), path.name)

    def add_listed(self, header: Header) -> None:
        """Enter what a DICOMDIR lists, unless its file was found."""
        known = self._connection.execute(
            "SELECT 1 FROM instance WHERE uid = ? LIMIT 1", (header.sop_instance_uid,)
        ).fetchone()
        if known is None:
            self._insert(header, "", None)

    def add_broken(self, path: Path) -> None:
        """Enter a file that should be DICOM and cannot be read."""
        self._connection.execute("INSERT INTO broken VALUES (?)", (str(path.parent),))

    def finish(self) -> None:
        """Make it searchable; after the last file, before the first question."""
        self._connection.executescript(_INDICES)

    def is_empty(self) -> bool:
        """Tell whether no file was entered."""
        return self._connection.execute("SELECT 1 FROM instance LIMIT 1").fetchone() is None

    def studies(self) -> Iterator[tuple[StudyRef, str]]:
        """Give each study and its date.

        An unreadable file belongs to the only study in its folder, and makes it incomplete.
        """
        rows = self._connection.execute("SELECT DISTINCT study FROM instance ORDER BY study")
        for (study,) in rows:
            yield self._study(study)

    def unplaced(self) -> int:
        """Count unreadable files that cannot be told to which study they belong."""
        (count,) = self._connection.execute(
            "SELECT COUNT(*) FROM broken WHERE (SELECT COUNT(DISTINCT study) FROM instance "
            "WHERE instance.folder = broken.folder) != 1"
        ).fetchone()
        return int(count)

    def paths(self, sop_instance_uid: str) -> list[Path]:
        """Give the files of an instance; several when it was exported twice."""
        rows = self._connection.execute(
            "SELECT folder, name FROM instance WHERE uid = ? AND name IS NOT NULL ORDER BY 1, 2",
            (sop_instance_uid,),
        )
        return [Path(folder, name) for folder, name in rows]

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()

    def _insert(self, header: Header, folder: str, name: str | None) -> None:
        self._connection.execute(
            "INSERT INTO instance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                header.sop_instance_uid,
                header.sop_class_uid,
                header.study_instance_uid,
                header.series_instance_uid,
                header.modality,
                header.patient_id,
                header.study_date,
                folder,
                name,
            ),
        )

    def _study(self, study: str) -> tuple[StudyRef, str]:
        rows = self._connection.execute(
            "SELECT series, MIN(modality), uid, MIN(class), MIN(patient), MIN(date) FROM instance "
            "WHERE study = ? GROUP BY series, uid ORDER BY series, uid",
            (study,),
        ).fetchall()
        series: dict[str, tuple[str, list[InstanceRef]]] = {}
        for series_uid, modality, uid, sop_class, *_ in rows:
            series.setdefault(series_uid, (modality, []))[1].append(InstanceRef(uid, sop_class))
        (lost,) = self._connection.execute(
            "SELECT COUNT(*) FROM broken WHERE folder IN (SELECT folder FROM instance GROUP BY "
            "folder HAVING COUNT(DISTINCT study) = 1 AND MIN(study) = ?)"
            if self._has_broken()
            else "SELECT 0 WHERE ? IS NOT NULL",
            (study,),
        ).fetchone()
        ref = StudyRef(
            study,
            rows[0][4],
            tuple(SeriesRef(uid, kind, tuple(items)) for uid, (kind, items) in series.items()),
            int(lost),
        )
        return ref, str(rows[0][5])

    def _has_broken(self) -> bool:
        return self._connection.execute("SELECT 1 FROM broken LIMIT 1").fetchone() is not None
