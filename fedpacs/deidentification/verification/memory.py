"""What a reader remembers: elements that it has taken apart, by their bytes and encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.parsed import EXPLICIT

if TYPE_CHECKING:
    from fedpacs.deidentification.verification.leaves import Syntax, Top

_CACHE_BYTES = 24 << 20
_CACHED_BYTES = 1 << 16
_OVERHEAD_BYTES = 500


class Memory:
    """Elements that were taken apart, by their bytes."""

    __slots__ = ("_bytes", "known")

    def __init__(self) -> None:
        self.known: dict[Syntax, dict[bytes, Top]] = {EXPLICIT: {}}
        self._bytes = 0

    def keep(self, top: Top, syntax: Syntax) -> Top:
        """Give the element with these bytes that is kept, this one if there was none."""
        size = len(top.raw)
        if size > _CACHED_BYTES:
            return top
        known = self.known.setdefault(syntax, {})
        same = known.get(top.raw)
        if same is not None:
            return same
        self._bytes += size + _OVERHEAD_BYTES * (1 + len(top.leaves))
        if self._bytes > _CACHE_BYTES:
            for one in self.known.values():
                one.clear()
            self._bytes = 0
        known[top.raw] = top
        return top
