"""Runs: neighbouring elements that file after file has in common, known again as one.

The elements that change from slice to slice break the header into a few runs. Comparing a run costs
one comparison of bytes, however many elements are in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.parsed import RawElement, Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedpacs.deidentification.dicom.parsed import Part


class Known:
    """What the file before had, in its order, and how far this file has come in it.

    Parameters
    ----------
    like
        Parts of the file before.
    """

    __slots__ = ("_next", "_parts", "same")

    def __init__(self, like: Sequence[Part]) -> None:
        self._parts = like
        self._next = 0
        self.same: set[int] = set()
        """Identities of single elements that were known."""

    def at(self, content: bytes, position: int) -> Part | None:
        """Give the next known part, if it stands in this file at a position."""
        while self._next < len(self._parts):
            part = self._parts[self._next]
            if content.startswith(part.raw, position):
                self._next += 1
                if isinstance(part, RawElement):
                    self.same.add(id(part))
                return part
            if not isinstance(part, Run):
                return None
            self._take_apart(part)
        return None

    def pass_by(self, tag: int) -> None:
        """Leave out what stood before an element that was not known."""
        while self._next < len(self._parts):
            part = self._parts[self._next]
            if part.tag > tag:
                return
            if isinstance(part, Run) and part.elements[-1].tag > tag:
                self._take_apart(part)
            else:
                self._next += 1

    def _take_apart(self, run: Run) -> None:
        rest = self._parts[self._next + 1 :]
        self._parts = [*run.elements, *rest]
        self._next = 0


def layout(parts: Sequence[Part], same: set[int]) -> list[Part]:
    """Give the parts to know the next file by.

    Parameters
    ----------
    parts
        Parts of this file.
    same
        Identities of its single elements that the file before had, too: neighbours join into runs.
    """
    if not same:
        return [part for part in parts if part.raw]
    found: list[Part] = []
    run: list[RawElement] = []
    for part in parts:
        if isinstance(part, RawElement) and part.raw and id(part) in same:
            run.append(part)
            continue
        if run:
            _close(run, found)
        if part.raw:
            found.append(part)
    if run:
        _close(run, found)
    return found


def _close(run: list[RawElement], found: list[Part]) -> None:
    if len(run) > 1:
        found.append(Run(tuple(run)))
    else:
        found.extend(run)
    run.clear()
