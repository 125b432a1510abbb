"""Who may do what at the embedded PACS: named AE titles from named hosts, nothing else."""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from fedpacs.pacs.errors import UnsafeStoreError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Verb(StrEnum):
    """A DIMSE service that a peer may be granted."""

    ECHO = "echo"
    FIND = "find"
    GET = "get"
    MOVE = "move"
    STORE = "store"


_PEER = re.compile(
    r"(?P<ae_title>[\x20-\x5b\x5d-\x7e]{1,16})@"
    r"(?P<host>\[[0-9a-fA-F:.]+\]|[^\s:/=@\[\]]+)"
    r"(?::(?P<port>\d{1,5}))?"
    r"(?:=(?P<verbs>[a-z]+(?:,[a-z]+)*))?"
)
_MAXIMUM_PORT = 65535


@dataclass(frozen=True, slots=True)
class Peer:
    """One application entity that is let in.

    Attributes
    ----------
    host
        Name or address that its associations come from.
    port
        Port of its Storage SCP; without it the peer is no C-MOVE destination.
    verbs
        Services it may use.
    """

    ae_title: str
    host: str
    port: int | None
    verbs: frozenset[Verb]


def parse_peer(text: str) -> Peer:
    """Read ``AET@HOST[:PORT][=VERB,VERB]``; without verbs all services are granted.

    Raises
    ------
    UnsafeStoreError
        If it is written in another way.
    """
    found = _PEER.fullmatch(text)
    names = found["verbs"].split(",") if found and found["verbs"] else [verb.value for verb in Verb]
    known = {verb.value for verb in Verb}
    if found is None or not set(names) <= known or int(found["port"] or 1) > _MAXIMUM_PORT:
        raise UnsafeStoreError(
            "A peer is AET@HOST[:PORT][=VERB,...] with the verbs echo, find, get, move, store."
        )
    port = int(found["port"]) if found["port"] else None
    verbs = frozenset(Verb(name) for name in names)
    return Peer(found["ae_title"].strip(), found["host"].strip("[]"), port, verbs)


class AccessList:
    """The peers of one server; whoever is not on it is refused.

    Parameters
    ----------
    peers
        At least one, with distinct AE titles.

    Raises
    ------
    UnsafeStoreError
        If it is empty or names an AE title twice.
    """

    def __init__(self, peers: Iterable[Peer]) -> None:
        listed = tuple(peers)
        self._peers = {peer.ae_title: peer for peer in listed}
        if not listed:
            raise UnsafeStoreError("An archive without an allow-list would serve nobody.")
        if len(self._peers) != len(listed):
            raise UnsafeStoreError("An AE title is on the allow-list twice.")

    def admits(self, ae_title: str, address: str) -> bool:
        """Tell whether a caller is on the list and calls from its host."""
        peer = self._peers.get(ae_title.strip())
        return peer is not None and address in _addresses(peer.host)

    def grants(self, ae_title: str, verb: Verb) -> bool:
        """Tell whether a caller may use a service."""
        peer = self._peers.get(ae_title.strip())
        return peer is not None and verb in peer.verbs

    def destination(self, ae_title: str) -> tuple[str, int] | None:
        """Give host and port of a C-MOVE destination; None when it is none."""
        peer = self._peers.get(ae_title.strip())
        return (peer.host, peer.port) if peer and peer.port else None


def _addresses(host: str) -> frozenset[str]:
    try:
        return frozenset(str(info[4][0]) for info in socket.getaddrinfo(host, None))
    except OSError:
        return frozenset()
