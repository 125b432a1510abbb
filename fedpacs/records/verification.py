"""Verification of a book: every entry, every checkpoint, to the first thing that does not hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.records.errors import CheckpointError, EventRefusedError
from fedpacs.records.ledger import checkpoint_rows, entry_rows, origin_of
from fedpacs.records.merkle import Frontier

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from fedpacs.records.checkpoint import Checkpoint
    from fedpacs.records.ledger import CheckpointRow, EntryRow


@dataclass(frozen=True, slots=True)
class Verification:
    """What a verification found.

    Attributes
    ----------
    entries
        Entries read.
    checkpoints
        Checkpoints whose signature and root hold.
    ok
        True if everything holds.
    fault_code
        The first thing that does not; empty if everything holds. See `verify_book`.
    fault_index
        First entry that it touches: everything before it is proven. None if everything holds.
    """

    entries: int
    checkpoints: int
    ok: bool
    fault_code: str = ""
    fault_index: int | None = None


class _FaultError(Exception):
    def __init__(self, code: str, index: int) -> None:
        super().__init__(code)
        self.code = code
        self.index = index


class _Walk:
    """One pass over a book."""

    def __init__(self, public: str, witnesses: Iterable[Checkpoint]) -> None:
        self.public = public
        self.witnesses = sorted(witnesses, key=lambda witness: witness.size)
        self.frontier = Frontier()
        self.checkpoints = 0
        self.proven = 0

    def take(self, row: EntryRow) -> None:
        expected = self.frontier.size
        if row.position != expected:
            raise _FaultError("records.entry-missing", expected)
        if not row.is_intact:
            raise _FaultError("records.entry-altered", expected)
        try:
            entry = row.read()
        except EventRefusedError:
            raise _FaultError("records.entry-unknown", expected) from None
        if entry.index != expected:
            raise _FaultError("records.entry-misplaced", expected)
        self.frontier.add(bytes.fromhex(entry.leaf_hash))

    def hold(self, row: CheckpointRow) -> None:
        try:
            row.checkpoint.check(self.public)
        except CheckpointError:
            raise _FaultError("records.checkpoint-forged", self.proven) from None
        if row.checkpoint.root != self.frontier.root.hex():
            raise _FaultError("records.entries-differ", self.proven)
        if row.edge != self.frontier.hashes:
            raise _FaultError("records.edge-differs", self.proven)
        self.checkpoints += 1
        self.proven = self.frontier.size

    def witness(self, origin: str) -> None:
        while self.witnesses and self.witnesses[0].size <= self.frontier.size:
            seen = self.witnesses.pop(0)
            same = seen.root == self.frontier.root.hex() and seen.origin == origin
            if seen.size != self.frontier.size or not same:
                raise _FaultError("records.rolled-back", min(seen.size, self.proven))

    def finish(self, latest_size: int) -> None:
        if latest_size > self.frontier.size:
            raise _FaultError("records.entries-removed", self.frontier.size)
        if self.proven < self.frontier.size:
            raise _FaultError("records.entries-unsigned", self.proven)
        if self.witnesses:
            raise _FaultError("records.rolled-back", self.frontier.size)


def verify_book(
    connection: Connection, public: str, witnesses: Iterable[Checkpoint] = ()
) -> Verification:
    """Read a whole book and hold it to its checkpoints.

    The faults, by code:

    - ``records.entry-missing``: a position is skipped.
    - ``records.entry-altered``: an entry's bytes are not those that were hashed.
    - ``records.entry-unknown``: an entry is not of the vocabulary.
    - ``records.entry-misplaced``: an entry stands at another place than it was written for.
    - ``records.entries-differ``: the entries since the last checkpoint that holds are not those
      that were signed.
    - ``records.checkpoint-forged``: a checkpoint's signature does not hold.
    - ``records.edge-differs``: the stored edge of the tree is not that of the entries.
    - ``records.entries-removed``: a checkpoint was signed over more entries than there are.
    - ``records.entries-unsigned``: there are entries after the last checkpoint.
    - ``records.rolled-back``: a checkpoint that was seen before is not part of the book.

    An older copy of the whole file, put back, is consistent in itself; only a checkpoint that was
    seen elsewhere tells. That is what witnesses are for.

    Parameters
    ----------
    connection
        In one transaction, so that nothing is added meanwhile.
    public
        Public key of the site's agent.
    witnesses
        Checkpoints seen before, signatures checked by the caller.
    """
    walk = _Walk(public, witnesses)
    try:
        _walk(connection, walk)
    except _FaultError as fault:
        return Verification(
            walk.frontier.size,
            walk.checkpoints,
            ok=False,
            fault_code=fault.code,
            fault_index=fault.index,
        )
    return Verification(walk.frontier.size, walk.checkpoints, ok=True)


def _walk(connection: Connection, walk: _Walk) -> None:
    origin = origin_of(connection)
    checkpoints = checkpoint_rows(connection, origin)
    due = next(checkpoints, None)
    if due is not None and due.checkpoint.size < 1:
        raise _FaultError("records.checkpoint-forged", 0)
    walk.witness(origin)
    for row in entry_rows(connection):
        walk.take(row)
        if due is not None and due.checkpoint.size == walk.frontier.size:
            walk.hold(due)
            due = next(checkpoints, None)
        walk.witness(origin)
    walk.finish(0 if due is None else due.checkpoint.size)
