"""Errands of the demo: the product's own commands as processes, each with one JSON answer."""

from __future__ import annotations

import json
import re
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.core.errors import SimulationError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from fedpacs.federation.processes import Child, Supervisor

_POLL_S = 0.1
_COUNTED = re.compile(r": (\d+)(?: of (\d+))?\s*$", re.MULTILINE)


class ErrandFailedError(SimulationError):
    """One of the demo's processes ended with an error; `code` is the code it gave."""

    code = "simulation.errand-failed"
    default_hint = "Read the log that the message names; `fedpacs demo --fresh` starts anew."

    def __init__(self, name: str, log: Path, fault: dict[str, Any]) -> None:
        message = str(fault.get("message", "It gave no reason."))
        super().__init__(f"{name} failed: {message} (log: {log})", hint=fault.get("hint"))
        self.code = str(fault.get("code", self.code))


@dataclass(frozen=True, slots=True)
class Errand:
    """A running command.

    Attributes
    ----------
    answer
        File that its JSON answer is written to.
    fine
        Exit statuses that are no failure.
    """

    name: str
    child: Child
    answer: Path
    fine: frozenset[int] = frozenset({0})

    @property
    def failed(self) -> bool:
        """Whether it has ended with an error."""
        status = self.child.exit_status()
        return status is not None and status not in self.fine

    def progress(self) -> tuple[int, int]:
        """Give what its log last said: done and total, total 0 when unknown."""
        counted = _COUNTED.findall(self.child.text())
        done, total = counted[-1] if counted else ("0", "")
        return int(done), int(total or 0)

    def wait(self, timeout_s: float) -> None:
        """Wait until it has ended."""
        deadline = time.monotonic() + timeout_s
        while self.child.exit_status() is None and time.monotonic() < deadline:
            time.sleep(_POLL_S)

    def result(self) -> dict[str, Any]:
        """Give its answer, once it has ended.

        Raises
        ------
        ErrandFailedError
            If it ended with an error.
        """
        text = self.answer.read_text()
        answer: dict[str, Any] = json.loads(text) if text.strip() else {}
        if self.failed:
            raise ErrandFailedError(self.name, self.child.log, answer)
        return answer


def send(
    supervisor: Supervisor,
    name: str,
    words: Sequence[str],
    module: str = "fedpacs.cli.main",
    fine: frozenset[int] = frozenset({0}),
) -> Errand:
    """Start ``fedpacs WORDS --json``.

    Parameters
    ----------
    supervisor
        Ends the command when the demo ends.
    name
        Names its log and its answer.
    words
        Arguments.
    module
        Another module to run, which answers in the same way.
    fine
        Exit statuses that are no failure.
    """
    answer = supervisor.logs / f"{name}.json"
    argv = [sys.executable, "-m", module, *words, "--json"]
    # One thread each: several of them share the cores.
    child = supervisor.start(name, argv, {"OMP_NUM_THREADS": "1"}, output=answer)
    return Errand(name, child, answer, fine)


def run_all(
    starts: Sequence[Callable[[], Errand]], at_once: int, tell: Callable[[int], None]
) -> list[dict[str, Any]]:
    """Run errands, so many at once, and give their answers in order.

    Parameters
    ----------
    starts
        Each starts one errand.
    at_once
        How many may run at the same time.
    tell
        Called with the sum of what they have done so far.

    Raises
    ------
    ErrandFailedError
        As soon as the first fails.
    """
    waiting = list(starts)
    started: list[Errand] = []
    while waiting or any(errand.child.exit_status() is None for errand in started):
        running = sum(errand.child.exit_status() is None for errand in started)
        if waiting and running < at_once:
            started.append(waiting.pop(0)())
            continue
        for errand in started:
            if errand.failed:
                errand.result()
        tell(sum(errand.progress()[0] for errand in started))
        time.sleep(_POLL_S)
    return [errand.result() for errand in started]
