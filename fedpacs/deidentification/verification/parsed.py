"""What the verification's reader gives: a file's elements, and where its bulk data lie."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from fedpacs.deidentification.verification.leaves import Syntax, Top

if TYPE_CHECKING:
    from collections.abc import Iterator

EXPLICIT = Syntax(explicit=True, little=True)
IMPLICIT = Syntax(explicit=False, little=True)
BIG = Syntax(explicit=True, little=False)


class Extent(NamedTuple):
    """Bulk data of the top level, left on the disk; `end` is where the next element starts."""

    tag: int
    vr: str
    start: int
    end: int
    undefined: bool


class Run(NamedTuple):
    """Neighbouring elements that were taken apart together."""

    raw: bytes
    tops: tuple[Top, ...]


class Layout:
    """The elements that the files of one series have in common."""

    __slots__ = ("by_tag", "runs", "size", "syntax")

    def __init__(self, runs: tuple[Run, ...], syntax: Syntax) -> None:
        self.runs = runs
        self.syntax = syntax
        self.size = sum(len(run.raw) for run in runs)
        self.by_tag = {top.tag: top for run in runs for top in run.tops}


class Parsed:
    """One file, taken apart. Identified; its ``repr`` says nothing.

    Attributes
    ----------
    descriptor
        Where the data set is read from: the file, or its inflated content.
    head
        The beginning of what `descriptor` holds, as far as it was read at once.
    meta
        File meta information, by tag.
    shared, own
        Elements that it shares with its series, and those of its own.
    extents
        Bulk data.
    end
        Where the last element ends.
    size
        Bytes that can be read from `descriptor`.
    inflated
        Whether the data set was deflated.
    damaged
        Whether bytes follow that are no element.
    """

    __slots__ = (
        "damaged", "descriptor", "duplicated", "end", "extents", "head", "inflated", "layout",
        "meta", "own", "preamble", "size", "start", "syntax", "transfer_syntax", "twin",
    )  # fmt: skip

    def __init__(self, descriptor: int, size: int) -> None:
        self.descriptor = descriptor
        self.size = size
        self.meta: dict[int, Top] = {}
        self.preamble = b""
        self.head = b""
        self.transfer_syntax = ""
        self.syntax = EXPLICIT
        self.layout = Layout((), EXPLICIT)
        self.own: dict[int, Top] = {}
        self.extents: dict[int, Extent] = {}
        self.start = self.end = 0
        self.inflated = False
        self.duplicated = False
        self.damaged = False
        self.twin = -1

    def __repr__(self) -> str:
        return "Parsed()"

    def get(self, tag: int) -> Top | None:
        """Give a top-level element."""
        return self.own.get(tag) or self.layout.by_tag.get(tag)

    def value(self, tag: int) -> bytes | None:
        """Give the undecoded value of a top-level element; None when there is none."""
        top = self.own.get(tag) or self.layout.by_tag.get(tag)
        return top.leaves[0].value if top else None

    def text(self, tag: int) -> str:
        """Give a value of plain ASCII, trimmed; empty when there is none."""
        value = self.value(tag)
        return value.decode("latin-1").strip(" \0") if value else ""

    def tops(self) -> Iterator[Top]:
        """Give every element but bulk data."""
        yield from self.layout.by_tag.values()
        yield from self.own.values()

    def close(self) -> None:
        """Close the file."""
        for descriptor in {self.descriptor, self.twin} - {-1}:
            os.close(descriptor)
        self.descriptor = self.twin = -1
