"""The SuperLink process of the consortium: Flower's, with TLS, node authentication and SQLite."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.errors import FederationError
from fedpacs.federation.processes import QUIET_FLOWER, require_free_port, require_superlink
from fedpacs.server.guarded_superlink import TOKEN_VARIABLE

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.federation.processes import Child, Supervisor
    from fedpacs.server.home import Home

_START_S = 90.0
HOME_VARIABLE = "FEDPACS_CONSORTIUM_HOME"
"""Tells the ServerApp, which Flower starts, where the consortium's home is."""


@dataclass(frozen=True, slots=True)
class SuperLinkOptions:
    """What the SuperLink needs."""

    host: str
    port: int
    home: Home

    @property
    def local_address(self) -> str:
        """``host:port`` for programs on this machine."""
        return local_address(self.host, self.port)


def local_address(host: str, port: int) -> str:
    """Address at which this machine reaches a SuperLink that listens on `host`."""
    return f"{'127.0.0.1' if host in ('0.0.0.0', '::') else host}:{port}"  # noqa: S104 - compared, not bound


def start_superlink(options: SuperLinkOptions, supervisor: Supervisor) -> Child:
    """Start the SuperLink and wait until it answers.

    Raises
    ------
    PortTakenError
        If another program has the port.
    ProcessFailedError
        If it does not start; its log tells why.
    """
    require_free_port(options.host, options.port)
    child = supervisor.start("superlink", _command(options), _environment(options.home))
    child.wait_until(lambda: _answers(options.local_address, options.home.pki / "ca.crt"), _START_S)
    return child


def _answers(address: str, root_certificates: Path) -> bool:
    try:
        require_superlink(address, root_certificates)
    except FederationError as error:
        if error.code == "federation.untrusted-server":
            raise
        return False
    return True


def _command(options: SuperLinkOptions) -> list[str]:
    pki, state = options.home.pki, options.home.superlink
    return [
        sys.executable,
        "-m",
        "fedpacs.server.guarded_superlink",
        f"--ssl-ca-certfile={pki / 'ca.crt'}",
        f"--ssl-certfile={pki / 'server.pem'}",
        f"--ssl-keyfile={pki / 'server.key'}",
        "--enable-supernode-auth",
        "--disable-runtime-dependency-installation",
        f"--host={options.host}",
        f"--port={options.port}",
        f"--database={state / 'state.db'}",
    ]


def _environment(home: Home) -> dict[str, str]:
    return {
        **QUIET_FLOWER,
        "FLWR_HOME": str(home.superlink / "flower"),
        "FLWR_SUPEREXEC_TASK_POLL_INTERVAL": "0.1",
        HOME_VARIABLE: str(home.path),
        TOKEN_VARIABLE: str(home.control_token),
    }
