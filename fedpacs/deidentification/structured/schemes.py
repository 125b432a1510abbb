"""Well-known coding schemes, and what their values look like.

A code of a public terminology says what it says to everybody, whether or not a dictionary is at
hand to look it up in. Only its form can be checked then, as strictly as the scheme allows: with a
check digit where it has one, with a grammar where it has one.

References
----------
PS3.16 8 (coding schemes). The check digits are those of SNOMED CT (Verhoeff) and LOINC (mod 10);
the units are UCUM's, case sensitive.
"""

from __future__ import annotations

import csv
import re
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_DIHEDRAL = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_PERMUTATION = "1576283094"
_TEN = 10
_NINE = 9


def is_well_known(scheme: str) -> bool:
    """Tell whether a coding scheme designator is that of a public terminology."""
    return scheme in _schemes()


@lru_cache(maxsize=4096)
def is_well_formed(scheme: str, value: str) -> bool:
    """Tell whether a code is written as its public scheme writes codes.

    Parameters
    ----------
    scheme
        Coding Scheme Designator.
    value
        Code value.
    """
    found = _schemes().get(scheme)
    if found is None:
        return False
    pattern, check = found
    if check == "ucum":
        return _ucum().fullmatch(value) is not None
    if re.fullmatch(pattern, value, re.ASCII) is None:
        return False
    if check == "verhoeff":
        return _verhoeff(value)
    return check != "luhn" or _luhn(value.replace("-", ""))


@cache
def _schemes() -> Mapping[str, tuple[str, str]]:
    return MappingProxyType(
        {line["scheme"]: (line["pattern"], line["check"]) for line in read_lines("schemes")}
    )


@cache
def _ucum() -> re.Pattern[str]:
    """Build the grammar of unit expressions from the list of their atoms."""
    atoms = {line["kind"]: _alternatives(line["atoms"].split()) for line in read_lines("ucum")}
    unit = f"(?:(?:{atoms['prefix']})?(?:{atoms['metric']})|{atoms['plain']})(?:[+-]?[0-9])?"
    note = f"\\{{(?:{atoms['annotation']})\\}}"
    one = f"(?:(?:{unit})(?:{note})?|{note}|[0-9]{{1,3}})"
    part = f"(?:{one}|\\({one}(?:[./]{one}){{0,3}}\\))"
    return re.compile(f"/?{part}(?:[./]{part}){{0,5}}", re.ASCII)


def _alternatives(words: list[str]) -> str:
    return "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))


def _verhoeff(digits: str) -> bool:
    permutations = [list(range(_TEN)), [int(digit) for digit in _PERMUTATION]]
    while len(permutations) < 8:  # noqa: PLR2004 - the permutation has order 8
        permutations.append([permutations[1][digit] for digit in permutations[-1]])
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_DIHEDRAL[check][permutations[place % 8][int(digit)]])
    return check == 0


def _luhn(digits: str) -> bool:
    total = 0
    for place, digit in enumerate(reversed(digits)):
        number = int(digit) * (1 + place % 2)
        total += number - _NINE if number > _NINE else number
    return total % _TEN == 0


def read_lines(name: str) -> list[dict[str, str]]:
    """Read one of the tables of structured content.

    Parameters
    ----------
    name
        What follows ``structured_`` in the name of the file.
    """
    source = files("fedpacs.deidentification").joinpath("data", f"structured_{name}.csv")
    return list(csv.DictReader(source.read_text("utf-8").splitlines()))
