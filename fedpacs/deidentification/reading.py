"""Silence: pydicom's warnings and log quote the values they complain of."""

from __future__ import annotations

import logging
import threading
import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self


class quiet:  # noqa: N801 - a context manager, used like a function
    """Silence pydicom's warnings and log; within another one it costs nothing.

    Filters of warnings belong to the process: threads that are silent at the same time share one
    silence, which ends with the last of them.
    """

    __slots__ = ()

    def __enter__(self) -> Self:
        _silence.begin()
        return self

    def __exit__(self, *_: object) -> None:
        _silence.end()


class _Silence:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._holders = 0
        self._warnings = warnings.catch_warnings()
        self._logger_was_disabled = False

    def begin(self) -> None:
        with self._lock:
            self._holders += 1
            if self._holders > 1:
                return
            logger = logging.getLogger("pydicom")
            self._logger_was_disabled, logger.disabled = logger.disabled, True
            self._warnings = warnings.catch_warnings()
            self._warnings.__enter__()
            warnings.simplefilter("ignore")

    def end(self) -> None:
        with self._lock:
            self._holders -= 1
            if not self._holders:
                self._warnings.__exit__(None, None, None)
                logging.getLogger("pydicom").disabled = self._logger_was_disabled


_silence = _Silence()
