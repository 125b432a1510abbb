"""The index of studies: how far each study of a project has come, by pseudonym only.

It is what an ingest knows of earlier runs: which studies are sealed, which wait for another try and
until when, which were given up and why. It holds no identity: an archive's study is found in it by
making its pseudonym again. Nothing is believed that only the index says: what is in the sealed
store, in quarantine and in the book counts, and a lost index is made anew from them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Integer,
    MetaData,
    String,
    Table,
    delete,
    func,
    insert,
    inspect,
    select,
    update,
)

from fedpacs.records.database import BUSY_TIMEOUT_S, INDEX, Database

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

    from sqlalchemy import ColumnElement, Connection, Row


class StudyState(StrEnum):
    """How far a study has come."""

    PENDING = "pending"
    """To be fetched: new, changed in the archive, or interrupted."""
    WAITING = "waiting"
    """Failed for a reason that may pass; has a time of its next try."""
    READY = "ready"
    """Complete, de-identified, verified, past quality control, sealed."""
    REFUSED = "refused"
    """Failed for a reason that stays until the study or the site's profile changes."""
    GIVEN_UP = "given-up"
    """Failed too often for reasons that may pass; a person has to look."""
    UNMATCHED = "unmatched"
    """Fetched, and only then seen not to match what the job asks for."""


DEAD = (StudyState.REFUSED, StudyState.GIVEN_UP)
"""The dead letter list."""
_CHUNK = 1000


@dataclass(frozen=True, slots=True)
class IndexedStudy:
    """What the index knows of one study.

    Attributes
    ----------
    subject
        New Study Instance UID.
    patient
        Pseudonym; empty when the archive names no patient.
    code
        Why it is not ready; empty for a ready or pending one.
    attempts
        Failed tries since it was last ready or changed.
    next_try_us
        When a waiting study may be tried again; microseconds since 1970, UTC.
    expected, received
        Instances that the archive listed, and that arrived last.
    listing
        SHA-256 over the pseudonyms of everything the archive listed.
    asked
        Digest of the archive keys that a fetched study was held to.
    profile
        SHA-256 of the profile it was last worked on with.
    listed_us
        When the archive last listed it down to its instances.
    counted_series, counted_instances
        What the archive had counted then; -1 where it gave no count that was true.
    """

    subject: str
    patient: str
    state: StudyState
    code: str = ""
    attempts: int = 0
    next_try_us: int = 0
    expected: int = 0
    received: int = 0
    listing: str = ""
    asked: str = ""
    profile: str = ""
    listed_us: int = 0
    counted_series: int = -1
    counted_instances: int = -1


