"""One exchange with the sites: a model out, at most one valid answer per site back, in time.

Sites are known by the name their node was registered under, bound to the public key in the home;
what a site says about itself is never used.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from flwr.app import Message

from fedpacs.core.errors import FederationError
from fedpacs.federation.messages import MessageKind, read_update, write_model
from fedpacs.federation.questions import QUERY, read_answer, write_question
from fedpacs.server.errors import TooFewSitesError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from flwr.app import RecordDict
    from flwr.serverapp import Grid

    from fedpacs.core.update import GlobalModel, ReleasedUpdate
    from fedpacs.core.wire import WireSchema

_AnswerT = TypeVar("_AnswerT")
_POLL_S = 0.1
_CODE = re.compile(r"[a-z]+(\.[a-z][a-z0-9-]*)+")
NO_REPLY = "server.no-reply"
NODE_GONE = "server.node-gone"
SITE_ERROR = "server.site-error"
_NODE_UNAVAILABLE = 5
"""Flower's ErrorCode for a node whose heartbeats stopped."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A site's valid answer."""

    update: ReleasedUpdate
    message: Message


@dataclass(frozen=True, slots=True)
class Answers:
    """What came back from one exchange.

    Attributes
    ----------
    valid
        By site.
    absent
        Code of why a site that was asked has no valid answer, by site.
    """

    valid: Mapping[str, Answer]
    absent: Mapping[str, str]


class Sites:
    """The member sites, through Flower's grid.

    Parameters
    ----------
    grid
        Flower's grid of the run.
    members
        Public key (PEM) of every member, by name.
    schema
        All that may travel.
    """

    def __init__(self, grid: Grid, members: Mapping[str, bytes], schema: WireSchema) -> None:
        self._grid = grid
        self._members = members
        self._schema = schema

    def online(self) -> dict[str, int]:
        """Node number of every member that is online now, by name."""
        return {
            node.name: node.node_id
            for node in self._grid.get_nodes()
            if node.status == "online"
            and node.name in self._members
            and node.public_key.strip() == self._members[node.name].strip()
        }

    def wait(self, minimum: int, patience_s: float, timeout_s: float) -> dict[str, int]:
        """Wait for sites to come online.

        Parameters
        ----------
        minimum
            Never return with fewer.
        patience_s
            How long to wait for the remaining members once the minimum is there.
        timeout_s
            How long to wait for the minimum.

        Raises
        ------
        TooFewSitesError
            If the minimum is not reached in time; names the sites that are missing.
        """
        start = time.monotonic()
        while True:
            online = self.online()
            waited = time.monotonic() - start
            if len(online) >= len(self._members) or (
                len(online) >= minimum and waited >= patience_s
            ):
                return online
            if len(online) < minimum and waited >= timeout_s:
                missing = ", ".join(sorted(set(self._members) - set(online)))
                raise TooFewSitesError(
                    f"{len(online)} of at least {minimum} sites are online after "
                    f"{waited:.0f} s; missing: {missing}."
                )
            time.sleep(_POLL_S)

    def ask(
        self, kind: MessageKind, model: GlobalModel, nodes: Mapping[str, int], timeout_s: float
    ) -> Answers:
        """Send a model to sites and take their answers.

        Parameters
        ----------
        nodes
            Whom to ask, node number by name.
        timeout_s
            Who has not answered by then is absent.
        """

        def write() -> RecordDict:
            return write_model(model, self._schema)

        def judge(reply: Message) -> Answer | str:
            return self._judge(reply, kind, model)

        group = str(model.server_round)
        return Answers(*self._exchange(_Letter(kind, write, group), judge, nodes, timeout_s))

    def question(
        self, job_digest: str, nodes: Mapping[str, int], timeout_s: float
    ) -> tuple[dict[str, bytes], dict[str, str]]:
        """Ask sites for the statistics of a job.

        Returns
        -------
        dict
            Signed file by site, not verified yet.
        dict
            Code of why a site that was asked has no valid answer, by site.
        """
        letter = _Letter(QUERY, lambda: write_question(job_digest), "0")
        return self._exchange(letter, _judge_file, nodes, timeout_s)

    def _exchange(
        self,
        letter: _Letter,
        judge: Callable[[Message], _AnswerT | str],
        nodes: Mapping[str, int],
        timeout_s: float,
    ) -> tuple[dict[str, _AnswerT], dict[str, str]]:
        end = time.monotonic() + timeout_s
        names = sorted(nodes)
        messages = [
            Message(letter.write(), nodes[name], letter.kind, ttl=timeout_s, group_id=letter.group)
            for name in names
        ]
        waiting = dict(zip(self._grid.push_messages(messages), names, strict=True))
        valid: dict[str, _AnswerT] = {}
        absent: dict[str, str] = {}
        while waiting and time.monotonic() < end:
            for reply in self._grid.pull_messages(list(waiting)):
                name = waiting.pop(reply.metadata.reply_to_message_id, None)
                if name is None:
                    continue
                judged = judge(reply)
                if isinstance(judged, str):
                    absent[name] = judged
                else:
                    valid[name] = judged
            if waiting:
                time.sleep(_POLL_S)
        absent.update(dict.fromkeys(waiting.values(), NO_REPLY))
        return valid, absent

    def _judge(self, reply: Message, kind: MessageKind, model: GlobalModel) -> Answer | str:
        """Give a valid answer, or the code of why it is none."""
        if code := _told(reply):
            return code
        try:
            update = read_update(reply.content, self._schema, kind, model)
        except FederationError as error:
            return error.code
        return Answer(update, reply)


@dataclass(frozen=True, slots=True)
class _Letter:
    kind: MessageKind
    write: Callable[[], RecordDict]
    group: str


def _judge_file(reply: Message) -> bytes | str:
    if code := _told(reply):
        return code
    try:
        return read_answer(reply.content)
    except FederationError as error:
        return error.code


def _told(reply: Message) -> str:
    """Give the code that a site or Flower told in place of an answer; empty for an answer."""
    if not reply.has_error():
        return ""
    reason = reply.error.reason or ""
    if reply.error.code == _NODE_UNAVAILABLE:
        return NODE_GONE
    return reason if _CODE.fullmatch(reason) else SITE_ERROR
