"""The book of a site: an append-only Merkle log with signed checkpoints.

Every batch of entries is committed together with a checkpoint, signed by the site's agent, over
the whole book including the batch. So at no time does the file hold an entry that is not signed,
and cutting off its end leaves a checkpoint over more entries than there are. Appends of several
threads that wait for the disk are committed as one batch.

Before the agent signs, it checks that the end of the book is what it signed last. What somebody
changed behind its back is therefore never signed over.

What one file cannot show is that *all* of it is older than it was: an open book remembers the
last checkpoint it has seen, and `Book.verify` takes checkpoints that were published before.
"""

from __future__ import annotations

import secrets
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from sqlalchemy import insert

from fedpacs.core.errors import RecordsError
from fedpacs.records import ledger
from fedpacs.records.checkpoint import Checkpoint
from fedpacs.records.database import BUSY_TIMEOUT_S, Database
from fedpacs.records.errors import (
    BookRolledBackError,
    BookTamperedError,
    BookUnreadableError,
    BookUnwritableError,
    CheckpointError,
    ProofError,
)
from fedpacs.records.ledger import CheckpointRow, Entry, EntryRow
from fedpacs.records.merkle import Frontier
from fedpacs.records.reading import ReadableBook, refuse_older
from fedpacs.records.verification import Verification

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from sqlalchemy import Connection

    from fedpacs.crypto.signatures import SigningKey
    from fedpacs.records.events import Event

__all__ = [
    "Book",
    "BookRolledBackError",
    "BookTamperedError",
    "BookUnreadableError",
    "BookUnwritableError",
    "Checkpoint",
    "Entry",
    "Verification",
]


class _Batch:
    """Events of one caller, waiting to be committed."""

    __slots__ = ("events", "failure", "first")

    def __init__(self, events: Sequence[Event]) -> None:
        self.events = events
        self.first: int | None = None
        self.failure: RecordsError | None = None


class Book(ReadableBook):
    """The book of one site, for several threads; several processes may open one book."""

    def __init__(
        self,
        database: Database,
        signing_key: SigningKey | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        super().__init__(database, None if signing_key is None else signing_key.public)
        self._key = signing_key
        self._clock = clock
        self._waiting: list[_Batch] = []
        self._waiting_lock = threading.Lock()
        self._commit_lock = threading.Lock()

    @classmethod
    def open(
        cls,
        url: str,
        signing_key: SigningKey | None = None,
        *,
        busy_timeout_s: float = BUSY_TIMEOUT_S,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Book:
        """Open a book; a missing one is begun.

        Parameters
        ----------
        url
            SQLAlchemy URL, for example ``sqlite:////srv/fedpacs/book.db``.
        signing_key
            The agent's. Without it the book is opened for reading only, as an auditor does, and
            a missing one is an error.
        busy_timeout_s
            How long an append waits for another process.
        clock
            Gives the time in UTC.

        Raises
        ------
        BookUnreadableError
            If it cannot be read.
        BookUnwritableError
            If it cannot be begun or written.
        """
        read_only = signing_key is None
        database = Database.open(url, read_only=read_only, busy_timeout_s=busy_timeout_s)
        book = cls(database, signing_key, clock)
        try:
            book._begin(read_only=read_only)
        except BaseException:
            database.close()
            raise
        return book

    def append(self, event: Event) -> int:
        """Write one event down; it is on disk and signed when this returns.

        Returns
        -------
        int
            Its index.

        Raises
        ------
        BookUnwritableError
            If it is not written. What it would have told of must not happen.
        BookTamperedError, BookRolledBackError
            If the book's end is not what this agent signed.
        """
        return self.append_many((event,))[0]

    def append_many(self, events: Sequence[Event]) -> range:
        """Write several events down, all or none, under one checkpoint.

        Returns
        -------
        range
            Their indexes.

        Raises
        ------
        BookUnwritableError, BookTamperedError, BookRolledBackError
            As `append`.
        """
        if self._key is None:
            raise BookUnwritableError("The book was opened for reading only.")
        batch = _Batch(tuple(events))
        with self._waiting_lock:
            self._waiting.append(batch)
        with self._commit_lock:
            if batch.first is None and batch.failure is None:
                self._commit_waiting(self._key)
        if batch.first is None:
            raise batch.failure or BookUnwritableError("The book was not written.")
        return range(batch.first, batch.first + len(batch.events))

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

    def _begin(self, *, read_only: bool) -> None:
        if read_only:
            with self._database.reading() as connection:
                if not ledger.origin_of(connection):
                    raise BookUnreadableError("There is no book at the URL.")
            return
        with self._database.writing() as connection:
            ledger.METADATA.create_all(connection)
            if not ledger.origin_of(connection):
                origin = f"fedpacs/book/{secrets.token_hex(16)}"
                connection.execute(insert(ledger.BOOK).values(number=1, origin=origin))

    def _commit_waiting(self, key: SigningKey) -> None:
        with self._waiting_lock:
            batches, self._waiting = self._waiting, []
        failure: RecordsError = BookUnwritableError("Writing the book was interrupted.")
        try:
            first = self._commit([event for batch in batches for event in batch.events], key)
        except RecordsError as error:
            failure = error
            return
        finally:
            # Also when interrupted: nobody who waits may take silence for success.
            for batch in batches:
                batch.failure = failure
        for batch in batches:
            batch.first = first
            first += len(batch.events)

    def _commit(self, events: Sequence[Event], key: SigningKey) -> int:
        with self._database.writing() as connection:
            origin = ledger.origin_of(connection)
            frontier = self._believed_end(connection, origin, key.public)
            first = frontier.size
            if not events:
                return first
            now = self._now()
            rows = [EntryRow.of(first + i, now, event) for i, event in enumerate(events)]
            for row in rows:
                frontier.add(row.leaf_hash)
            checkpoint = Checkpoint.sign(key, origin, frontier.size, frontier.root, now)
            ledger.add_entries(connection, rows)
            ledger.add_checkpoint(connection, CheckpointRow(checkpoint, frontier.hashes))
        self._seen = checkpoint
        return first

    def _believed_end(self, connection: Connection, origin: str, public: str) -> Frontier:
        latest = ledger.latest_checkpoint(connection, origin)
        size = ledger.last_position(connection) + 1
        if latest is None:
            if self._seen is not None:
                raise BookRolledBackError("The book was emptied.")
            if size:
                raise BookTamperedError("The book has entries, but no checkpoint.")
            return Frontier()
        checkpoint = latest.checkpoint
        refuse_older(checkpoint, self._seen)
        if checkpoint != self._seen:
            try:
                checkpoint.check(public)
            except CheckpointError as error:
                raise BookTamperedError("This agent did not sign the end of the book.") from error
        try:
            frontier = Frontier(checkpoint.size, latest.edge)
        except ProofError as error:
            raise BookTamperedError("The edge of the book's tree is broken.") from error
        if frontier.root.hex() != checkpoint.root or size != checkpoint.size:
            raise BookTamperedError("The end of the book is not what this agent signed.")
        return frontier

    def _now(self) -> str:
        now = self._clock().astimezone(UTC)
        return now.isoformat(timespec="microseconds").replace("+00:00", "Z")
