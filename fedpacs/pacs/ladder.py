"""A probe's climb: rung by rung, each timed and put into words, five seconds in all.

The rungs run in a thread of their own, so that a PACS which accepts everything and answers
nothing cannot hold the person at the terminal longer than that.
"""

from __future__ import annotations

import queue
import socket
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from fedpacs.core.errors import FedpacsError
from fedpacs.pacs.errors import TooSlowError, UnreachablePacsError
from fedpacs.pacs.ports import ProbeStep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fedpacs.config.pacs import DicomwebPacs, DimsePacs

    PacsT = TypeVar("PacsT", DimsePacs, DicomwebPacs)

PROBE_S = 5.0
_ONE_RUNG_S = 4.0
_ENDING_S = 0.2


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a rung that passed has to say."""

    advice: str = ""
    method: str = ""
    tried: tuple[ProbeStep, ...] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """One thing to try; what it raises is what is wrong."""

    name: str
    run: Callable[[], Outcome | None]


def in_time(pacs: PacsT) -> PacsT:
    """Give a configuration whose single waits fit into a probe."""
    return pacs.model_copy(update={"timeout_s": min(pacs.timeout_s, _ONE_RUNG_S)})


def climb(
    rungs: Sequence[Rung], close: Callable[[], None], limit_s: float = PROBE_S
) -> tuple[ProbeStep, ...]:
    """Climb until a rung fails or the time is over.

    Parameters
    ----------
    rungs
        In order; a later one needs the earlier.
    close
        Ends whatever the rungs opened.
    limit_s
        Time for all of them.
    """
    done: queue.SimpleQueue[ProbeStep] = queue.SimpleQueue()

    def work() -> None:
        try:
            for rung in rungs:
                step = attempt(rung)
                done.put(step)
                if not step.passed:
                    break
        finally:
            close()

    worker = threading.Thread(target=work, name="fedpacs-probe", daemon=True)
    began = time.monotonic()
    worker.start()
    steps: list[ProbeStep] = []
    for rung in rungs:
        left = limit_s - (time.monotonic() - began)
        try:
            steps.append(done.get(timeout=max(left, 0)))
        except queue.Empty:
            steps.append(_too_slow(rung.name, limit_s, left))
        if not steps[-1].passed:
            break
    # what was opened is closed before the reader itself opens anything
    worker.join(max(_ENDING_S, limit_s - (time.monotonic() - began)))
    return tuple(steps)


def attempt(rung: Rung) -> ProbeStep:
    """Try one rung; an error of ours becomes its code and advice."""
    start = time.monotonic()
    try:
        outcome = rung.run() or Outcome()
    except FedpacsError as error:
        advice = f"{error.message} {error.hint}"
        tried = getattr(error, "tried", ())
        return ProbeStep(rung.name, False, _since(start), error.code, advice, tried=tried)
    return ProbeStep(
        rung.name, True, _since(start), "", outcome.advice, outcome.method, outcome.tried
    )


def connect(host: str, port: int, timeout_s: float) -> None:
    """Open and close a TCP connection.

    Raises
    ------
    UnreachablePacsError
        If it cannot be opened.
    """
    try:
        with socket.create_connection((host, port), timeout=timeout_s):
            pass
    except OSError as error:
        raise UnreachablePacsError(f"No connection to {host}:{port}.") from error


def _too_slow(name: str, limit_s: float, left_s: float) -> ProbeStep:
    error = TooSlowError(f"The PACS did not answer {name} within the probe's {limit_s:g} s.")
    advice = f"{error.message} {error.hint}"
    return ProbeStep(name, False, round(max(left_s, 0.0), 4), error.code, advice)


def _since(start: float) -> float:
    return round(time.monotonic() - start, 4)
