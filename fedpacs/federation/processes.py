"""Processes that FedPACS starts: watched, logged to files, and never left behind.

Every program runs below its own `fedpacs.federation.warden`, which ends it and all its descendants
when this process leaves the `Supervisor`'s ``with`` block, gets Ctrl-C, fails or is killed.
"""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Self

from fedpacs.federation.errors import (
    PortTakenError,
    ProcessFailedError,
    UnreachableError,
    UntrustedServerError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

QUIET_FLOWER = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
}
"""Environment of every Flower process: it talks to the consortium and to nobody else."""

_POLL_S = 0.05
_STOP_S = 15.0


@dataclass(frozen=True, slots=True)
class Child:
    """One running program below its warden.

    Attributes
    ----------
    name
        Name in messages and of the log file.
    log
        Everything the program prints; readable by this user alone.
    """

    name: str
    log: Path
    _warden: subprocess.Popen[bytes]

    def exit_status(self) -> int | None:
        """Exit status of the program, None while it runs."""
        return self._warden.poll()

    def text(self) -> str:
        """Read what the program printed so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def wait_until(self, ready: Callable[[], bool], timeout_s: float) -> None:
        """Wait until the program is ready.

        Raises
        ------
        ProcessFailedError
            If it ends first or the time is over.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if self.exit_status() is not None:
                raise ProcessFailedError(
                    f"{self.name} ended with status {self.exit_status()}; its log is {self.log}."
                )
            if time.monotonic() > deadline:
                raise ProcessFailedError(
                    f"{self.name} was not ready after {timeout_s:.0f} s; its log is {self.log}."
                )
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """End the program and all its descendants; harmless when it has ended."""
        if self._warden.stdin is not None:
            self._warden.stdin.close()
        try:
            self._warden.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._warden.kill()
            self._warden.wait()


class Supervisor:
    """Starts programs and ends them all, last started first, when the block is left.

    Parameters
    ----------
    logs
        Folder of the log files, one per program.
    """

    def __init__(self, logs: Path) -> None:
        self._logs = logs
        self._children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.stop()

    @property
    def logs(self) -> Path:
        """Folder of the log files."""
        self._logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._logs

    def start(
        self,
        name: str,
        argv: Sequence[str],
        environment: Mapping[str, str] | None = None,
        *,
        output: Path | None = None,
    ) -> Child:
        """Start a program.

        Parameters
        ----------
        name
            Names the log file.
        argv
            Program and arguments; no shell is involved.
        environment
            Added to this process's environment. The folder of this Python comes first in PATH, so
            that programs of the same installation are found.
        output
            File for standard output alone; it goes into the log, too, when left out.
        """
        log = self.logs / f"{name}.log"
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ.get("PATH", "")])  # noqa: PTH120 - a string is wanted
        with _private(log) as messages, _private(output or log, append=not output) as answers:
            warden = subprocess.Popen(  # noqa: S603 - argv is ours
                [sys.executable, "-m", "fedpacs.federation.warden", *argv],
                stdin=subprocess.PIPE,
                stdout=answers,
                stderr=messages,
                env={**os.environ, "PATH": path, **(environment or {})},
                start_new_session=True,
            )
        child = Child(name, log, warden)
        self._children.append(child)
        return child

    def stop(self) -> None:
        """End all programs."""
        while self._children:
            self._children.pop().stop()


def _private(path: Path, *, append: bool = False) -> BinaryIO:
    """Open a file for writing that this user alone can read."""
    mode = os.O_APPEND if append else os.O_TRUNC
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | mode, 0o600)
    return os.fdopen(descriptor, "wb")


def require_free_port(host: str, port: int) -> None:
    """Refuse early when another program has the port.

    Raises
    ------
    PortTakenError
        If it is taken.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise PortTakenError(f"Cannot listen on {host}:{port}: {error.strerror}.") from error


def require_superlink(address: str, root_certificates: Path, timeout_s: float = 5.0) -> None:
    """Check that a SuperLink of this consortium answers at an address.

    Parameters
    ----------
    address
        ``host:port``.
    root_certificates
        The consortium's ca.crt.

    Raises
    ------
    UnreachableError
        If nothing answers, or what answers is not a SuperLink.
    UntrustedServerError
        If its certificate is not from this consortium or for another host.
    """
    host, _, port = address.rpartition(":")
    try:
        context = ssl.create_default_context(cafile=str(root_certificates))
    except (OSError, ssl.SSLError) as error:
        raise UntrustedServerError(
            f"{root_certificates.name} holds no readable certificate."
        ) from error
    connection = http.client.HTTPSConnection(host, int(port), timeout=timeout_s, context=context)
    try:
        connection.request("GET", "/health")
        answered = connection.getresponse().status == http.client.OK
    except ssl.SSLCertVerificationError as error:
        raise UntrustedServerError(
            f"The certificate of {address} is refused: {error.verify_message}."
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise UnreachableError(f"No SuperLink answers at {address}.") from error
    finally:
        connection.close()
    if not answered:
        raise UnreachableError(f"What answers at {address} is not a SuperLink.")
