"""The location and scale model (ComBat), fitted from the sites' sums alone.

Every quantity that the model needs is a function of each site's ``n``, ``X'X``, ``X'Y`` and
``sum Y^2``, so one exchange of sums gives exactly what pooled data would give.

References
----------
W. E. Johnson, C. Li, A. Rabinovic, Adjusting batch effects in microarray expression data using
empirical Bayes methods, Biostatistics 8 (2007).
A. A. Chen et al., Privacy-preserving harmonization via distributed ComBat, NeuroImage 248 (2022).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.core.location_scale import LocationScale
from fedpacs.server.errors import NothingToHarmoniseError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fedpacs.core.statistics import Moments

    Array = NDArray[np.float64]

_CONVERGED = 1e-6
_MOST_STEPS = 10_000
_TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class _Sums:
    """One site's sums, centred about its own means.

    Attributes
    ----------
    x, y
        Means, shapes ``(P,)`` and ``(F,)``; P does not count the intercept.
    xx, xy, yy
        Centred sums of products, shapes ``(P, P)``, ``(P, F)`` and ``(F,)``.
    """

    n: int
    x: Array
    y: Array
    xx: Array
    xy: Array
    yy: Array


def fit_location_scale(sites: Mapping[str, Moments]) -> dict[str, LocationScale]:
    """Fit the model; covariates and features that not every site has are left out.

    Parameters
    ----------
    sites
        Sums by site, two sites or more.

    Returns
    -------
    dict
        The model for each site.

    Raises
    ------
    NothingToHarmoniseError
        If there are fewer than two sites, or no feature that all of them have.
    """
    if len(sites) < 2:  # noqa: PLR2004 - one site has nobody to differ from
        raise NothingToHarmoniseError("Fewer than two sites released sums for harmonisation.")
    covariates = _shared([m.covariates[1:] for m in sites.values()])
    features = _shared([m.features for m in sites.values()])
    if not features:
        raise NothingToHarmoniseError("The sites have no feature in common.")
    sums = {name: _centred(m, covariates, features) for name, m in sorted(sites.items())}
    total = sum(s.n for s in sums.values())
    effects = _effects(sums)
    level = {name: s.y - s.x @ effects for name, s in sums.items()}
    grand = np.sum([s.n * level[name] for name, s in sums.items()], axis=0) / total
    residual = {name: _residual(s, effects) for name, s in sums.items()}
    variance = np.maximum(np.sum([*residual.values()], axis=0) / total, _TINY)
    models = {}
    for name, s in sums.items():
        shift = (level[name] - grand) / np.sqrt(variance)
        scale = np.maximum(residual[name] / variance / max(s.n - 1, 1), _TINY)
        shift, scale = _shrink(shift, scale, s.n)
        models[name] = LocationScale(
            covariates=covariates,
            features=features,
            grand_mean=_tuple(grand),
            deviation=_tuple(np.sqrt(variance)),
            effects=tuple(_tuple(row) for row in effects),
            shift=_tuple(shift),
            scale=_tuple(scale),
        )
    return models


def _shared(lists: list[tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(name for name in lists[0] if all(name in others for others in lists))


def _centred(m: Moments, covariates: tuple[str, ...], features: tuple[str, ...]) -> _Sums:
    rows = [m.covariates.index(name) for name in covariates]
    columns = [m.features.index(name) for name in features]
    design, cross = np.array(m.design), np.array(m.cross)[:, columns]
    n = m.patients
    x, y = design[0, rows] / n, cross[0] / n
    return _Sums(
        n=n,
        x=x,
        y=y,
        xx=design[np.ix_(rows, rows)] - n * np.outer(x, x),
        xy=cross[rows] - n * np.outer(x, y),
        yy=np.array(m.squares)[columns] - n * y * y,
    )


def _effects(sums: Mapping[str, _Sums]) -> Array:
    """Least squares with a level of its own for each site."""
    xx = np.sum([s.xx for s in sums.values()], axis=0)
    xy = np.sum([s.xy for s in sums.values()], axis=0)
    solved: Array = np.linalg.lstsq(xx, xy, rcond=None)[0]
    return solved


def _residual(s: _Sums, effects: Array) -> Array:
    """Sum of squares about the site's level and the covariates' effects, shape ``(F,)``."""
    explained = 2 * np.sum(effects * s.xy, axis=0)
    quadratic = np.sum(effects * (s.xx @ effects), axis=0)
    squares: Array = np.maximum(s.yy - explained + quadratic, 0.0)
    return squares


def _shrink(shift: Array, scale: Array, n: int) -> tuple[Array, Array]:
    """Empirical Bayes: features of one site inform one another (Johnson 2007, section 3.2)."""
    t2 = float(np.var(shift, ddof=1)) if len(shift) > 1 else 0.0
    s2 = float(np.var(scale, ddof=1)) if len(scale) > 1 else 0.0
    if t2 < _TINY or s2 < _TINY:
        return shift, scale
    centre, mean = float(np.mean(shift)), float(np.mean(scale))
    a, b = (2 * s2 + mean**2) / s2, (mean * s2 + mean**3) / s2
    g, d = shift, scale
    for _ in range(_MOST_STEPS):
        new_g = (t2 * n * shift + d * centre) / (t2 * n + d)
        squares = (n - 1) * scale + n * (shift - new_g) ** 2
        new_d = (0.5 * squares + b) / (n / 2 + a - 1)
        moved = max(np.max(np.abs(new_g - g) / np.maximum(np.abs(g), _TINY)),
                    np.max(np.abs(new_d - d) / d))  # fmt: skip
        g, d = new_g, new_d
        if moved < _CONVERGED:
            break
    return g, d


def _tuple(values: Array) -> tuple[float, ...]:
    return tuple(float(value) for value in values)
