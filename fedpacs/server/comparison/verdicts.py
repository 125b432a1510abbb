"""Which sites differ from the others, and in what.

A difference counts if it is no chance (1 in 100 over *all* comparisons of the report, by Holm's
step-down) and large enough to matter. A site is named when it differs from more than half of the
others in one table: in a group of three the one that stands apart, not the two it stands apart
from.

References
----------
S. Holm, A simple sequentially rejective multiple test procedure, Scand. J. Stat. 6 (1979).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from fedpacs.server.comparison.distances import compare_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fedpacs.core.statistics import SiteStatistics, TableForm
    from fedpacs.server.comparison.distances import Distance

FALSE_ALARMS = 0.01
MATTERS = 0.1
"""Smallest Jensen-Shannon distance that is called a difference, whatever the sites' sizes."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One comparison and what is made of it.

    Attributes
    ----------
    measured
        The distance.
    adjusted_p
        Chance of one such distance anywhere in the report, if all sites were equal.
    differs
        True if it is no chance and matters.
    """

    measured: Distance
    adjusted_p: float
    differs: bool


@dataclass(frozen=True, slots=True)
class SiteVerdict:
    """One site among the others.

    Attributes
    ----------
    stands_apart_in
        Tables in which it differs from more than half of the others.
    mean_distance
        Over all tables and other sites.
    """

    site: str
    stands_apart_in: tuple[str, ...]
    mean_distance: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """All sites compared.

    Attributes
    ----------
    differences
        Every pair of sites in every table that both released.
    verdicts
        By site, in order of name.
    overall
        Mean distance of each pair of sites.
    """

    differences: tuple[Difference, ...]
    verdicts: tuple[SiteVerdict, ...]
    overall: Mapping[tuple[str, str], float]

    @property
    def shifted(self) -> tuple[SiteVerdict, ...]:
        """Sites that stand apart."""
        return tuple(verdict for verdict in self.verdicts if verdict.stands_apart_in)


def compare_sites(
    forms: Mapping[str, TableForm], sites: Mapping[str, SiteStatistics]
) -> Comparison:
    """Compare every pair of sites in every table that both know.

    Parameters
    ----------
    forms
        Tables of the job, by name.
    sites
        Statistics by site.
    """
    distances = [
        compare_table(form, sites[a], sites[b])
        for form in forms.values()
        for a, b in combinations(sorted(sites), 2)
        if is_known(form, sites[a]) and is_known(form, sites[b])
    ]
    adjusted = holm([each.p_value for each in distances])
    differences = tuple(
        Difference(each, p, differs=p < FALSE_ALARMS and each.distance >= MATTERS)
        for each, p in zip(distances, adjusted, strict=True)
    )
    pairs = combinations(sorted(sites), 2)
    return Comparison(
        differences=differences,
        verdicts=tuple(_verdict(site, forms, differences) for site in sorted(sites)),
        overall={(a, b): _mean(differences, {a, b}) for a, b in pairs},
    )


def is_known(form: TableForm, site: SiteStatistics) -> bool:
    """Tell whether a site released a table and knows the attribute of most of its patients."""
    table = site.tables.get(form.name)
    if table is None or table.total <= 0:
        return False
    unknown = len(form.cells) - 1
    lacking = sum(group.total for group in table.groups if group.first == unknown)
    return 2 * lacking <= table.total


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of *any* false alarm is what the smallest says."""
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, p_values[place] * (len(p_values) - rank)))
        adjusted[place] = largest
    return adjusted


def _verdict(
    site: str,
    forms: Mapping[str, TableForm],
    differences: Sequence[Difference],
) -> SiteVerdict:
    apart = []
    for name in forms:
        own = [d for d in differences if d.measured.table == name and _has(d, site)]
        if 2 * sum(d.differs for d in own) > len(own):
            apart.append(name)
    mine = [d.measured.distance for d in differences if _has(d, site)]
    mean = sum(mine) / len(mine) if mine else 0.0
    return SiteVerdict(site, tuple(apart), mean)


def _has(difference: Difference, site: str) -> bool:
    return site in (difference.measured.first, difference.measured.second)


def _mean(differences: Sequence[Difference], pair: set[str]) -> float:
    found = [
        d.measured.distance for d in differences if {d.measured.first, d.measured.second} == pair
    ]
    return sum(found) / len(found) if found else 0.0
