"""Ports between the executor, which knows Flower, and the hospital's round, which does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fedpacs.core.update import GlobalModel, ReleasedUpdate
    from fedpacs.core.wire import WireSchema


class RoundHandler(Protocol):
    """What a hospital does with a global model. It runs in the executor's warm process."""

    def handle(self, message_type: str, model: GlobalModel) -> ReleasedUpdate:
        """Train on or evaluate the model and pass gate 3.

        Parameters
        ----------
        message_type
            ``train`` or ``evaluate``.

        Raises
        ------
        FedpacsError
            If the task is refused or fails; the server is told the code and nothing else.
        """
        ...


@dataclass(frozen=True, slots=True)
class Permit:
    """What a hospital approved, in the terms that a task is compared with.

    Attributes
    ----------
    job_digest
        Job that every message must name.
    bundle_digest
        SHA-256 that the content of the bundle must have.
    run_config
        Run configuration, fused by Flower, that the task must carry, neither more nor less.
    schema
        All that may be in a message, both ways.
    rounds
        Last round that may be asked for.
    refusal
        Asked again for every task: None while the approval stands, else the code of why it does
        not (revoked, expired, paused ...). So a revocation takes effect at once.
    """

    job_digest: str
    bundle_digest: str
    run_config: Mapping[str, str | int | float | bool]
    schema: WireSchema
    rounds: int
    refusal: Callable[[], str | None]


@dataclass(frozen=True, slots=True)
class Task:
    """Outcome of one task that the executor took.

    Attributes
    ----------
    run_id
        Flower's run.
    message_type
        ``train`` or ``evaluate``; empty when it was refused before the message was looked at.
    server_round
        Round asked for; None when the task was refused before the message was looked at.
    code
        None when an update was released, else the code that the server was told.
    bytes_sent
        Length of the serialised reply.
    """

    run_id: int
    message_type: str
    server_round: int | None
    code: str | None
    bytes_sent: int
