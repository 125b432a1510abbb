"""The embedded PACS's index: one SQLite row per instance, grouped to the level that is asked.

A query at STUDY or SERIES level must give one answer per study or series, not per instance, with
counts and lists computed over all of it.
"""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from fedpacs.pacs.elements import text
from fedpacs.pacs.matching import condition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from pydicom import Dataset

_PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
_STUDY = (
    "StudyInstanceUID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "StudyID",
    "StudyDescription",
    "ReferringPhysicianName",
)
_SERIES = (
    "SeriesInstanceUID",
    "Modality",
    "SeriesNumber",
    "SeriesDescription",
    "BodyPartExamined",
    "SeriesDate",
    "SeriesTime",
)
_IMAGE = ("SOPInstanceUID", "SOPClassUID", "InstanceNumber")
COLUMNS = _PATIENT + _STUDY + _SERIES + _IMAGE


class Level(Enum):
    """Query/Retrieve level: its unique key and the keys that it and the levels above it have."""

    PATIENT = "PatientID", _PATIENT
    STUDY = "StudyInstanceUID", _PATIENT + _STUDY
    SERIES = "SeriesInstanceUID", _PATIENT + _STUDY + _SERIES
    IMAGE = "SOPInstanceUID", COLUMNS

    def __init__(self, unique_key: str, keywords: tuple[str, ...]) -> None:
        self.unique_key = unique_key
        self.keywords = keywords


_COMPUTED: dict[str, tuple[Level, str]] = {
    "NumberOfPatientRelatedStudies": (Level.PATIENT, "COUNT(DISTINCT StudyInstanceUID)"),
    "NumberOfPatientRelatedInstances": (Level.PATIENT, "COUNT(*)"),
    "ModalitiesInStudy": (Level.STUDY, "GROUP_CONCAT(DISTINCT Modality)"),
    "SOPClassesInStudy": (Level.STUDY, "GROUP_CONCAT(DISTINCT SOPClassUID)"),
    "NumberOfStudyRelatedSeries": (Level.STUDY, "COUNT(DISTINCT SeriesInstanceUID)"),
    "NumberOfStudyRelatedInstances": (Level.STUDY, "COUNT(*)"),
    "NumberOfSeriesRelatedInstances": (Level.SERIES, "COUNT(*)"),
}
_IN_STUDY = {"ModalitiesInStudy": "Modality", "SOPClassesInStudy": "SOPClassUID"}


@dataclass(frozen=True, slots=True, repr=False)
class StoredInstance:
    """Where an instance lies and what it takes to send it."""

    sop_instance_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    file_name: str

    def __repr__(self) -> str:
        return "StoredInstance(1 instance)"


class ArchiveIndex:
    """Index over one store; threads may share it.

    Parameters
    ----------
    path
        SQLite file, created when missing. WAL: a killed process loses no committed row.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        columns = ", ".join(f"{keyword} TEXT NOT NULL" for keyword in COLUMNS)
        with self._connection as connection:
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS instance ({columns}, transfer_syntax TEXT NOT NULL, "
                "file TEXT NOT NULL, PRIMARY KEY (SOPInstanceUID)) WITHOUT ROWID"
            )
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "PatientID"):
                connection.execute(
                    f"CREATE INDEX IF NOT EXISTS by_{keyword} ON instance ({keyword})"
                )

    def add(self, ds: Dataset, transfer_syntax_uid: str, file: str) -> None:
        """Enter an instance; a second entry of the same UID is ignored: the first writer wins."""
        values = [text(ds, keyword) for keyword in COLUMNS] + [transfer_syntax_uid, file]
        marks = ", ".join("?" * len(values))
        with self._lock, self._connection as connection:
            connection.execute(f"INSERT OR IGNORE INTO instance VALUES ({marks})", values)  # noqa: S608 - question marks only

    def drop(self, file: str) -> None:
        """Take out the entry of a file that is gone."""
        with self._lock, self._connection as connection:
            connection.execute("DELETE FROM instance WHERE file = ?", (file,))

    def files(self) -> frozenset[str]:
        """Names of all files entered."""
        rows = self._rows("SELECT file FROM instance", [])
        return frozenset(row[0] for row in rows)

    def find(self, level: Level, keys: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
        """Answer a C-FIND: one mapping of keyword to value for each entity of the level.

        Parameters
        ----------
        keys
            Keyword to wanted values; an empty tuple matches everything.
        """
        computed = {k: sql for k, (at, sql) in _COMPUTED.items() if at is level and k in keys}
        stored = [k for k in level.keywords if k in keys or k == level.unique_key]
        select = ", ".join([f"MIN({k})" for k in stored] + list(computed.values()))
        where, values = _where(level, keys)
        rows = self._rows(
            f"SELECT {select} FROM instance {where} GROUP BY {level.unique_key}",  # noqa: S608 - our own keywords
            values,
        )
        names = stored + list(computed)
        return [
            {name: _listed(name, value) for name, value in zip(names, row, strict=True)}
            for row in rows
        ]

    def select(self, keys: Mapping[str, tuple[str, ...]]) -> list[StoredInstance]:
        """Give the instances that a retrieve asks for."""
        where, values = _where(Level.IMAGE, keys)
        rows = self._rows(
            f"SELECT SOPInstanceUID, SOPClassUID, transfer_syntax, file FROM instance {where} "  # noqa: S608 - our own keywords
            "ORDER BY SeriesInstanceUID, CAST(InstanceNumber AS INTEGER), SOPInstanceUID",
            values,
        )
        return [StoredInstance(*row) for row in rows]

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _rows(self, sql: str, values: list[str]) -> list[tuple[str, ...]]:
        with self._lock:
            return self._connection.execute(sql, values).fetchall()


def _where(level: Level, keys: Mapping[str, tuple[str, ...]]) -> tuple[str, list[str]]:
    """Choose whole entities of the level of which some instance matches every key."""
    clauses: list[str] = []
    values: list[str] = []
    for keyword, wanted in keys.items():
        column = _IN_STUDY.get(keyword, keyword)
        if not wanted or (keyword not in level.keywords and keyword not in _IN_STUDY):
            continue
        clause, parameters = condition(column, wanted)
        if keyword in _IN_STUDY:
            clause = f"StudyInstanceUID IN (SELECT StudyInstanceUID FROM instance WHERE {clause})"  # noqa: S608 - our own keywords
        clauses.append(clause)
        values.extend(parameters)
    if not clauses:
        return "", []
    unique = level.unique_key
    matching = " AND ".join(clauses)
    return f"WHERE {unique} IN (SELECT {unique} FROM instance WHERE {matching})", values  # noqa: S608 - our own keywords


def _listed(name: str, value: object) -> str:
    answer = "" if value is None else str(value)
    return answer.replace(",", "\\") if name in _IN_STUDY else answer
