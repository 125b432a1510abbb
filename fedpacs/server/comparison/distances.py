"""How far two sites are apart in one table, and how far equal sites would be by chance.

The distance is that of Jensen and Shannon, from 0 (the same shares) to 1 (nothing in common). It
is never 0 for small sites, so each is set beside what two sites of these sizes would show if every
patient had been as likely in the one as in the other: tables with the same margins are drawn, for
which the counts suffice.

References
----------
J. Lin, Divergence measures based on the Shannon entropy, IEEE Trans. Inf. Theory 37 (1991).
D. Endres, J. Schindelin, A new metric for probability distributions, ibid. 49 (2003).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.core.digest import digest_of
from fedpacs.core.statistics import noise_deviation

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fedpacs.core.statistics import ReleasedTable, SiteStatistics, TableForm

    Array = NDArray[np.float64]

_DRAWS = 4000
_FEW = 40
"""With fewer draws as far out as the observed distance, the tail is fitted instead of counted."""


@dataclass(frozen=True, slots=True)
class Distance:
    """Two sites in one table.

    Attributes
    ----------
    distance
        Jensen-Shannon distance, 0 to 1.
    expected
        What 19 of 20 pairs of equal sites of these sizes stay below.
    p_value
        How often equal sites are as far apart, or farther.
    shift
        For ordered cells: by how many cells the second site lies higher; 0 for codes.
    """

    table: str
    first: str
    second: str
    distance: float
    expected: float
    p_value: float
    shift: float


def compare_table(form: TableForm, first: SiteStatistics, second: SiteStatistics) -> Distance:
    """Compare two sites in a table that both released.

    Parameters
    ----------
    form
        Of the table.
    first, second
        Statistics of the two.
    """
    blocks = common_blocks(form, first.tables[form.name], second.tables[form.name])
    sites = [_in_patients(form, site.tables[form.name], blocks) for site in (first, second)]
    noise = [_noise(form, site) for site in (first, second)]
    observed = jensen_shannon(*(np.maximum(counts, 0.0) for counts in sites))
    null = _null(sites, noise, _seed(form, first, second))
    return Distance(
        table=form.name,
        first=first.site,
        second=second.site,
        distance=observed,
        expected=float(np.quantile(null, 0.95)),
        p_value=_p_value(observed, null),
        shift=_shift(blocks, sites) if form.ordered else 0.0,
    )


def jensen_shannon(first: Array, second: Array) -> float:
    """Give the Jensen-Shannon distance of two tables of counts, base 2; 0 if one is empty.

    Parameters
    ----------
    first, second
        Shape ``(B,)``, 0 or more.
    """
    return float(_jensen_shannon(first[np.newaxis], second[np.newaxis])[0])


def common_blocks(
    form: TableForm, first: ReleasedTable, second: ReleasedTable
) -> tuple[tuple[int, ...], ...]:
    """Give the finest blocks of cells that neither site's merging cuts, in order of their cells."""
    block = list(range(len(form.cells)))
    for merged in (*_merged(form, first), *_merged(form, second)):
        target = min(block[cell] for cell in merged)
        joined = {block[cell] for cell in merged}
        block = [target if number in joined else number for number in block]
    return tuple(
        tuple(cell for cell, number in enumerate(block) if number == each)
        for each in sorted(set(block))
    )


def _merged(form: TableForm, table: ReleasedTable) -> list[list[int]]:
    """Give the sets of cells that a site counted as one."""
    spans = [list(range(group.first, group.last + 1)) for group in table.groups]
    if table.pooled:
        inside = {cell for span in spans for cell in span}
        spans.append([cell for cell in range(len(form.cells)) if cell not in inside])
    return spans


def _in_patients(form: TableForm, table: ReleasedTable, blocks: Sequence[Sequence[int]]) -> Array:
    totals = dict.fromkeys(range(len(form.cells)), 0)
    for group in table.groups:
        totals[group.first] += group.total
    if table.pooled:
        inside = {cell for g in table.groups for cell in range(g.first, g.last + 1)}
        totals[next(cell for cell in totals if cell not in inside)] += table.pooled
    return np.array([sum(totals[cell] for cell in block) for block in blocks]) / form.weight


def _noise(form: TableForm, site: SiteStatistics) -> float:
    """Deviation of a site's noise, in patients."""
    if site.noise is None:
        return 0.0
    sigma = noise_deviation(form, len(site.tables), site.noise.noise_multiplier)
    return sigma / form.weight


def _null(sites: Sequence[Array], noise: Sequence[float], seed: int) -> Array:
    """Draw distances of equal sites, shape ``(draws,)``."""
    generator = np.random.default_rng(seed)
    whole = np.array([np.maximum(np.rint(counts), 0) for counts in sites]).astype(np.int64)
    if not any(noise):
        whole = whole[:, whole.any(axis=0)]  # empty cells add nothing
    pooled, size = whole[0] + whole[1], int(whole[0].sum())
    drawn = generator.multivariate_hypergeometric(pooled, size, size=_DRAWS, method="marginals")
    tables = [
        table + generator.normal(0.0, sigma, table.shape) if sigma else table.astype(np.float64)
        for table, sigma in zip((drawn, pooled - drawn), noise, strict=True)
    ]
    return _jensen_shannon(*(np.maximum(table, 0.0) for table in tables))


def _jensen_shannon(first: Array, second: Array) -> Array:
    totals = [np.maximum(table.sum(axis=1, keepdims=True), 1e-300) for table in (first, second)]
    p, q = first / totals[0], second / totals[1]
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = [np.where(s > 0, s * np.log2(s / middle), 0.0) for s in (p, q)]
    divergence: Array = (terms[0] + terms[1]).sum(axis=1) / 2
    return np.sqrt(np.clip(divergence, 0.0, 1.0))


def _p_value(observed: float, null: Array) -> float:
    """Count how many draws are as far out; fit a gamma to the squares where they are too few."""
    beyond = int(np.sum(null >= observed - 1e-12))
    counted = (beyond + 1) / (len(null) + 1)
    squares = null**2
    mean, variance = float(squares.mean()), float(squares.var())
    if beyond >= _FEW or variance < 1e-18:  # noqa: PLR2004 - every draw is the same
        return counted
    from scipy.stats import gamma

    fitted = float(gamma.sf(observed**2, mean**2 / variance, scale=variance / mean))
    return min(counted, max(fitted, 1e-12))


def _shift(blocks: Sequence[Sequence[int]], sites: Sequence[Array]) -> float:
    """Difference of the mean places; the last cell (unknown) has none."""
    places = np.array([sum(block) / len(block) for block in blocks])[:-1]
    means = []
    for counts in sites:
        known = np.maximum(counts[:-1], 0.0)
        means.append(float(places @ known / known.sum()) if known.sum() > 0 else float("nan"))
    difference = means[1] - means[0]
    return difference if difference == difference else 0.0  # noqa: PLR0124 - NaN


def _seed(form: TableForm, first: SiteStatistics, second: SiteStatistics) -> int:
    """Give the same draws for the same question, so that a report can be made again."""
    words = [form.name, first.site, second.site, first.job_digest]
    return int(digest_of(words)[:15], 16)
