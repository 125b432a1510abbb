"""The frame around every command: whatever happens, a code, a sentence, a next step, a status."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from fedpacs.cli.faults import (
    StoppedError,
    TerminatedError,
    anatomy,
    as_document,
    as_fedpacs_error,
)
from fedpacs.cli.interrupts import TerminationInterrupt, stop_children, stoppable
from fedpacs.cli.output import print_json
from fedpacs.cli.quiet import debugging
from fedpacs.cli.verdict import print_error

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fedpacs.core.errors import FedpacsError


def guarded(call: Callable[[], int], words: Sequence[str]) -> int:
    """Carry out a command and tell how it ended.

    Parameters
    ----------
    call
        The command; gives its exit status.
    words
        The command line; with ``--json`` among them an error is told as one JSON document.

    Returns
    -------
    int
        Exit status of the process.
    """
    try:
        with stoppable():
            return call()
    except BrokenPipeError:
        # the reader went away (`| head`): nothing is wrong, and nobody is left to be told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (KeyboardInterrupt, click.Abort) as error:
        if sys.stderr.isatty():
            sys.stderr.write("\n")  # the terminal has just echoed ^C
        stop_children()
        kind = TerminatedError if isinstance(error, TerminationInterrupt) else StoppedError
        return _tell(kind("Stopped."), words)
    except Exception as error:  # noqa: BLE001 - the last line of defence: a traceback shows values
        if debugging() and not isinstance(error, click.ClickException):
            sys.stderr.write(anatomy(error) + "\n")
        return _tell(as_fedpacs_error(error), words)


def _tell(error: FedpacsError, words: Sequence[str]) -> int:
    if "--json" in words:
        print_json(as_document(error))
    else:
        print_error(error)
    return error.exit_status
