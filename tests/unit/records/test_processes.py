"""The book under several processes, kill -9, a full disk and missing permissions."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.approvals import Approvals
from fedpacs.records.book import Book
from fedpacs.records.events import Event, EventKind

ROOT = Path(__file__).parents[3]
WRITER = """
import itertools, os, sys
from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.book import Book
from fedpacs.records.events import Event, EventKind
url, key, stop, first, batch = sys.argv[1:]
book = Book.open(url, SigningKey.load(f"file:{key}"))
print("ready", flush=True)
sys.stdin.readline()
for n in itertools.count(int(first)):
    if os.path.exists(stop):
        break
    events = [Event.of(EventKind.AGENT_STARTED, process=n)] * int(batch)
    print(book.append_many(events)[0], n, flush=True)
"""
LIMITED = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.book import Book
from fedpacs.records.errors import BookUnwritableError
from fedpacs.records.events import Event, EventKind
book = Book.open(sys.argv[1], SigningKey.load(f"file:{sys.argv[2]}"))
book.append(Event.of(EventKind.AGENT_STARTED, process=0))
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
written = 0
try:
    for written in range(1, 100_000):
        book.append(Event.of(EventKind.AGENT_STARTED, process=written))
except BookUnwritableError as error:
    print(error.code, written, flush=True)
"""
POWERLESS = """
import os, sys
from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.book import Book
from fedpacs.records.errors import RecordsError
key = SigningKey.load(f"file:{sys.argv[2]}")
Book.open("sqlite:///" + sys.argv[3], key).close()  # every lazy import is done before
os.setgid(65534)
os.setuid(65534)
for signing_key in (key, None):
    try:
        with Book.open(sys.argv[1], signing_key) as book:
            print("entries", len(list(book.entries())), book.verify(key.public).ok)
    except RecordsError as error:
        print(error.code)
"""


def start(source, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", source, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def writer(desk, first, batch=1):
    folder = desk.path.parent
    process = start(WRITER, desk.url, folder / "agent.pem", folder / "stop", first, batch)
    assert process.stdout.readline() == "ready\n"
    return process


def go(process):
    process.stdin.write("\n")
    process.stdin.flush()


def told(process):
    """Give what the writer was told is written: index to number."""
    lines = [line.split() for line in process.stdout if line.endswith("\n")]
    return {int(index): int(number) for index, number in lines}


def test_two_processes_append_to_one_book_and_nothing_is_lost_or_mixed(desk):
    with writer(desk, 0) as one, writer(desk, 1_000_000) as two, Book.open(desk.url) as auditor:
        go(one)
        go(two)
        for _ in range(500):  # until each has written while the other was at it
            authors = [e.event.fields["process"] >= 1_000_000 for e in auditor.entries()]
            if min(authors.count(True), authors.count(False)) >= 10:
                break
            time.sleep(0.05)
        (desk.path.parent / "stop").touch()
        claims = [told(one), told(two)]
    assert one.returncode == two.returncode == 0
    assert min(len(claims[0]), len(claims[1])) >= 10
    assert not claims[0].keys() & claims[1].keys()
    with desk.book() as book:
        assert book.verify().ok
        written = {e.index: e.event.fields["process"] for e in book.entries()}
    assert claims[0] | claims[1] == written


@pytest.mark.parametrize("delay_s", [0.05, 0.15])
def test_kill_9_while_appending_loses_nothing_that_was_confirmed(desk, make_event, delay_s):
    with writer(desk, 0, 20) as victim:
        go(victim)
        victim.stdout.readline()
        time.sleep(delay_s)
        victim.send_signal(signal.SIGKILL)
        confirmed = 1 + len(told(victim))
    assert victim.returncode == -signal.SIGKILL
    with desk.book() as book:
        found = book.verify()
        assert found.ok
        assert found.entries % 20 == 0, "half a batch was written"
        assert 0 <= found.entries - 20 * confirmed <= 20
        assert book.append(make_event()) == found.entries
        assert book.verify().ok


def test_a_full_disk_stops_the_appends_and_keeps_what_is_written(desk, make_event):
    with start(LIMITED, desk.url, desk.path.parent / "agent.pem") as process:
        output, _ = process.communicate(timeout=60)
    code, written = output.split()
    assert code == "records.unwritable"
    with desk.book() as book:
        found = book.verify()
        assert (found.ok, found.entries) == (True, int(written))
        book.append(make_event())


@pytest.mark.skipif(os.geteuid() != 0, reason="another user is needed: run as root")
@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "expected"),
    [
        (0o755, 0o600, ["records.unwritable", "records.unreadable"]),
        (0o755, 0o644, ["records.unwritable", "entries 1 True"]),
        (0o700, 0o644, ["records.unwritable", "records.unreadable"]),
    ],
)
def test_another_user_gets_as_much_as_the_permissions_say(
    desk, make_event, folder_mode, file_mode, expected
):
    folder = Path(tempfile.mkdtemp(dir="/tmp"))  # pytest's own folder is closed to others
    try:
        with desk.book() as book:
            book.append(make_event())
        shutil.copy(desk.path, folder / "book.db")
        (folder / "book.db").chmod(file_mode)
        folder.chmod(folder_mode)
        key = desk.path.parent / "agent.pem"
        url = f"sqlite:///{folder}/book.db"
        with start(POWERLESS, url, key, desk.path.parent / "spare.db") as process:
            output, _ = process.communicate(timeout=60)
        left = [path.name for path in folder.iterdir()]
    finally:
        shutil.rmtree(folder)
    assert left == ["book.db"]
    assert output.splitlines() == expected


def test_a_forked_child_does_not_use_its_parents_connections(desk, make_event):
    with desk.book() as book:
        book.append(make_event(0))
        parents = book._database._engine.pool
        child = os.fork()
        if child == 0:
            try:
                book.append(make_event(1))
                os._exit(2 if book._database._engine.pool is parents else 0)
            finally:
                os._exit(1)
        assert os.waitpid(child, 0)[1] == 0
        book.append(make_event(2))
        assert [e.event.fields["process"] for e in book.entries()] == [0, 1, 2]
        assert book.verify().ok


def test_opening_a_book_again_does_not_drop_the_locks_this_process_holds(tmp_path):
    """SQLite's locks are POSIX locks: closing *any* descriptor of the file releases them all.

    Another process would then think that it is the last one and remove the write-ahead log from
    under this one (sqlite.org/howtocorrupt.html, section 2.2).
    """
    SigningKey.create(tmp_path / "agent.pem")
    key = SigningKey.load(f"file:{tmp_path / 'agent.pem'}")
    url = f"sqlite:///{tmp_path / 'book.db'}"
    event = Event.of(EventKind.AGENT_STARTED, process=1)
    with Book.open(url, key) as first:
        first.append(event)
        Book.open(url, key).close()
        Approvals.open(url).close()
        code = (
            "import sys; from fedpacs.crypto.signatures import SigningKey;"
            "from fedpacs.records.book import Book; from fedpacs.records.events import *;"
            "b = Book.open(sys.argv[1], SigningKey.load(sys.argv[2]));"
            "b.append(Event.of(EventKind.AGENT_STARTED, process=2)); b.close()"
        )
        argv = [sys.executable, "-c", code, url, f"file:{tmp_path / 'agent.pem'}"]
        subprocess.run(argv, check=True)
        assert (tmp_path / "book.db-wal").exists(), "the log was removed while this book is open"
        first.append(event)
        assert first.verify().ok
    with Book.open(url) as after:
        assert len(list(after.entries())) == 3
