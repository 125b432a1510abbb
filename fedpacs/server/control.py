"""The SuperLink's Control API: register nodes, start runs, ask how they stand, stop them."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeVar

import httpx
from flwr.proto.control_pb2 import (
    ListNodesRequest,
    ListRunsRequest,
    RegisterNodeRequest,
    StartRunRequest,
    StopRunRequest,
    UnregisterNodeRequest,
)
from flwr.proto.fab_pb2 import Fab
from flwr.supercore.control import ControlHttpClient
from flwr.supercore.interceptors import RuntimeVersionHttpInterceptor

from fedpacs.federation.bundle import bundle_digest
from fedpacs.federation.errors import UnreachableError
from fedpacs.federation.processes import require_superlink
from fedpacs.server.errors import NoMemberKeyError, SuperLinkRefusedError
from fedpacs.server.guarded_superlink import TOKEN_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from flwr.supercore.protobuf.client import ProtobufCall, ProtobufRequestContext

_AnswerT = TypeVar("_AnswerT")
_KEY_TYPE = "ecdsa-sha2-nistp384"
_P384_SUBJECT_PUBLIC_KEY_INFO = bytes.fromhex("3076301006072a8648ce3d020106052b81040022036200")
"""DER in front of an uncompressed P-384 point (RFC 5480 section 2)."""
_P384_POINT_BYTES = 97


@dataclass(frozen=True, slots=True)
class RunState:
    """How Flower says a run stands.

    Attributes
    ----------
    status
        ``pending``, ``starting``, ``running`` or ``finished``.
    sub_status
        ``completed``, ``failed`` or ``stopped`` once finished.
    """

    status: str
    sub_status: str

    @property
    def finished(self) -> bool:
        """True when nothing more will happen."""
        return self.status == "finished"


@dataclass(frozen=True, slots=True)
class Node:
    """One registered hospital."""

    node_id: int
    name: str
    public_key: bytes
    online: bool


class _Token:
    """Puts the control token on every request."""

    def __init__(self, token: str) -> None:
        self._token = token

    def intercept(self, context: ProtobufRequestContext, call_next: ProtobufCall) -> httpx.Response:
        """Send one request."""
        context.request.headers[TOKEN_HEADER] = self._token
        return call_next(context)


class Control:
    """Client of one SuperLink's Control API.

    Parameters
    ----------
    address
        ``host:port``.
    root_certificates
        The consortium's ca.crt.
    token
        The control token of the consortium's home.

    Raises
    ------
    UnreachableError, UntrustedServerError
        If no SuperLink of this consortium answers.
    """

    def __init__(self, address: str, root_certificates: Path, token: str) -> None:
        require_superlink(address, root_certificates)
        self._address = address
        self._client = ControlHttpClient.from_server_address(
            server_address=address,
            insecure=False,
            root_certificates=root_certificates.read_bytes(),
            interceptors=[
                RuntimeVersionHttpInterceptor(component_name="fedpacs-consortium"),
                _Token(token),
            ],
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def nodes(self) -> tuple[Node, ...]:
        """List registered nodes."""
        listed = self._ask(lambda: self._client.ListNodes(ListNodesRequest()))
        return tuple(
            Node(info.node_id, info.name, info.public_key, info.status == "online")
            for info in listed.nodes_info
            if info.status != "unregistered"
        )

    def register(self, name: str, public_key: bytes) -> int:
        """Register a hospital's node by its public key (PEM)."""
        answer = self._ask(
            lambda: self._client.RegisterNode(RegisterNodeRequest(public_key=public_key, name=name))
        )
        return int(answer.node_id)

    def unregister(self, node_id: int) -> None:
        """Take a node's registration away."""
        self._ask(lambda: self._client.UnregisterNode(UnregisterNodeRequest(node_id=node_id)))

    def start_run(self, bundle: bytes) -> int:
        """Start a run of a bundle and give its number."""
        fab = Fab(hash_str=bundle_digest(bundle), content=bundle)
        answer = self._ask(lambda: self._client.StartRun(StartRunRequest(fab=fab)))
        if not answer.HasField("run_id"):
            raise SuperLinkRefusedError("The SuperLink did not start the run.")
        return int(answer.run_id)

    def stop_run(self, run_id: int) -> None:
        """Stop a run; harmless when it has ended."""
        try:
            self._ask(lambda: self._client.StopRun(StopRunRequest(run_id=run_id)))
        except SuperLinkRefusedError:
            if not self.run_state(run_id).finished:
                raise

    def run_state(self, run_id: int) -> RunState:
        """Ask how a run stands."""
        answer = self._ask(lambda: self._client.ListRuns(ListRunsRequest(run_id=run_id)))
        status = answer.run_dict[run_id].status
        return RunState(status.status, status.sub_status)

    def _ask(self, call: Callable[[], _AnswerT]) -> _AnswerT:
        try:
            return call()
        except httpx.TransportError as error:
            raise UnreachableError(f"No SuperLink answers at {self._address}.") from error
        except httpx.HTTPStatusError as error:
            raise SuperLinkRefusedError(
                f"The SuperLink answered a request with HTTP {error.response.status_code}."
            ) from error


def read_node_key(path: Path) -> bytes:
    """Read a hospital's public key, OpenSSH form, and give it as PEM (RFC 5480).

    Raises
    ------
    NoMemberKeyError
        If the file is missing or holds no NIST P-384 key.
    """
    try:
        kind, encoded = path.read_text(encoding="ascii").split()[:2]
        blob = base64.b64decode(encoded, validate=True)
    except OSError as error:
        raise NoMemberKeyError(f"The public node key {path.name} cannot be read.") from error
    except (ValueError, binascii.Error) as error:
        raise NoMemberKeyError(f"{path.name} is not an OpenSSH public key.") from error
    point = blob[-_P384_POINT_BYTES:]
    if kind != _KEY_TYPE or len(blob) < _P384_POINT_BYTES or point[:1] != b"\x04":
        raise NoMemberKeyError(f"{path.name} is not a NIST P-384 key.")
    der = base64.b64encode(_P384_SUBJECT_PUBLIC_KEY_INFO + point).decode()
    lines = "\n".join(der[start : start + 64] for start in range(0, len(der), 64))
    return f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n".encode()
