"""From an exception to what a person, a machine and the shell are told about it.

Nothing of the exception's own text is used unless FedPACS wrote it: the text of a library's
exception may quote a data element. Of those, only the type's name and the place are shown.
"""

from __future__ import annotations

import errno
import os
import traceback
from typing import TYPE_CHECKING, Any

import click

from fedpacs.core.errors import FedpacsError, MachineError, UsageError

if TYPE_CHECKING:
    from types import TracebackType


class InternalError(FedpacsError):
    """FedPACS met a fault of its own."""

    code = "fedpacs.internal"
    exit_status = 90
    default_hint = (
        "Repeat with FEDPACS_DEBUG=1 and send what it prints to the maintainers; "
        "it names places in the program and no data."
    )


class StoppedError(FedpacsError):
    """You stopped it (Ctrl-C)."""

    code = "fedpacs.stopped"
    exit_status = 130
    default_hint = "Repeat the command when you are ready; what was finished stays finished."


class TerminatedError(StoppedError):
    """The system asked it to end (SIGTERM or a closed terminal)."""

    code = "fedpacs.terminated"
    exit_status = 143


class PackageMissingError(MachineError):
    """A Python package that FedPACS needs is missing or broken."""

    code = "machine.package-missing"
    default_hint = "Run `fedpacs doctor`; it says what to install."


class SystemRefusedError(MachineError):
    """The operating system refused a file, folder, port or memory."""

    code = "machine.io"
    default_hint = (
        "Look at free disk and at the owner and permissions of the folders that the command and "
        "its configuration name, then run `fedpacs doctor`."
    )


class CommandLineError(UsageError):
    """The command line names something that does not exist or leaves something out."""

    code = "usage.command-line"
    default_hint = "Run `fedpacs --help`."


def as_fedpacs_error(error: BaseException) -> FedpacsError:
    """Translate any exception into one with a code, a sentence and a next step."""
    if isinstance(error, FedpacsError):
        return error
    if isinstance(error, (KeyboardInterrupt, click.Abort)):
        return StoppedError("Stopped.")
    if isinstance(error, click.ClickException):
        return _usage(error)
    if isinstance(error, ModuleNotFoundError) and not (error.name or "").startswith("fedpacs"):
        return PackageMissingError(f"The Python package {error.name} is missing.")
    if isinstance(error, OSError) and error.errno is not None:
        reason = os.strerror(error.errno)
        hint = "Make room on the disk, then repeat." if error.errno == errno.ENOSPC else None
        return SystemRefusedError(f"{reason} (at {place(error.__traceback__)}).", hint=hint)
    return InternalError(f"{type(error).__name__} at {place(error.__traceback__)}.")


def _usage(error: click.ClickException) -> FedpacsError:
    context = getattr(error, "ctx", None)
    hint = f"Run `{context.command_path} --help`." if context else None
    return CommandLineError(error.format_message(), hint=hint)


def place(trace: TracebackType | None) -> str:
    """Name the innermost place inside FedPACS, else the innermost of all, as module:line."""
    places = _places(trace)
    ours = [where for where in places if where.startswith("fedpacs.")]
    return (ours or places or ["an unknown place"])[-1]


def _places(trace: TracebackType | None) -> list[str]:
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line}" for frame, line in traceback.walk_tb(trace)
    ]


def anatomy(error: BaseException) -> str:
    """Describe an exception and its causes by type and place, never by text or value."""
    lines: list[str] = []
    current: BaseException | None = error
    while current is not None:
        lines.append(type(current).__name__)
        lines.extend(f"  at {where}" for where in _places(current.__traceback__))
        current = current.__cause__ or current.__context__
        if current is not None:
            lines.append("because of")
    return "\n".join(lines)


def as_document(error: FedpacsError) -> dict[str, Any]:
    """Plain data of an error for ``--json``, with every fault of a faulty configuration."""
    document: dict[str, Any] = dict(error.as_dict())
    faults = getattr(error, "faults", ())
    if faults:
        document["faults"] = [{"where": fault.where, "what": fault.what} for fault in faults]
    return document
