"""The executor: all contact with Flower's internals at a hospital, and the refusal of its code.

The stock SuperNode runs with ``--isolation process``: it relays messages and executes nothing. The
executor takes the CLIENT_APP tasks from the SuperNode's loopback Runtime API and decides, for every
task anew and before it opens the message, whether the hospital approved it:

1. the approval stands now (`Permit.refusal` is asked again);
2. SHA-256 of the bundle's *content* is the approved one (never the digest the server names);
3. the run configuration, as Flower fused it, is exactly the approved one;
4. the message is of type ``train`` or ``evaluate``;
5. the message holds exactly what the schema names, for this job, for a round within the approved.

The bundle is never unpacked, installed or imported. Only then is the `RoundHandler` called, in this
warm process. Whatever fails, the server is told a code: no exception text, no path, no traceback.

A contract test holds every Flower name used here (``tests/contracts/test_flower_names.py``).
"""

from __future__ import annotations

import logging
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from flwr.app import Error, Message
from flwr.app.message import remove_content_from_message
from flwr.common.constant import ErrorCode, SubStatus
from flwr.common.serde import message_from_proto, message_to_proto, user_config_from_proto
from flwr.proto.node_pb2 import Node
from flwr.proto.runtime_pb2 import (
    AcquireTaskRequest,
    PullAppMessagesRequest,
    PullTaskInputRequest,
    PushAppMessagesRequest,
    PushTaskOutputRequest,
    SendTaskHeartbeatRequest,
)
from flwr.supercore.constant import TaskType
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    iterate_object_tree,
    no_object_id_recompute,
)
from flwr.supercore.inflatable.inflatable_protobuf_utils import (
    make_confirm_message_received_fn_protobuf,
    make_pull_object_fn_protobuf,
    make_push_object_fn_protobuf,
)
from flwr.supercore.inflatable.inflatable_utils import (
    ObjectPullError,
    ObjectPushError,
    inflate_object_from_contents,
    pull_objects,
    push_object_contents_from_iterable,
)
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.runtime import RuntimeHttpClient

from fedpacs.agent.ports import Task
from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import AgentError, FedpacsError
from fedpacs.federation.errors import UnexpectedRecordError
from fedpacs.federation.messages import message_kind, read_model, write_update

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flwr.proto.runtime_pb2 import PullTaskInputResponse
    from flwr.supercore.protobuf.client import ProtobufClientInterceptor

    from fedpacs.agent.ports import Permit, RoundHandler
    from fedpacs.core.update import GlobalModel

_LOG = logging.getLogger(__name__)
_ACQUIRE_METHOD = "/flwr.proto.Runtime/AcquireTask"
_COMPONENT = "fedpacs-executor"
_HEARTBEAT_S = 10.0
_FIRST_PULL_WAIT_S = 0.05
_LONGEST_PULL_WAIT_S = 1.0
_PULL_TIME_S = 600.0
_LOST_AFTER_S = 15.0
_NOT_SENT = "agent.reply-not-sent"


class TaskRefusedError(AgentError):
    """A task is not what the hospital approved. The code of the rule is in `rule`."""

    code = "agent.task-refused"
    default_hint = "Compare the job with `fedpacs job preview` and, if it is right, approve it."

    def __init__(self, rule: str) -> None:
        super().__init__(f"A task was refused: {rule}.")
        self.rule = rule


class SuperNodeLostError(AgentError):
    """The SuperNode of this hospital no longer answers."""

    code = "agent.supernode-lost"
    default_hint = "Read the supernode.log of the site, then start `fedpacs site train` again."


class SuperNodeRefusedError(AgentError):
    """The SuperNode does not accept the executor's secret."""

    code = "agent.supernode-refused"
    default_hint = "Another SuperNode may be using `link.runtime_port` of site.toml: stop it."


