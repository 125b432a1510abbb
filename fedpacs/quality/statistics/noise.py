"""Discrete Gaussian noise, drawn exactly: no floating-point number is near the secret.

References
----------
C. Canonne, G. Kamath, T. Steinke, The Discrete Gaussian for Differential Privacy, NeurIPS 2020,
Algorithms 1 to 3 (samplers) and Theorem 14 (a vector of whole numbers with a deviation of its own
for each part has the cost of a Gaussian of the same deviations).
"""

from __future__ import annotations

import secrets
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING

from fedpacs.core.statistics import Group, ReleasedTable, noise_deviation

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fedpacs.core.statistics import TableForm


def noisy_table(
    form: TableForm,
    contributions: Sequence[Sequence[int]],
    sigma: int,
    below: Callable[[int], int] = secrets.randbelow,
) -> ReleasedTable:
    """Sum a table and add noise to every cell, the empty ones too."""
    totals = [sum(column) for column in zip(*contributions, strict=True)] or [0] * len(form.cells)
    noisy = [total + discrete_gaussian(sigma, below) for total in totals]
    groups = tuple(Group(place, place, total) for place, total in enumerate(noisy))
    return ReleasedTable(form.name, groups)


def noisy_tables(
    forms: Mapping[str, TableForm],
    contributions: Mapping[str, Sequence[Sequence[int]]],
    noise_multiplier: float,
    below: Callable[[int], int] = secrets.randbelow,
) -> dict[str, ReleasedTable]:
    """Add noise to all tables of one release; see `noise_deviation` and `noisy_table`."""
    return {
        name: noisy_table(
            form, contributions[name], noise_deviation(form, len(forms), noise_multiplier), below
        )
        for name, form in forms.items()
    }


def discrete_gaussian(sigma: int, below: Callable[[int], int] = secrets.randbelow) -> int:
    """Draw a whole number ``x`` with probability proportional to ``exp(-x^2 / (2 sigma^2))``."""
    scale = sigma + 1
    variance = sigma * sigma
    while True:
        candidate = _discrete_laplace(scale, below)
        distance = abs(candidate) - Fraction(variance, scale)
        if _bernoulli_exp(distance * distance / (2 * variance), below):
            return candidate


def _discrete_laplace(scale: int, below: Callable[[int], int]) -> int:
    while True:
        fraction = below(scale)
        if not _bernoulli_exp(Fraction(fraction, scale), below):
            continue
        whole = 0
        while _bernoulli_exp(Fraction(1), below):
            whole += 1
        magnitude = fraction + scale * whole
        negative = below(2)
        if negative and not magnitude:
            continue
        return -magnitude if negative else magnitude


def _bernoulli_exp(gamma: Fraction, below: Callable[[int], int]) -> bool:
    """Give True with probability ``exp(-gamma)``."""
    for _ in range(floor(gamma)):
        if not _bernoulli_exp_small(Fraction(1), below):
            return False
    return _bernoulli_exp_small(gamma - floor(gamma), below)


def _bernoulli_exp_small(gamma: Fraction, below: Callable[[int], int]) -> bool:
    k = 1
    while below(gamma.denominator * k) < gamma.numerator:
        k += 1
    return k % 2 == 1
