"""The inbox of a push site: what was sent, kept until it is sealed, and what is known about it.

The file comes first, forced to the disk with its name, then the entry: whatever was answered with
Success survives a kill and a power cut. Entries outlive their files, so that a study which was
let go of and is then sent in part is not taken for a whole one. All of it is identified.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

from fedpacs.core.study import InstanceRef, SeriesRef, StudyRef
from fedpacs.pacs.errors import CorruptInstanceError, DuplicateInstanceError
from fedpacs.pacs.part10 import file_name, read_header, write_atomically
from fedpacs.pacs.push_errors import FullInboxError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fedpacs.pacs.part10 import Header

_TABLES = """
CREATE TABLE IF NOT EXISTS instance (
    uid TEXT PRIMARY KEY, class TEXT NOT NULL, study TEXT NOT NULL, series TEXT NOT NULL,
    modality TEXT NOT NULL, patient TEXT NOT NULL, date TEXT NOT NULL, file TEXT NOT NULL,
    received_s REAL NOT NULL, present INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_study ON instance (study);
CREATE TABLE IF NOT EXISTS refused (uid TEXT PRIMARY KEY, study TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sending (
    study TEXT NOT NULL, association TEXT NOT NULL, broken INTEGER NOT NULL,
    PRIMARY KEY (study, association)) WITHOUT ROWID;
"""
_ROWS_AT_ONCE = 500


class Inbox:
    """A folder of Part 10 files and its index; threads and processes may share it.

    Parameters
    ----------
    root
        Folder, created when missing, with mode 0700.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files = root / "files"
        self._files.mkdir(mode=0o700, parents=True, exist_ok=True)
        root.chmod(0o700)
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(root / "index.db", timeout=30, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        with self._lock, self._connection as connection:
            connection.executescript(_TABLES)

    def put(self, content: bytes, announced_uid: str, association: str, spare_bytes: int) -> str:
        """Keep an instance; on return it is on the disk. Gives its study.

        Parameters
        ----------
        content
            DICOM Part 10 file.
        announced_uid
            UID that the sender announced; must be the one in the file.
        association
            Name of the association it comes by.
        spare_bytes
            What has to stay free on the disk.

        Raises
        ------
        CorruptInstanceError
            If it is unreadable or not the instance it was announced as.
        DuplicateInstanceError
            If the UID is taken by other bytes that are not sealed yet.
        FullInboxError
            If too little space would be left.
        """
        header = read_header(content)
        if header.sop_instance_uid != announced_uid:
            raise CorruptInstanceError("An object is not the instance it was announced as.")
        if shutil.disk_usage(self._root).free - len(content) < spare_bytes:
            self._refuse(header)
            raise FullInboxError("The inbox has no space left for this instance.")
        path = self._files / file_name(header.sop_instance_uid)
        self._sending(header.study_instance_uid, association)
        if path.exists():
            if path.read_bytes() != content:
                raise DuplicateInstanceError("An instance with the same UID is kept already.")
        else:
            write_atomically(path, content, durable=True)
        self._enter(header, path.name)
        return header.study_instance_uid

    def settle(self, association: str, *, orderly: bool) -> None:
        """Note how an association ended; an orderly one makes up for broken ones before it."""
        with self._lock, self._connection as connection:
            if orderly:
                connection.execute(
                    "DELETE FROM sending WHERE study IN "
                    "(SELECT study FROM sending WHERE association = ?) "
                    "AND (broken OR association = ?)",
                    (association, association),
                )
            else:
                connection.execute(
                    "UPDATE sending SET broken = 1 WHERE association = ?", (association,)
                )

    def repair(self) -> None:
        """Enter what a killed receiver wrote but did not enter; for the one receiver, at start."""
        with self._lock, self._connection as connection:
            connection.execute("UPDATE sending SET broken = 1")
        for entry in os.scandir(self._files):
            path = self._files / entry.name
            if path.suffix == ".partial":
                path.unlink()
            elif not self._rows("SELECT 1 FROM instance WHERE file = ? AND present", entry.name):
                try:
                    self._enter(read_header(path), entry.name)
                except CorruptInstanceError:
                    continue  # left for a person to look at; it is not listed

    def studies(self, quiet_s: float) -> Iterator[StudyRef]:
        """Give each study that has been quiet and to which nobody is sending.

        What was refused, or broke off and was not sent again, counts as unlisted.
        """
        quiet = self._rows(
            "SELECT study, MIN(date) FROM instance GROUP BY study HAVING MAX(received_s) <= ? "
            "AND study NOT IN (SELECT study FROM sending WHERE NOT broken) ORDER BY study",
            time.time() - quiet_s,
        )
        for study, _ in quiet:
            yield self._study(study)

    def waiting(self, quiet_s: float) -> int:
        """Count the studies that are still coming in."""
        ready = sum(1 for _ in self.studies(quiet_s))
        return int(self._rows("SELECT COUNT(DISTINCT study) FROM instance")[0][0]) - ready

    def date_of(self, study: StudyRef) -> str:
        """Give the study date, ``YYYYMMDD``."""
        rows = self._rows(
            "SELECT MIN(date) FROM instance WHERE study = ?", study.study_instance_uid
        )
        return str(rows[0][0] or "")

    def file_of(self, sop_instance_uid: str) -> Path | None:
        """Give the file of an instance; None when it was let go of."""
        rows = self._rows("SELECT file FROM instance WHERE uid = ? AND present", sop_instance_uid)
        return self._files / rows[0][0] if rows else None

    def release(self, study: StudyRef) -> None:
        """Let go of the files of the instances that a reference names; the entries stay."""
        for uid in study.sop_instance_uids:
            path = self.file_of(uid)
            if path is None:
                continue
            with self._lock, self._connection as connection:
                connection.execute("UPDATE instance SET present = 0 WHERE uid = ?", (uid,))
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close the index."""
        with self._lock:
            self._connection.close()

    def _enter(self, header: Header, file: str) -> None:
        values = (
            header.sop_instance_uid,
            header.sop_class_uid,
            header.study_instance_uid,
            header.series_instance_uid,
            header.modality,
            header.patient_id,
            header.study_date,
            file,
            time.time(),
        )
        with self._lock, self._connection as connection:
            connection.execute(
                "INSERT OR REPLACE INTO instance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1)", values
            )
            connection.execute("DELETE FROM refused WHERE uid = ?", (header.sop_instance_uid,))

    def _refuse(self, header: Header) -> None:
        with self._lock, self._connection as connection:
            connection.execute(
                "INSERT OR REPLACE INTO refused VALUES (?, ?)",
                (header.sop_instance_uid, header.study_instance_uid),
            )

    def _sending(self, study: str, association: str) -> None:
        with self._lock, self._connection as connection:
            connection.execute(
                "INSERT OR IGNORE INTO sending VALUES (?, ?, 0)", (study, association)
            )

    def _study(self, study: str) -> StudyRef:
        rows = self._rows(
            "SELECT series, modality, uid, class, patient FROM instance WHERE study = ? "
            "ORDER BY series, uid",
            study,
        )
        series: dict[str, tuple[str, list[InstanceRef]]] = {}
        for series_uid, modality, uid, sop_class, _ in rows:
            series.setdefault(series_uid, (modality, []))[1].append(InstanceRef(uid, sop_class))
        lacking = self._rows("SELECT COUNT(*) FROM refused WHERE study = ?", study)[0][0]
        broken = self._rows("SELECT COUNT(*) FROM sending WHERE study = ? AND broken", study)[0][0]
        return StudyRef(
            study,
            rows[0][4],
            tuple(SeriesRef(uid, kind, tuple(items)) for uid, (kind, items) in series.items()),
            unlisted=int(lacking) + int(broken),
        )

    def _rows(self, sql: str, *values: object) -> list[tuple[str, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()
