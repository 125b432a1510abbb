"""The folder where released statistics lie, and what is told of a release."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.agent.premises import SiteBusyError
from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import AgentError
from fedpacs.federation.statistics import read_statistics
from fedpacs.records.budget import PrivacyLedger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fedpacs.agent.premises import Premises


class LostReleaseError(AgentError):
    """Statistics were released under this approval before, and their file is not there any more."""

    code = "agent.statistics-file-lost"
    default_hint = "Look for the file where it was handed over; noise is not drawn a second time."


@dataclass(frozen=True, slots=True)
class StatisticsReport:
    """What was released.

    Attributes
    ----------
    file
        The signed file that may be handed over.
    again
        True if it was released before and nothing was counted or charged anew.
    tables
        Number of tables in it.
    withheld
        Names of those that rest on too few patients.
    epsilon
        What the release cost each patient; 0 without noise.
    epsilon_spent
        What all releases of the site have cost together, at the site's delta.
    agent_key
        Public key that the consortium checks the file with.
    """

    site: str
    file: Path
    size_bytes: int
    again: bool
    tables: int
    withheld: tuple[str, ...]
    epsilon: float
    epsilon_spent: float
    payload_digest: str
    agent_key: str


def draft_of(file: Path) -> Path:
    """Give the name under which a release waits for the book."""
    return file.with_name(f".{file.name}.draft")


def given_before(premises: Premises, file: Path, payload: str) -> StatisticsReport:
    """Give the file of an earlier release; an answer is given once, however often it is asked."""
    for place in (file, draft_of(file)):
        content = place.read_bytes() if place.exists() else b""
        if sha256_hex(content) == payload:
            place.replace(file)
            return report_of(premises, file, content, again=True)
    raise LostReleaseError("These statistics were released before, and their file is gone.")


def ledger_of(premises: Premises) -> PrivacyLedger:
    """Give the site's privacy ledger."""
    privacy = premises.config.privacy
    return PrivacyLedger(premises.book, privacy.maximum_epsilon, privacy.delta)


def report_of(premises: Premises, file: Path, content: bytes, *, again: bool) -> StatisticsReport:
    """Tell what a released file holds."""
    agent_key = premises.signing_key.public
    name = premises.config.site.name
    statistics = read_statistics(content, {name: agent_key})
    return StatisticsReport(
        site=name,
        file=file,
        size_bytes=len(content),
        again=again,
        tables=len(statistics.tables),
        withheld=statistics.withheld,
        epsilon=statistics.noise.epsilon if statistics.noise else 0.0,
        epsilon_spent=ledger_of(premises).spending().epsilon,
        payload_digest=sha256_hex(content),
        agent_key=agent_key,
    )


@contextmanager
def counter(premises: Premises) -> Iterator[Path]:
    """Give the folder of released statistics to this process alone.

    Raises
    ------
    SiteBusyError
        If another process is releasing statistics: both would draw noise.
    """
    folder = premises.config.store.path.parent / "statistics"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise SiteBusyError("Another process is releasing statistics of this site.") from error
        yield folder


def write_private(path: Path, content: bytes) -> None:
    """Write a file whole and to the disk, readable by this user alone."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
