"""The end of a command whose answer may be "no": the report is printed, then the exit status."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from fedpacs.cli.output import say, stderr

if TYPE_CHECKING:
    from fedpacs.core.errors import FedpacsError


def leave(error: FedpacsError, *, as_json: bool) -> None:
    """End with an error's exit status after its report was printed.

    Parameters
    ----------
    as_json
        The report was the one JSON document, so nothing more is printed.

    Raises
    ------
    typer.Exit
        Always.
    """
    if not as_json:
        print_error(error)
    raise typer.Exit(error.exit_status)


def print_error(error: FedpacsError) -> None:
    """Print what happened and the next step, on stderr."""
    console = stderr()
    console.print(f"error[{error.code}]:", style="bold red", end=" ")
    say(console, error.message)
    console.print("next:", style="bold", end=" ")
    say(console, error.hint)
