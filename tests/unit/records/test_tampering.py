"""What somebody with an SQLite shell can do to the book, and that each of it comes to light."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import pytest

from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.book import Book
from fedpacs.records.checkpoint import Checkpoint
from fedpacs.records.errors import (
    BookRolledBackError,
    BookTamperedError,
    BookUnreadableError,
    CheckpointError,
)
from fedpacs.records.ledger import EntryRow
from fedpacs.records.merkle import Frontier, leaf_hash

EDIT_BODY = """UPDATE book_entries SET body = replace(body, '"process":3', '"process":4')
    WHERE position = 3"""
RESIGN = """UPDATE book_checkpoints SET root = ?, edge = ?, time = ?, signature = ?
    WHERE size = ?"""
COPY_ROOT = """UPDATE book_checkpoints
    SET root = (SELECT root FROM book_checkpoints WHERE size = 2)"""
SWAP = [
    "UPDATE book_entries SET position = -1 WHERE position = 3",
    "UPDATE book_entries SET position = 3 WHERE position = 4",
    "UPDATE book_entries SET position = 4 WHERE position = -1",
]
RENUMBER = [
    "DELETE FROM book_entries WHERE position = 3",
    "UPDATE book_entries SET position = position - 1 WHERE position > 3",
]


@pytest.fixture
def written(desk, make_event):
    """Give a closed book of ten entries in five batches of two."""
    with desk.book() as book:
        for first in range(0, 10, 2):
            book.append_many([make_event(first), make_event(first + 1)])
    return desk


def verify(desk):
    with Book.open(desk.url) as auditor:
        return auditor.verify(desk.key.public)


def test_an_untouched_book_verifies(written):
    found = verify(written)
    assert (found.ok, found.entries, found.checkpoints) == (True, 10, 5)
    assert (found.fault_code, found.fault_index) == ("", None)


@pytest.mark.parametrize(
    ("statements", "code", "index"),
    [
        ([EDIT_BODY], "records.entry-altered", 3),
        (
            ["UPDATE book_entries SET leaf_hash = zeroblob(32) WHERE position = 3"],
            "records.entry-altered",
            3,
        ),
        (["UPDATE book_entries SET body = '' WHERE position = 0"], "records.entry-altered", 0),
        (["DELETE FROM book_entries WHERE position = 3"], "records.entry-missing", 3),
        (["DELETE FROM book_entries WHERE position = 0"], "records.entry-missing", 0),
        (["DELETE FROM book_entries WHERE position = 9"], "records.entries-removed", 9),
        (["DELETE FROM book_entries WHERE position >= 4"], "records.entries-removed", 4),
        (["DELETE FROM book_entries"], "records.entries-removed", 0),
        (SWAP, "records.entry-misplaced", 3),
        (RENUMBER, "records.entry-misplaced", 3),
        (
            ["INSERT INTO book_entries SELECT -5, body, leaf_hash FROM book_entries LIMIT 1"],
            "records.entry-missing",
            0,
        ),
        (
            ["INSERT INTO book_entries SELECT 10, body, leaf_hash FROM book_entries LIMIT 1"],
            "records.entry-misplaced",
            10,
        ),
        (["DELETE FROM book_checkpoints"], "records.entries-unsigned", 0),
        (["DELETE FROM book_checkpoints WHERE size = 10"], "records.entries-unsigned", 8),
        (
            ["UPDATE book_checkpoints SET signature = substr(signature, 3) || '00'"],
            "records.checkpoint-forged",
            0,
        ),
        (
            ["UPDATE book_checkpoints SET signature = 'x' WHERE size = 6"],
            "records.checkpoint-forged",
            4,
        ),
        (
            ["UPDATE book_checkpoints SET time = '2020-01-01T00:00:00.000000Z' WHERE size = 4"],
            "records.checkpoint-forged",
            2,
        ),
        (
            [COPY_ROOT],
            "records.checkpoint-forged",
            2,
        ),
        (["UPDATE book_checkpoints SET size = 5 WHERE size = 6"], "records.checkpoint-forged", 4),
        (["UPDATE book_checkpoints SET size = 0 WHERE size = 2"], "records.checkpoint-forged", 0),
        (
            ["UPDATE book_checkpoints SET edge = zeroblob(64) WHERE size = 10"],
            "records.edge-differs",
            8,
        ),
        (
            ["UPDATE book SET origin = 'fedpacs/book/' || hex(zeroblob(16))"],
            "records.checkpoint-forged",
            0,
        ),
    ],
)
def test_each_kind_of_tampering_is_found_and_placed(written, statements, code, index):
    written.tamper(*statements)
    found = verify(written)
    assert not found.ok
    assert (found.fault_code, found.fault_index) == (code, index)


def rewrite(position, event):
    """Replace an entry together with its hash, as somebody who has read the source would."""
    body = EntryRow.of(position, "2026-01-01T00:00:00.000000Z", event).body
    return (
        "UPDATE book_entries SET body = ?, leaf_hash = ? WHERE position = ?",
        (body, leaf_hash(body.encode()), position),
    )


def test_a_well_made_forgery_is_found_by_the_next_checkpoint(written, make_event):
    written.tamper(rewrite(5, make_event(99)))
    found = verify(written)
    assert (found.fault_code, found.fault_index) == ("records.entries-differ", 4)


def test_a_forger_without_the_key_cannot_sign_the_checkpoints_anew(written, make_event, tmp_path):
    forger = SigningKey.create(tmp_path / "forger.pem")
    written.tamper(rewrite(5, make_event(99)))
    with Book.open(written.url) as auditor:
        entries = list(auditor.entries())
        origin = auditor.checkpoint().origin
    frontier = Frontier()
    changes = []
    for entry in entries:
        frontier.add(bytes.fromhex(entry.leaf_hash))
        if frontier.size % 2 == 0:
            signed = Checkpoint.sign(forger, origin, frontier.size, frontier.root, entry.time)
            values = (signed.root, b"".join(frontier.hashes), signed.time, signed.signature)
            changes.append((RESIGN, (*values, frontier.size)))
    written.tamper(*changes)
    with Book.open(written.url) as auditor:
        assert auditor.verify(forger.public).ok  # a perfect forgery, but for the key
        found = auditor.verify(written.key.public)
    assert (found.fault_code, found.fault_index) == ("records.checkpoint-forged", 0)
    with written.book() as book, pytest.raises(BookTamperedError):
        book.append(make_event())


@pytest.mark.parametrize(
    "statements",
    [
        ["DELETE FROM book_entries WHERE position = 9"],
        ["DELETE FROM book_entries"],
        ["DELETE FROM book_checkpoints"],
        ["DELETE FROM book_checkpoints WHERE size = 10"],
        ["UPDATE book_checkpoints SET edge = zeroblob(64) WHERE size = 10"],
        ["UPDATE book_checkpoints SET edge = zeroblob(5) WHERE size = 10"],
        ["UPDATE book_checkpoints SET root = 'x' WHERE size = 10"],
        ["INSERT INTO book_entries SELECT 10, body, leaf_hash FROM book_entries LIMIT 1"],
        ["UPDATE book SET origin = 'fedpacs/book/another'"],
    ],
)
def test_the_agent_signs_nothing_over_an_end_it_did_not_write(written, make_event, statements):
    written.tamper(*statements)
    with written.book() as book:
        before = verify(written)
        with pytest.raises(BookTamperedError):
            book.append(make_event())
    assert verify(written) == before


def test_a_change_further_back_is_never_signed_over(written, make_event):
    written.tamper(rewrite(1, make_event(99)))
    with written.book() as book:
        book.append(make_event())
    found = verify(written)
    assert (found.fault_code, found.fault_index) == ("records.entries-differ", 0)


def test_a_book_under_another_key_is_not_continued(written, make_event, tmp_path):
    other = SigningKey.create(tmp_path / "other.pem")
    with Book.open(written.url, other) as book, pytest.raises(BookTamperedError):
        book.append(make_event())


def test_an_open_book_notices_that_an_older_copy_was_put_back(written, make_event, tmp_path):
    shutil.copy(written.path, tmp_path / "old.db")
    with written.book() as book:
        book.append(make_event(10))
        book.close()
        for file in written.path.parent.glob("book.db*"):
            file.unlink()
        shutil.copy(tmp_path / "old.db", written.path)
        with pytest.raises(BookRolledBackError):
            book.append(make_event(11))
        with pytest.raises(BookRolledBackError):
            book.checkpoint()
        assert book.verify().fault_code == "records.rolled-back"


def test_an_open_book_notices_that_it_was_emptied(written, make_event):
    with written.book() as book:
        book.append(make_event())
        written.tamper("DELETE FROM book_entries", "DELETE FROM book_checkpoints")
        with pytest.raises(BookRolledBackError):
            book.append(make_event())
        with pytest.raises(BookRolledBackError):
            book.checkpoint()


def test_a_kept_checkpoint_shows_a_rollback_that_the_file_alone_cannot(
    written, make_event, tmp_path
):
    shutil.copy(written.path, tmp_path / "old.db")
    with written.book() as book:
        book.append(make_event(10))
        kept = book.checkpoint()
        assert book.verify(witnesses=[kept]).ok
    with Book.open(f"sqlite:///{tmp_path}/old.db") as old:
        assert old.verify(written.key.public).ok
        found = old.verify(written.key.public, [kept])
    assert (found.ok, found.fault_code, found.fault_index) == (False, "records.rolled-back", 10)


def test_a_kept_checkpoint_shows_that_history_was_written_anew_with_the_agents_own_key(
    written, make_event, tmp_path
):
    with written.book() as book:
        kept = book.checkpoint()
    with Book.open(f"sqlite:///{tmp_path}/anew.db", written.key) as anew:
        anew.append_many([make_event(7) for _ in range(12)])
        assert anew.verify().ok
        found = anew.verify(witnesses=[kept])
    assert (found.ok, found.fault_code) == (False, "records.rolled-back")


def test_a_twin_with_the_same_entries_is_not_taken_for_the_book(desk, make_event, tmp_path):
    books = []
    for name in ("book.db", "twin.db"):
        url = f"sqlite:///{tmp_path / name}"
        with Book.open(url, desk.key, clock=lambda: datetime(2026, 1, 1, tzinfo=UTC)) as book:
            book.append(make_event())
            books.append((url, book.checkpoint()))
    (url, own), (_, twins) = books
    assert own.root == twins.root
    with Book.open(url) as auditor:
        assert auditor.verify(desk.key.public, [own]).ok
        assert auditor.verify(desk.key.public, [twins]).fault_code == "records.rolled-back"


def test_a_forged_witness_is_not_taken_for_one(written, tmp_path):
    forger = SigningKey.create(tmp_path / "forger.pem")
    with written.book() as book:
        real = book.checkpoint()
        forged = Checkpoint.sign(forger, real.origin, 99, bytes(32), real.time)
        with pytest.raises(CheckpointError):
            book.verify(witnesses=[forged])


def test_an_unreadable_entry_stops_reading_without_repeating_it(written):
    body = '{"event":"agent-started","fields":{"note":"DOE^JANE"},"index":3,"time":"t"}'
    written.tamper(("UPDATE book_entries SET body = ? WHERE position = 3", (body,)))
    with Book.open(written.url) as auditor, pytest.raises(BookUnreadableError) as caught:
        list(auditor.entries())
    assert "DOE" not in str(caught.value)


def test_free_text_with_a_right_hash_is_still_no_entry(written):
    body = '{"event":"agent-started","fields":{"note":"DOE^JANE"},"index":3,"time":"t"}'
    written.tamper(
        (
            "UPDATE book_entries SET body = ?, leaf_hash = ? WHERE position = 3",
            (body, leaf_hash(body.encode())),
        )
    )
    found = verify(written)
    assert (found.fault_code, found.fault_index) == ("records.entry-unknown", 3)


def test_a_damaged_page_is_unreadable_not_believed(written):
    content = bytearray(written.path.read_bytes())
    for offset in range(4096, len(content)):
        content[offset] = 0xA5
    written.path.write_bytes(bytes(content))
    with pytest.raises(BookUnreadableError), Book.open(written.url) as auditor:
        auditor.verify(written.key.public)
