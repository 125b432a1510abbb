"""Progress of long work, on stderr: bars on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from fedpacs.cli.output import say, stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rich.console import Console
    from rich.progress import TaskID

    Report = Callable[[str, int, int], None]

_LINE_EVERY_S = 10.0
_UNKNOWN_LINE_EVERY_S = 2.0
_STEPS = 20


@contextmanager
def progress() -> Iterator[Report]:
    """Give a function ``(stage, done, total)`` that shows how far the work is.

    A total of 0 means that nobody knows yet.
    """
    console = stderr()
    if not console.is_terminal:
        yield Lines(console)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield Bars(bars)


class Bars:
    """One bar per stage."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Move the bar of a stage."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bars.add_task(stage, total=total or None)
        self._bars.update(self._tasks[stage], completed=done, total=total or None)


class Lines:
    """A line when a stage starts or ends, at each twentieth of it, and every few seconds."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stage = ""
        self._done = 0
        self._written = 0.0

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Write a line if it is time for one."""
        now = time.monotonic()
        if not (
            stage != self._stage
            or (total and done > self._done and (done >= total or self._is_a_step(done, total)))
            or now - self._written >= (_LINE_EVERY_S if total else _UNKNOWN_LINE_EVERY_S)
        ):
            return
        self._stage, self._done, self._written = stage, done, now
        say(self._console, f"{stage}: {done} of {total}" if total else f"{stage}: {done}")

    def _is_a_step(self, done: int, total: int) -> bool:
        return (done - self._done) * _STEPS >= total
