"""Reading a book: its entries, its latest checkpoint, proofs, and whether it can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.records import ledger
from fedpacs.records.errors import (
    BookRolledBackError,
    BookUnreadableError,
    EventRefusedError,
    ProofError,
)
from fedpacs.records.merkle import consistency_proof, inclusion_proof
from fedpacs.records.verification import Verification, verify_book

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fedpacs.records.checkpoint import Checkpoint
    from fedpacs.records.database import Database
    from fedpacs.records.events import EventKind, FieldValue
    from fedpacs.records.ledger import Entry


class ReadableBook:
    """The reading half of a book."""

    def __init__(self, database: Database, public: str | None) -> None:
        self._database = database
        self._public = public
        self._seen: Checkpoint | None = None

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

    def of_kinds(self, *kinds: EventKind) -> tuple[Entry, ...]:
        """Read all entries of some kinds, in order; the others are not read.

        Raises
        ------
        BookUnreadableError
            If the book or such an entry cannot be read.
        """
        with self._database.reading() as connection:
            try:
                return tuple(ledger.entries_of(connection, kinds))
            except EventRefusedError as error:
                raise BookUnreadableError(
                    "An entry of the book cannot be read.", hint="Run `fedpacs audit verify`."
                ) from error

    def last(self, kind: EventKind, **fields: FieldValue) -> Entry | None:
        """Give the last entry of a kind with certain values, None if there is none.

        Raises
        ------
        BookUnreadableError
            If the book or the entry cannot be read.
        """
        with self._database.reading() as connection:
            try:
                return ledger.last_entry(connection, kind, **fields)
            except EventRefusedError as error:
                raise BookUnreadableError(
                    "An entry of the book cannot be read.", hint="Run `fedpacs audit verify`."
                ) from error

    def checkpoint(self) -> Checkpoint:
        """Give the latest checkpoint, to be published or kept by a witness.

        Raises
        ------
        BookUnreadableError
            If the book cannot be read or is empty.
        BookRolledBackError
            If an older book was put back.
        """
        seen = self._seen
        with self._database.reading() as connection:
            origin = ledger.origin_of(connection)
            latest = ledger.latest_checkpoint(connection, origin)
        if latest is not None:
            refuse_older(latest.checkpoint, seen)
            return latest.checkpoint
        if seen is not None:
            raise BookRolledBackError("The book was emptied.")
        raise BookUnreadableError("The book is empty.", hint="Nothing has happened here yet.")

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
        key = public or self._public
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

    def _leaves(self, size: int) -> list[bytes]:
        with self._database.reading() as connection:
            leaves = [row.leaf_hash for row in ledger.entry_rows(connection)]
        if not 0 < size <= len(leaves):
            raise ProofError("The book has never had this size.")
        return leaves[:size]


def refuse_older(latest: Checkpoint, seen: Checkpoint | None) -> None:
    """Return only if a checkpoint does not contradict one that was seen before.

    Raises
    ------
    BookRolledBackError
        If it does.
    """
    if seen is None:
        return
    if latest.size < seen.size or latest.origin != seen.origin:
        raise BookRolledBackError("The book is older than what was seen of it, or another one.")
    if latest.size == seen.size and latest != seen:
        raise BookRolledBackError("The book differs from what was seen of it.")


def _hex(proof: Sequence[bytes]) -> tuple[str, ...]:
    return tuple(node.hex() for node in proof)
