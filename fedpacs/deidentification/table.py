"""PS3.15 Table E.1-1 and what stands beside it, read from the package's data files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.ps315 import Action, Option

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMN_OF: Mapping[Option, str] = MappingProxyType(
    {
        Option.RETAIN_FULL_DATES: "full_dates",
        Option.RETAIN_MODIFIED_DATES: "modified_dates",
        Option.RETAIN_PATIENT_CHARACTERISTICS: "patient",
        Option.RETAIN_DEVICE_IDENTITY: "device",
    }
)
"""Options that the engine carries out, and their column."""

CONFORMANT: Mapping[str, Action] = MappingProxyType(
    {
        "X": Action.REMOVE,
        "Z": Action.ZERO,
        "D": Action.DUMMY,
        "U": Action.UID,
        "X/Z": Action.ZERO,
        "X/D": Action.DUMMY,
        "X/Z/D": Action.DUMMY,
        "Z/D": Action.DUMMY,
        "X/Z/U*": Action.KEEP,
    }
)
"""The action that leaves the object conformant whatever the attribute's Type is in its IOD.

``X/Z/U*`` stands at sequences of references: they are kept, and the UIDs in them replaced.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of Table E.1-1.

    Attributes
    ----------
    tag
        Eight hexadecimal digits; ``x`` where any digit stands (repeating groups); ``private``.
    basic
        Code of the Basic Profile, possibly compound.
    options
        Option to its code, ``K`` or ``C``.
    """

    tag: str
    name: str
    basic: str
    options: Mapping[Option, str]
    edition: str


@dataclass(frozen=True, slots=True)
class Extra:
    """One rule of our own: for an attribute without a row, or choosing among a row's codes.

    Attributes
    ----------
    generator
        What makes the new value; empty for the action's usual one.
    pattern
        Regular expression that each value must match as a whole to be kept.
    """

    tag: int
    name: str
    action: Action
    generator: str
    pattern: str
    reason: str


def _read(name: str) -> list[dict[str, str]]:
    text = files("fedpacs.deidentification").joinpath("data", name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def rows() -> tuple[Row, ...]:
    """Every row of Table E.1-1."""
    return tuple(
        Row(
            tag=line["tag"],
            name=line["name"],
            basic=line["basic"],
            options=MappingProxyType(
                {option: line[column] for option, column in COLUMN_OF.items() if line[column]}
            ),
            edition=line["edition"],
        )
        for line in _read("ps315_e1_1.csv")
    )


@cache
def extras() -> Mapping[int, Extra]:
    """Rules of our own, by tag."""
    return MappingProxyType(
        {
            int(line["tag"], 16): Extra(
                tag=int(line["tag"], 16),
                name=line["name"],
                action=Action(line["action"]),
                generator=line["generator"],
                pattern=line["pattern"],
                reason=line["reason"],
            )
            for line in _read("extra_rules.csv")
        }
    )


@cache
def vr_actions() -> Mapping[str, tuple[Action, str]]:
    """Give action and reason by value representation, for standard attributes without a row."""
    return MappingProxyType(
        {line["vr"]: (Action(line["action"]), line["reason"]) for line in _read("vr_rules.csv")}
    )


@cache
def closed_groups() -> Mapping[int, str]:
    """Give the groups where an attribute without a row is removed whatever its VR, and why."""
    return MappingProxyType(
        {int(line["group"], 16): line["reason"] for line in _read("closed_groups.csv")}
    )
