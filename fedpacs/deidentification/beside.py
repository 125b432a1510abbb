"""What a folder run keeps beside its output: the staging area, the map, and what was refused."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.deidentification.errors import UnwritableOutputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TextIO

_UNVERIFIED = ".unverified-"


@contextmanager
def staging(out: Path) -> Iterator[Path]:
    """Give a folder on the same disk for files that are not verified yet.

    What a run that was killed left there is removed.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        ours = f"{_UNVERIFIED}{_machine()}-"
        for left in out.glob(f"{ours}*"):
            if not _is_running(left.name.removeprefix(ours).split("-")[0]):
                shutil.rmtree(left, ignore_errors=True)
        folder = Path(tempfile.mkdtemp(prefix=f"{ours}{os.getpid()}-", dir=out))
    except OSError as error:
        raise UnwritableOutputError(f"The output cannot be written: {error.strerror}.") from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _machine() -> str:
    """Give a name of this machine's; another one may be writing to the same disk."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _is_running(pid: str) -> bool:
    return pid.isdigit() and Path(f"/proc/{pid}").exists()


@contextmanager
def map_lines(path: Path | None) -> Iterator[Callable[[str], None]]:
    """Give a function that writes a line of the map; without a map it does nothing."""
    if path is None:
        yield lambda _line: None
        return
    with open_private(path) as handle:
        yield lambda line: print(line, file=handle, flush=True)  # a run may be killed


def open_private(path: Path) -> TextIO:
    """Open a file for writing that nobody else may read.

    Raises
    ------
    UnwritableOutputError
        If it cannot be opened.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        raise UnwritableOutputError(f"A file cannot be written: {error.strerror}.") from None
    os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def put_aside(name: str, source: Path, quarantine: Path) -> None:
    """Copy a refused file to the same place in the quarantine.

    Raises
    ------
    UnwritableOutputError
        If the quarantine cannot be written.
    """
    origin, target = source / name, quarantine / name
    if not origin.is_file():
        return
    try:
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as copy, origin.open("rb") as handle:
            shutil.copyfileobj(handle, copy)
    except OSError as error:
        raise UnwritableOutputError(f"The quarantine is not writable: {error.strerror}.") from None
