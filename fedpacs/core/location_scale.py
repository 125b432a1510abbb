"""A fitted location and scale model as it travels back to a site: arrays of aggregates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LocationScale:
    """How one site's features differ from those of all sites, and what is left alone.

    Attributes
    ----------
    covariates, features
        Names, in order; the covariates without the intercept.
    grand_mean, deviation
        Shape ``(F,)``: mean over all sites, and pooled standard deviation within them.
    effects
        Shape ``(P, F)``: effect of each covariate, which is kept.
    shift, scale
        Shape ``(F,)``: additive and multiplicative effect of the site, in units of `deviation`
        and of the pooled variance.
    """

    covariates: tuple[str, ...]
    features: tuple[str, ...]
    grand_mean: tuple[float, ...]
    deviation: tuple[float, ...]
    effects: tuple[tuple[float, ...], ...]
    shift: tuple[float, ...]
    scale: tuple[float, ...]
