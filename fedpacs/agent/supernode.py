"""The stock ``flower-supernode`` process of a hospital: started, watched, explained.

It runs with ``--isolation process``: it relays messages and executes nothing. Its Runtime API
listens on loopback only and hands tasks to nobody without the shared secret.
"""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.errors import AgentError
from fedpacs.federation.errors import ProcessFailedError
from fedpacs.federation.processes import QUIET_FLOWER, require_free_port, require_superlink

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.federation.processes import Child, Supervisor

_LOOPBACK = "127.0.0.1"
_START_S = 90.0
_SENT_S = 60.0
_NOT_ACTIVATED = re.compile(r"Exit Code: 305|Failed to activate SuperNode")
_STARTED = "SuperNode ID:"
_SENT = "Sent successfully"


class NotRegisteredError(AgentError):
    """The SuperLink does not know this hospital's node key."""

    code = "agent.not-registered"
    default_hint = (
        "Give the site's public node key (.pub) to the consortium. If the node is registered and "
        "was killed, the SuperLink frees its place after about a minute: try again then."
    )


@dataclass(frozen=True, slots=True)
class SuperNodeOptions:
    """What the SuperNode needs.

    Attributes
    ----------
    superlink
        ``host:port`` of the consortium.
    root_certificates
        The consortium's ca.crt.
    node_key
        The site's private key, NIST P-384, OpenSSH form.
    runtime_port
        Loopback port of the Runtime API.
    runtime_secret
        Shared with the executor.
    folder
        Flower's own files of this site and the secret's file; readable by this user alone.
    short_waits
        Run Flower's command with shorter waits, see `fedpacs.agent.brisk_supernode`.
    """

    superlink: str
    root_certificates: Path
    node_key: Path
    runtime_port: int
    runtime_secret: bytes
    folder: Path
    short_waits: bool = False

    @property
    def runtime_address(self) -> str:
        """``host:port`` where the executor takes tasks."""
        return f"{_LOOPBACK}:{self.runtime_port}"


@dataclass(frozen=True, slots=True)
class SuperNode:
    """A running SuperNode."""

    child: Child

    def wait_until_sent(self, replies: int, timeout_s: float = _SENT_S) -> None:
        """Wait until the SuperNode handed this many replies to the SuperLink.

        Raises
        ------
        ProcessFailedError
            If it ends, or does not get there in time.
        """
        self.child.wait_until(lambda: self.child.text().count(_SENT) >= replies, timeout_s)


def start_supernode(options: SuperNodeOptions, supervisor: Supervisor) -> SuperNode:
    """Start the SuperNode and wait until the SuperLink accepted it.

    Raises
    ------
    UnreachableError, UntrustedServerError
        If no SuperLink of this consortium answers.
    PortTakenError
        If another program has the Runtime API's port.
    NotRegisteredError
        If the SuperLink does not accept the site's key.
    ProcessFailedError
        If it does not start for another reason; its log tells.
    """
    require_superlink(options.superlink, options.root_certificates)
    require_free_port(_LOOPBACK, options.runtime_port)
    child = supervisor.start(
        "supernode", _command(options, _secret_file(options)), _environment(options)
    )
    try:
        child.wait_until(lambda: _STARTED in child.text(), _START_S)
    except ProcessFailedError as error:
        if _NOT_ACTIVATED.search(child.text()):
            raise NotRegisteredError(
                "The SuperLink did not accept this site's node key."
            ) from error
        raise
    return SuperNode(child)


def _command(options: SuperNodeOptions, secret_file: Path) -> list[str]:
    brisk = [sys.executable, "-m", "fedpacs.agent.brisk_supernode"]
    return [
        *(brisk if options.short_waits else ["flower-supernode"]),
        "--isolation=process",
        f"--superlink={options.superlink}",
        f"--root-certificates={options.root_certificates}",
        f"--auth-supernode-private-key={options.node_key}",
        f"--superexec-auth-secret-file={secret_file}",
        f"--host={_LOOPBACK}",
        f"--port={options.runtime_port}",
    ]


def _environment(options: SuperNodeOptions) -> dict[str, str]:
    return {**QUIET_FLOWER, "FLWR_HOME": str(options.folder / "flower")}


def _secret_file(options: SuperNodeOptions) -> Path:
    """Write the secret where Flower reads it; it takes the file's bytes as they are."""
    options.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = options.folder / "runtime.secret"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as handle:
        handle.write(options.runtime_secret)
    return path
