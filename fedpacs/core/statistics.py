"""Statistics of a cohort as they travel: tables of patients over cells that are known beforehand.

Every table counts patients: each patient stands in it once, with a weight that is shared out over
the cells (1 in one cell for a count; parts of 1000 over many cells for a histogram). So one rule
protects all of them, and one patient changes any of them by a bounded amount.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil, sqrt
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

UNKNOWN = "unknown"
"""Last cell of every table: the attribute is missing or says nothing that is known."""


@dataclass(frozen=True, slots=True)
class TableForm:
    """What a table looks like, before anybody has counted.

    Attributes
    ----------
    name
        Stable name, for example ``vendor``.
    cells
        Codes of the cells, ``unknown`` last.
    ordered
        True when neighbouring cells are alike, so that small ones are merged with neighbours.
    weight
        What one patient adds up to in the table.
    edges
        Limits of the cells but the last, in `unit`; empty for codes.
    unit
        Unit of the edges.
    """

    name: str
    cells: tuple[str, ...]
    ordered: bool
    weight: int = 1
    edges: tuple[float, ...] = ()
    unit: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Give plain data, for the digest that an approval names."""
        return {
            "name": self.name,
            "cells": list(self.cells),
            "ordered": self.ordered,
            "weight": self.weight,
        }


@dataclass(frozen=True, slots=True)
class Group:
    """Neighbouring cells of a table that are counted as one.

    Attributes
    ----------
    first, last
        Places of the first and the last cell, from 0.
    total
        What the patients in it add up to; with noise it may be negative.
    """

    first: int
    last: int
    total: int


@dataclass(frozen=True, slots=True)
class ReleasedTable:
    """A table as it may leave.

    Attributes
    ----------
    name
        Name of its form.
    groups
        In order, not overlapping. Cells outside them are empty, or in the pool.
    pooled
        What all cells outside the groups add up to.
    """

    name: str
    groups: tuple[Group, ...]
    pooled: int = 0

    @property
    def total(self) -> int:
        """Sum over all cells."""
        return sum(group.total for group in self.groups) + self.pooled


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise in a release.

    Attributes
    ----------
    epsilon, delta
        What one release of all its tables costs a patient (add or remove one patient).
    noise_multiplier
        Standard deviation of the whole release in units of one patient's largest effect.
    """

    epsilon: float
    delta: float
    noise_multiplier: float


@dataclass(frozen=True, slots=True)
class Moments:
    """Sums over patients from which a location and scale model is fitted; no patient's own value.

    Attributes
    ----------
    patients
        How many patients are summed.
    covariates, features
        Names of the columns of the design (``intercept`` first) and of the features.
    design
        Sum of ``x x'``, shape ``(P, P)``.
    cross
        Sum of ``x y'``, shape ``(P, F)``.
    squares
        Sum of ``y * y``, shape ``(F,)``.
    """

    patients: int
    covariates: tuple[str, ...]
    features: tuple[str, ...]
    design: tuple[tuple[float, ...], ...]
    cross: tuple[tuple[float, ...], ...]
    squares: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SiteStatistics:
    """Everything that one site releases about one cohort.

    Attributes
    ----------
    site
        Name of the site.
    job_digest, schema_digest
        What was asked for and approved.
    patients
        Patients behind every table, None when noise hides it.
    minimum_cell
        No number rests on fewer patients than this.
    tables
        By name.
    moments
        None where they were not asked for or must not leave.
    noise
        None for exact numbers.
    """

    site: str
    job_digest: str
    schema_digest: str
    patients: int | None
    minimum_cell: int
    tables: Mapping[str, ReleasedTable]
    moments: Moments | None = None
    noise: Noise | None = None
    withheld: tuple[str, ...] = field(default=())
    """Names of the tables that were asked for and must not leave."""


def noise_deviation(form: TableForm, tables: int, noise_multiplier: float) -> int:
    """Give the standard deviation of the noise in each cell of a table.

    One patient changes a table by at most its weight (L1, and so L2). So all tables together,
    each measured in its own deviation, change by at most ``1 / noise_multiplier``.

    Parameters
    ----------
    form
        Of the table.
    tables
        How many tables one release has.
    noise_multiplier
        Of the whole release.
    """
    return ceil(noise_multiplier * sqrt(tables) * form.weight)
