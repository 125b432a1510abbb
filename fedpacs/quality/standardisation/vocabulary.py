"""The vocabulary's data files: terms, body parts, kernels; SNOMED codes by pydicom's dictionary."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from itertools import combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

UNKNOWN = "unknown"
NONE = "none"
"""The field does not apply to such a series."""
BOTH = "both"

CONTRASTS = ("with", "without", NONE)
PLANES = ("axial", "coronal", "sagittal", "oblique", NONE)
FIELDS = ("modality", "body_part", "contrast", "phase", "plane", "sequence")


@cache
def rows(name: str) -> tuple[tuple[str, ...], ...]:
    """Read a data file: its rows without the comment and the heading."""
    text = (files("fedpacs.quality.standardisation") / "data" / name).read_text("utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return tuple(tuple(line.split(";")) for line in lines[1:])


def values(field: str) -> tuple[str, ...]:
    """Give what a field may say, besides unknown."""
    fixed = {"contrast": CONTRASTS, "plane": PLANES}
    if field in fixed:
        return fixed[field]
    said = {
        value
        for row in rows("terms.csv")
        for name, _, value in (part.partition("=") for part in row[0].split())
        if {"body": "body_part"}.get(name, name) == field
    }
    if field == "body_part":
        said |= {
            part for row in rows("kinship.csv") for part in (row[1], row[2]) if "+" not in part
        }
        said |= {row[1] for row in rows("body_part_examined.csv")}
    return (*sorted(said), NONE)


@cache
def _wholes() -> Mapping[str, frozenset[str]]:
    direct: dict[str, set[str]] = {}
    for kind, part, whole in rows("kinship.csv"):
        if kind == "in":
            direct.setdefault(part, set()).add(whole)
    result: dict[str, frozenset[str]] = {}
    for part in direct:
        reached: set[str] = set()
        waiting = [part]
        while waiting:
            for whole in direct.get(waiting.pop(), ()):
                if whole not in reached:
                    reached.add(whole)
                    waiting.append(whole)
        result[part] = frozenset(reached)
    return result


def lies_in(part: str, whole: str) -> bool:
    """Tell whether a body part is the other one or lies in it."""
    return part == whole or whole in _wholes().get(part, frozenset())


@cache
def _sums() -> Mapping[frozenset[str], str]:
    return {frozenset(p.split("+")): w for kind, p, w in rows("kinship.csv") if kind == "sum"}


def one_part(parts: Collection[str]) -> str | None:
    """Give the one body part that several words together name; None when they contradict.

    ``head, brain`` is the brain, ``thorax, abdomen`` has a name of its own.
    """
    left = set(parts)
    for a, b in combinations(sorted(parts), 2):
        if lies_in(a, b):
            left.discard(b)
        elif lies_in(b, a):
            left.discard(a)
    if len(left) == 1:
        return left.pop()
    return _sums().get(frozenset(left)) or _sums().get(frozenset(parts))


def coded_part(term: str) -> str | None:
    """Give the concept of a defined term of Body Part Examined (0018,0015)."""
    wanted = re.sub(r"[^A-Z]", "", term.upper())
    return next((part for name, part in rows("body_part_examined.csv") if name == wanted), None)


def part_of_code(value: str, scheme: str) -> str | None:
    """Give the concept of a code of the Anatomic Region Sequence, as far as it is in use here."""
    if scheme not in ("SCT", "SRT"):
        return None
    from pydicom.sr.coding import Code

    wanted = Code(value, scheme, "")
    return next((p for p in values("body_part") if p != NONE and _code(p) == wanted), None)


@cache
def _code(part: str):  # type: ignore[no-untyped-def]  # noqa: ANN202 - pydicom's Code
    from pydicom.sr.codedict import codes

    return getattr(codes.SCT, part)


def snomed(part: str) -> tuple[str, str, str] | None:
    """Give value, scheme and meaning of a body part; None for unknown and none."""
    if part in (UNKNOWN, NONE):
        return None
    code = _code(part)
    return str(code.value), str(code.scheme_designator), str(code.meaning)


def kernel_class(name: str) -> str | None:
    """Give what a convolution kernel is for; None when no maker's rule fits."""
    wanted = name.strip()
    fits = (
        kind for kind, pattern in rows("kernels.csv") if re.match(pattern, wanted, re.IGNORECASE)
    )
    return next(fits, None)
