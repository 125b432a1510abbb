"""The executor: decides which tasks of the SuperNode this hospital approved, and answers them.

The SuperNode runs with ``--isolation process``: it relays messages and executes nothing. The
executor takes its tasks and decides, for every task anew and before it opens the message, whether
the hospital approved it:

1. the approval stands now (`Permit.refusal` is asked again);
2. SHA-256 of the bundle's *content* is the approved one (never the digest the server names);
3. the run configuration, as Flower fused it, is exactly the approved one;
4. the message is of type ``train`` or ``evaluate``;
5. the message holds exactly what the schema names, for this job, for a round within the approved.

The bundle is never unpacked, installed or imported. Only then is the `RoundHandler` called, in this
warm process. Whatever fails, the server is told a code: no exception text, no path, no traceback.
"""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from fedpacs.agent.assignment import ReplyNotSentError
from fedpacs.agent.ports import Task
from fedpacs.agent.runtime_link import RuntimeLink, SuperNodeLostError
from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import AgentError, FedpacsError
from fedpacs.federation.errors import UnexpectedRecordError
from fedpacs.federation.messages import TRAIN, message_kind, read_model, write_update

if TYPE_CHECKING:
    from collections.abc import Callable

    from flwr.app import RecordDict

    from fedpacs.agent.assignment import Assignment, Outgoing
    from fedpacs.agent.ports import Permit, RoundHandler
    from fedpacs.core.update import GlobalModel
    from fedpacs.federation.messages import MessageKind

_LOG = logging.getLogger(__name__)
_LOST_AFTER_S = 15.0
_AROUND_BYTES = 1 << 20
"""Room for what stands around the weights in a message."""


class TaskRefusedError(AgentError):
    """A task is not what the hospital approved. `rule` is the code of the rule it broke."""

    code = "agent.task-refused"
    default_hint = "Compare the job with `fedpacs job preview` and, if it is right, approve it."

    def __init__(self, rule: str) -> None:
        super().__init__(f"A task was refused: {rule}.")
        self.rule = rule


class Executor:
    """Takes approved tasks from one SuperNode and answers them in this process.

    Parameters
    ----------
    runtime_address
        ``host:port`` of the SuperNode's Runtime API; loopback.
    secret
        Shared with the SuperNode; without it nobody else on the machine can take tasks.
    permit
        What the hospital approved.
    handler
        Trains, evaluates and passes gate 3.
    on_egress
        Given every byte of the reply *before* it is handed to the SuperNode, refusals too. If it
        raises, nothing is handed over and the error comes out of `take`.
    """

    def __init__(
        self,
        runtime_address: str,
        secret: bytes,
        permit: Permit,
        handler: RoundHandler,
        on_egress: Callable[[bytes], None],
    ) -> None:
        self._link = RuntimeLink(runtime_address, secret, permit.schema.nbytes + _AROUND_BYTES)
        self._permit = permit
        self._handler = handler
        self._on_egress = on_egress

    def close(self) -> None:
        """Close the connection to the SuperNode."""
        self._link.close()

    def serve(
        self,
        until: Callable[[Task], bool],
        stopped: Callable[[], bool] = lambda: False,
        poll_s: float = 0.1,
    ) -> None:
        """Take tasks one after the other.

        Parameters
        ----------
        until
            Told of every finished task; the loop ends when it says True.
        stopped
            Asked between tasks; the loop ends when it says True.
        poll_s
            Pause between two questions for a task.

        Raises
        ------
        SuperNodeLostError
            If the SuperNode does not answer for 15 s.
        SuperNodeRefusedError
            If it does not accept the secret.
        """
        answered = time.monotonic()
        while not stopped():
            try:
                task = self.take()
                answered = time.monotonic()
            except SuperNodeLostError:
                if time.monotonic() - answered > _LOST_AFTER_S:
                    raise
                task = None
            if task is None:
                time.sleep(poll_s)
            elif until(task):
                return

    def take(self) -> Task | None:
        """Take one task if there is one, and answer it.

        Raises
        ------
        FedpacsError
            If `on_egress` refused the reply; nothing was sent then.
        """
        try:
            with self._link.next_task() as assignment:
                return None if assignment is None else self._answer(assignment)
        except ReplyNotSentError as error:
            _LOG.warning("reply not sent", extra={"code": error.code})
            return Task(0, "", None, error.code, 0)

    def _answer(self, assignment: Assignment) -> Task:
        kind, server_round, code = "", None, None
        try:
            kind = self._require_permit(assignment)
            model = self._read(assignment, kind)
            server_round = model.server_round
            outgoing = self._work(assignment, kind, model)
        except FedpacsError as error:
            code = error.rule if isinstance(error, TaskRefusedError) else error.code
            outgoing = assignment.refusal(code, before_work=server_round is None)
        self._on_egress(outgoing.payload)
        assignment.send(outgoing)
        return Task(assignment.run_id, kind, server_round, code, len(outgoing.payload))

    def _work(self, assignment: Assignment, kind: MessageKind, model: GlobalModel) -> Outgoing:
        try:
            content = self._content(kind, model)
        except FedpacsError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever is raised, the server gets a code
            # only the kind is logged: a message or traceback could hold a patient's data
            _LOG.error("task failed", extra={"kind": type(error).__name__})
            raise TaskFailedError(f"A task failed: {type(error).__name__}.") from None
        return assignment.reply(content)

    def _content(self, kind: MessageKind, model: GlobalModel) -> RecordDict:
        return write_update(self._handler.handle(kind, model), self._permit.schema)

    def _require_permit(self, assignment: Assignment) -> MessageKind:
        """Compare the task with what was approved, before its message is opened."""
        permit = self._permit
        try:
            refusal = permit.refusal()
        except FedpacsError as error:
            raise TaskRefusedError(error.code) from error  # no answer is a refusal
        if refusal is not None:
            raise TaskRefusedError(refusal)
        if sha256_hex(assignment.bundle) != permit.bundle_digest:
            raise TaskRefusedError("agent.bundle-not-approved")
        if assignment.run_config != dict(permit.run_config):
            raise TaskRefusedError("agent.run-config-not-approved")
        try:
            return self._kind(assignment.message_type)
        except UnexpectedRecordError as error:
            raise TaskRefusedError("agent.message-type-not-approved") from error

    def _kind(self, message_type: str) -> MessageKind:
        return message_kind(message_type)

    def _read(self, assignment: Assignment, kind: MessageKind) -> GlobalModel:
        permit = self._permit
        model = read_model(assignment.content(), permit.schema, permit.job_digest)
        last = permit.rounds - 1 if kind == TRAIN else permit.rounds
        if model.server_round > last:
            raise TaskRefusedError("agent.round-not-approved")
        return model


class TaskFailedError(AgentError):
    """Approved work failed in a way nobody foresaw."""

    code = "agent.task-failed"
    default_hint = "The site's log names the kind of the error; report it with the FedPACS version."
