"""Folders of files of any kind: every entry found once, in a fixed order, whatever its name."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fedpacs.core.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class NoSuchFolderError(UsageError):
    """The folder to read is not there, or lies so that output would be read again."""

    code = "deid.folder"
    default_hint = "Name a folder to read and another one, outside of it, to write."


def entries(folder: Path) -> Iterator[str]:
    """Give the path of every entry that is not a folder, relative to `folder`, in order.

    Links to files are entries like files; links to folders are entries, too, and are not followed:
    they could lead outside, or in circles.
    """
    pending = [""]
    while pending:
        inside = pending.pop()
        folders = []
        try:
            with os.scandir(folder / inside) as found:
                listed = sorted(found, key=lambda entry: entry.name)
        except OSError:
            yield inside  # nobody may read it: it is reported, not passed over
            continue
        for entry in listed:
            path = f"{inside}/{entry.name}" if inside else entry.name
            if entry.is_dir(follow_symlinks=False):
                folders.append(path)
            else:
                yield path
        pending.extend(reversed(folders))


def check_folders(source: Path, out: Path, *beside: Path | None) -> None:
    """Check that input, output and what is written beside them do not get into each other's way.

    Parameters
    ----------
    beside
        Identified files and folders, which must lie outside both.

    Raises
    ------
    NoSuchFolderError
        If they do, or if there is nothing to read.
    """
    if not source.is_dir():
        raise NoSuchFolderError("The folder to read is not there.")
    one, other = source.resolve(), out.resolve()
    if one == other or one in other.parents or other in one.parents:
        raise NoSuchFolderError("One of the two folders lies in the other.")
    for path in beside:
        if path is not None and (path.resolve() == other or other in path.resolve().parents):
            raise NoSuchFolderError(
                "Something identified would be written into the output folder.",
                hint="Write map, report and quarantine to another folder.",
            )
        if path is not None and (path.resolve() == one or one in path.resolve().parents):
            raise NoSuchFolderError(
                "Something would be written into the folder that is read.",
                hint="Write map, report and quarantine to another folder.",
            )
