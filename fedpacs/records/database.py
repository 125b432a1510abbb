"""The database under the records: one URL, short transactions, one writer at a time.

SQLite in WAL mode with ``synchronous=FULL`` by default: what was committed survives a power cut,
readers never wait, and a writer takes the lock at its start (``BEGIN IMMEDIATE``), so two
processes queue up instead of failing half-way. On PostgreSQL an advisory lock does the same.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import SQLAlchemyError

from fedpacs.records.errors import BookExposedError, BookUnreadableError, BookUnwritableError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

BUSY_TIMEOUT_S = 30.0
_ADVISORY_LOCK = 0x0FED_9AC5
_WRITING = "fedpacs_writing"


class Database:
    """One database, opened for reading and writing or for reading only."""

    def __init__(self, engine: Engine, *, read_only: bool) -> None:
        self._engine = engine
        self._read_only = read_only
        self._process = os.getpid()

    @classmethod
    def open(
        cls, url: str, *, read_only: bool = False, busy_timeout_s: float = BUSY_TIMEOUT_S
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

        Raises
        ------
        BookUnreadableError
            If the URL is wrong, its driver is missing, or there is nothing to read.
        BookUnwritableError
            If the file cannot be created.
        BookExposedError
            If others may write the file.
        """
        try:
            parsed = make_url(url)
            is_sqlite = parsed.get_backend_name() == "sqlite"
            if is_sqlite:
                parsed = _sqlite_url(parsed, read_only=read_only)
            engine = create_engine(
                parsed,
                hide_parameters=True,
                connect_args={"timeout": busy_timeout_s} if is_sqlite else {},
            )
        except (SQLAlchemyError, ModuleNotFoundError) as error:
            raise BookUnreadableError(
                f"The book's URL cannot be used ({type(error).__name__}).",
                hint="Check the URL; for PostgreSQL `pip install psycopg` and postgresql+psycopg://.",
            ) from None
        if is_sqlite:
            _listen(engine, read_only=read_only)
        return cls(engine, read_only=read_only)

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
            raise BookUnreadableError(f"The book cannot be read ({_cause(error)}).") from error

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give the one writing connection; all of it is committed at the end, or none.

        Raises
        ------
        BookUnwritableError
            If the database cannot be written, or another process keeps it locked.
        """
        if self._read_only:
            raise BookUnwritableError("The book was opened for reading only.")
        self._leave_parent()
        try:
            with self._engine.connect() as connection:
                connection.execution_options(**{_WRITING: True})
                with connection.begin():
                    if connection.dialect.name == "postgresql":
                        connection.execute(
                            text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK}
                        )
                    yield connection
        except SQLAlchemyError as error:
            raise BookUnwritableError(f"The book cannot be written ({_cause(error)}).") from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _leave_parent(self) -> None:
        # Connections must not be used, nor even closed, in a forked child.
        if self._process != os.getpid():
            self._engine.dispose(close=False)
            self._process = os.getpid()


def _sqlite_url(url: URL, *, read_only: bool) -> URL:
    if not url.database or url.database == ":memory:":
        raise BookUnwritableError("A book in memory is forgotten with the process.")
    path = Path(url.database)
    if read_only:
        if not os.access(path, os.R_OK):
            raise BookUnreadableError("There is no book at the URL that may be read.")
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
        _require_writable_file(path)
    except OSError as error:
        raise BookUnwritableError(
            f"The book's file cannot be written: {error.strerror}."
        ) from error
    if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise BookExposedError("Others than the owner may write the book's file.")
    return url


def _require_writable_file(path: Path) -> None:
    if not path.is_file():
        raise BookUnwritableError("The book's file cannot be written: it is no file.")
    if not os.access(path, os.R_OK | os.W_OK):
        raise BookUnwritableError("The book's file cannot be written: no permission.")


def _listen(engine: Engine, *, read_only: bool) -> None:
    def prepare(connection: sqlite3.Connection, _record: object) -> None:
        # Transactions are begun by the listener below, not by the driver.
        connection.isolation_level = None
        if not read_only:
            connection.execute("PRAGMA journal_mode=WAL").close()
            connection.execute("PRAGMA synchronous=FULL").close()

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
