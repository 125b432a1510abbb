"""The link to the SuperNode's Runtime API, where tasks are taken.

Flower's own protocol, spoken as its ``flwr-clientapp`` process speaks it. A contract test holds
every Flower name used here (``tests/contracts/test_flower_names.py``).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
from flwr.common.constant import SubStatus
from flwr.proto.runtime_pb2 import (
    AcquireTaskRequest,
    PullTaskInputRequest,
    PushTaskOutputRequest,
    SendTaskHeartbeatRequest,
)
from flwr.supercore.constant import TaskType
from flwr.supercore.interceptors import (
    RuntimeTokenHttpInterceptor,
    RuntimeVersionHttpInterceptor,
    SuperExecAuthHttpInterceptor,
)
from flwr.supercore.runtime import RuntimeHttpClient

from fedpacs.agent.assignment import NOT_SENT, Assignment, explained
from fedpacs.core.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flwr.supercore.protobuf.client import ProtobufClientInterceptor

_ACQUIRE_METHOD = "/flwr.proto.Runtime/AcquireTask"
_COMPONENT = "fedpacs-executor"
_HEARTBEAT_S = 10.0


class SuperNodeRefusedError(AgentError):
    """The SuperNode does not accept the executor's secret."""

    code = "agent.supernode-refused"
    default_hint = "Another SuperNode may be using `link.runtime_port` of site.toml: stop it."


class SuperNodeLostError(AgentError):
    """The SuperNode of this hospital does not answer."""

    code = "agent.supernode-lost"
    default_hint = "Read the supernode.log of the site, then start `fedpacs site train` again."


class RuntimeLink:
    """The executor's side of one SuperNode's Runtime API.

    Parameters
    ----------
    address
        ``host:port``; loopback.
    secret
        Shared with the SuperNode.
    maximum_bytes
        Largest message that is taken in.
    """

    def __init__(self, address: str, secret: bytes, maximum_bytes: int) -> None:
        self._address = address
        self._maximum_bytes = maximum_bytes
        self._queue = self._client(
            SuperExecAuthHttpInterceptor(
                master_secret=secret, protected_methods=frozenset({_ACQUIRE_METHOD})
            )
        )

    def close(self) -> None:
        """Close the connection."""
        self._queue.close()

    @contextmanager
    def next_task(self) -> Iterator[Assignment | None]:
        """Take the next task, None if there is none, and tell the SuperNode when it is done.

        Raises
        ------
        SuperNodeLostError
            If the SuperNode does not answer.
        SuperNodeRefusedError
            If it does not accept the secret.
        ReplyNotSentError
            If the task cannot be fetched.
        """
        token = self._acquire()
        if token is None:
            yield None
            return
        client = self._client(RuntimeTokenHttpInterceptor(token))
        try:
            with _heartbeat(client), explained():
                given = client.PullTaskInput(PullTaskInputRequest())
                assignment = Assignment(client, given, self._maximum_bytes)
                sub_status, details = SubStatus.FAILED, NOT_SENT
                try:
                    yield assignment
                    sub_status, details = SubStatus.COMPLETED, ""
                finally:
                    client.PushTaskOutput(
                        PushTaskOutputRequest(
                            context=given.context, sub_status=sub_status, details=details
                        )
                    )
        finally:
            client.close()

    def _acquire(self) -> str | None:
        try:
            acquired = self._queue.AcquireTask(
                AcquireTaskRequest(supported_task_types=[TaskType.CLIENT_APP])
            )
        except httpx.TransportError as error:
            raise SuperNodeLostError("The SuperNode does not answer.") from error
        except httpx.HTTPStatusError as error:
            raise SuperNodeRefusedError("The SuperNode does not hand out tasks.") from error
        return acquired.token if acquired.HasField("task") and acquired.token else None

    def _client(self, credential: ProtobufClientInterceptor) -> RuntimeHttpClient:
        # No retry invoker: Flower's raises SIGINT in this process when the SuperNode says 401.
        return RuntimeHttpClient.from_server_address(
            server_address=self._address,
            insecure=True,
            root_certificates=None,
            interceptors=[RuntimeVersionHttpInterceptor(component_name=_COMPONENT), credential],
        )


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
