"""The bandwidth limit: whoever takes files off the network faster than allowed waits."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BURST_S = 1.0
"""What was not used is saved up for this long, so that pauses between studies are no loss."""


class Throttle:
    """Holds an average rate.

    Parameters
    ----------
    bytes_per_s
        None for no limit.
    clock, sleep
        Seconds; for tests.
    """

    def __init__(
        self,
        bytes_per_s: int | None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = bytes_per_s
        self._clock = clock
        self._sleep = sleep
        self._due = clock()
        """When everything taken so far would have arrived at the allowed rate."""

    def took(self, num_bytes: int) -> None:
        """Tell of bytes that arrived, and wait until they would have at the allowed rate."""
        if self._rate is None:
            return
        now = self._clock()
        self._due = max(self._due, now - _BURST_S) + num_bytes / self._rate
        if self._due > now:
            self._sleep(self._due - now)
