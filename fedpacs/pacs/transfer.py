"""One C-GET or C-MOVE in progress, seen as a stream of files with a watchdog.

pynetdicom hands instances to a handler and responses to a generator. Both go into one queue, so
files stream out as they arrive, and a peer that goes silent is noticed although pending
responses are optional (PS3.4 C.4.2.1.6).

The last instance is handed on only once the association has gone on well: noise on a wire without
TLS can leave an instance whole to look at, and shows only in what comes after it. Otherwise it is
taken away, and asked for again.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING

from fedpacs.pacs.status import PENDING, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pydicom import Dataset
    from pynetdicom.association import Association

    Responses = Iterator[tuple[Dataset, Dataset | None]]


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
        self._items: queue.SimpleQueue[Path | int | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._last: Path | None = None
        self.broken = False
        """Whether an association that brought instances was aborted."""
        self.final_status: int | None = None
        """Status of the last response; None when the association ended without one."""
        self.received = 0
        """Instances that arrived."""

    def arrived(self, path: Path) -> None:
        """Take the path of an instance; called by the sink from any thread."""
        with self._lock:
            before, self._last = self._last, path
            self.received += 1
        if before is not None:
            self._items.put(before)

    def broke(self) -> None:
        """Note that an association that brought instances was aborted."""
        self.broken = True

    def run(self, send: Callable[[], Responses]) -> Iterator[Path]:
        """Send the request and give the paths of what arrives until the final response."""
        worker = threading.Thread(target=self._work, args=(send,), name="fedpacs-retrieve")
        worker.start()
        finished = False
        try:
            while True:
                item = self._items.get(timeout=self._silence_s)
                if item is None:
                    finished = True
                    return
                if not isinstance(item, int):
                    yield item
        except queue.Empty:
            return
        finally:
            if not finished:
                self._association.abort()
                self._association.dimse.msg_queue.put((None, None))  # wakes the worker at once
            worker.join()

    def _work(self, send: Callable[[], Responses]) -> None:
        final = None
        try:
            for response, _ in send():
                status = status_of(response)
                if status in PENDING:
                    self._items.put(int(status or 0))
                else:
                    final = status
        except (RuntimeError, ValueError):
            # pynetdicom: the association ended before the request could be sent
            final = None
        finally:
            self.final_status = final
            self._settle_last()
            self._items.put(None)

    def _settle_last(self) -> None:
        with self._lock:
            last, self._last = self._last, None
        if last is None:
            return
        if self.final_status is not None and not self.broken:
            self._items.put(last)
            return
        self.received -= 1
        if last.is_file():  # the probe's is the null device
            last.unlink(missing_ok=True)
