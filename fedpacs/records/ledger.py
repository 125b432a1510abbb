"""Rows of the book: entries as canonical JSON, checkpoints with the edge of the Merkle tree.

Nothing here judges; what is read is judged by the book before it is believed.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import (
    BigInteger,
    Column,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    insert,
    or_,
    select,
)

from fedpacs.core.digest import canonical_json
from fedpacs.records.checkpoint import Checkpoint
from fedpacs.records.errors import EventRefusedError
from fedpacs.records.events import Event, EventKind, FieldValue
from fedpacs.records.merkle import HASH_BYTES, leaf_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, Row

METADATA = MetaData()
BOOK = Table(
    "book",
    METADATA,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("origin", String(64), nullable=False),
)
ENTRIES = Table(
    "book_entries",
    METADATA,
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("leaf_hash", LargeBinary(HASH_BYTES), nullable=False),
)
CHECKPOINTS = Table(
    "book_checkpoints",
    METADATA,
    Column("size", BigInteger, primary_key=True, autoincrement=False),
    Column("root", String(64), nullable=False),
    Column("edge", LargeBinary, nullable=False),
    Column("time", String(32), nullable=False),
    Column("signature", String(128), nullable=False),
)
_CHUNK = 1000
_BEFORE_ALL = -(2**62)


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of the book.

    Attributes
    ----------
    index
        Place in the book, from 0.
    time
        When it was written, UTC, by the site's clock.
    event
        What happened.
    leaf_hash
        RFC 6962 hash of its bytes, hexadecimal.
    """

    index: int
    time: str
    event: Event
    leaf_hash: str


@dataclass(frozen=True, slots=True)
class EntryRow:
    """An entry as it is stored, not believed yet."""

    position: int
    body: str
    leaf_hash: bytes

    @classmethod
    def of(cls, position: int, time: str, event: Event) -> EntryRow:
        """Write an event down."""
        body = canonical_json(
            {"event": event.kind.value, "fields": event.fields, "index": position, "time": time}
        )
        return cls(position, body.decode(), leaf_hash(body))

    @property
    def is_intact(self) -> bool:
        """Tell whether the hash is that of the bytes."""
        return leaf_hash(self.body.encode("utf-8", "surrogatepass")) == self.leaf_hash

    def read(self) -> Entry:
        """Read the event.

        Raises
        ------
        EventRefusedError
            If it is not exactly what `of` writes.
        """
        try:
            data = json.loads(self.body)
            event = Event.parse(data["event"], data["fields"])
            index, time = int(data["index"]), str(data["time"])
        except (ValueError, KeyError, TypeError) as error:
            raise EventRefusedError("What was read is no event of the vocabulary.") from error
        if EntryRow.of(index, time, event).body != self.body:
            raise EventRefusedError("What was read is not written as the book writes.")
        return Entry(index, time, event, self.leaf_hash.hex())


@dataclass(frozen=True, slots=True)
class CheckpointRow:
    """A checkpoint as it is stored, not believed yet.

    Attributes
    ----------
    edge
        Right edge of the Merkle tree at its size, so that an append need not read the book.
    """

    checkpoint: Checkpoint
    edge: tuple[bytes, ...]


def origin_of(connection: Connection) -> str:
    """Name of the book; empty if it has none."""
    return str(connection.execute(select(BOOK.c.origin)).scalar() or "")


def last_position(connection: Connection) -> int:
    """Position of the last entry, -1 in an empty book."""
    found = connection.execute(select(func.max(ENTRIES.c.position))).scalar()
    return -1 if found is None else int(found)


def entry_rows(connection: Connection, start: int = _BEFORE_ALL) -> Iterator[EntryRow]:
    """Entries in order of position, in chunks."""
    after = start - 1
    while True:
        rows = connection.execute(
            select(ENTRIES)
            .where(ENTRIES.c.position > after)
            .order_by(ENTRIES.c.position)
            .limit(_CHUNK)
        ).all()
        for row in rows:
            yield EntryRow(row.position, row.body, bytes(row.leaf_hash))
        if len(rows) < _CHUNK:
            return
        after = rows[-1].position


def last_entry(connection: Connection, kind: EventKind, **fields: FieldValue) -> Entry | None:
    """Last entry of a kind with certain values, None if there is none.

    Raises
    ------
    EventRefusedError
        If an entry that looks like one cannot be read.
    """
    parts = {"event": kind.value, **fields}
    query = select(ENTRIES).order_by(ENTRIES.c.position.desc())
    for name, value in parts.items():
        # Canonical JSON writes a name and a value in one way only.
        written = canonical_json({name: value}).decode()[1:-1]
        query = query.where(ENTRIES.c.body.contains(written, autoescape=True))
    row = connection.execute(query.limit(1)).first()
    if row is None:
        return None
    return EntryRow(row.position, row.body, bytes(row.leaf_hash)).read()


def entries_of(connection: Connection, kinds: Sequence[EventKind]) -> Iterator[Entry]:
    """Entries of some kinds, in order.

    Raises
    ------
    EventRefusedError
        If an entry that looks like one cannot be read.
    """
    # Canonical JSON writes a name and a value in one way only.
    written = [canonical_json({"event": kind.value}).decode()[1:-1] for kind in kinds]
    query = (
        select(ENTRIES)
        .where(or_(*(ENTRIES.c.body.contains(each, autoescape=True) for each in written)))
        .order_by(ENTRIES.c.position)
    )
    for row in connection.execute(query):
        yield EntryRow(row.position, row.body, bytes(row.leaf_hash)).read()


def checkpoint_rows(connection: Connection, origin: str) -> Iterator[CheckpointRow]:
    """Checkpoints in order of size, in chunks."""
    after = _BEFORE_ALL
    while True:
        rows = connection.execute(
            select(CHECKPOINTS)
            .where(CHECKPOINTS.c.size > after)
            .order_by(CHECKPOINTS.c.size)
            .limit(_CHUNK)
        ).all()
        for row in rows:
            yield _checkpoint_row(row, origin)
        if len(rows) < _CHUNK:
            return
        after = rows[-1].size


def latest_checkpoint(connection: Connection, origin: str) -> CheckpointRow | None:
    """Checkpoint of the largest size."""
    row = connection.execute(
        select(CHECKPOINTS).order_by(CHECKPOINTS.c.size.desc()).limit(1)
    ).first()
    return None if row is None else _checkpoint_row(row, origin)


def add_entries(connection: Connection, rows: Sequence[EntryRow]) -> None:
    """Store entries."""
    values = [
        {"position": row.position, "body": row.body, "leaf_hash": row.leaf_hash} for row in rows
    ]
    connection.execute(insert(ENTRIES), values)


def add_checkpoint(connection: Connection, row: CheckpointRow) -> None:
    """Store a checkpoint."""
    checkpoint = row.checkpoint
    connection.execute(
        insert(CHECKPOINTS).values(
            size=checkpoint.size,
            root=checkpoint.root,
            edge=b"".join(row.edge),
            time=checkpoint.time,
            signature=checkpoint.signature,
        )
    )


def _checkpoint_row(row: Row[Any], origin: str) -> CheckpointRow:
    checkpoint = Checkpoint(
        origin=origin,
        size=int(row.size),
        root=str(row.root),
        time=str(row.time),
        signature=str(row.signature),
    )
    edge = bytes(row.edge)
    hashes = tuple(edge[at : at + HASH_BYTES] for at in range(0, len(edge), HASH_BYTES))
    return CheckpointRow(checkpoint, hashes)
