"""Workers: jobs in order through a pool of processes, that outlive a job which kills its process.

A native decoder can crash on damaged bytes, and the system can kill a process that grows too large.
The job that did it is told apart from those that were in the same boat, and reported as lost.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import active_children, get_context
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from concurrent.futures import Future
    from multiprocessing.context import BaseContext

_CHUNK = 16
_AHEAD = 4
_WATCH_S = 0.5

_failure: Exception | None = None
Job = TypeVar("Job")
Result = TypeVar("Result")


class Workforce(Generic[Job, Result]):
    """Processes that do jobs.

    Parameters
    ----------
    workers
        Processes.
    start
        Called once in each process, with `arguments`.
    do
        Does one job; a module-level function.
    lost
        Gives the result of a job whose process died twice, the second time alone.
    """

    def __init__(
        self,
        workers: int,
        start: Callable[..., None],
        arguments: tuple[object, ...],
        do: Callable[[Job], Result],
        lost: Callable[[Job], Result],
    ) -> None:
        self._workers = workers
        self._start = start
        self._arguments = arguments
        self._do = do
        self._lost = lost

    def results(self, jobs: Iterable[Job]) -> Iterator[Result]:
        """Do jobs and give their results in order, with no more than a few jobs held at a time."""
        chunks = _chunked(iter(jobs))
        waiting: deque[tuple[list[Job], Future[list[Result]]]] = deque()
        others = frozenset(child.pid for child in active_children())
        pool = self._pool()
        done = False
        try:
            while True:
                for chunk in islice(chunks, self._workers * _AHEAD - len(waiting)):
                    waiting.append((chunk, pool.submit(_do_all, self._do, chunk)))
                if not waiting:
                    done = True
                    return
                chunk, future = waiting.popleft()
                try:
                    results = future.result()
                except BrokenProcessPool:
                    pool.shutdown(wait=False, cancel_futures=True)
                    results = self._one_by_one(chunk)
                    pool = self._pool()
                    waiting = deque(
                        (late, pool.submit(_do_all, self._do, late)) for late, _ in waiting
                    )
                yield from results
        finally:
            if not done:  # nobody waits for jobs that may be long
                _terminate(others)
            pool.shutdown(wait=True, cancel_futures=True)

    def _one_by_one(self, jobs: Sequence[Job]) -> list[Result]:
        """Do each job in a process that no other job shares, until it is clear which one kills."""
        results = []
        for job in jobs:
            with self._pool(1) as pool:
                try:
                    results.extend(pool.submit(_do_all, self._do, [job]).result())
                except BrokenProcessPool:
                    results.append(self._lost(job))
        return results

    def _pool(self, workers: int | None = None) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            max_workers=workers or self._workers,
            mp_context=process_context("fedpacs.deidentification.worker"),
            initializer=begin,
            initargs=(self._start, self._arguments, dict(os.environ)),
        )


def _terminate(others: frozenset[int | None]) -> None:
    for child in active_children():
        if child.pid not in others:
            child.terminate()


def process_context(module: str) -> BaseContext:
    """Give how processes begin: forked from a small server that has imported what they need.

    Forks of this process itself would hang on threads of torch or OpenMP.

    Parameters
    ----------
    module
        What they need.
    """
    context = get_context("forkserver")
    context.set_forkserver_preload([module])
    return context


def begin(
    start: Callable[..., None], arguments: tuple[object, ...], environment: dict[str, str]
) -> None:
    """Begin a worker's process: deaf to Ctrl-C, gone with its parent, made ready by `start`."""
    global _failure  # noqa: PLW0603 - a pool has no other place for what went wrong in the beginning
    os.environ.clear()  # it is that of the time when the first worker of this program began
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    try:
        start(*arguments)
    except Exception as error:  # noqa: BLE001 - told with the first job: it is no job's fault
        _failure = error


def _end_with(parent: int) -> None:
    """End this process when its parent was killed: it holds the project's key."""
    while os.getppid() == parent:
        time.sleep(_WATCH_S)
    os._exit(1)


def _do_all(do: Callable[[Job], Result], jobs: Sequence[Job]) -> list[Result]:
    if _failure is not None:
        raise _failure
    return [do(job) for job in jobs]


def _chunked(jobs: Iterator[Job]) -> Iterator[list[Job]]:
    while chunk := list(islice(jobs, _CHUNK)):
        yield chunk
