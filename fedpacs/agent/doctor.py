"""What is missing on this machine, and how to get it: the use case behind ``fedpacs doctor``.

Each check looks at the real thing (computes with torch, binds a port, asks the kernel about its
clock), changes nothing, and reaches no other machine.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import socket
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

FREE_BYTES = 5 * 1024**3
"""Free disk asked for: the demo's three hospitals, or the staging area of a small site."""

FLOWER_COMMANDS = (
    "flower-superlink",
    "flower-supernode",
    "flower-superexec",
    "flwr",
    "flwr-serverapp",
)
SILENT_SWITCHES: Mapping[str, str] = {
    "FLWR_TELEMETRY_ENABLED": "0",
    "FLWR_DISABLE_UPDATE_CHECK": "1",
    "FLWR_DISABLE_RUNTIME_DEPENDENCY_INSTALLATION": "1",
}
"""FedPACS sets them for the processes it starts; they matter for `flwr` typed by hand."""

SYSTEM_PACKAGES = (
    ("Orthanc", ("Orthanc", "orthanc"), "orthanc", "a PACS to try FedPACS against"),
    ("dcmqrscp", ("dcmqrscp",), "dcmtk", "a second PACS to try FedPACS against"),
    ("Chromium", ("chromium", "chromium-browser", "google-chrome"), "chromium", "report tests"),
)

_CLOCK_UNSYNCHRONISED = 5  # TIME_ERROR of adjtimex(2)
_PYTHONS = ((3, 11), (3, 12))


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One thing that was looked at.

    Attributes
    ----------
    name
        What was looked at.
    passed
        Whether it is as it should be.
    code
        Stable identifier of the finding, ``ok`` when it passed.
    advice
        The next step when it did not pass, else what was found.
    required
        False when FedPACS works without it.
    """

    name: str
    passed: bool
    code: str
    advice: str
    required: bool = True


def doctor(folder: Path | None = None) -> tuple[CheckItem, ...]:
    """Look at this machine.

    Parameters
    ----------
    folder
        Where the free disk is measured; the current folder when left out.

    Returns
    -------
    tuple[CheckItem, ...]
        Every check, passed or not, what is required first.
    """
    items = [
        _python(sys.version_info[:2]),
        *_packages("fedpacs"),
        _torch(),
        *(_flower_command(name) for name in FLOWER_COMMANDS),
        _disk(folder or Path.cwd()),
        _loopback(),
        _clock(_clock_state),
        _silence(os.environ),
        *(_system_package(*package) for package in SYSTEM_PACKAGES),
    ]
    return tuple(sorted(items, key=lambda item: not item.required))


def _python(version: tuple[int, ...]) -> CheckItem:
    found = ".".join(map(str, version))
    if version in _PYTHONS:
        return CheckItem(f"Python {found}", True, "ok", "supported")
    return CheckItem(
        f"Python {found}",
        False,
        "machine.python",
        "Use Python 3.11 or 3.12: `make demo PYTHON=python3.11`.",
    )


def _packages(distribution: str) -> Iterator[CheckItem]:
    """Hold every requirement of the installed distribution to what is really there."""
    from packaging.requirements import Requirement

    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        yield CheckItem(
            distribution, False, "machine.not-installed", "Install it: `pip install -e .`"
        )
        return
    for requirement in map(Requirement, lines):
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield _package(requirement.name, requirement.specifier)


def _package(name: str, specifier: object) -> CheckItem:
    from packaging.specifiers import SpecifierSet

    wanted = SpecifierSet(str(specifier))
    fix = f"pip install '{name}{wanted}'"
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return CheckItem(name, False, "machine.package-missing", f"Install it: `{fix}`")
    if not wanted.contains(found, prereleases=True):
        return CheckItem(
            f"{name} {found}",
            False,
            "machine.package-version",
            f"FedPACS was tested with {wanted}: `{fix}`",
        )
    return CheckItem(f"{name} {found}", True, "ok", f"within {wanted}" if str(wanted) else "")


def _torch() -> CheckItem:
    """Take one gradient step's worth of arithmetic, on the CPU, and look at the answer."""
    name = "torch computes"
    try:
        import torch

        x = torch.tensor([1.0, 2.0, 3.0], requires_grad=True)
        (x * x).sum().backward()  # type: ignore[no-untyped-call]  # torch does not say
        right = x.grad is not None and x.grad.tolist() == [2.0, 4.0, 6.0]
        device = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU"
    except (ImportError, OSError, RuntimeError) as error:
        return CheckItem(
            name,
            False,
            "machine.torch",
            f"torch does not load ({type(error).__name__}): reinstall it with `pip install torch`.",
        )
    if not right:
        return CheckItem(name, False, "machine.torch", "torch computes wrongly: reinstall it.")
    return CheckItem(name, True, "ok", f"on {device}")


