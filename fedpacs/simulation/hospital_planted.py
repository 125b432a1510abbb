"""Identifying strings that were planted in a hospital's archive, for a search to look for.

Only strings that cannot turn up by chance are remembered: no given name alone, no sex, age, time
or short number. Every hospital's first examinations fall on Monday to Thursday of one week and its
follow-ups on Friday or Saturday of another, so a date shifted by whole weeks never lands on a
planted one.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_SHORTEST = 7


class PlantedKind(StrEnum):
    """What a planted string is."""

    NAME = "name"
    NUMBER = "number"
    DATE = "date"
    TEXT = "text"
    DEVICE = "device"
    """Names one machine; a profile that retains device identity keeps it lawfully."""


@dataclass(frozen=True, slots=True, repr=False)
class PlantedIdentity:
    """Everything identifying in one synthetic hospital. Its ``repr`` shows counts only.

    Attributes
    ----------
    by_kind
        Planted strings, each at least seven characters (four of a non-Latin name).
    uids
        Every original UID: study, series, frame of reference, instance.
    patients, studies, instances
        How much was written.
    """

    by_kind: Mapping[PlantedKind, frozenset[str]]
    uids: frozenset[str]
    patients: int
    studies: int
    instances: int

    @property
    def strings(self) -> tuple[str, ...]:
        """All planted strings but the UIDs, sorted."""
        return tuple(sorted(frozenset().union(*self.by_kind.values())))

    def of(self, *kinds: PlantedKind) -> frozenset[str]:
        """Planted strings of some kinds."""
        return frozenset().union(*(self.by_kind.get(kind, frozenset()) for kind in kinds))

    def __iter__(self) -> Iterator[str]:
        return iter(self.strings)

    def __len__(self) -> int:
        return len(self.strings)

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self.by_kind[kind])} {kind}" for kind in sorted(self.by_kind))
        return f"PlantedIdentity({self.patients} patients, {counts}, {len(self.uids)} uid)"


class Planter:
    """Remembers what is planted while it is written."""

    def __init__(self) -> None:
        self._strings: dict[PlantedKind, set[str]] = {kind: set() for kind in PlantedKind}
        self._uids: set[str] = set()

    def __call__(self, kind: PlantedKind, value: str) -> str:
        """Remember a string and hand it on."""
        if len(value) < _SHORTEST and value.isascii():
            msg = "a planted string is too short to be looked for"
            raise ValueError(msg)
        self._strings[kind].add(value)
        return value

    def uid(self, value: str) -> str:
        """Remember a UID and hand it on."""
        self._uids.add(value)
        return value

    def __repr__(self) -> str:
        return f"Planter({sum(len(strings) for strings in self._strings.values())} strings)"

    def planted(self, *, patients: int, studies: int, instances: int) -> PlantedIdentity:
        """Freeze what was planted."""
        by_kind = {kind: frozenset(strings) for kind, strings in self._strings.items()}
        return PlantedIdentity(by_kind, frozenset(self._uids), patients, studies, instances)