@dataclass(frozen=True, slots=True)
class _Opened:
    """A task's message, whose content has not been looked at."""

    message: Message
    contents: dict[str, bytes]
    run_id: int
    node_id: int


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
        Given the serialised reply *before* it is handed to the SuperNode. If it raises, nothing is
        handed over and the error comes out of `take`.
    """

    def __init__(
        self,
        runtime_address: str,
        secret: bytes,
        permit: Permit,
        handler: RoundHandler,
        on_egress: Callable[[bytes], None],
    ) -> None:
        self._address = runtime_address
        self._permit = permit
        self._handler = handler
        self._on_egress = on_egress
        self._queue = self._client(
            SuperExecAuthHttpInterceptor(
                master_secret=secret, protected_methods=frozenset({_ACQUIRE_METHOD})
            )
        )

    def close(self) -> None:
        """Close the connection to the SuperNode."""
        self._queue.close()

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
        """
        answered = time.monotonic()
        while not stopped():
            try:
                task = self.take()
            except httpx.TransportError as error:
                if time.monotonic() - answered > _LOST_AFTER_S:
                    raise SuperNodeLostError("The SuperNode does not answer.") from error
                task = None
            else:
                answered = time.monotonic()
            if task is not None and until(task):
                return
            if task is None:
                time.sleep(poll_s)

    def take(self) -> Task | None:
        """Take one task if there is one, and answer it.

        Raises
        ------
        FedpacsError
            If `on_egress` refused the reply; nothing was sent then.
        """
        try:
            acquired = self._queue.AcquireTask(
                AcquireTaskRequest(supported_task_types=[TaskType.CLIENT_APP])
            )
        except httpx.HTTPStatusError as error:
            raise SuperNodeRefusedError("The SuperNode does not hand out tasks.") from error
        if not acquired.HasField("task") or not acquired.token:
            return None
        client = self._client(RuntimeTokenHttpInterceptor(acquired.token))
        try:
            with _heartbeat(client):
                return self._answer(client)
        except (httpx.HTTPError, ObjectPullError, ObjectPushError):
            _LOG.warning("reply not sent", extra={"code": _NOT_SENT})
            return Task(acquired.task.run_id, "", None, _NOT_SENT, 0)
        finally:
            client.close()

    def _answer(self, client: RuntimeHttpClient) -> Task:
        given = client.PullTaskInput(PullTaskInputRequest())
        sub_status, details = SubStatus.FAILED, _NOT_SENT
        try:
            opened = _open(client, given)
            kind, server_round, code, reply = self._decide(given, opened)
            sent = self._send(client, opened, reply)
            sub_status, details = SubStatus.COMPLETED, ""
        finally:
            client.PushTaskOutput(
                PushTaskOutputRequest(context=given.context, sub_status=sub_status, details=details)
            )
        return Task(opened.run_id, kind, server_round, code, sent)

    def _decide(
        self, given: PullTaskInputResponse, opened: _Opened
    ) -> tuple[str, int | None, str | None, Message]:
        kind, server_round, failure = "", None, ErrorCode.INVALID_FAB
        try:
            self._require_permit(given, opened.message)
            kind = message_kind(opened.message.metadata.message_type)
            failure = ErrorCode.CLIENT_APP_RAISED_EXCEPTION
            model = self._read(opened)
            server_round = model.server_round
            released = self._handler.handle(kind, model)
            content = write_update(released, self._permit.schema)
            return kind, server_round, None, Message(content, reply_to=opened.message)
        except TaskRefusedError as refusal:
            code = refusal.rule
        except FedpacsError as error:
            code = error.code
        except Exception as error:  # noqa: BLE001 - whatever a task raises, the server gets a code
            code = "agent.task-failed"
            _LOG.error("task failed", extra={"code": code, "kind": type(error).__name__})
        return kind, server_round, code, Message(Error(failure, code), reply_to=opened.message)

    def _require_permit(self, given: PullTaskInputResponse, message: Message) -> None:
        """Compare the task with what was approved, before its message is opened."""
        permit = self._permit
        if (refusal := permit.refusal()) is not None:
            raise TaskRefusedError(refusal)
        if sha256_hex(given.fab.content) != permit.bundle_digest:
            raise TaskRefusedError("agent.bundle-not-approved")
        if user_config_from_proto(given.context.run_config) != dict(permit.run_config):
            raise TaskRefusedError("agent.run-config-not-approved")
        try:
            message_kind(message.metadata.message_type)
        except UnexpectedRecordError as error:
            raise TaskRefusedError("agent.message-type-not-approved") from error

    def _read(self, opened: _Opened) -> GlobalModel:
        try:
            message = inflate_object_from_contents(
                opened.message.metadata.message_id, opened.contents
            )
        except Exception as error:
            # Flower raises many kinds for a malformed object, some of them bare
            raise UnexpectedRecordError("A message cannot be read.") from error
        if not isinstance(message, Message) or not message.has_content():
            raise UnexpectedRecordError("A message has no content.")
        model = read_model(message.content, self._permit.schema, self._permit.job_digest)
        if model.server_round > self._permit.rounds:
            raise TaskRefusedError("agent.round-not-approved")
        return model

    def _send(self, client: RuntimeHttpClient, opened: _Opened, reply: Message) -> int:
        reply.metadata.__dict__["_message_id"] = reply.object_id
        header = message_to_proto(remove_content_from_message(reply))
        with no_object_id_recompute():
            tree = get_object_tree(reply)
            contents = {
                object_id: nested.deflate()
                for object_id, nested in get_all_nested_objects(reply).items()
            }
        serialised = header.SerializeToString(deterministic=True) + b"".join(contents.values())
        self._on_egress(serialised)
        pushed = client.PushMessages(
            PushAppMessagesRequest(messages_list=[header], message_object_trees=[tree])
        )
        wanted = set(pushed.objects_to_push)
        push_object_contents_from_iterable(
            ((key, content) for key, content in contents.items() if key in wanted),
            make_push_object_fn_protobuf(
                client.PushObject,
                Node(node_id=opened.node_id),
                run_id=opened.run_id,
                session_id=pushed.session_id,
            ),
        )
        return len(serialised)

    def _client(self, credential: ProtobufClientInterceptor) -> RuntimeHttpClient:
        # No retry invoker: Flower's raises SIGINT in this process when the SuperNode says 401.
        return RuntimeHttpClient.from_server_address(
            server_address=self._address,
            insecure=True,
            root_certificates=None,
            interceptors=[RuntimeVersionHttpInterceptor(component_name=_COMPONENT), credential],
        )


