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
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fedpacs.cli.faults import place

if TYPE_CHECKING:
    from collections.abc import Iterator
    from threading import ExceptHookArgs


def debugging() -> bool:
    """Tell whether FEDPACS_DEBUG=1 is set."""
    return os.environ.get("FEDPACS_DEBUG") == "1"


@contextmanager
def quiet() -> Iterator[None]:
    """Let only FedPACS's own log records through, and no value in an exception's text."""
    nobody, handler = logging.NullHandler(), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    root, ours = logging.getLogger(), logging.getLogger("fedpacs")
    level, hooks = ours.level, (threading.excepthook, sys.unraisablehook)
    root.addHandler(nobody)  # else Python prints what nobody handles
    ours.addHandler(handler)
    ours.setLevel(logging.DEBUG if debugging() else logging.WARNING)
    threading.excepthook, sys.unraisablehook = _thread_ended, _object_lost
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        threading.excepthook, sys.unraisablehook = hooks
        ours.setLevel(level)
        ours.removeHandler(handler)
        root.removeHandler(nobody)


def _thread_ended(args: ExceptHookArgs) -> None:
    if args.exc_type is SystemExit:
        return
    where = place(args.exc_traceback)
    logging.getLogger(__name__).error("a thread ended: %s at %s", args.exc_type.__name__, where)


def _object_lost(_args: object) -> None:
    """Say nothing: an exception in a destructor changes nothing, and its text may quote a value."""
