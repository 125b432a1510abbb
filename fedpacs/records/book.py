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

from fedpacs.records import ledger
from fedpacs.records.checkpoint import Checkpoint
from fedpacs.records.database import BUSY_TIMEOUT_S, Database
from fedpacs.records.errors import (
    BookRolledBackError,
    BookTamperedError,
    BookUnreadableError,
    BookUnwritableError,
    CheckpointError,
    EventRefusedError,
    ProofError,
)
from fedpacs.records.ledger import CheckpointRow, Entry, EntryRow
from fedpacs.records.merkle import Frontier, consistency_proof, inclusion_proof
from fedpacs.records.verification import Verification, verify_book

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
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
        self.failure: BaseException | None = None


class Book:
    """The book of one site, for several threads; several processes may open one book."""

    def __init__(
        self,
        database: Database,
        signing_key: SigningKey | None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._key = signing_key
        self._clock = clock
        self._waiting: list[_Batch] = []
        self._waiting_lock = threading.Lock()
        self._commit_lock = threading.Lock()
        self._seen: Checkpoint | None = None

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

    def entries(self, start: int = 0) -> Iterator[Entry]:
        """Read entries in order, as they are at this moment. They are *not* verified here.

        Raises
        ------
        BookUnreadableError
            If the book or an entry cannot be read.
        """
        with self._database.reading() as connection:
            for row in ledger.entry_rows(connection, max(start, 0)):
                try:
                    yield row.read()
                except EventRefusedError as error:
                    raise BookUnreadableError(
                        f"Entry {row.position} of the book cannot be read.",
                        hint="Run `fedpacs audit verify`.",
                    ) from error

    def checkpoint(self) -> Checkpoint:
        """Give the latest checkpoint, to be published or kept by a witness.

        Raises
        ------
        BookUnreadableError
            If the book cannot be read, or is empty and opened for reading only.
        BookRolledBackError
            If an older book was put back.
        """
        seen = self._seen
        with self._database.reading() as connection:
            origin = ledger.origin_of(connection)
            latest = ledger.latest_checkpoint(connection, origin)
        if latest is not None:
            _not_older(latest.checkpoint, seen)
            return latest.checkpoint
        if seen is not None:
            raise BookRolledBackError("The book was emptied.")
        if self._key is None:
            raise BookUnreadableError("The book is empty.")
        return Checkpoint.sign(self._key, origin, 0, Frontier().root, self._now())

    def verify(
        self, public: str | None = None, witnesses: Sequence[Checkpoint] = ()
    ) -> Verification:
        """Verify every entry and checkpoint; see `fedpacs.records.verification.verify_book`.

        Parameters
        ----------
        public
            Public key of the site's agent; that of the signing key when left out.
        witnesses
            Checkpoints of this book that were published or seen before.

        Raises
        ------
        BookUnreadableError
            If the book cannot be read, or there is no key to verify with.
        CheckpointError
            If the signature of a witness does not hold.
        """
        key = public or (self._key.public if self._key else None)
        if key is None:
            raise BookUnreadableError(
                "There is no public key to verify the book with.",
                hint="Give the public key that the site published, `ed25519:...`.",
            )
        for witness in witnesses:
            witness.check(key)
        seen = () if self._seen is None else (self._seen,)
        with self._database.reading() as connection:
            return verify_book(connection, key, (*witnesses, *seen))

    def inclusion(self, index: int, size: int) -> tuple[str, ...]:
        """Prove that an entry is in the book of a certain size; hexadecimal hashes.

        Raises
        ------
        ProofError
            If there is no such entry or size.
        """
        return _hex(inclusion_proof(index, self._leaves(size)))

    def consistency(self, old_size: int, size: int) -> tuple[str, ...]:
        """Prove that the book of one size grew out of that of a smaller; hexadecimal hashes.

        Raises
        ------
        ProofError
            If there are no such sizes.
        """
        return _hex(consistency_proof(old_size, self._leaves(size)))

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
        try:
            first = self._commit([event for batch in batches for event in batch.events], key)
        except BaseException as error:  # noqa: BLE001 - handed to each waiting caller, raised there
            for batch in batches:
                batch.failure = error
            return
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
        _not_older(checkpoint, self._seen)
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

    def _leaves(self, size: int) -> list[bytes]:
        with self._database.reading() as connection:
            leaves = [row.leaf_hash for row in ledger.entry_rows(connection)]
        if not 0 < size <= len(leaves):
            raise ProofError("The book has never had this size.")
        return leaves[:size]

    def _now(self) -> str:
        now = self._clock().astimezone(UTC)
        return now.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _not_older(latest: Checkpoint, seen: Checkpoint | None) -> None:
    if seen is None:
        return
    if latest.size < seen.size or latest.origin != seen.origin:
        raise BookRolledBackError("The book is older than what was seen of it, or another one.")
    if latest.size == seen.size and latest != seen:
        raise BookRolledBackError("The book differs from what was seen of it.")


def _hex(proof: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(node.hex() for node in proof)
