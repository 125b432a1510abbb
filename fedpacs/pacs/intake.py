"""Objects that arrive in pieces: onto disk as they come, under their name once they are whole."""

from __future__ import annotations

import logging
import os
import threading
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.pacs.errors import CorruptInstanceError, OversizeInstanceError, StagingError
from fedpacs.pacs.part10 import announced_uid, file_name, read_header

if TYPE_CHECKING:
    from collections.abc import Iterable

MAXIMUM_INSTANCE_BYTES = 16 * 1024**3
_FORGOTTEN = Path(os.devnull)
_HEAD_BYTES = 4096
_LOGGER = logging.getLogger(__name__)
_NUMBERS = count()


class Intake:
    """Takes the instances of one retrieve.

    Parameters
    ----------
    into
        Folder to write to; None takes the bytes and forgets them (the probe).
    wanted
        SOP Instance UIDs to keep; anything else is dropped.
    """

    def __init__(self, into: Path | None, wanted: frozenset[str]) -> None:
        self._into = into
        self._wanted = wanted
        self.received = 0
        """Instances that arrived and were wanted."""

    def take(self, body: Iterable[bytes | memoryview]) -> Path | None:
        """Take one object; None when nobody asked for it.

        Raises
        ------
        StagingError
            If it cannot be written.
        PacsError
            What the body raises when it ends too early; nothing of the object is left then.
        """
        if self._into is None:
            head = _swallow(body)
            if announced_uid(head) not in self._wanted:
                return None
            self.received += 1
            return _FORGOTTEN
        partial = self._into / f".{os.getpid()}-{threading.get_ident()}-{next(_NUMBERS)}.partial"
        try:
            head = _write(partial, body)
            uid = self._uid(head, partial)
            if uid is None:
                _LOGGER.warning(
                    "dropped an object nobody asked for", extra={"code": "pacs.unasked"}
                )
                return None
            path = self._into / file_name(uid)
            partial.replace(path)
        except OSError as error:
            raise StagingError(f"Cannot write to the staging area (errno {error.errno}).") from None
        finally:
            partial.unlink(missing_ok=True)
        self.received += 1
        return path

    def _uid(self, head: bytes, file: Path) -> str | None:
        """Name an object by what it announces; by what it says inside when that is unknown."""
        uid = announced_uid(head)
        if uid not in self._wanted:
            try:
                uid = read_header(file).sop_instance_uid
            except CorruptInstanceError:
                return None
        return uid if uid in self._wanted else None


def _write(path: Path, body: Iterable[bytes | memoryview]) -> bytes:
    head = b""
    size = 0
    with path.open("wb", buffering=0) as file:
        for piece in body:
            if len(head) < _HEAD_BYTES:
                head += piece[: _HEAD_BYTES - len(head)]
            size += len(piece)
            if size > MAXIMUM_INSTANCE_BYTES:
                raise OversizeInstanceError("An object is larger than any that we take.")
            view = memoryview(piece)
            while view:
                view = view[file.write(view) :]
    return head


def _swallow(body: Iterable[bytes | memoryview]) -> bytes:
    head = b""
    for piece in body:
        if len(head) < _HEAD_BYTES:
            head += piece[: _HEAD_BYTES - len(head)]
    return head
