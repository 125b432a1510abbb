"""A process that writes into a book and an index until it is told to stop, or is killed."""

from __future__ import annotations

import sys
from pathlib import Path

from fedpacs.crypto.signatures import SigningKey
from fedpacs.records.book import Book
from fedpacs.records.events import Event, EventKind
from fedpacs.records.study_index import IndexedStudy, StudyIndex, StudyState


def main(url: str, key: str, number: str, count: str) -> None:
    with Book.open(url, SigningKey.load(key)) as book, StudyIndex.open(url, "PROJECT") as index:
        Path(sys.argv[5]).touch()
        for turn in range(int(count)):
            book.append(Event.of(EventKind.AGENT_STARTED, process=turn))
            subject = f"2.25.{number}.{turn}"
            index.put(IndexedStudy(subject, "P-1", StudyState.READY, attempts=turn))


if __name__ == "__main__":
    main(*sys.argv[1:5])
