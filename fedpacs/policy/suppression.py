"""Small cells out of a table: no number in what is left rests on too few patients, by no sum.

A hidden cell is no protection where a total is known: the others, subtracted from it, give it
away. So nothing is hidden; small cells are *merged*. What is published is a partition of the
patients into groups, each of at least the minimum, and every sum or difference of groups is a
group of patients that is at least as large, or empty. Empty cells stay visible as empty: nobody
stands behind them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core.statistics import Group, ReleasedTable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fedpacs.core.statistics import TableForm

_SMALLEST_MERGED = 3
"""Two patients in two cells, both known not to be empty, are one in each: no merging hides them."""
_LARGEST_SHARE = 0.5
"""Largest share of one patient in a group; more, and the group's total is nearly that patient's."""


def merge(
    form: TableForm, contributions: Sequence[Sequence[int]], minimum_cell: int
) -> ReleasedTable | None:
    """Merge the cells of a table until each group rests on enough patients.

    Parameters
    ----------
    form
        Cells of the table.
    contributions
        One row for each patient, one whole number of 0 or more for each cell; each row adds up to
        the form's weight.
    minimum_cell
        Fewest patients that a group may rest on, 2 or more.

    Returns
    -------
    ReleasedTable or None
        None if all patients together are too few, or one of them dominates whatever is merged.
    """
    smallest = max(minimum_cell, _SMALLEST_MERGED)
    cells = [_Cell.of(column) for column in zip(*contributions, strict=True)]
    if not cells or len(contributions) < smallest:
        return None
    merged = _merge_neighbours if form.ordered else _pool_small
    return merged(form.name, cells, smallest)


class _Cell:
    """Patients of one cell or group and what each adds to it."""

    __slots__ = ("parts",)

    def __init__(self, parts: dict[int, int]) -> None:
        self.parts = parts

    @classmethod
    def of(cls, column: Sequence[int]) -> _Cell:
        return cls({patient: part for patient, part in enumerate(column) if part})

    def __or__(self, other: _Cell) -> _Cell:
        parts = dict(self.parts)
        for patient, part in other.parts.items():
            parts[patient] = parts.get(patient, 0) + part
        return _Cell(parts)

    @property
    def total(self) -> int:
        return sum(self.parts.values())

    def is_safe(self, smallest: int) -> bool:
        """Tell whether it may be published by itself."""
        return (
            len(self.parts) >= smallest and max(self.parts.values()) <= _LARGEST_SHARE * self.total
        )


def _merge_neighbours(name: str, cells: Sequence[_Cell], smallest: int) -> ReleasedTable | None:
    """Close a group as soon as it is large enough; what is left at the end joins the last."""
    groups: list[tuple[int, int, _Cell]] = []
    first, growing = -1, _Cell({})
    for place, cell in enumerate(cells):
        if not cell.parts:
            continue
        first = place if not growing.parts else first
        growing |= cell
        if growing.is_safe(smallest):
            groups.append((first, place, growing))
            growing = _Cell({})
    if growing.parts:
        if not groups:
            return None
        start, _, last = groups.pop()
        end = max(place for place, cell in enumerate(cells) if cell.parts)
        groups.append((start, end, last | growing))
    return ReleasedTable(name, tuple(Group(a, b, group.total) for a, b, group in groups))


def _pool_small(name: str, cells: Sequence[_Cell], smallest: int) -> ReleasedTable | None:
    """Pool the small cells; where such a pool would give one away, the next larger join it.

    All cells of one size join together, so the outcome hangs on sizes and not on places: whoever
    knows the pool's total and this rule can swap any two cells in it, and no cell, nor any part
    of the pool, has only one possible size.
    """
    kept = [place for place, cell in enumerate(cells) if cell.parts and cell.is_safe(smallest)]
    pool = _Cell({})
    for place, cell in enumerate(cells):
        if place not in kept:
            pool |= cell
    # A pool of nothing but small cells that is as full as can be has one cell less in each.
    open_book = pool.total >= (len(cells) - len(kept)) * (smallest - 1)
    while pool.parts and (open_book or not pool.is_safe(smallest)):
        if not kept:
            return None
        least = min(cells[place].total for place in kept)
        for place in [place for place in kept if cells[place].total == least]:
            kept.remove(place)
            pool |= cells[place]
        open_book = False
    groups = tuple(Group(place, place, cells[place].total) for place in kept)
    return ReleasedTable(name, groups, pool.total)


def smallest_support(
    form: TableForm, contributions: Sequence[Sequence[int]], table: ReleasedTable
) -> int:
    """Count the patients behind the least supported number of a table, anew and from scratch.

    Returns
    -------
    int
        0 if a number of the table is not what the contributions add up to, or the groups are not
        groups of the form's cells: such a table must not leave.
    """
    inside: set[int] = set()
    supports: list[int] = []
    for group in table.groups:
        cells = range(group.first, group.last + 1)
        if not cells or group.last >= len(form.cells) or group.first < 0 or inside & set(cells):
            return 0
        inside |= set(cells)
        supports.append(_support(contributions, cells, group.total))
    rest = [place for place in range(len(form.cells)) if place not in inside]
    if table.pooled or any(row[place] for row in contributions for place in rest):
        supports.append(_support(contributions, rest, table.pooled))
    return min(supports, default=0)


def _support(
    contributions: Sequence[Sequence[int]], cells: Sequence[int] | range, total: int
) -> int:
    sums = [sum(row[place] for place in cells) for row in contributions]
    return sum(value > 0 for value in sums) if sum(sums) == total else 0
