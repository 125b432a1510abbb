"""Who does the work: this process, a pool of processes, or a Dask cluster; the same work each time.

A worker may die at any moment. Its study is done again, alone, and when that ends another worker,
too, the study is reported as lost; the others never notice.
"""

from __future__ import annotations

import os
from concurrent.futures import CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures import TimeoutError as NotDoneError
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, Protocol

from fedpacs.agent.intake.machines import VaultOnClusterError, require_one_machine
from fedpacs.agent.intake.work import lost, prepare
from fedpacs.core.errors import AgentError, MachineError
from fedpacs.deidentification.workforce import begin, process_context

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from fedpacs.agent.intake.work import StudyOutcome, StudyTask
    from fedpacs.config.ingest import Ingest

_CONNECT_S = 15


class NoSchedulerError(AgentError):
    """The Dask scheduler that the site names cannot be reached, or was lost on the way."""

    code = "agent.no-scheduler"
    default_hint = (
        "Check that the scheduler runs at [ingest] scheduler with the certificates of "
        "scheduler_tls; the next ingest fetches what was not finished. Without a scheduler this "
        "machine's own processes do the work."
    )


class NoDistributedError(MachineError):
    """A scheduler is named, but Dask distributed is not installed."""

    code = "machine.no-distributed"
    default_hint = "Run: pip install 'fedpacs[dask]'"


class Crew(Protocol):
    """Workers.

    Attributes
    ----------
    size
        Studies that can be worked on at the same time.
    """

    size: int

    def submit(self, task: StudyTask) -> None:
        """Give a study to the workers."""
        ...

    def collect(self, wait_s: float | None) -> list[StudyOutcome]:
        """Give what is finished.

        Parameters
        ----------
        wait_s
            How long to wait for a first one; None waits until there is one.

        Raises
        ------
        NoSchedulerError
            If the cluster is gone.
        """
        ...

    def close(self) -> None:
        """Let the workers go, finished or not."""
        ...


class Alone:
    """Works in this process, at once."""

    size = 1

    def __init__(self) -> None:
        self._done: list[StudyOutcome] = []

    def submit(self, task: StudyTask) -> None:
        """Do it."""
        self._done.append(prepare(task))

    def collect(self, wait_s: float | None) -> list[StudyOutcome]:  # noqa: ARG002 - never waits
        """Give what is finished."""
        done, self._done = self._done, []
        return done

    def close(self) -> None:
        """Do nothing."""


class Pool:
    """Processes of this machine, started with the first study.

    Parameters
    ----------
    workers
        How many.
    """

    def __init__(self, workers: int) -> None:
        self.size = workers
        self._executor: Executor | None = None
        self._futures: dict[Future[StudyOutcome], StudyTask] = {}

    def submit(self, task: StudyTask) -> None:
        """Give a study to the pool."""
        if self._executor is None:
            self._executor = _executor(self.size)
        try:
            self._futures[self._executor.submit(prepare, task)] = task
        except BrokenProcessPool:  # a worker died since; those in flight are told by `collect`
            self._executor.shutdown(wait=False)
            self._executor = _executor(self.size)
            self._futures[self._executor.submit(prepare, task)] = task

    def collect(self, wait_s: float | None) -> list[StudyOutcome]:
        """Give what is finished; do those again that a dead worker took with it."""
        if not self._futures:
            return []
        done, _ = wait(self._futures, timeout=wait_s, return_when="FIRST_COMPLETED")
        outcomes: list[StudyOutcome] = []
        for future in done:
            task = self._futures.pop(future)
            try:
                outcomes.append(future.result())
            except BrokenProcessPool:
                outcomes.append(self._again(task))
        return outcomes

    def close(self) -> None:
        """End the processes, at once where they are still at work."""
        if self._executor is not None:
            self._executor.shutdown(wait=not self._futures, cancel_futures=True)

    def _again(self, task: StudyTask) -> StudyOutcome:
        """Do a study in a process that no other shares: so it is clear which one kills."""
        if self._executor is not None:
            self._executor.shutdown(wait=False, cancel_futures=True)
            self._executor = None
        with _executor(1) as executor:
            try:
                return executor.submit(prepare, task).result()
            except BrokenProcessPool:
                return lost(task)


