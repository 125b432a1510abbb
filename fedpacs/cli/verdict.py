"""The end of a command: its error, or a report whose answer may be "no"."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from fedpacs.cli.faults import as_document
from fedpacs.cli.output import plain, print_json, say, stderr

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.core.errors import FedpacsError


def conclude(
    report: object, error: FedpacsError | None, people: Callable[[], None], *, as_json: bool
) -> None:
    """Print a report, and end with the exit status of what is wrong in it.

    Parameters
    ----------
    report
        A frozen dataclass or a mapping. For machines the error's ``code``, ``message``, ``hint``
        and ``exit_status`` join it, so that every document of a failed command has them.
    error
        What is wrong; None when nothing is.
    people
        Prints the report in words.

    Raises
    ------
    typer.Exit
        If something is wrong.
    """
    if as_json:
        print_json({**plain(report), **(as_document(error) if error else {})})
    else:
        people()
        if error:
            print_error(error)
    if error:
        raise typer.Exit(error.exit_status)


def print_error(error: FedpacsError) -> None:
    """Print what happened and the next step, on stderr."""
    console = stderr()
    console.print(f"error[{error.code}]:", style="bold red", end=" ")
    say(console, error.message)
    console.print("next:", style="bold", end=" ")
    say(console, error.hint)
