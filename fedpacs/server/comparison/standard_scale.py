"""The standard intensity scale of a consortium: the mean of the sites' mean landmarks."""

from __future__ import annotations

from math import exp
from typing import TYPE_CHECKING

from fedpacs.core.standard_scale import PERCENTILES
from fedpacs.server.errors import NothingToHarmoniseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.core.statistics import Moments


def standard_scale(sites: Mapping[str, Moments], *, physical: bool) -> tuple[float, ...]:
    """Fit the scale.

    Parameters
    ----------
    sites
        Sums by site; each site counts the same, however many patients it has.
    physical
        True for HU, whose landmarks are summed as they are; others are summed as logarithms.

    Returns
    -------
    tuple of float
        Landmarks at `fedpacs.core.standard_scale.PERCENTILES`, rising: ``standard_scale`` of the
        next job's ``[preparation]``.

    Raises
    ------
    NothingToHarmoniseError
        If no site, or not every site, released the sums of the landmarks.
    """
    names = [f"intensity-p{percentile:02d}" for percentile in PERCENTILES]
    if not sites or any(set(names) - set(m.features) for m in sites.values()):
        raise NothingToHarmoniseError("Not every site released the sums of its landmarks.")
    scale = []
    for name in names:
        means = [m.cross[0][m.features.index(name)] / m.patients for m in sites.values()]
        mean = sum(means) / len(means)
        scale.append(round(mean if physical else exp(mean), 4))
    for place in range(1, len(scale)):
        scale[place] = max(scale[place], round(scale[place - 1] + 1e-4, 4))
    return tuple(scale)
