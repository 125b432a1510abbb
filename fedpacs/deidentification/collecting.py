"""Garbage collection while files go by: seldom, for nearly everything is freed without it.

A file makes a few thousand small objects and drops them again. By its default settings the
collector would look through them several times a file, and now and then through all tables.
"""

from __future__ import annotations

import gc
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_OBJECTS, _GENERATIONS = 50_000, (20, 100)
"""Objects in circles that may pile up before they are looked for: a few megabytes."""


def collect_seldom() -> None:
    """Look for garbage seldom from now on, and never among what is there already."""
    gc.freeze()
    gc.set_threshold(_OBJECTS, *_GENERATIONS)


@contextmanager
def seldom_collecting() -> Iterator[None]:
    """Look for garbage seldom for a while; afterwards all is as it was before."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    collect_seldom()
    try:
        yield
    finally:
        gc.set_threshold(*before)
        if not frozen:
            gc.unfreeze()
