"""Files written whole or not at all, flushed to the disk, private, under one writer's lock."""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from fedpacs.cohort.errors import StoreBusyError, StoreUnwritableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

_POLL_S = 0.02


@contextmanager
def as_unwritable() -> Iterator[None]:
    """Turn what the file system refuses into `StoreUnwritableError`."""
    try:
        yield
    except OSError as error:
        raise StoreUnwritableError(
            f"The sealed store is not writable: {error.strerror}."
        ) from error


@contextmanager
def exclusive(lock: Path, wait_s: float) -> Iterator[None]:
    """Hold a lock file; the system frees it when the process ends, however it ends.

    Raises
    ------
    StoreBusyError
        If another one holds it for longer than `wait_s`.
    """
    with as_unwritable():
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + wait_s
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise StoreBusyError("The sealed store is being written to.") from error
                time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def write_whole(drafts: Path, place: Path, content: bytes) -> None:
    """Write a file, flush it, and only then give it its name.

    Parameters
    ----------
    drafts
        Folder on the same file system for the unfinished file.
    place
        Where it goes; replaced in one step.
    content
        What is written.
    """
    draft = drafts / secrets.token_hex(16)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(place)
    except BaseException:
        with suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


def write_draft(drafts: Path, content: bytes) -> Path:
    """Write a file that has no name of its own yet and need not be on the disk; see `settle`."""
    draft = drafts / secrets.token_hex(16)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(content)
    return draft


def settle(drafts: Mapping[Path, Path]) -> None:
    """Flush drafts, and only then give each its name.

    Many at once are far faster than one by one: the first flush carries most of the others.

    Parameters
    ----------
    drafts
        Draft and where it goes.
    """
    for draft in drafts:
        descriptor = os.open(draft, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    for draft, place in drafts.items():
        draft.replace(place)


def flush_folders(folders: Iterable[Path]) -> None:
    """Return only when the names in these folders are on the disk; gone folders are skipped."""
    for folder in folders:
        with suppress(FileNotFoundError):
            descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a private folder if it is not there."""
    if not folder.is_dir():
        folder.mkdir(mode=0o700, exist_ok=True)


def empty(drafts: Path) -> None:
    """Remove unfinished files; make the folder if it is not there."""
    make_folder(drafts)
    for draft in drafts.iterdir():
        draft.unlink()
