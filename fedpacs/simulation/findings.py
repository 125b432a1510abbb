"""What the demo proves at its end: no planted identity got out, and every book is whole."""

from __future__ import annotations

import multiprocessing
import signal
import sqlite3
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from fedpacs.agent.premises import Premises
from fedpacs.records.book import Book
from fedpacs.records.merkle import leaf_hash
from fedpacs.simulation.hospital_planted import PlantedKind
from fedpacs.simulation.report_facts import BookCheck, ControlScan, LeakScan, ScanTarget
from fedpacs.simulation.scan import ENCODINGS, Scanner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from fedpacs.simulation.scan import ScanResult
    from fedpacs.simulation.town import Population
    from fedpacs.simulation.workspace import HospitalPlace, Workspace

KINDS = {
    PlantedKind.NAME: "names",
    PlantedKind.NUMBER: "numbers and identifiers",
    PlantedKind.DATE: "dates",
    PlantedKind.TEXT: "addresses and free text",
    PlantedKind.DEVICE: "serial numbers and stations",
}


class Search:
    """Looks for every planted string of every hospital in every place it must not be.

    Parameters
    ----------
    workspace
        The demo.
    populations
        What was planted, by hospital.
    """

    def __init__(self, workspace: Workspace, populations: Mapping[str, Population]) -> None:
        self._workspace = workspace
        self._populations = populations
        self._scanner = Scanner(s for each in populations.values() for s in _strings(each))

    def page(self, page: str) -> ScanTarget:
        """Search the report page; its one specimen must have been taken out before."""
        return _target(self._scanner.scan("this report, its specimen apart", [page.encode()]), "")

    def result(self) -> LeakScan:
        """Search, and run the same search where it must succeed."""
        targets = [_target(result, name) for name, result in self._searched()]
        kinds = {k for each in self._populations.values() for k in each.planted.by_kind}
        return LeakScan(
            planted=self._scanner.count,
            kinds=(*(KINDS[kind] for kind in sorted(kinds)), "original UIDs"),
            encodings=ENCODINGS,
            targets=tuple(targets),
            controls=tuple(self._control(place) for place in self._workspace.hospitals),
        )

    def _searched(self) -> Iterator[tuple[str, ScanResult]]:
        scanner = self._scanner
        for place in self._workspace.hospitals:
            yield (
                place.name,
                scanner.scan_files("decrypted traffic to the consortium", _files(place.wire)),
            )
            yield place.name, scanner.scan("de-identified studies, unsealed", _unsealed(place))
            yield place.name, scanner.scan_files("book, store and logs", _kept(place))
        logs = _files(self._workspace.logs)
        yield "", scanner.scan_files("logs and answers of all processes", logs)
        consortium = _files(self._workspace.consortium_file.parent)
        yield "", scanner.scan_files("everything the consortium keeps", consortium)

    def _control(self, place: HospitalPlace) -> ControlScan:
        own = _strings(self._populations[place.name])
        result = Scanner(own).scan_files("its PACS", _files(place.archive))
        return ControlScan("its PACS", place.name, result.size_bytes, len(own), result.hits)


def search_apart(workspace: Workspace, populations: Mapping[str, Population]) -> LeakScan:
    """Search in a process of its own.

    The search reads every file, databases among them. A process that closes such a file loses the
    locks it holds on it through SQLite, and the next writer may then destroy the database.

    References
    ----------
    https://www.sqlite.org/howtocorrupt.html, section 2.2.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, context, initializer=_leave_ctrl_c_to_the_parent) as pool:
        return pool.submit(_search, workspace, dict(populations)).result()


def _leave_ctrl_c_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _search(workspace: Workspace, populations: Mapping[str, Population]) -> LeakScan:
    return Search(workspace, populations).result()


def _strings(population: Population) -> frozenset[str]:
    return population.planted.uids.union(population.planted.strings)


def check_book(place: HospitalPlace, scratch: Path) -> BookCheck:
    """Verify a hospital's book, and see that a copy with one altered entry is refused."""
    premises = Premises.open(place.site_file)
    public = premises.signing_key.public
    verification = premises.book.verify(public)
    return BookCheck(
        entries=verification.entries,
        checkpoints=verification.checkpoints,
        root=premises.book.checkpoint().root,
        public_key=public,
        ok=verification.ok,
        fault_code=verification.fault_code,
        tampered_copy_refused=_refuses_tampering(premises.config.book.url, public, scratch),
    )


def _refuses_tampering(url: str, public: str, scratch: Path) -> bool:
    """Do what a careful forger would do to a copy: change one payload's size, and its hash."""
    copy = scratch / "forged-book.db"
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    original = f"file:{url.removeprefix('sqlite:///')}?mode=ro"
    with (
        closing(sqlite3.connect(original, uri=True)) as source,
        closing(sqlite3.connect(copy)) as forged,
    ):
        source.backup(forged)
        position, body = forged.execute(
            "SELECT position, body FROM book_entries WHERE body LIKE '%payload-sent%' LIMIT 1"
        ).fetchone()
        changed = body.replace('"bytes":', '"bytes":1', 1)
        forged.execute(
            "UPDATE book_entries SET body = ?, leaf_hash = ? WHERE position = ?",
            (changed, leaf_hash(changed.encode()), position),
        )
        forged.commit()
    with Book.open(f"sqlite:///{copy}") as book:
        refused = not book.verify(public).ok
    copy.unlink()
    return refused


def _target(result: ScanResult, hospital: str) -> ScanTarget:
    return ScanTarget(result.place, hospital, result.size_bytes, result.hits)


def _unsealed(place: HospitalPlace) -> Iterator[bytes]:
    store = Premises.open(place.site_file).store
    for study in store.studies():
        for instance in study.instances:
            yield store.read(instance.digest)


def _kept(place: HospitalPlace) -> list[Path]:
    """Give everything a site keeps, but for what is identified by design."""
    config = place.config
    identified = (config.store.staging, config.store.quarantine)
    data = config.store.path.parent
    return [
        path
        for path in _files(data)
        if not any(path.is_relative_to(folder) for folder in identified)
    ]


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())
