"""Shorter first waits when Flower pulls objects that are still on their way.

Flower announces a message before its objects are there; who is quick waits a full second before
the second try, on either side. The wait doubles with every try, so starting shorter costs a few
more requests when a transfer is long, and saves up to two seconds per round.
"""

from __future__ import annotations

from flwr.supercore.inflatable.inflatable_utils import pull_objects

_FIRST_WAIT_S = 0.05


def pull_briskly() -> None:
    """Shorten the first wait in this process; a contract test holds the name it changes."""
    defaults = pull_objects.__kwdefaults__
    if defaults is not None and "initial_backoff" in defaults:
        defaults["initial_backoff"] = _FIRST_WAIT_S