class Cluster:
    """Workers of a Dask cluster.

    Parameters
    ----------
    config
        Names the scheduler and the certificates.
    one_machine
        Whether every worker must be on this machine.

    Raises
    ------
    VaultOnClusterError
        If one is not, and must be.
    NoDistributedError
        If Dask distributed is not installed.
    NoSchedulerError
        If the scheduler does not answer.

    Notes
    -----
    Tasks go through the scheduler as folders and pseudonyms; no key, file or identity does. Dask
    itself does a study again whose worker died, as often as its ``allowed-failures`` say.
    """

    def __init__(self, config: Ingest, *, one_machine: bool = False) -> None:
        if one_machine:
            require_one_machine(config.scheduler, ())
        try:
            from distributed import Client
        except ModuleNotFoundError as error:
            raise NoDistributedError("The package distributed is missing.") from error
        try:
            self._client = Client(
                config.scheduler,
                security=_security(config),
                timeout=_CONNECT_S,
                set_as_default=False,
                name="fedpacs-ingest",
            )
        except (OSError, ValueError) as error:
            raise NoSchedulerError("The Dask scheduler does not answer.") from error
        if one_machine:
            try:
                require_one_machine(config.scheduler, self._client.nthreads())
            except VaultOnClusterError:
                self._client.close(timeout=_CONNECT_S)
                raise
        self._executor = self._client.get_executor(pure=False)
        self._futures: dict[Future[StudyOutcome], StudyTask] = {}
        self.size = max(1, sum(self._client.nthreads().values()))

    def submit(self, task: StudyTask) -> None:
        """Give a study to the cluster."""
        self._futures[self._executor.submit(prepare, task)] = task

    def collect(self, wait_s: float | None) -> list[StudyOutcome]:
        """Give what is finished."""
        if not self._futures:
            return []
        done, _ = wait(self._futures, timeout=wait_s, return_when="FIRST_COMPLETED")
        return [self._outcome(self._futures.pop(future), future) for future in done]

    def close(self) -> None:
        """Leave the cluster; what it has not begun is cancelled."""
        self._executor.shutdown(wait=False)
        self._client.close(timeout=_CONNECT_S)

    @staticmethod
    def _outcome(task: StudyTask, future: Future[StudyOutcome]) -> StudyOutcome:
        from distributed.scheduler import KilledWorker

        try:
            return future.result()
        except KilledWorker:
            return lost(task)
        except (CancelledError, NotDoneError, OSError) as error:
            raise NoSchedulerError("The Dask cluster was lost.") from error


def hire(config: Ingest, *, one_machine: bool = False) -> Crew:
    """Give the workers that a site names.

    Parameters
    ----------
    config
        The site's.
    one_machine
        Whether they must all be on this machine: they share a vault.

    Raises
    ------
    VaultOnClusterError
        If they are not, and must be.
    """
    if config.scheduler:
        return Cluster(config, one_machine=one_machine)
    workers = config.workers or len(os.sched_getaffinity(0))
    return Alone() if workers == 1 else Pool(workers)


def _executor(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        max_workers=workers,
        mp_context=process_context("fedpacs.agent.disclosure"),
        initializer=begin,
        initargs=(_nothing, (), dict(os.environ)),
    )


def _nothing() -> None:
    """Begin without preparations: a study's task names the site it belongs to."""


def _security(config: Ingest) -> object:
    from distributed.security import Security

    tls = config.scheduler_tls
    if tls is None:
        return None
    return Security(
        tls_ca_file=str(tls.certificate_authority),
        tls_client_cert=str(tls.certificate),
        tls_client_key=str(tls.key),
        require_encryption=True,
    )
