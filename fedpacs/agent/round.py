"""One task of a round: approval, local work, gate 3, the book, release."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.agent.gates import pass_gate
from fedpacs.core.digest import digest_of, sha256_hex
from fedpacs.core.errors import AgentError
from fedpacs.core.update import ReleasedUpdate
from fedpacs.policy import egress
from fedpacs.policy.limits import stricter
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fedpacs.agent.learner import Learner
    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import JobConfig
    from fedpacs.core.update import GlobalModel, LocalUpdate
    from fedpacs.core.wire import WireSchema

_RELEASED = {
    "train": EventKind.UPDATE_RELEASED,
    "evaluate": EventKind.EVALUATION_RELEASED,
}


class RepeatedTaskError(AgentError):
    """A task came that was answered before: each answer tells more about the patients."""

    code = "agent.task-repeated"
    default_hint = (
        "If the consortium had to start the job again, stop `fedpacs site train` and start it anew."
    )


class Round:
    """Handles the approved job's train and evaluate tasks, in the warm process.

    Each round is answered once: a server that asks again, with weights of its own choice, would
    else have as many answers as it likes out of an approval of a few rounds.

    Parameters
    ----------
    premises
        The site.
    job
        The approved job.
    schema
        The approved record.
    learner
        The site's network and data.

    Attributes
    ----------
    released
        What left, in order.
    """

    def __init__(
        self, premises: Premises, job: JobConfig, schema: WireSchema, learner: Learner
    ) -> None:
        self._premises = premises
        self._job = job
        self.schema = schema
        self._learner = learner
        self.released: list[ReleasedUpdate] = []
        self._answered: set[tuple[str, int]] = set()

    def handle(self, message_type: str, model: GlobalModel) -> ReleasedUpdate:
        """Do one task.

        Raises
        ------
        RepeatedTaskError
            If this round was answered before.
        GateClosedError
            If gate 3 stays closed; nothing leaves but the code.
        """
        task = (message_type, model.server_round)
        if task in self._answered:
            raise RepeatedTaskError("A round was asked for that was answered before.")
        self._premises.record(
            EventKind.TASK_ACCEPTED,
            job=model.job_digest,
            round=model.server_round,
            model=sha256_hex(np.ascontiguousarray(model.weights).tobytes()),
        )
        local = self._learner.fit(model) if message_type == "train" else self._learner.score(model)
        if local.weights is not None:  # measured here, not believed
            local = replace(local, update_norm=_step(local.weights, model.weights))
        update = self.release(message_type, local)
        self._answered.add(task)
        self.released.append(update)
        return update

    def release(self, message_type: str, local: LocalUpdate) -> ReleasedUpdate:
        """Ask gate 3 and give what it lets through."""
        limits = stricter(self._premises.config.limits, self._job)
        facts = _facts(message_type, local, self.schema, self._job.digest, limits)
        subject = _subject(local)
        pass_gate(self._premises, egress.decide(facts), subject)
        metrics, suppressed = egress.suppress(local.metrics, limits.minimum_cell)
        self._premises.record(
            _RELEASED[message_type],
            job=local.job_digest,
            round=local.server_round,
            update=subject,
            update_norm=local.update_norm,
            num_metrics=len(metrics),
            num_suppressed=len(suppressed),
        )
        return ReleasedUpdate(
            job_digest=local.job_digest,
            server_round=local.server_round,
            weights=local.weights,
            metrics=metrics,
            suppressed=suppressed,
        )


def _facts(
    message_type: str,
    local: LocalUpdate,
    schema: WireSchema,
    approved_job_digest: str,
    limits: egress.EgressLimits,
) -> egress.EgressFacts:
    weights = local.weights
    arrays = {} if weights is None else {schema.array_name: weights}
    return egress.EgressFacts(
        message_type=message_type,
        job_digest=local.job_digest,
        approved_job_digest=approved_job_digest,
        shapes={name: tuple(array.shape) for name, array in arrays.items()},
        dtypes={name: str(array.dtype) for name, array in arrays.items()},
        finite=all(bool(np.isfinite(array).all()) for array in arrays.values()),
        update_norm=local.update_norm,
        metrics=local.metrics,
        schema=schema,
        limits=limits,
        server_round=local.server_round,
    )


def _step(weights: NDArray[np.float32], asked: NDArray[np.float32]) -> float:
    """L2 norm of the step; infinite where the two cannot be compared."""
    if weights.shape != asked.shape:
        return float("inf")
    return float(np.linalg.norm(weights.astype(np.float64) - asked))


def _subject(local: LocalUpdate) -> str:
    """Digest of exactly what stands before the gate, numbers as written: NaN has one, too."""
    metrics = {name: [repr(m.value), m.num_patients] for name, m in sorted(local.metrics.items())}
    weights = b"" if local.weights is None else np.ascontiguousarray(local.weights).tobytes()
    return digest_of({"metrics": metrics, "weights": sha256_hex(weights)})
