from __future__ import annotations

import json
import sqlite3

import pytest

from fedpacs.cli.main import run
from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.book import Book
from fedpacs.records.events import Event, EventKind


@pytest.fixture
def key(tmp_path) -> SigningKey:
    path = tmp_path / "agent.pem"
    SigningKey.create(path)
    return SigningKey.load(f"file:{path}")


@pytest.fixture
def url(tmp_path, key) -> str:
    url = f"sqlite:///{tmp_path / 'book.db'}"
    with Book.open(url, key) as book:
        for process in range(1, 6):
            book.append(Event.of(EventKind.AGENT_STARTED, process=process))
    return url


def audit(*words: str) -> int:
    with pytest.raises(SystemExit) as end:
        run(["audit", *words])
    return end.value.code


def test_a_true_book_verifies_offline_with_the_public_key_alone(url, key, capsys):
    assert audit("verify", "--book", url, "--public-key", key.public, "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is True
    assert document["entries"] == 5


def test_a_book_without_its_key_is_refused_with_the_next_step(url, capsys):
    assert audit("verify", "--book", url) == 2
    assert "next: Add --public-key ed25519:..." in capsys.readouterr().err


def test_a_book_of_somebody_else_does_not_verify(url, tmp_path, capsys):
    other = tmp_path / "other.pem"
    SigningKey.create(other)
    public = SigningKey.load(f"file:{other}").public
    assert audit("verify", "--book", url, "--public-key", public) == 25
    assert "error[records.checkpoint-forged]" in capsys.readouterr().err


def test_a_changed_entry_ends_with_the_code_and_the_place(url, key, tmp_path, capsys):
    database = sqlite3.connect(tmp_path / "book.db")
    changed = database.execute(
        "UPDATE book_entries SET body = replace(body, ?, ?) WHERE position = 2",
        ('"process":3', '"process":9'),
    )
    assert changed.rowcount == 1
    database.commit()
    database.close()
    assert audit("verify", "--book", url, "--public-key", key.public, "--json") == 25
    document = json.loads(capsys.readouterr().out)
    assert document["ok"] is False
    assert document["fault_code"] == "records.entry-altered"
    assert document["fault_index"] == 2


def test_a_book_put_back_is_found_out_by_the_checkpoint_that_was_kept(url, key, tmp_path, capsys):
    file, kept, old = tmp_path / "book.db", tmp_path / "kept.txt", tmp_path / "old.db"
    with sqlite3.connect(file) as source, sqlite3.connect(old) as target:
        source.backup(target)
    source.close()
    target.close()
    with Book.open(url, key) as book:
        book.append(Event.of(EventKind.AGENT_STOPPED, process=1))
    named = ("--book", url, "--public-key", key.public)
    assert audit("verify", *named, "--checkpoint", str(kept)) == 0
    for leftover in tmp_path.glob("book.db*"):
        leftover.unlink()
    old.rename(file)
    file.chmod(0o600)
    assert audit("verify", *named) == 0
    capsys.readouterr()
    assert audit("verify", *named, "--witness", str(kept)) == 25
    assert "error[records.rolled-back]" in capsys.readouterr().err


def test_a_witness_that_is_none_is_refused(url, key, tmp_path, capsys):
    nonsense = tmp_path / "kept.txt"
    for content in (None, b"nonsense", b"\xff\xfe"):
        if content is not None:
            nonsense.write_bytes(content)
        named = ("--book", url, "--public-key", key.public, "--witness", str(nonsense))
        assert audit("verify", *named) == 25
        assert "error[records.checkpoint-invalid]" in capsys.readouterr().err
