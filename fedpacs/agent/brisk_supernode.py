"""Flower's own SuperNode with shorter waits: ``python -m fedpacs.agent.brisk_supernode OPTIONS``.

The stock ``flower-supernode`` sleeps 3 s whenever it finds no message, which is most of a round's
time when training is short. This program is that very command; only the clock that its main loop
sleeps by is another: short waits while a run is going on, Flower's own once it has been quiet for
half a minute. It changes nothing else, and a contract test fails if Flower's loop changes.
"""

from __future__ import annotations

import sys
import time

_IDLE_S = 3
"""What Flower's loop sleeps when it finds no message."""
_BUSY_S = 0.5
"""What Flower's loop sleeps while the executor works on a reply."""
_SHORT_IDLE_S = 0.2
_SHORT_BUSY_S = 0.05
_QUIET_AFTER_S = 30.0


class Pace:
    """Stands for the ``time`` module in Flower's loop, which uses its ``sleep`` alone."""

    def __init__(self) -> None:
        self._idle_s = 0.0

    def sleep(self, seconds: float) -> None:
        """Wait for less than asked while a run is going on."""
        wait_s = float(seconds)
        if seconds == _BUSY_S:
            self._idle_s, wait_s = 0.0, _SHORT_BUSY_S
        elif seconds == _IDLE_S and self._idle_s < _QUIET_AFTER_S:
            wait_s = _SHORT_IDLE_S
            self._idle_s += wait_s
        time.sleep(wait_s)


def main() -> None:
    """Run Flower's command with the given arguments."""
    from flwr.supernode import start_client_internal
    from flwr.supernode.cli import flower_supernode

    from fedpacs.federation.brisk import pull_briskly

    pull_briskly()
    vars(start_client_internal)["time"] = Pace()
    flower_supernode()


if __name__ == "__main__":
    sys.exit(main())  # type: ignore[func-returns-value] # Flower exits by itself
