"""The book: what is written is there, in order, signed, on disk, and nothing is half-written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest

from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.book import Book
from fedpacs.records.checkpoint import Checkpoint
from fedpacs.records.errors import (
    BookExposedError,
    BookTamperedError,
    BookUnreadableError,
    BookUnwritableError,
    CheckpointError,
    ProofError,
)
from fedpacs.records.events import EventKind
from fedpacs.records.merkle import verify_consistency, verify_inclusion

LOCKED = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


def test_what_is_appended_is_read_in_order(desk, make_event):
    with desk.book() as book:
        assert [book.append(make_event(n)) for n in range(5)] == [0, 1, 2, 3, 4]
        assert [e.event.fields["process"] for e in book.entries()] == [0, 1, 2, 3, 4]
        assert [e.index for e in book.entries(3)] == [3, 4]
        assert list(book.entries(99)) == []


def test_a_batch_is_written_as_one_and_signed_once(desk, make_event):
    with desk.book() as book:
        assert book.append_many([make_event(n) for n in range(2500)]) == range(2500)
        assert book.append_many([]) == range(2500, 2500)
        assert book.append(make_event()) == 2500
        found = book.verify()
    assert (found.entries, found.checkpoints, found.ok) == (2501, 2, True)


def test_a_book_is_continued_after_it_was_closed(desk, make_event):
    with desk.book() as book:
        book.append(make_event())
    with desk.book() as book:
        assert book.append(make_event()) == 1
        assert book.verify().ok


def test_an_empty_book_verifies_and_has_no_checkpoint_to_publish(desk):
    with desk.book() as book:
        assert book.verify().ok
        assert book.verify().entries == 0
        with pytest.raises(BookUnreadableError):
            book.checkpoint()


def test_the_file_is_the_owners_alone_whatever_the_umask(desk, make_event):
    before = os.umask(0)
    try:
        with desk.book() as book:
            book.append(make_event())
            modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in desk.path.parent.glob("book*")}
    finally:
        os.umask(before)
    assert modes["book.db"] == 0o600
    assert all(mode & 0o077 == 0 for mode in modes.values())


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777])
def test_a_file_that_others_may_write_is_not_trusted(desk, mode):
    desk.book().close()
    desk.path.chmod(mode)
    with pytest.raises(BookExposedError):
        desk.book()


def test_times_are_utc_whatever_the_clocks_zone(desk, make_event):
    moment = datetime(2026, 1, 1, 0, 30, tzinfo=timezone(timedelta(hours=2)))
    with desk.book(clock=lambda: moment) as book:
        book.append(make_event())
        assert next(book.entries()).time == "2025-12-31T22:30:00.000000Z"


def test_last_finds_the_newest_of_a_kind_with_the_values_asked_for(desk, make_event):
    with desk.book() as book:
        book.append_many([make_event(1), make_event(12), make_event(1), make_event(2)])
        assert book.last(EventKind.AGENT_STARTED, process=1).index == 2
        assert book.last(EventKind.AGENT_STARTED).index == 3
        assert book.last(EventKind.AGENT_STOPPED) is None
        assert book.last(EventKind.AGENT_STARTED, process=3) is None


def test_a_checkpoint_survives_as_text_and_is_signed(desk, make_event):
    with desk.book() as book:
        book.append(make_event())
        checkpoint = book.checkpoint()
    again = Checkpoint.parse(checkpoint.as_text())
    assert again == checkpoint
    again.check(desk.key.public)


@pytest.mark.parametrize("line", range(6))
def test_every_line_of_a_checkpoint_counts(desk, make_event, line, tmp_path):
    with desk.book() as book:
        book.append(make_event())
        ours = book.checkpoint().as_text().splitlines()
    other = SigningKey.create(tmp_path / "other.pem")
    with Book.open(f"sqlite:///{tmp_path}/other.db", other) as book:
        book.append_many([make_event(2), make_event(3)])
        theirs = book.checkpoint().as_text().splitlines()
    changed = [*ours]
    changed[line] = theirs[line] if line else "fedpacs approval statement v1"
    with pytest.raises(CheckpointError):
        Checkpoint.parse("\n".join(changed)).check(desk.key.public)


@pytest.mark.parametrize("text", ["", "x", "a\nb\nc\nd\ne\nf", "\n" * 6])
def test_other_text_is_no_checkpoint(text):
    with pytest.raises(CheckpointError):
        Checkpoint.parse(text)


def test_anyone_with_two_checkpoints_can_check_growth_and_an_entry(desk, make_event):
    with desk.book() as book:
        book.append_many([make_event(n) for n in range(5)])
        old = book.checkpoint()
        book.append_many([make_event(n) for n in range(6)])
        new = book.checkpoint()
        growth = [bytes.fromhex(node) for node in book.consistency(old.size, new.size)]
        proof = [bytes.fromhex(node) for node in book.inclusion(3, new.size)]
        leaf = bytes.fromhex(list(book.entries())[3].leaf_hash)
        with pytest.raises(ProofError):
            book.inclusion(3, 12)
    old_root, root = bytes.fromhex(old.root), bytes.fromhex(new.root)
    verify_consistency(old.size, old_root, new.size, root, growth)
    verify_inclusion(leaf, 3, new.size, proof, root)


def test_an_auditor_reads_and_verifies_without_the_private_key(desk, make_event):
    with desk.book() as book:
        book.append(make_event())
    with Book.open(desk.url) as auditor:
        assert auditor.verify(desk.key.public).ok
        assert len(list(auditor.entries())) == 1
        with pytest.raises(BookUnreadableError):
            auditor.verify()
        with pytest.raises(BookUnwritableError):
            auditor.append(make_event())


def test_an_auditor_reads_while_the_agent_writes(desk, make_event):
    with desk.book() as book:
        book.append(make_event())
        with Book.open(desk.url) as auditor:
            reading = auditor.entries()
            next(reading)
            book.append(make_event())
            assert list(reading) == []  # what was there when the reading began
            assert auditor.verify(desk.key.public).entries == 2


def test_an_auditors_look_leaves_no_trace_and_makes_no_book(tmp_path):
    with pytest.raises(BookUnreadableError):
        Book.open(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_not_a_book_is_not_read_as_an_empty_one(desk):
    desk.tamper("CREATE TABLE other (x)")
    with pytest.raises(BookUnreadableError):
        Book.open(desk.url)


@pytest.mark.parametrize(
    "url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "nosuch:///x", "oracle://x/y"]
)
def test_urls_that_hold_no_book_are_refused(url, desk):
    with pytest.raises((BookUnreadableError, BookUnwritableError)):
        Book.open(url, desk.key)


def test_a_file_that_is_no_database_is_refused_and_left_alone(desk):
    desk.path.write_bytes(b"DOE^JANE" * 1000)
    desk.path.chmod(0o600)
    with pytest.raises(BookUnwritableError) as caught:
        desk.book()
    assert "DOE" not in str(caught.value)
    assert desk.path.read_bytes() == b"DOE^JANE" * 1000


def test_a_folder_in_its_place_is_refused(desk):
    desk.path.mkdir()
    with pytest.raises(BookUnwritableError):
        desk.book()


def test_a_book_that_another_process_keeps_locked_is_unwritable_not_skipped(desk, make_event):
    with desk.book(busy_timeout_s=0.2) as book:
        book.append(make_event())
        argv = [sys.executable, "-c", LOCKED, str(desk.path)]
        with subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as holder:
            assert holder.stdout.readline() == "locked\n"
            with pytest.raises(BookUnwritableError):
                book.append(make_event())
            assert len(list(book.entries())) == 1
            holder.communicate()
        assert book.append(make_event()) == 1
        assert book.verify().ok


def test_a_book_whose_file_vanished_is_unwritable(desk, make_event):
    book = desk.book()
    book.append(make_event())
    book.close()
    desk.path.unlink()
    desk.path.mkdir()
    with pytest.raises(BookUnwritableError):
        book.append(make_event())


def test_threads_share_commits_and_lose_nothing(desk, make_event):
    indexes = []

    def write(book, first):
        indexes.extend((book.append(make_event(first + n)), first + n) for n in range(25))

    with desk.book() as book:
        threads = [threading.Thread(target=write, args=(book, 100 * t)) for t in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = book.verify()
        assert found.ok
        assert found.entries == 200
        written = {e.index: e.event.fields["process"] for e in book.entries()}
    assert dict(indexes) == written


def test_a_failed_commit_fails_for_every_thread_that_waited(desk, make_event):
    failures = []

    def write(book):
        try:
            book.append(make_event())
        except BookTamperedError as error:
            failures.append(error.code)

    with desk.book() as book:
        book.append(make_event())
        desk.tamper("DELETE FROM book_entries")
        threads = [threading.Thread(target=write, args=(book,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == ["records.tampered"] * 8


def test_the_time_of_an_entry_is_close_to_now(desk, make_event):
    with desk.book() as book:
        book.append(make_event())
        written = datetime.fromisoformat(next(book.entries()).time)
    assert abs(datetime.now(UTC) - written) < timedelta(minutes=1)
