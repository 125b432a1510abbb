"""Silence where a library could quote a patient: warnings, third-party loggers, threads.

pydicom's warnings repeat the value they warn about, and Python prints the text of an exception
that ends a thread. What FedPACS itself logs goes to stderr.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import warnings
from typing import TYPE_CHECKING

from fedpacs.cli.faults import place

if TYPE_CHECKING:
    from threading import ExceptHookArgs


def debugging() -> bool:
    """Tell whether FEDPACS_DEBUG=1 is set."""
    return os.environ.get("FEDPACS_DEBUG") == "1"


def be_quiet() -> None:
    """Let only FedPACS's own log records through, and no value in an exception's text."""
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())  # else Python prints what nobody handles
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    ours = logging.getLogger("fedpacs")
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG if debugging() else logging.WARNING)
    threading.excepthook = _thread_ended
    sys.unraisablehook = lambda _: None


def _thread_ended(args: ExceptHookArgs) -> None:
    if args.exc_type is SystemExit:
        return
    where = place(args.exc_traceback)
    logging.getLogger(__name__).error("a thread ended: %s at %s", args.exc_type.__name__, where)