def _search_path() -> str:
    """PATH as FedPACS gives it to its children: the environment's own commands first."""
    return os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", "")))


def _flower_command(name: str) -> CheckItem:
    if shutil.which(name, path=_search_path()):
        return CheckItem(f"command {name}", True, "ok", "found")
    return CheckItem(
        f"command {name}",
        False,
        "machine.flower-command",
        "Flower's commands are missing: `pip install --force-reinstall flwr==1.41.*`",
    )


def _disk(folder: Path, wanted_bytes: int = FREE_BYTES) -> CheckItem:
    free = shutil.disk_usage(folder).free
    name = f"free disk {free / 1024**3:.1f} GiB"
    if free >= wanted_bytes:
        return CheckItem(name, True, "ok", "enough for the demo")
    return CheckItem(
        name,
        False,
        "machine.disk",
        f"Free at least {wanted_bytes // 1024**3} GiB here, or work on another disk.",
    )


def _loopback() -> CheckItem:
    """Bind a free port on the loopback interface and connect to it."""
    name = "loopback ports"
    try:
        with socket.create_server(("127.0.0.1", 0)) as server:
            socket.create_connection(server.getsockname(), timeout=2).close()
    except OSError as error:
        return CheckItem(
            name,
            False,
            "machine.loopback",
            f"127.0.0.1 cannot be used ({error.strerror}): ask who runs this machine's firewall.",
        )
    return CheckItem(name, True, "ok", "bind and connect on 127.0.0.1")


def _clock_state() -> int | None:
    """State of the kernel clock by adjtimex(2), or None where there is no such call."""
    try:
        adjtimex = ctypes.CDLL(None).adjtimex
    except (AttributeError, OSError):
        return None
    # 512 zero bytes: larger than any struct timex, and mode 0 only reads
    return int(adjtimex(ctypes.create_string_buffer(512)))


def _clock(read: Callable[[], int | None]) -> CheckItem:
    """Flower refuses a hospital whose clock is more than five minutes off."""
    name, state = "clock kept by NTP", read()
    if state is not None and 0 <= state < _CLOCK_UNSYNCHRONISED:
        return CheckItem(name, True, "ok", "synchronised", required=False)
    return CheckItem(
        name,
        False,
        "machine.clock",
        "The kernel does not say so. The consortium refuses clocks that are 5 minutes off: look at "
        "`timedatectl`, then `sudo apt-get install chrony` (in a container: on the host).",
        required=False,
    )


def _silence(environment: Mapping[str, str]) -> CheckItem:
    """Flower reports its use and looks for updates unless it is told not to."""
    name = "Flower silent in this shell"
    missing = [f"{n}={off}" for n, off in SILENT_SWITCHES.items() if environment.get(n) != off]
    if not missing:
        return CheckItem(name, True, "ok", "no telemetry, no update check", required=False)
    return CheckItem(
        name,
        False,
        "machine.flower-online",
        "FedPACS silences Flower itself; before you type `flwr` by hand: "
        f"`export {' '.join(missing)}`",
        required=False,
    )


def _system_package(name: str, commands: tuple[str, ...], package: str, purpose: str) -> CheckItem:
    if any(shutil.which(command) for command in commands):
        return CheckItem(name, True, "ok", f"found: {purpose}", required=False)
    return CheckItem(
        name,
        False,
        "machine.system-package",
        f"Only for tests ({purpose}): `sudo apt-get install {package}`",
        required=False,
    )
