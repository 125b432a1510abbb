"""Statistics over the federation's own road: asked by the consortium, answered by this process.

The executor is that of training with another question: approval, bundle and run configuration are
compared for the task, before its message is opened, and what leaves is written down first.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.agent.consent import state_of, statistics_terms_of
from fedpacs.agent.executor import Executor
from fedpacs.agent.ports import Permit
from fedpacs.agent.service import STAY_S, note_payload, supernode_options
from fedpacs.agent.statistics import StatisticsNotApprovedError, release_statistics
from fedpacs.agent.supernode import start_supernode
from fedpacs.core.update import GlobalModel
from fedpacs.core.wire import WireSchema
from fedpacs.federation.bundle import run_config
from fedpacs.federation.errors import UnexpectedRecordError
from fedpacs.federation.processes import Supervisor
from fedpacs.federation.questions import QUERY, read_question, write_answer
from fedpacs.records.approvals import ApprovalState
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from flwr.app import RecordDict

    from fedpacs.agent.assignment import Assignment
    from fedpacs.agent.ports import Task
    from fedpacs.agent.premises import Premises
    from fedpacs.agent.statistics_file import StatisticsReport
    from fedpacs.config.job import JobConfig
    from fedpacs.core.terms import Terms
    from fedpacs.core.update import ReleasedUpdate
    from fedpacs.federation.messages import MessageKind

    Progress = Callable[[str, int, int], None]


class StatisticsExecutor(Executor):
    """Takes the approved question for statistics from one SuperNode and answers it.

    Parameters
    ----------
    runtime_address, secret, permit, on_egress
        As for `fedpacs.agent.executor.Executor`.
    release
        Releases the statistics and gives the signed file.
    """

    def __init__(
        self,
        runtime_address: str,
        secret: bytes,
        permit: Permit,
        release: Callable[[], bytes],
        on_egress: Callable[[bytes], None],
    ) -> None:
        super().__init__(runtime_address, secret, permit, _NoRounds(), on_egress)
        self._release = release

    def _kind(self, message_type: str) -> MessageKind:
        if message_type != QUERY:
            raise UnexpectedRecordError("The message is no question for statistics.")
        return QUERY

    def _read(self, assignment: Assignment, kind: MessageKind) -> GlobalModel:  # noqa: ARG002 - the executor's signature
        read_question(assignment.content(), self._permit.job_digest)
        return GlobalModel(self._permit.job_digest, 0, np.zeros(0, np.float32))

    def _content(self, kind: MessageKind, model: GlobalModel) -> RecordDict:  # noqa: ARG002 - the executor's signature
        return write_answer(self._release())


class _NoRounds:
    """Answers no round: under an approval of statistics nothing is trained."""

    def handle(self, message_type: str, model: GlobalModel) -> ReleasedUpdate:  # noqa: ARG002 - the handler's signature
        raise UnexpectedRecordError("Under an approval of statistics no round is answered.")


def serve_statistics(
    premises: Premises, job: JobConfig, progress: Progress | None = None
) -> StatisticsReport:
    """Answer the consortium's question for the approved statistics of a job, then end.

    Raises
    ------
    StatisticsNotApprovedError
        If the terms are not approved now; nothing is started then.
    FederationError
        If no SuperLink of this consortium answers.
    GateClosedError, BudgetExhaustedError, RecordsError
        As `fedpacs.agent.statistics.release_statistics`, which is done first: a site that cannot
        answer says so before it joins.
    """
    terms = statistics_terms_of(premises, job)
    report = release_statistics(premises, job, progress)
    permit = Permit(
        job_digest=job.digest,
        bundle_digest=terms.bundle_digest,
        run_config=run_config(job, "statistics"),
        schema=WireSchema((), ()),
        rounds=0,
        refusal=lambda: _refusal(premises, terms),
    )
    tasks: list[Task] = []
    premises.record(EventKind.AGENT_STARTED, process=os.getpid())
    try:
        _take_question(premises, job, permit, tasks)
    finally:
        premises.record(EventKind.AGENT_STOPPED, process=os.getpid())
    return report


def _take_question(premises: Premises, job: JobConfig, permit: Permit, tasks: list[Task]) -> None:
    def until(task: Task) -> bool:
        tasks.append(task)
        if task.code is not None:
            premises.record(EventKind.TASK_REFUSED, code=task.code)
        return task.code is None

    def release() -> bytes:
        return release_statistics(premises, job).file.read_bytes()

    options = supernode_options(premises)
    with Supervisor(options.folder / "logs") as supervisor:
        supernode = start_supernode(options, supervisor)
        executor = StatisticsExecutor(
            options.runtime_address,
            options.runtime_secret,
            permit,
            release,
            lambda payload: note_payload(premises, payload),
        )
        try:
            executor.serve(until)
        finally:
            executor.close()
        supernode.wait_until_sent(sum(task.bytes_sent > 0 for task in tasks))
        time.sleep(STAY_S)


def _refusal(premises: Premises, terms: Terms) -> str | None:
    state = state_of(premises, terms.digest)
    return None if state is ApprovalState.APPROVED else StatisticsNotApprovedError.code