METADATA = MetaData()
STUDIES = Table(
    "ingest_studies",
    METADATA,
    Column("project", String(32), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("patient", String(32), nullable=False, index=True),
    Column("state", String(16), nullable=False, index=True),
    Column("code", String(64), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_us", BigInteger, nullable=False),
    Column("expected", BigInteger, nullable=False),
    Column("received", BigInteger, nullable=False),
    Column("listing", String(64), nullable=False),
    Column("asked", String(64), nullable=False),
    Column("profile", String(64), nullable=False),
    Column("listed_us", BigInteger, nullable=False),
    Column("counted_series", BigInteger, nullable=False, server_default="-1"),
    Column("counted_instances", BigInteger, nullable=False, server_default="-1"),
)
JUDGEMENTS = Table(
    "ingest_judgements",
    METADATA,
    Column("project", String(32), primary_key=True),
    Column("subject", String(64), primary_key=True),
    Column("asked", String(64), primary_key=True),
    Column("matched", Boolean, nullable=False),
)
"""Whether a study has what the matching keys of a job ask for, as its headers said."""
_ADDED = ("counted_series", "counted_instances")
"""Columns that an index of an earlier version does not have."""


class StudyIndex:
    """The studies of one project. Several processes may open one index.

    Parameters
    ----------
    database
        May be shared with other projects and with the book.
    project
        Keyed digest of the project; nothing of another project is ever read or changed.
    """

    def __init__(self, database: Database, project: str) -> None:
        self._database = database
        self._project = project

    @classmethod
    def open(cls, url: str, project: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> StudyIndex:
        """Open the index; a missing one is begun.

        Raises
        ------
        IndexUnreadableError, IndexUnwritableError, IndexExposedError
            See each class.
        """
        database = Database.open(url, busy_timeout_s=busy_timeout_s, contents=INDEX)
        try:
            with database.writing() as connection:
                METADATA.create_all(connection)
                _complete(connection)
        except BaseException:
            database.close()
            raise
        return cls(database, project)

    def get(self, subject: str) -> IndexedStudy | None:
        """Give what is known of a study, None if nothing is."""
        return next(self._select(STUDIES.c.subject == subject), None)

    def put(self, *studies: IndexedStudy) -> None:
        """Write studies down, all or none; what was known of them is replaced."""
        with self._database.writing() as connection:
            for study in studies:
                values = asdict(study) | {"project": self._project, "state": study.state.value}
                ours = self._ours(STUDIES.c.subject == study.subject)
                if not connection.execute(update(STUDIES).where(*ours).values(values)).rowcount:
                    connection.execute(insert(STUDIES).values(values))

    def judged(self, subject: str, asked: str) -> bool | None:
        """Tell whether a study matches the keys with this digest; None if nobody has looked."""
        query = select(JUDGEMENTS.c.matched).where(*self._judgement(subject, asked))
        with self._database.reading() as connection:
            row = connection.execute(query).first()
        return None if row is None else bool(row.matched)

    def judge(self, subject: str, asked: str, *, matched: bool) -> None:
        """Write down whether a study matches the keys with this digest."""
        values = {"project": self._project, "subject": subject, "asked": asked, "matched": matched}
        with self._database.writing() as connection:
            connection.execute(delete(JUDGEMENTS).where(*self._judgement(subject, asked)))
            connection.execute(insert(JUDGEMENTS).values(values))

    def remove(self, subjects: Iterable[str]) -> int:
        """Forget studies; give how many were known."""
        subjects = tuple(subjects)
        with self._database.writing() as connection:
            for subject in subjects:
                connection.execute(delete(JUDGEMENTS).where(*self._judgement(subject)))
            return sum(
                connection.execute(
                    delete(STUDIES).where(*self._ours(STUDIES.c.subject == subject))
                ).rowcount
                for subject in subjects
            )

    def remove_patient(self, patient: str) -> int:
        """Forget every study of a patient; give how many were known."""
        with self._database.writing() as connection:
            ours = self._ours(STUDIES.c.patient == patient)
            theirs = select(STUDIES.c.subject).where(*ours)
            connection.execute(
                delete(JUDGEMENTS).where(
                    JUDGEMENTS.c.project == self._project, JUDGEMENTS.c.subject.in_(theirs)
                )
            )
            return int(connection.execute(delete(STUDIES).where(*ours)).rowcount)

    def of_patient(self, patient: str) -> tuple[IndexedStudy, ...]:
        """Give every study of a patient."""
        return tuple(self._select(STUDIES.c.patient == patient))

    def in_states(self, *states: StudyState) -> Iterator[IndexedStudy]:
        """Give the studies in certain states, by pseudonym, a few at a time in memory."""
        yield from self._select(STUDIES.c.state.in_([state.value for state in states]))

    def states(self) -> dict[StudyState, int]:
        """Count the studies in each state."""
        query = select(STUDIES.c.state, func.count()).group_by(STUDIES.c.state)
        with self._database.reading() as connection:
            rows = connection.execute(query.where(*self._ours())).all()
        return {StudyState(state): int(number) for state, number in rows}

    def codes(self, *states: StudyState) -> dict[str, int]:
        """Count the studies in certain states by code."""
        query = select(STUDIES.c.code, func.count()).group_by(STUDIES.c.code)
        condition = STUDIES.c.state.in_([state.value for state in states])
        with self._database.reading() as connection:
            rows = connection.execute(query.where(*self._ours(condition))).all()
        return {str(code): int(number) for code, number in sorted(rows, key=lambda row: row[0])}

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ours(self, *conditions: ColumnElement[bool]) -> tuple[ColumnElement[bool], ...]:
        return (STUDIES.c.project == self._project, *conditions)

    def _judgement(self, subject: str, asked: str = "") -> tuple[ColumnElement[bool], ...]:
        ours = (JUDGEMENTS.c.project == self._project, JUDGEMENTS.c.subject == subject)
        return (*ours, JUDGEMENTS.c.asked == asked) if asked else ours

    def _select(self, condition: ColumnElement[bool]) -> Iterator[IndexedStudy]:
        after = ""
        while True:
            query = select(STUDIES).where(*self._ours(condition, STUDIES.c.subject > after))
            with self._database.reading() as connection:
                rows = connection.execute(query.order_by(STUDIES.c.subject).limit(_CHUNK)).all()
            yield from map(_study, rows)
            if len(rows) < _CHUNK:
                return
            after = rows[-1].subject


def _complete(connection: Connection) -> None:
    """Add the columns that an index of an earlier version lacks."""
    known = {column["name"] for column in inspect(connection).get_columns(STUDIES.name)}
    for name in _ADDED:
        if name not in known:
            connection.exec_driver_sql(
                f"ALTER TABLE {STUDIES.name} ADD COLUMN {name} BIGINT NOT NULL DEFAULT -1"
            )


def _study(row: Row[Any]) -> IndexedStudy:
    values = dict(row._mapping)  # noqa: SLF001 - SQLAlchemy's public name for it
    del values["project"]
    return IndexedStudy(**values | {"state": StudyState(values["state"])})
