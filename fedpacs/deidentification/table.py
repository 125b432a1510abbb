"""PS3.15 Table E.1-1 and what stands beside it, read from the package's data files."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.digest import digest_of, sha256_hex
from fedpacs.core.ps315 import Action, Option

if TYPE_CHECKING:
    from collections.abc import Mapping

OPTION_NAMES: Mapping[str, Option] = MappingProxyType(
    {
        "clean-pixel-data": Option.CLEAN_PIXEL_DATA,
        "clean-recognizable-visual-features": Option.CLEAN_RECOGNIZABLE_VISUAL_FEATURES,
        "clean-graphics": Option.CLEAN_GRAPHICS,
        "clean-structured-content": Option.CLEAN_STRUCTURED_CONTENT,
        "clean-descriptors": Option.CLEAN_DESCRIPTORS,
        "retain-full-dates": Option.RETAIN_FULL_DATES,
        "retain-modified-dates": Option.RETAIN_MODIFIED_DATES,
        "retain-patient-characteristics": Option.RETAIN_PATIENT_CHARACTERISTICS,
        "retain-device-identity": Option.RETAIN_DEVICE_IDENTITY,
        "retain-uids": Option.RETAIN_UIDS,
        "retain-safe-private": Option.RETAIN_SAFE_PRIVATE,
        "retain-institution-identity": Option.RETAIN_INSTITUTION_IDENTITY,
    }
)
"""Options of PS3.15 E.3 by the name that profiles and data files give them."""

COLUMN_OF: Mapping[Option, str] = MappingProxyType(
    {
        Option.CLEAN_GRAPHICS: "graphics",
        Option.CLEAN_STRUCTURED_CONTENT: "structured",
        Option.CLEAN_DESCRIPTORS: "descriptors",
        Option.RETAIN_FULL_DATES: "full_dates",
        Option.RETAIN_MODIFIED_DATES: "modified_dates",
        Option.RETAIN_PATIENT_CHARACTERISTICS: "patient",
        Option.RETAIN_DEVICE_IDENTITY: "device",
        Option.RETAIN_UIDS: "uids",
        Option.RETAIN_SAFE_PRIVATE: "safe_private",
        Option.RETAIN_INSTITUTION_IDENTITY: "institution",
    }
)
"""Options that have a column in the table, and its name; the other two concern pixels only."""

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

    @property
    def number(self) -> int | None:
        """The tag as one number; None for a row about more than one attribute."""
        return None if self.tag == "private" or "x" in self.tag else int(self.tag, 16)


@dataclass(frozen=True, slots=True)
class Extra:
    """One rule of our own: for an attribute without a row, or choosing among a row's codes.

    Attributes
    ----------
    option
        The option under which it holds; None when it holds with the Basic Profile.
    generator
        What makes the new value; empty for the action's usual one.
    pattern
        Regular expression that each value must match as a whole to be kept.
    otherwise
        What is done to a value that does not match, or of which nothing stays.
    """

    tag: int
    name: str
    option: Option | None
    action: Action
    generator: str
    pattern: str
    otherwise: Action
    reason: str


@dataclass(frozen=True, slots=True)
class VrRule:
    """What happens to standard attributes of one VR that neither table names."""

    option: Option | None
    action: Action
    generator: str
    reason: str


def _read(name: str) -> list[dict[str, str]]:
    text = files("fedpacs.deidentification").joinpath("data", name).read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


@cache
def data_digest() -> str:
    """Give the SHA-256 of every data file of the package: words, names, devices, kinds of objects.

    They decide what is removed as much as the rules do, so a profile's digest covers them.
    """
    folder = files("fedpacs.deidentification").joinpath("data")
    return digest_of(
        {
            entry.name: sha256_hex(entry.read_bytes())
            for entry in folder.iterdir()
            if entry.name.endswith((".csv", ".npz", ".txt"))
        }
    )


def _option(name: str) -> Option | None:
    return OPTION_NAMES[name] if name else None


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
def rows_by_tag() -> Mapping[int, Row]:
    """Every row that is about one attribute."""
    return MappingProxyType({row.number: row for row in rows() if row.number is not None})


@cache
def extras() -> Mapping[int, tuple[Extra, ...]]:
    """Rules of our own by tag, the one of the Basic Profile first."""
    found: dict[int, list[Extra]] = {}
    for line in _read("extra_rules.csv"):
        tag = int(line["tag"], 16)
        extra = Extra(
            tag=tag,
            name=line["name"],
            option=_option(line["option"]),
            action=Action(line["action"]),
            generator=line["generator"],
            pattern=line["pattern"],
            otherwise=Action(line["otherwise"] or Action.REMOVE),
            reason=line["reason"],
        )
        found.setdefault(tag, []).append(extra)
    return MappingProxyType(
        {tag: tuple(sorted(all_, key=lambda e: e.option or "")) for tag, all_ in found.items()}
    )


@cache
def vr_rules() -> Mapping[str, tuple[VrRule, ...]]:
    """Rules by VR, the one of the Basic Profile last."""
    found: dict[str, list[VrRule]] = {}
    for line in _read("vr_rules.csv"):
        rule = VrRule(
            _option(line["option"]), Action(line["action"]), line["generator"], line["reason"]
        )
        found.setdefault(line["vr"], []).append(rule)
    return MappingProxyType({vr: tuple(all_) for vr, all_ in found.items()})


@dataclass(frozen=True, slots=True)
class ClosedGroup:
    """A group where an attribute without a row is removed whatever its VR.

    Attributes
    ----------
    opened_by
        Option under which numbers, known words, UIDs and sequences of the group go by their VR.
    """

    opened_by: Option | None
    reason: str


@cache
def closed_groups() -> Mapping[int, ClosedGroup]:
    """Give the closed groups, by group."""
    return MappingProxyType(
        {
            int(line["group"], 16): ClosedGroup(_option(line["opened_by"]), line["reason"])
            for line in _read("closed_groups.csv")
        }
    )


@cache
def attribute_types() -> Mapping[int, str]:
    """Give the strictest Type (1, 1C, 2, 2C) that any module gives an attribute, by tag."""
    return MappingProxyType(
        {int(line["tag"], 16): line["type"] for line in _read("attribute_types.csv")}
    )
