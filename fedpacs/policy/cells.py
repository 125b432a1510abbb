"""Small cells: which counts of a table may be told, so that no small one can be worked out.

Suppressing a small count alone is not enough: where the total and all other counts are told, it is
their difference. So further counts are suppressed, smallest first, until what is hidden could be
many things, and where too few counts are left, the total goes as well.

References
----------
Hundepool et al., Statistical Disclosure Control (2012), 4.3 (secondary cell suppression).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Counts:
    """A table that may be told.

    Attributes
    ----------
    cells
        By name; None where it is suppressed.
    total
        None where it would give a suppressed cell away.
    """

    cells: Mapping[str, int | None]
    total: int | None


def suppress(cells: Mapping[str, int], total: int, minimum_cell: int) -> Counts:
    """Suppress what is small, and what would tell it.

    The rules, with k the minimum cell:

    1. A count from 1 to k - 1 is suppressed, and so is such a total.
    2. Where one is suppressed, at least two are, and together they leave each of them open up to k:
       the hidden sum, less one for every other hidden count, is at least k.
    3. Where that cannot be had, the total is suppressed.

    Parameters
    ----------
    cells
        Counts of people by category; each person in one category.
    total
        All people.
    minimum_cell
        Smallest count that may be told; the stricter of site and job.
    """
    hidden = {name for name, count in cells.items() if 0 < count < minimum_cell}
    rest = sorted((n for n in cells if cells[n] and n not in hidden), key=lambda n: (cells[n], n))
    while hidden and rest and not _is_open(cells, hidden, minimum_cell):
        hidden.add(rest.pop(0))
    keeps_total = not 0 < total < minimum_cell and (
        not hidden or _is_open(cells, hidden, minimum_cell)
    )
    told = {name: None if name in hidden else count for name, count in sorted(cells.items())}
    return Counts(told, total if keeps_total else None)


def _is_open(cells: Mapping[str, int], hidden: set[str], minimum_cell: int) -> bool:
    hidden_sum = sum(cells[name] for name in hidden)
    return len(hidden) > 1 and hidden_sum - (len(hidden) - 1) >= minimum_cell
