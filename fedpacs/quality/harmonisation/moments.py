"""Sums over a site's patients, from which the consortium fits a location and scale model.

Only sums leave. A yes-or-no covariate with a small group is left out, since the sums would tell
its size; the fit then does without it at every site.
"""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.core.statistics import Moments

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

INTERCEPT, AGE, FEMALE = "intercept", "age", "female"
_MOSTLY = 0.5
_EITHER = 0.5
_MIDDLE_AGE_YEARS, _AGE_RANGE_YEARS = 50.0, 20.0


def design_row(age_years: float | None, sex: str | None) -> tuple[float, float, float]:
    """Give intercept, age and sex of one patient as the model takes them; NaN if unknown."""
    age = nan if age_years is None else (age_years - _MIDDLE_AGE_YEARS) / _AGE_RANGE_YEARS
    return 1.0, age, {"female": 1.0, "male": 0.0}.get(sex or "", nan)


def known_design(design: NDArray[np.float64]) -> NDArray[np.float64]:
    """Count an unknown age as 50 years, and an unknown sex as half way."""
    return np.where(np.isnan(design), np.array([1.0, 0.0, _EITHER]), design)


def sex_groups(design: NDArray[np.float64]) -> tuple[int, ...]:
    """Count the patients of each sex, and of neither if there are any."""
    column = design[:, 2]
    counts = [int(np.sum(column == value)) for value in (1.0, 0.0)]
    unknown = int(np.isnan(column).sum())
    return (*counts, unknown) if unknown else tuple(counts)


def moments_of(
    features: NDArray[np.float64],
    names: Sequence[str],
    design: NDArray[np.float64],
    minimum_cell: int,
) -> Moments:
    """Sum up; a covariate that most patients lack is left out.

    Parameters
    ----------
    features
        Shape ``(N, F)``; a feature that one patient does not have is left out for all.
    names
        Of the features.
    design
        Shape ``(N, 3)``, rows of `design_row`.
    minimum_cell
        Smallest group that may be told apart.
    """
    known = np.asarray(np.isfinite(features).all(axis=0))
    y = features[:, known]
    covariates = [INTERCEPT, AGE, FEMALE]
    unknown = np.isnan(design).mean(axis=0)
    if unknown[1] > _MOSTLY:
        covariates.remove(AGE)
    if unknown[2] > _MOSTLY or min(sex_groups(design)) < minimum_cell:
        covariates.remove(FEMALE)
    columns = [(INTERCEPT, AGE, FEMALE).index(name) for name in covariates]
    x = known_design(design)[:, columns]
    return Moments(
        patients=len(y),
        covariates=tuple(covariates),
        features=tuple(n for n, keep in zip(names, known, strict=True) if keep),
        design=_rows(x.T @ x),
        cross=_rows(x.T @ y),
        squares=tuple(float(value) for value in (y * y).sum(axis=0)),
    )


def _rows(matrix: NDArray[np.float64]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(float(value) for value in row) for row in matrix)
