"""Being stopped: signals become exceptions, and no child process outlives the command."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_GRACE_S = 5.0
_HELPERS = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver")


class TerminationInterrupt(KeyboardInterrupt):
    """SIGTERM or SIGHUP, unwinding the program as Ctrl-C does."""


def _raise(_signal: int, _frame: FrameType | None) -> None:
    raise TerminationInterrupt


@contextlib.contextmanager
def stoppable() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into an exception, so that every ``with`` block is left properly.

    A signal that is ignored (as `nohup` does) stays ignored.
    """
    ours = [s for s in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(s) is signal.SIG_DFL]
    for number in ours:
        signal.signal(number, _raise)
    try:
        yield
    finally:
        for number in ours:
            signal.signal(number, signal.SIG_DFL)


def children() -> frozenset[int]:
    """Process ids of the direct children of this process (Linux)."""
    found: set[int] = set()
    for listing in Path("/proc/self/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread may end while we look
            found.update(map(int, listing.read_text().split()))
    return frozenset(found)


def _ends_with_us(process_id: int) -> bool:
    """Tell whether a child is one of Python's own helpers, which end when their pipe is closed.

    They serve all of this process: ended early, its next worker could not be started.
    """
    try:
        command = Path(f"/proc/{process_id}/cmdline").read_bytes()
    except OSError:
        return True
    return any(helper in command for helper in _HELPERS)


def stop_children(grace_s: float = _GRACE_S) -> None:
    """End every child that the use case left behind: SIGTERM, then SIGKILL after the grace.

    Parameters
    ----------
    grace_s
        Seconds the children have to end by themselves.
    """
    left = {child for child in children() if not _ends_with_us(child)}
    _signal_all(left, signal.SIGTERM)
    until = time.monotonic() + grace_s
    while left and time.monotonic() < until:
        left = {pid for pid in left if not _reaped(pid)}
        time.sleep(0.02)
    _signal_all(left, signal.SIGKILL)


def _signal_all(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _reaped(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True
