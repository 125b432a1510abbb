"""The database under the records: one URL, short transactions, one writer at a time.

SQLite in WAL mode with ``synchronous=FULL`` by default: what was committed survives a power cut,
readers never wait, and a writer takes the lock at its start (``BEGIN IMMEDIATE``), so two
processes queue up instead of failing half-way. On PostgreSQL an advisory lock does the same.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from fedpacs.records.errors import (
    BookExposedError,
    BookUnreadableError,
    BookUnwritableError,
    IndexExposedError,
    IndexUnreadableError,
    IndexUnwritableError,
)

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from fedpacs.core.errors import RecordsError

BUSY_TIMEOUT_S = 30.0
_ADVISORY_LOCK = 0x0FED_9AC5
_WRITING = "fedpacs_writing"


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database holds: how errors call it, and how much a commit must be worth.

    Attributes
    ----------
    noun
        For sentences.
    durable
        Whether a commit must survive a power cut; what can be made anew need not.
    unreadable, unwritable, exposed
        What is raised.
    """

    noun: str
    durable: bool
    unreadable: type[RecordsError]
    unwritable: type[RecordsError]
    exposed: type[RecordsError]


BOOK = Contents("book", True, BookUnreadableError, BookUnwritableError, BookExposedError)
INDEX = Contents("index", False, IndexUnreadableError, IndexUnwritableError, IndexExposedError)


class Database:
    """One database, opened for reading and writing or for reading only."""

    def __init__(self, engine: Engine, *, read_only: bool, contents: Contents = BOOK) -> None:
        self._engine = engine
        self._read_only = read_only
        self._contents = contents
        self._process = os.getpid()

    @classmethod
    def open(
        cls,
        url: str,
        *,
        read_only: bool = False,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        contents: Contents = BOOK,
    ) -> Database:
        """Open; a missing SQLite file is created with mode 0600 unless for reading only.

        Parameters
        ----------
        url
            SQLAlchemy URL.
        read_only
            The book is not changed, and none is made.
        busy_timeout_s
            How long a writer waits for another.
        contents
            What it holds; says which errors of these are raised.

        Raises
        ------
        BookUnreadableError, IndexUnreadableError
            If the URL is wrong, its driver is missing, or there is nothing to read.
        BookUnwritableError, IndexUnwritableError
            If the file cannot be created.
        BookExposedError, IndexExposedError
            If others may write the file.
        """
        try:
            parsed = make_url(url)
            is_sqlite = parsed.get_backend_name() == "sqlite"
            if is_sqlite:
                parsed = _sqlite_url(parsed, contents, read_only=read_only)
            engine = create_engine(
                parsed,
                hide_parameters=True,
                connect_args=_driver_options(parsed, busy_timeout_s),
                pool_pre_ping=not is_sqlite,  # the server may have been restarted meanwhile
            )
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            raise contents.unreadable(
                f"The {contents.noun}'s URL cannot be used ({type(error).__name__}).",
                hint="Check the URL; for PostgreSQL `pip install 'fedpacs[postgresql]'` and "
                "postgresql+psycopg://.",
            ) from None
        if is_sqlite:
            _listen(engine, read_only=read_only, durable=contents.durable)
        return cls(engine, read_only=read_only, contents=contents)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection that sees one unchanging state.

        Raises
        ------
        BookUnreadableError
            If the database cannot be read.
        """
        self._leave_parent()
        try:
            with self._engine.connect() as connection:
                if connection.dialect.name == "postgresql":
                    # Its default would show the commits of others between two statements.
                    connection.execution_options(isolation_level="REPEATABLE READ")
                with connection.begin():
                    yield connection
        except SQLAlchemyError as error:
            raise self._contents.unreadable(
                f"The {self._contents.noun} cannot be read ({_cause(error)})."
            ) from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one writing connection; all of it is committed at the end, or none.

        Raises
        ------
        BookUnwritableError
            If the database cannot be written, or another process keeps it locked.
        """
        contents = self._contents
        if self._read_only:
            raise contents.unwritable(f"The {contents.noun} was opened for reading only.")
        self._leave_parent()
        try:
            with self._engine.connect() as connection:
                connection.execution_options(**{_WRITING: True})
                with connection.begin():
                    if connection.dialect.name == "postgresql":
                        connection.execute(
                            text("SELECT pg_advisory_xact_lock(:key)"),
                            {"key": _ADVISORY_LOCK + (not contents.durable)},
                        )
                    yield connection
        except SQLAlchemyError as error:
            raise contents.unwritable(
                f"The {contents.noun} cannot be written ({_cause(error)})."
            ) from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _leave_parent(self) -> None:
        # Connections must not be used, nor even closed, in a forked child.
        if self._process != os.getpid():
            self._engine.dispose(close=False)
            self._process = os.getpid()


def _driver_options(url: URL, busy_timeout_s: float) -> dict[str, object]:
    if url.get_backend_name() == "sqlite":
        return {"timeout": busy_timeout_s}
    if url.get_backend_name() == "postgresql":
        # A writer that waits for a lock must not wait for ever; in milliseconds.
        return {"options": f"-c lock_timeout={int(busy_timeout_s * 1000)}"}
    return {}


def _sqlite_url(url: URL, contents: Contents, *, read_only: bool) -> URL:
    noun = contents.noun
    if not url.database or url.database == ":memory:":
        raise contents.unwritable(f"The {noun} in memory is forgotten with the process.")
    path = Path(url.database)
    if read_only:
        if not os.access(path, os.R_OK):
            raise contents.unreadable(f"There is no {noun} at the URL that may be read.")
        query = {"mode": "ro", "uri": "true"}
        if not os.access(path.parent, os.W_OK) and not path.with_name(path.name + "-wal").exists():
            # On a medium that cannot be written SQLite could not keep its shared memory.
            query["immutable"] = "1"
        return URL.create("sqlite", database=f"file:{quote(str(path))}", query=query)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        # Not opened here: closing it would drop every lock that this process holds on the file, and
        # another process could then remove the log from under us (sqlite.org/howtocorrupt.html 2.2)
        _require_writable_file(path, contents)
    except OSError as error:
        raise contents.unwritable(
            f"The {noun}'s file cannot be written: {error.strerror}."
        ) from error
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise contents.exposed(f"Others than the owner may write the {noun}'s file.")
    return url


def _require_writable_file(path: Path, contents: Contents) -> None:
    if not path.is_file():
        raise contents.unwritable(f"The {contents.noun}'s file cannot be written: it is no file.")
    if not os.access(path, os.R_OK | os.W_OK):
        raise contents.unwritable(f"The {contents.noun}'s file cannot be written: no permission.")


def _listen(engine: Engine, *, read_only: bool, durable: bool) -> None:
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions are begun by the listener below, not by the driver.
        connection.isolation_level = None
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL").close()
            connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}").close()

    def begin(connection: Connection) -> None:
        writing = connection.get_execution_options().get(_WRITING, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)


def _cause(error: SQLAlchemyError) -> str:
    """Name the cause without the statement and its values."""
    original = getattr(error, "orig", None)
    name = getattr(original, "sqlite_errorname", None)
    return str(name or type(original or error).__name__)
