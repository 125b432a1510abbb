"""The guard of the disk: no study is begun without room, and none may fill staging alone."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from fedpacs.core.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOOK_EVERY_BYTES = 64 * 1024 * 1024


class DiskLowError(AgentError):
    """Staging or store have less space left than the site wants to keep free."""

    code = "agent.disk-low"
    default_hint = (
        "Make room on the disks of [store] staging and path, or lower [ingest] "
        "minimum_free_bytes; what was not begun is fetched by the next ingest."
    )


class StudyTooLargeError(AgentError):
    """One study is larger than all of staging may be."""

    code = "agent.study-too-large"
    default_hint = (
        "Raise [ingest] staging_quota_bytes above the size of the study, if there is room."
    )


class Space:
    """The room of one site.

    Parameters
    ----------
    staging, store
        Folders; may lie on different disks.
    quota_bytes
        Most bytes in staging.
    minimum_free_bytes
        To be left on both disks.
    free
        Gives the free bytes of a folder's disk; for tests.
    """

    def __init__(
        self,
        staging: Path,
        store: Path,
        quota_bytes: int,
        minimum_free_bytes: int,
        free: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
    ) -> None:
        self._folders = (staging, store)
        self._staging = staging
        self._quota = quota_bytes
        self._minimum_free = minimum_free_bytes
        self._free = free
        self._unseen = 0

    def has_room(self) -> bool:
        """Tell whether another study may be begun.

        Half of the quota at most may be taken when one is: a study needs room for its identified
        and its de-identified files.
        """
        return self.has_free() and folder_bytes(self._staging) <= self._quota // 2

    def has_free(self) -> bool:
        """Tell whether both disks have what must stay free."""
        return all(self._free(folder) >= self._minimum_free for folder in self._folders)

    def took(self, num_bytes: int) -> None:
        """Tell of bytes that arrived in staging.

        Raises
        ------
        StudyTooLargeError
            If staging is beyond its quota.
        DiskLowError
            If a disk has too little left.
        """
        self._unseen += num_bytes
        if self._unseen < min(_LOOK_EVERY_BYTES, self._quota // 8):
            return
        self._unseen = 0
        if folder_bytes(self._staging) > self._quota:
            raise StudyTooLargeError("A study does not fit into the staging area.")
        if not self.has_free():
            raise DiskLowError("The disk of staging or store is nearly full.")


def folder_bytes(folder: Path) -> int:
    """Sum the sizes of all files below a folder; what goes away meanwhile does not count."""
    total = 0
    waiting = [str(folder)]
    while waiting:
        try:
            with os.scandir(waiting.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:
            continue
    return total