def _open(client: RuntimeHttpClient, given: PullTaskInputResponse) -> _Opened:
    """Fetch the task's message as bytes, so that the SuperNode is done with it either way."""
    run_id, node = given.run.run_id, Node(node_id=given.context.node_id)
    pulled = client.PullMessages(PullAppMessagesRequest())
    tree = pulled.message_object_trees[0]
    contents = pull_objects(
        [branch.object_id for branch in iterate_object_tree(tree)],
        make_pull_object_fn_protobuf(client.PullObject, node, run_id),
        max_time=_PULL_TIME_S,
        initial_backoff=_FIRST_PULL_WAIT_S,
        backoff_cap=_LONGEST_PULL_WAIT_S,
    )
    make_confirm_message_received_fn_protobuf(client.ConfirmMessageReceived, node, run_id)(
        tree.object_id
    )
    message = message_from_proto(pulled.messages_list[0])
    message.metadata.__dict__["_message_id"] = tree.object_id
    return _Opened(message, contents, run_id, node.node_id)


@contextmanager
def _heartbeat(client: RuntimeHttpClient) -> Iterator[None]:
    """Tell the SuperNode that the task is alive, as long as the block runs."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_HEARTBEAT_S):
            try:
                client.SendTaskHeartbeat(SendTaskHeartbeatRequest())
            except httpx.HTTPError:
                continue  # the next one may pass; a lost task shows when the reply is sent

    thread = threading.Thread(target=beat, name="fedpacs-heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
