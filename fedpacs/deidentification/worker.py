"""A worker of a folder run: one file after the other de-identified and verified, not published."""

from __future__ import annotations

import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError
from fedpacs.deidentification.collecting import collect_seldom
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.errors import (
    LeakFoundError,
    UnwritableOutputError,
    WorkerDiedError,
)
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.publishing import new_part
from fedpacs.deidentification.verification.conformance import conformance_findings
from fedpacs.deidentification.verification.instance import verify_instance

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.crypto.custodians import Custodian
    from fedpacs.deidentification.custody.identity import IdentitySource
    from fedpacs.deidentification.faces.plan import FacePlan


@dataclass(frozen=True, slots=True, repr=False)
class Outcome:
    """One file's fate. Identified; has no ``repr``.

    Attributes
    ----------
    staged
        The verified file, not published yet; None when it was refused.
    """

    source: str
    target: str
    code: str
    staged: Path | None = None
    masked_regions: int = 0
    text_free: bool = False


@dataclass(frozen=True, slots=True, repr=False)
class Task:
    """Everything that a worker must know. Goes to a worker's pipe and nowhere else."""

    profile: str
    identities: IdentitySource
    custodians: tuple[Path, ...]
    source: Path
    out: Path
    staging: Path
    conformance: bool = False
    faces: FacePlan | None = None


class Worker:
    """De-identifies, verifies and publishes one file after the other."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._engine = Engine(
            load_profile(task.profile),
            task.identities.open(),
            lenient=True,
            custodians=load_custodians(task.custodians),
            faces=task.faces,
        )
        self._option_codes = self._engine.profile.option_codes
        self._folder = Path(tempfile.mkdtemp(dir=task.staging))

    def work(self, name: str) -> Outcome:
        """De-identify and verify one file.

        Parameters
        ----------
        name
            Its path below the source folder.
        """
        part = new_part(self._folder)
        source = self._task.source / name
        try:
            written = self._engine.write(source, part)
            uid = written.sop_instance_uid
            findings = verify_instance(source, part, self._option_codes, name=uid)
            if self._task.conformance and not findings:
                findings = conformance_findings(source, part)
            if findings:
                raise LeakFoundError("The verification found something.", code=findings[0].code)
        except (FedpacsError, OSError) as error:
            with suppress(OSError):
                part.unlink()
            code = error.code if isinstance(error, FedpacsError) else UnwritableOutputError.code
            return Outcome(name, "", code)
        return Outcome(name, f"{uid}.dcm", "", part, written.masked_regions, written.text_free)


def load_custodians(paths: Iterable[Path]) -> list[Custodian]:
    """Load the certificates of those who may open original attributes again.

    Raises
    ------
    CryptoError
        If one of them is none.
    """
    paths = list(paths)
    if not paths:
        return []
    from fedpacs.crypto.custodians import Custodian  # only who seals something pays for it

    return [Custodian.load(path) for path in paths]


_worker: Worker | None = None


def start(task: Task) -> None:
    """Make this process's worker."""
    global _worker  # noqa: PLW0603 - a pool's worker has no other place for what it needs
    _worker = Worker(task)
    collect_seldom()


def do(name: str) -> Outcome:
    """Have this process's worker do one file."""
    if _worker is None:
        msg = "the worker was not started"
        raise RuntimeError(msg)
    return _worker.work(name)


def lost(name: str) -> Outcome:
    """Give the fate of a file that kills whoever works on it."""
    return Outcome(name, "", WorkerDiedError.code)
