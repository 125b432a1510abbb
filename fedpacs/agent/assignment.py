"""One task of the SuperNode: bundle and message in, serialised reply out.

Flower's own protocol, spoken as its ``flwr-clientapp`` process speaks it, except that the bundle is
handed over as bytes and nothing is unpacked, installed or imported. A contract test holds every
Flower name used here (``tests/contracts/test_flower_names.py``).
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
from flwr.app import Error, Message, RecordDict
from flwr.app.message import remove_content_from_message
from flwr.common.constant import ErrorCode
from flwr.common.serde import message_from_proto, message_to_proto, user_config_from_proto
from flwr.proto.node_pb2 import Node
from flwr.proto.runtime_pb2 import (
    PullAppMessagesRequest,
    PushAppMessagesRequest,
)
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

from fedpacs.core.errors import AgentError
from fedpacs.federation.errors import UnexpectedRecordError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flwr.proto.message_pb2 import Message as MessageProto
    from flwr.proto.message_pb2 import ObjectTree
    from flwr.proto.runtime_pb2 import PullTaskInputResponse
    from flwr.supercore.runtime import RuntimeHttpClient


NOT_SENT = "agent.reply-not-sent"
_FIRST_PULL_WAIT_S = 0.05
_LONGEST_PULL_WAIT_S = 1.0
_PULL_TIME_S = 600.0


class ReplyNotSentError(AgentError):
    """A task's message or its reply could not be exchanged with the SuperNode."""

    code = NOT_SENT
    default_hint = "Most often the run has ended meanwhile; else read the site's supernode.log."


class MessageTooLargeError(AgentError):
    """A message is larger than any that the approved job may send."""

    code = "agent.message-too-large"
    default_hint = "Ask the consortium what its server sends; nothing of it was opened here."


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A reply, serialised: nothing but this is handed to the SuperNode.

    Attributes
    ----------
    payload
        Every byte of it: header, then each object.
    """

    header: MessageProto
    tree: ObjectTree
    objects: dict[str, bytes]

    @property
    def payload(self) -> bytes:
        """All bytes, in the order in which they are handed over."""
        header: bytes = self.header.SerializeToString(deterministic=True)
        return header + b"".join(self.objects.values())


class Assignment:
    """One task of the SuperNode. Its message stays closed until `content` is asked for.

    Parameters
    ----------
    client
        Runtime API, with the token of the task.
    given
        What the SuperNode says of the task.
    maximum_bytes
        Of a larger message no more than this is taken into memory.
    """

    def __init__(
        self, client: RuntimeHttpClient, given: PullTaskInputResponse, maximum_bytes: int
    ) -> None:
        self.run_id: int = given.run.run_id
        self.bundle: bytes = given.fab.content
        self.run_config = user_config_from_proto(given.context.run_config)
        self._client = client
        self._node = Node(node_id=given.context.node_id)
        self._room = maximum_bytes
        self._message, self._objects = self._fetch()

    @property
    def message_type(self) -> str:
        """Type that the server gave the message."""
        return str(self._message.metadata.message_type)

    def content(self) -> RecordDict:
        """Open the message.

        Raises
        ------
        MessageTooLargeError
            If it is larger than a message of the job may be.
        UnexpectedRecordError
            If it cannot be read or has no content.
        """
        if self._room < 0:
            raise MessageTooLargeError("A message is larger than the job needs.")
        try:
            message = inflate_object_from_contents(
                self._message.metadata.message_id, dict(self._objects)
            )
        except Exception as error:
            # Flower raises many kinds for a malformed object, some of them bare
            raise UnexpectedRecordError("A message cannot be read.") from error
        if not isinstance(message, Message) or not message.has_content():
            raise UnexpectedRecordError("A message has no content.")
        return message.content

    def reply(self, content: RecordDict) -> Outgoing:
        """Serialise an answer."""
        return _serialise(Message(content, reply_to=self._message))

    def refusal(self, code: str, *, before_work: bool) -> Outgoing:
        """Serialise the code of why there is no answer.

        Parameters
        ----------
        before_work
            True when the task was not approved, False when approved work failed.
        """
        kind = ErrorCode.INVALID_FAB if before_work else ErrorCode.CLIENT_APP_RAISED_EXCEPTION
        return _serialise(Message(Error(kind, code), reply_to=self._message))

    def send(self, outgoing: Outgoing) -> None:
        """Hand a reply to the SuperNode.

        Raises
        ------
        ReplyNotSentError
            If the SuperNode did not take it.
        """
        with explained():
            pushed = self._client.PushMessages(
                PushAppMessagesRequest(
                    messages_list=[outgoing.header], message_object_trees=[outgoing.tree]
                )
            )
            wanted = set(pushed.objects_to_push)
            push_object_contents_from_iterable(
                ((key, content) for key, content in outgoing.objects.items() if key in wanted),
                make_push_object_fn_protobuf(
                    self._client.PushObject,
                    self._node,
                    run_id=self.run_id,
                    session_id=pushed.session_id,
                ),
            )

    def _fetch(self) -> tuple[Message, dict[str, bytes]]:
        """Take the message as bytes, so that the SuperNode is done with it either way."""
        pulled = self._client.PullMessages(PullAppMessagesRequest())
        if not pulled.messages_list or not pulled.message_object_trees:
            raise ReplyNotSentError("The SuperNode has no message for a task.")
        tree = pulled.message_object_trees[0]
        objects = self._pull([branch.object_id for branch in iterate_object_tree(tree)])
        confirm = make_confirm_message_received_fn_protobuf(
            self._client.ConfirmMessageReceived, self._node, self.run_id
        )
        confirm(tree.object_id)
        message = message_from_proto(pulled.messages_list[0])
        message.metadata.__dict__["_message_id"] = tree.object_id
        return message, objects

    def _pull(self, object_ids: list[str]) -> dict[str, bytes]:
        """Pull a message's objects, as long as there is room for them."""
        pull = make_pull_object_fn_protobuf(self._client.PullObject, self._node, self.run_id)

        def pull_if_room(object_id: str) -> bytes:
            if self._room >= 0:
                content = pull(object_id)
                self._room -= len(content)
            if self._room < 0:
                raise ObjectPullError(object_id, "the message is too large")
            return content

        try:
            return pull_objects(
                object_ids,
                pull_if_room,
                max_time=_PULL_TIME_S,
                initial_backoff=_FIRST_PULL_WAIT_S,
                backoff_cap=_LONGEST_PULL_WAIT_S,
            )
        except ObjectPullError:
            if self._room >= 0:
                raise
            return {}


def _serialise(reply: Message) -> Outgoing:
    reply.metadata.__dict__["_message_id"] = reply.object_id
    header: MessageProto = message_to_proto(remove_content_from_message(reply))
    with no_object_id_recompute():
        tree = get_object_tree(reply)
        objects = {key: item.deflate() for key, item in get_all_nested_objects(reply).items()}
    return Outgoing(header, tree, objects)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what the Runtime API client raises into our error."""
    try:
        yield
    except (httpx.HTTPError, ObjectPullError, ObjectPushError) as error:
        raise ReplyNotSentError("The SuperNode did not take part in a task to its end.") from error
