"""The hospital's long-lived half of a run: stock SuperNode, executor, warm learner.

The SuperNode relays and executes nothing. Everything that trains is this process: its own
installed code, its own data, the job its own people signed.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.agent.consent import state_of
from fedpacs.agent.executor import Executor
from fedpacs.agent.learner import Learner
from fedpacs.agent.ports import Permit
from fedpacs.agent.round import Round
from fedpacs.agent.snapshot import current_cohort
from fedpacs.agent.supernode import SuperNodeOptions, start_supernode
from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import AgentError
from fedpacs.crypto.keys import load_secret
from fedpacs.federation.bundle import run_config
from fedpacs.federation.messages import EVALUATE
from fedpacs.federation.processes import Supervisor
from fedpacs.records.approvals import ApprovalState
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.agent.ports import Task
    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig
    from fedpacs.core.cohort import Cohort
    from fedpacs.core.terms import Terms

STAY_S = 6.0
"""How long a SuperNode stays after its last reply."""


class NotApprovedError(AgentError):
    """The hospital's people have not approved these terms, or no longer do."""

    code = "agent.not-approved"
    default_hint = (
        "Read `fedpacs job preview FILE`, then `fedpacs site approve`; a change of job, cohort, "
        "profile or FedPACS version needs a new approval."
    )


@dataclass(frozen=True, slots=True)
class RunReport:
    """What this site did in one run.

    Attributes
    ----------
    rounds
        Training rounds that were answered with an update.
    evaluations
        Evaluations that were answered.
    refused
        Tasks that were answered with a code, by code.
    bytes_sent
        Payload handed to the SuperNode.
    suppressed
        Names of numbers that were left out because too few patients stand behind them.
    """

    site: str
    rounds: int
    evaluations: int
    refused: dict[str, int]
    bytes_sent: int
    suppressed: tuple[str, ...]


@dataclass(slots=True)
class _Tally:
    premises: Premises
    rounds: int
    progress: Callable[[str, int, int], None] | None
    tasks: list[Task] = field(default_factory=list)

    def until(self, task: Task) -> bool:
        """Count a task; the run ends with the evaluation of the last round's model."""
        self.tasks.append(task)
        if task.code is not None:
            self.premises.record(EventKind.TASK_REFUSED, code=task.code)
            if self.progress:
                refused = sum(each.code is not None for each in self.tasks)
                self.progress(f"refused ({task.code})", refused, 0)
        if self.progress and task.code is None and task.server_round is not None:
            self.progress("rounds", task.server_round, self.rounds)
        return (
            task.code is None and task.message_type == EVALUATE and task.server_round == self.rounds
        )


def serve(
    premises: Premises,
    job: JobConfig,
    terms: Terms,
    progress: Callable[[str, int, int], None] | None = None,
) -> RunReport:
    """Serve the approved job's tasks until the final model was evaluated here.

    Raises
    ------
    NotApprovedError
        If the terms are not approved now; nothing is started then.
    FederationError
        If no SuperLink of this consortium answers.
    RecordsError
        If the book cannot be written; then nothing is sent.
    """
    if refusal := _refusal(premises, terms):
        raise NotApprovedError(f"The job's terms are not approved at this site ({refusal}).")
    cohort = current_cohort(premises, job)
    learner = Learner(premises, job, cohort)
    at_hand = (job.digest, cohort.digest, premises.profile.digest, learner.schema.digest)
    if at_hand != (
        terms.job_digest,
        terms.cohort_digest,
        terms.profile_digest,
        terms.schema_digest,
    ):
        raise NotApprovedError("Job, cohort, profile or software are not those that were approved.")
    rounds = Round(premises, job, learner.schema, learner)
    permit = Permit(
        job_digest=terms.job_digest,
        bundle_digest=terms.bundle_digest,
        run_config=run_config(job),
        schema=learner.schema,
        rounds=terms.rounds,
        refusal=lambda: _refusal(premises, terms),
    )
    tally = _Tally(premises, job.federation.rounds, progress)
    begin(premises, job, cohort, learner)
    try:
        _take_tasks(premises, permit, rounds, tally)
    finally:
        premises.record(EventKind.AGENT_STOPPED, process=os.getpid())
    return _report(premises, rounds, tally)


def begin(premises: Premises, job: JobConfig, cohort: Cohort, learner: Learner) -> None:
    """Prepare every volume, and write down that a run begins and what was done to them."""
    preparation = learner.warm_up()
    premises.record(
        EventKind.AGENT_STARTED,
        process=os.getpid(),
        job=job.digest,
        cohort=cohort.digest,
        preparation=preparation,
    )


def _take_tasks(premises: Premises, permit: Permit, rounds: Round, tally: _Tally) -> None:
    options = supernode_options(premises)
    with Supervisor(options.folder / "logs") as supervisor:
        supernode = start_supernode(options, supervisor)
        executor = Executor(
            options.runtime_address,
            options.runtime_secret,
            permit,
            rounds,
            lambda payload: note_payload(premises, payload),
        )
        try:
            executor.serve(tally.until)
        finally:
            executor.close()
        supernode.wait_until_sent(sum(task.bytes_sent > 0 for task in tally.tasks))
        # Flower drops the replies of a node that has left: stay until the server has taken ours.
        time.sleep(STAY_S)


def supernode_options(premises: Premises) -> SuperNodeOptions:
    """Give what the site's SuperNode needs."""
    link = premises.config.link
    return SuperNodeOptions(
        superlink=link.superlink,
        root_certificates=link.root_certificates,
        node_key=Path(link.node_key.removeprefix("file:")),
        runtime_port=link.runtime_port,
        runtime_secret=load_secret(link.runtime_secret),
        folder=premises.config.store.path.parent / "flower",
        short_waits=link.short_waits,
    )


def _refusal(premises: Premises, terms: Terms) -> str | None:
    """Give the code of why the terms are not approved now, None when they are."""
    state = state_of(premises, terms.digest)
    return None if state is ApprovalState.APPROVED else f"agent.approval-{state}"


def note_payload(premises: Premises, payload: bytes) -> None:
    """Write into the book what is about to leave; if that fails, it does not leave."""
    premises.record(EventKind.PAYLOAD_SENT, payload=sha256_hex(payload), bytes=len(payload))


def _report(premises: Premises, rounds: Round, tally: _Tally) -> RunReport:
    kinds = Counter(task.message_type for task in tally.tasks if task.code is None)
    return RunReport(
        site=premises.config.site.name,
        rounds=kinds["train"],
        evaluations=kinds["evaluate"],
        refused=dict(Counter(task.code for task in tally.tasks if task.code is not None)),
        bytes_sent=sum(task.bytes_sent for task in tally.tasks),
        suppressed=tuple(sorted({name for u in rounds.released for name in u.suppressed})),
    )
