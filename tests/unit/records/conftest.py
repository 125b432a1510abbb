"""Books of the tests: a real file, a real key, and hands that change it behind the book's back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.book import Book
from fedpacs.records.events import Event, EventKind

if TYPE_CHECKING:
    from pathlib import Path

# Properties are about answers, not about how busy the machine is.
settings.register_profile("unhurried", settings(deadline=None))
settings.load_profile("unhurried")


@dataclass
class Desk:
    """A book in a file, with its agent's key."""

    path: Path
    key: SigningKey

    @property
    def url(self):
        return f"sqlite:///{self.path}"

    def book(self, **options):
        return Book.open(self.url, self.key, **options)

    def tamper(self, *statements):
        """Change the file as somebody with an SQLite shell would."""
        with closing(sqlite3.connect(self.path)) as connection:
            for statement in statements:
                connection.execute(*(statement if isinstance(statement, tuple) else (statement,)))
            connection.commit()


def event(number=1):
    return Event.of(EventKind.AGENT_STARTED, process=number)


@pytest.fixture
def desk(tmp_path):
    return Desk(tmp_path / "book.db", SigningKey.create(tmp_path / "agent.pem"))


@pytest.fixture
def make_event():
    return event
