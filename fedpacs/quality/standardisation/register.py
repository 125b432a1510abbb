"""The site's register of series: codes by pseudonym, and the questions that wait for a person.

An SQLite file at the site. The questions hold the site's own words, so it is readable by the
agent's user alone and never leaves.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.core.digest import digest_of
from fedpacs.quality.errors import RegisterError, UnknownQuestionError
from fedpacs.quality.pictures import text
from fedpacs.quality.standardisation.mapping import literal
from fedpacs.quality.standardisation.naming import name_of
from fedpacs.quality.standardisation.vocabulary import FIELDS, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from pydicom import Dataset

    from fedpacs.quality.standardisation.standardise import Standardised

_TABLES = """
CREATE TABLE IF NOT EXISTS series (
    uid TEXT PRIMARY KEY, month TEXT NOT NULL, protocol TEXT NOT NULL,
    question TEXT NOT NULL, codes TEXT NOT NULL, patient TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_question ON series (question);
CREATE INDEX IF NOT EXISTS by_patient ON series (patient);
CREATE TABLE IF NOT EXISTS question (
    id TEXT PRIMARY KEY, words TEXT NOT NULL, doubts TEXT NOT NULL, answered INTEGER NOT NULL
    ) WITHOUT ROWID;
"""
_WAIT_S = 30.0
_SHORT = 12


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """What a person is asked: once for all series of one name. **Identified**: the site's words.

    Attributes
    ----------
    number
        Names it on the command line.
    fields
        What is in doubt, and why.
    series, protocol, study
        The words as the scanner wrote them.
    count
        Series that wait for the answer.
    """

    number: str
    modality: str
    fields: Mapping[str, str]
    series: str
    protocol: str
    study: str
    count: int

    def __repr__(self) -> str:
        return f"Question({self.number}, {len(self.fields)} fields)"


@dataclass(frozen=True, slots=True)
class Register:
    """The register in a file. It is made when it is first written.

    Attributes
    ----------
    path
        The file.
    """

    path: Path

    def note(
        self, uid: str, month: str, header: Dataset, coded: Standardised, patient: str = ""
    ) -> None:
        """Write down the codes of a series, and ask what is in doubt. Twice changes nothing.

        Parameters
        ----------
        uid
            The series' new, pseudonymous UID.
        month
            ``YYYY-MM`` of the study; empty when it is not known.
        header
            Identified; its words are kept only for a question.
        coded
            What was made of it.
        patient
            Pseudonym; empty when there is none.

        Raises
        ------
        RegisterError
            If it cannot be written.
        """
        words = {
            "modality": text(header, "Modality"),
            "series": name_of(header, "SeriesDescription"),
            "protocol": name_of(header, "ProtocolName"),
            "study": name_of(header, "StudyDescription"),
        }
        names = [words["modality"], literal(words["series"]), literal(words["protocol"])]
        doubts = dict(coded.in_doubt)
        asked = digest_of([*names, sorted(doubts.items())])[:_SHORT] if doubts else ""
        codes = json.dumps(coded.as_dict(), sort_keys=True)
        with self._open() as db:
            db.execute(
                "INSERT OR REPLACE INTO series VALUES (?, ?, ?, ?, ?, ?)",
                (uid, month, digest_of(list(names))[:_SHORT], asked, codes, patient),
            )
            if asked:
                db.execute(
                    "INSERT INTO question VALUES (?, ?, ?, 0) ON CONFLICT (id) DO NOTHING",
                    (asked, json.dumps(words), json.dumps(doubts)),
                )

    def questions(self) -> tuple[Question, ...]:
        """Give the open questions, those that most series wait for first."""
        with self._open() as db:
            rows = db.execute(
                "SELECT q.id, q.words, q.doubts, COUNT(s.uid) AS n FROM question q "
                "JOIN series s ON s.question = q.id WHERE q.answered = 0 "
                "GROUP BY q.id ORDER BY n DESC, q.id"
            ).fetchall()
        return tuple(
            Question(number=number, fields=json.loads(doubts), count=n, **json.loads(words))
            for number, words, doubts, n in rows
        )

    def question(self, number: str) -> Question:
        """Give one open question.

        Raises
        ------
        UnknownQuestionError
            If none has this number.
        """
        for question in self.questions():
            if question.number == number:
                return question
        raise UnknownQuestionError("There is no open question of this number.")

    def answer(self, number: str, answer: Mapping[str, str]) -> int:
        """Close a question and give its series the answer. Gives how many series.

        The rule is written first (`mapping.add_rule`): if this is killed in between, the next
        ingest codes by the rule, and the question can be answered again.
        """
        with self._open() as db:
            rows = db.execute(
                "SELECT uid, codes FROM series WHERE question = ?", (number,)
            ).fetchall()
            for uid, codes in rows:
                db.execute(
                    "UPDATE series SET codes = ?, question = '' WHERE uid = ?",
                    (_answered(codes, answer), uid),
                )
            db.execute("UPDATE question SET answered = 1 WHERE id = ?", (number,))
        return len(rows)

    def codes(self, uid: str) -> dict[str, Any] | None:
        """Give the codes of a series as `Standardised.as_dict` gave them, or None."""
        with self._open() as db:
            row = db.execute("SELECT codes FROM series WHERE uid = ?", (uid,)).fetchone()
        return None if row is None else dict(json.loads(row[0]))

    def forget(self, patient: str) -> int:
        """Drop a patient's series and the words that no other asks about; gives how many."""
        with self._open() as db:
            dropped = db.execute("DELETE FROM series WHERE patient = ?", (patient,))
            db.execute("DELETE FROM question WHERE id NOT IN (SELECT question FROM series)")
            return max(dropped.rowcount, 0)

    def by_month(self) -> Iterator[tuple[str, str, dict[str, str]]]:
        """Give month, digest of the protocol's name, and the value of each field, by month."""
        with self._open() as db:
            rows = db.execute("SELECT month, protocol, codes FROM series ORDER BY month").fetchall()
        for month, protocol, codes in rows:
            coded = json.loads(codes)
            yield month, protocol, {field: coded[field]["value"] for field in FIELDS}

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            with closing(sqlite3.connect(self.path, timeout=_WAIT_S)) as db:
                db.execute("PRAGMA secure_delete = ON")
                db.executescript(_TABLES)
                with db:
                    yield db
        except (OSError, sqlite3.Error):
            # SQLite's messages may quote a value
            raise RegisterError("The register of series cannot be opened or written.") from None


def _answered(codes: str, answer: Mapping[str, str]) -> str:
    coded = json.loads(codes)
    for field, value in answer.items():
        sure = value != UNKNOWN
        coded[field] = {"value": value, "confidence": float(sure), "sources": ["rule"] * sure}
    if "body_part" in answer:
        from fedpacs.quality.standardisation.vocabulary import snomed

        code = snomed(answer["body_part"])
        if code:
            names = ("value", "scheme", "meaning")
            coded["body_part"]["code"] = dict(zip(names, code, strict=True))
    if coded["contrast"]["value"] in ("without", "none") and "phase" not in answer:
        coded["phase"] = {"value": "none", "confidence": 1.0, "sources": ["rule"]}
    coded["in_doubt"] = {f: why for f, why in coded["in_doubt"].items() if f not in answer}
    return json.dumps(coded, sort_keys=True)
