"""The quick way for the values that every slice has of its own: numbers and times that stayed.

A number that stands in both files alike, in an attribute that may stay whatever it says, needs no
comparison; only whether it is a number, and no number of the patient's.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.decoding import texts
from fedpacs.deidentification.verification.standard import COLUMN_OF, is_known, table, vr_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedpacs.deidentification.verification.comparison import Comparison
    from fedpacs.deidentification.verification.leaves import Top

_WRITTEN = frozenset({"DS", "IS"})
_BINARY = frozenset({"FD", "FL", "SL", "SS", "UL", "US"})
_NUMBERS = re.compile(rb"[0-9.eE+\\ -]*\0?")
_GROUPS = frozenset({0x0008, 0x0018, 0x0020, 0x0028, 0x0054})
_MINIMUM_DIGITS = 6


@cache
def _may_stay(tag: int, vr: str, options: frozenset[str]) -> bool:
    """Tell whether an attribute may stay as it is, whatever its number."""
    if tag >> 16 not in _GROUPS or not is_known(tag) or vr_of(tag) != vr:
        return False
    row = table().get(tag)
    if vr == "TM":
        return row is not None and any(
            row[COLUMN_OF[code]] for code in options & {"113106", "113107"}
        )
    if vr not in _WRITTEN and vr not in _BINARY:
        return False
    return row is None or any(row[COLUMN_OF[code]] for code in options if code in COLUMN_OF)


def is_plain(top: Top, options: frozenset[str]) -> bool:
    """Tell whether an element that is the same in both files needs no comparison."""
    if len(top.leaves) > 1:
        return False
    leaf = top.leaves[0]
    if not _may_stay(leaf.tag, leaf.vr, options):
        return False
    return leaf.vr not in _WRITTEN or _NUMBERS.fullmatch(leaf.value) is not None


def add_plain(result: Comparison, tops: Sequence[Top]) -> None:
    """Add the numbers that are long enough to be somebody's."""
    for top in tops:
        leaf = top.leaves[0]
        if leaf.vr == "TM" or (len(leaf.value) < _MINIMUM_DIGITS and leaf.vr in _WRITTEN):
            continue
        result.numbers += [
            (leaf.tag, text) for text in texts(leaf, b"") if len(text) >= _MINIMUM_DIGITS
        ]
