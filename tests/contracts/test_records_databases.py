"""Book, approvals and index over SQLite and over PostgreSQL: one contract, the same answers."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from fedpacs.core.errors import RecordsError
from fedpacs.core.terms import Terms
from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.approvals import Approvals
from fedpacs.records.book import Book, BookTamperedError, BookUnwritableError
from fedpacs.records.database import INDEX, Database
from fedpacs.records.events import Event, EventKind
from fedpacs.records.study_index import IndexedStudy, StudyIndex, StudyState

WRITER = Path(__file__).with_name("records_writer.py")
STARTED = Event.of(EventKind.AGENT_STARTED, process=1)


@pytest.fixture
def key(tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    file = tmp_path / "agent.pem"
    pem = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    file.write_bytes(pem)
    file.chmod(0o600)
    return f"file:{file}"


def start(url, key, number, count, tmp_path):
    ready = tmp_path / f"ready-{number}"
    command = [sys.executable, WRITER, url, key, str(number), str(count), ready]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    return process, ready


class TestBook:
    def test_what_was_written_is_read_and_verifies(self, database_url, key):
        signing = SigningKey.load(key)
        with Book.open(database_url, signing) as book:
            assert list(book.append_many([STARTED, STARTED])) == [0, 1]
        with Book.open(database_url, signing) as book:
            assert book.append(STARTED) == 2
            assert [entry.index for entry in book.entries()] == [0, 1, 2]
            assert book.verify().ok

    def test_two_writers_queue_up(self, database_url, key, tmp_path):
        writers = [start(database_url, key, number, 40, tmp_path)[0] for number in (1, 2)]
        for writer in writers:
            assert writer.wait(60) == 0, writer.stderr.read()
            writer.stderr.close()
        with Book.open(database_url, SigningKey.load(key)) as book:
            assert [entry.index for entry in book.entries()] == list(range(80))
            assert book.verify().ok
        with StudyIndex.open(database_url, "PROJECT") as index:
            assert index.states() == {StudyState.READY: 80}

    @pytest.mark.parametrize("after_s", [0.0, 0.05, 0.2])
    def test_a_killed_writer_leaves_whole_entries_and_no_lock(
        self, database_url, key, tmp_path, after_s
    ):
        writer, ready = start(database_url, key, 1, 100_000, tmp_path)
        deadline = time.monotonic() + 30
        while not ready.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        time.sleep(after_s)
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stderr.close()
        with Book.open(database_url, SigningKey.load(key), busy_timeout_s=10) as book:
            written = len(list(book.entries()))
            assert book.append(STARTED) == written
            assert book.verify().ok
        with StudyIndex.open(database_url, "PROJECT") as index:
            assert 0 <= written - sum(index.states().values()) <= 1

    def test_a_writer_gives_up_waiting_for_a_lock(self, database_url, key):
        signing = SigningKey.load(key)
        holder = Database.open(database_url)
        with Book.open(database_url, signing, busy_timeout_s=0.3) as impatient:
            with holder.writing(), pytest.raises(BookUnwritableError):
                impatient.append(STARTED)
            assert impatient.append(STARTED) == 0
        holder.close()

    def test_a_changed_entry_is_found(self, database_url, key):
        signing = SigningKey.load(key)
        with Book.open(database_url, signing) as book:
            book.append_many([STARTED, STARTED])
        engine = create_engine(database_url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE book_entries SET body = '{}' WHERE position = 0"))
            connection.execute(text("DELETE FROM book_entries WHERE position = 1"))
        engine.dispose()
        with Book.open(database_url, signing) as book:
            assert not book.verify().ok
            with pytest.raises(BookTamperedError):
                book.append(STARTED)


class TestApprovals:
    def test_terms_are_approved_and_revoked(self, database_url, key):
        signing = SigningKey.load(key)
        digests = ["a" * 64] * 5
        terms = Terms("cedar", *digests, rounds=2, software="1.0.0")
        with Book.open(database_url, signing), Approvals.open(database_url) as approvals:
            approvals.request(terms)
            expires = datetime.now(UTC) + timedelta(days=1)
            approvals.approve(terms.digest, "dpo", signing, expires)
            assert approvals.terms(terms.digest) == terms


class TestIndex:
    @pytest.fixture
    def index(self, database_url):
        with StudyIndex.open(database_url, "PROJECT-A") as opened:
            yield opened

    def test_a_study_is_found_as_it_was_put(self, index):
        study = IndexedStudy(
            "2.25.1", "P-A", StudyState.WAITING, "pacs.transient", 2, 2**60, 40, 39, "b" * 64
        )
        index.put(study)
        assert index.get("2.25.1") == study
        assert index.get("2.25.2") is None

    def test_a_study_put_again_is_replaced(self, index):
        study = IndexedStudy("2.25.1", "P-A", StudyState.PENDING)
        index.put(study)
        index.put(replace(study, state=StudyState.READY))
        assert index.states() == {StudyState.READY: 1}

    def test_another_project_sees_and_changes_nothing(self, index, database_url):
        index.put(IndexedStudy("2.25.1", "P-A", StudyState.READY))
        with StudyIndex.open(database_url, "PROJECT-B") as other:
            assert other.get("2.25.1") is None
            assert other.states() == {}
            assert other.remove_patient("P-A") == 0
            other.put(IndexedStudy("2.25.1", "P-B", StudyState.REFUSED, "deid.burned-in"))
        assert index.get("2.25.1").patient == "P-A"

    def test_the_dead_letter_list_is_given_by_code(self, index):
        codes = ["deid.burned-in", "deid.burned-in", "pacs.incomplete-study"]
        index.put(
            *(
                IndexedStudy(f"2.25.{n}", "P-A", StudyState.REFUSED, code)
                for n, code in enumerate(codes)
            ),
            IndexedStudy("2.25.9", "P-A", StudyState.READY),
        )
        assert index.codes(StudyState.REFUSED) == {"deid.burned-in": 2, "pacs.incomplete-study": 1}
        assert len(list(index.in_states(StudyState.REFUSED))) == 3

    def test_a_long_list_is_given_whole_and_once(self, index):
        index.put(*(IndexedStudy(f"2.25.{n}", "", StudyState.READY) for n in range(2500)))
        subjects = [study.subject for study in index.in_states(StudyState.READY)]
        assert len(subjects) == len(set(subjects)) == 2500

    def test_several_are_put_all_or_none(self, index):
        good = IndexedStudy("2.25.1", "P-A", StudyState.READY)
        too_long = replace(good, subject="2.25.2", attempts=None)
        with pytest.raises(RecordsError):
            index.put(good, too_long)
        assert index.states() == {}

    def test_a_patient_is_removed_from_it(self, index):
        index.put(
            IndexedStudy("2.25.1", "P-A", StudyState.READY),
            IndexedStudy("2.25.2", "P-A", StudyState.WAITING),
            IndexedStudy("2.25.3", "P-B", StudyState.READY),
        )
        assert {study.subject for study in index.of_patient("P-A")} == {"2.25.1", "2.25.2"}
        assert index.remove_patient("P-A") == 2
        assert index.remove(["2.25.3", "2.25.4"]) == 1
        assert index.states() == {}

    def test_threads_that_write_one_study_leave_one(self, index):
        study = IndexedStudy("2.25.1", "P-A", StudyState.PENDING)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda n: index.put(replace(study, attempts=n)), range(40)))
        assert index.states() == {StudyState.PENDING: 1}


def test_an_index_at_a_url_that_nobody_answers_is_refused_without_its_password():
    url = "postgresql+psycopg://fedpacs:hush@127.0.0.1:1/none"
    with pytest.raises(RecordsError) as caught, Database.open(url, contents=INDEX).writing():
        pass
    assert "hush" not in str(caught.value)
    assert caught.value.code == "records.index-unwritable"
