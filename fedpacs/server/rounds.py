"""The rounds of a run, top to bottom: wait, train and average, evaluate, publish.

After every round the weights and what each site gave are on disk. A round with fewer valid answers
than the job's minimum ends the run; it is never averaged from fewer, and never called a success.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fedpacs.federation.messages import EVALUATE, TRAIN
from fedpacs.server.errors import QuorumError
from fedpacs.server.registry import RoundRecord, RunRecord
from fedpacs.server.strategy import average

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.config.job import JobConfig
    from fedpacs.core.update import GlobalModel
    from fedpacs.core.wire import WireSchema
    from fedpacs.server.exchange import Answers, Sites
    from fedpacs.server.registry import RunFolder

_PATIENCE_S = 30.0
"""How long the first round waits for members beyond the minimum."""


@dataclass(frozen=True, slots=True)
class Run:
    """Everything one run needs."""

    job: JobConfig
    schema: WireSchema
    sites: Sites
    folder: RunFolder


def run_rounds(run: Run, initial: GlobalModel, record: RunRecord) -> RunRecord:
    """Run a job to its end and give the completed record.

    Parameters
    ----------
    initial
        Model of round 0.
    record
        Empty record of the run; it is kept up to date on disk.

    Raises
    ------
    TooFewSitesError, QuorumError
        If the minimum of sites is not there, or lost in a round.
    NotFiniteError
        If the average overflows.
    """
    rules = run.job.federation
    model, patience_s = initial, min(_PATIENCE_S, rules.round_timeout_s)
    for _ in range(rules.rounds):
        start = time.monotonic()
        record = _keep(run, replace(record, phase="training"))
        nodes = run.sites.wait(rules.minimum_sites, patience_s, rules.round_timeout_s)
        answers = run.sites.ask(TRAIN, model, nodes, rules.round_timeout_s)
        _require_quorum(answers, rules.minimum_sites, model.server_round + 1)
        model = average(answers.valid, model, run.schema, rules.minimum_sites)
        digest = run.folder.checkpoint(model, run.schema)
        entry = RoundRecord(
            server_round=model.server_round,
            model_digest=digest,
            seconds=round(time.monotonic() - start, 3),
            sites=_metrics(answers),
            absent=answers.absent,
        )
        record = _keep(run, replace(record, rounds=(*record.rounds, entry)))
        patience_s = 0.0
    return _evaluate(run, model, record)


def _evaluate(run: Run, model: GlobalModel, record: RunRecord) -> RunRecord:
    rules = run.job.federation
    digest = run.folder.publish(model, run.schema)
    record = _keep(run, replace(record, phase="evaluating", model_digest=digest))
    nodes = run.sites.wait(rules.minimum_sites, 0.0, rules.round_timeout_s)
    answers = run.sites.ask(EVALUATE, model, nodes, rules.round_timeout_s)
    record = replace(record, evaluation=_metrics(answers), evaluation_absent=dict(answers.absent))
    _keep(run, record)
    _require_quorum(answers, rules.minimum_sites, model.server_round)
    return _keep(run, replace(record, phase="completed"))


def _require_quorum(answers: Answers, minimum: int, server_round: int) -> None:
    if len(answers.valid) >= minimum:
        return
    missing = ", ".join(f"{name} ({code})" for name, code in sorted(answers.absent.items()))
    raise QuorumError(
        f"Round {server_round} got {len(answers.valid)} valid answers of at least {minimum}; "
        f"missing: {missing}.",
        answers.absent,
    )


def _metrics(answers: Answers) -> dict[str, Mapping[str, float]]:
    return {name: dict(answer.update.metrics) for name, answer in sorted(answers.valid.items())}


def _keep(run: Run, record: RunRecord) -> RunRecord:
    run.folder.write(record)
    return record
