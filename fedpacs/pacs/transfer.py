"""One C-GET or C-MOVE in progress, seen as a stream of files with a watchdog.

pynetdicom hands instances to a handler and responses to a generator. Both come together here, so
files stream out as they arrive, and a peer that goes silent is noticed although pending
responses are optional (PS3.4 C.4.2.1.6).

A few files may lie ready; then a C-STORE is answered only when one was taken. As a peer waits for
that answer, whoever reads slowly holds it back, though never for so long that it gives up.

The last instance is handed on only once the association has gone on well: noise on a wire without
TLS can leave an instance whole to look at, and shows only in what comes after it. Otherwise it is
taken away, and asked for again.
"""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

from fedpacs.pacs.status import PENDING, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydicom import Dataset
    from pynetdicom.association import Association

    Responses = Iterator[tuple[Dataset, Dataset | None]]

READY = 4
"""Most files that lie ready: enough that nobody waits for a pause of the other's."""
_HOLD_S = 5.0
"""Longest time that one answer is held back: peers give an association up after 10 s or more."""


class Transfer:
    """Runs one retrieve request in its own thread.

    Parameters
    ----------
    association
        Established; aborted when the peer stays silent or the reader stops early.
    silence_s
        Longest time without an instance or a response.
    """

    def __init__(self, association: Association, silence_s: float) -> None:
        self._association = association
        self._silence_s = silence_s
        self._ready: deque[Path] = deque()
        self._changed = threading.Condition()
        self._stirs = 0
        self._ended = self._left = False
        self._last: Path | None = None
        self.broken = False
        """Whether an association that brought instances was aborted."""
        self.final_status: int | None = None
        """Status of the last response; None when the association ended without one."""
        self.received = 0
        """Instances that arrived."""

    def arrived(self, path: Path) -> None:
        """Take the path of an instance; called by the sink from any thread, which may wait."""
        with self._changed:
            before, self._last = self._last, path
            self.received += 1
            self._stirs += 1
            if before is not None:
                self._changed.notify_all()
                self._changed.wait_for(
                    lambda: len(self._ready) < READY or self._left,
                    min(_HOLD_S, self._silence_s / 2),
                )
                self._ready.append(before)
            self._changed.notify_all()

    def broke(self) -> None:
        """Note that an association that brought instances was aborted."""
        self.broken = True

    def run(self, send: Callable[[], Responses]) -> Iterator[Path]:
        """Send the request and give the paths of what arrives until the final response."""
        worker = threading.Thread(target=self._work, args=(send,), name="fedpacs-retrieve")
        worker.start()
        try:
            while (path := self._next()) is not None:
                yield path
        finally:
            with self._changed:
                finished = self._ended and not self._ready
                self._left = True
                self._changed.notify_all()  # nobody must wait for a reader that has left
            if not finished:
                self._association.abort()
                self._association.dimse.msg_queue.put((None, None))  # wakes the worker at once
            worker.join()

    def _next(self) -> Path | None:
        """Wait for a file; None at the end, or when the peer has been silent for too long."""
        with self._changed:
            while not self._ready and not self._ended:
                stirs = self._stirs
                self._changed.wait_for(
                    lambda: self._ready or self._ended or self._stirs != stirs,  # noqa: B023 - called here only
                    timeout=self._silence_s,
                )
                if not self._ready and not self._ended and self._stirs == stirs:
                    return None
            path = self._ready.popleft() if self._ready else None
            self._changed.notify_all()
            return path

    def _work(self, send: Callable[[], Responses]) -> None:
        final = None
        try:
            for response, _ in send():
                status = status_of(response)
                if status in PENDING:
                    self._stir()
                else:
                    final = status
        except (RuntimeError, ValueError):
            # pynetdicom: the association ended before the request could be sent
            final = None
        finally:
            self.final_status = final
            self._settle_last()

    def _stir(self) -> None:
        """Note that the peer is at work."""
        with self._changed:
            self._stirs += 1
            self._changed.notify_all()

    def _settle_last(self) -> None:
        with self._changed:
            last, self._last = self._last, None
            good = self.final_status is not None and not self.broken
            if last is not None and good:
                self._ready.append(last)
            elif last is not None:
                self.received -= 1
            self._ended = True
            self._changed.notify_all()
        if last is not None and not good and last.is_file():  # the probe's is the null device
            last.unlink(missing_ok=True)
