"""A model fitted from each site's sums is the one that pooled data would give."""

from __future__ import annotations

import numpy as np
import pytest

from fedpacs.core.errors import QualityError
from fedpacs.quality.harmonisation.location_scale import harmonise
from fedpacs.quality.harmonisation.moments import design_row, moments_of
from fedpacs.server.comparison.location_scale import fit_location_scale
from fedpacs.server.errors import NothingToHarmoniseError

NAMES = tuple(f"f{i}" for i in range(9))


def make_sites(seed, sizes=(40, 25, 31)):
    rng = np.random.default_rng(seed)
    sites = {}
    for number, size in enumerate(sizes):
        ages = rng.uniform(20, 80, size)
        sexes = rng.choice(["female", "male"], size)
        x = np.array([design_row(age, sex) for age, sex in zip(ages, sexes, strict=True)])
        shift = rng.normal(0, 2, 9)
        scale = np.exp(rng.normal(0, 0.4, 9))
        y = 10 + 0.8 * x[:, 1:2] - 0.5 * x[:, 2:3] + shift + scale * rng.normal(size=(size, 9))
        sites[f"s{number}"] = (y, x)
    return sites


def pooled_combat(sites):
    """ComBat as its paper writes it, on all data in one place (Johnson 2007)."""
    batch = np.repeat(np.arange(len(sites)), [len(y) for y, _ in sites.values()])
    y = np.concatenate([each[0] for each in sites.values()])
    x = np.concatenate([each[1] for each in sites.values()])[:, 1:]
    one_hot = np.eye(len(sites))[batch]
    full = np.column_stack([one_hot, x])
    coefficients = np.linalg.lstsq(full, y, rcond=None)[0]
    grand = one_hot.mean(axis=0) @ coefficients[: len(sites)]
    variance = ((y - full @ coefficients) ** 2).mean(axis=0)
    expected = grand + x @ coefficients[len(sites) :]
    z = (y - expected) / np.sqrt(variance)
    for number in range(len(sites)):
        mine = z[batch == number]
        g_hat, d_hat, n = mine.mean(axis=0), mine.var(axis=0, ddof=1), len(mine)
        g_bar, t2 = g_hat.mean(), g_hat.var(ddof=1)
        m, s2 = d_hat.mean(), d_hat.var(ddof=1)
        a, b = (2 * s2 + m**2) / s2, (m * s2 + m**3) / s2
        g, d = g_hat, d_hat
        for _ in range(500):
            g = (t2 * n * g_hat + d * g_bar) / (t2 * n + d)
            d = (0.5 * ((mine - g) ** 2).sum(axis=0) + b) / (n / 2 + a - 1)
        z[batch == number] = (mine - g) / np.sqrt(d)
    return z * np.sqrt(variance) + expected


def by_sums(sites):
    models = fit_location_scale({s: moments_of(y, NAMES, x, 5) for s, (y, x) in sites.items()})
    return np.concatenate([harmonise(y, NAMES, x, models[s]) for s, (y, x) in sites.items()])


@pytest.mark.parametrize("seed", range(5))
def test_sums_give_what_pooled_data_give(seed):
    sites = make_sites(seed)
    np.testing.assert_allclose(by_sums(sites), pooled_combat(sites), rtol=0, atol=1e-4)


def test_equal_sites_are_hardly_changed():
    rng = np.random.default_rng(5)
    x = np.array([design_row(50.0, s) for s in ["female", "male"] * 200])
    sites = {name: (rng.normal(size=(400, 9)), x) for name in ("a", "b")}
    before = np.concatenate([y for y, _ in sites.values()])
    assert np.abs(by_sums(sites) - before).max() < 0.25


def test_a_covariate_or_feature_that_one_site_lacks_is_left_out_for_all():
    sites = make_sites(6)
    y, x = sites["s1"]
    x[:, 2] = 1.0  # only women
    y[0, 4] = np.nan
    models = fit_location_scale({s: moments_of(*w(s, sites), 5) for s in sites})
    assert {m.covariates for m in models.values()} == {("age",)}
    assert {m.features for m in models.values()} == {(*NAMES[:4], *NAMES[5:])}
    out = harmonise(y, NAMES, x, models["s1"])
    np.testing.assert_array_equal(out[:, 4], y[:, 4])


def w(site, sites):
    y, x = sites[site]
    return y, NAMES, x


def test_a_constant_feature_and_a_single_feature_do_no_harm():
    sites = {s: (y[:, :1].copy(), x) for s, (y, x) in make_sites(7).items()}
    for y, _ in sites.values():
        y[:] = 3.0
    models = fit_location_scale({s: moments_of(y, ("f",), x, 5) for s, (y, x) in sites.items()})
    for s, (y, x) in sites.items():
        np.testing.assert_allclose(harmonise(y, ("f",), x, models[s]), 3.0)


def test_one_site_alone_or_nothing_in_common_is_refused():
    y, x = make_sites(8)["s0"]
    sums = moments_of(y, NAMES, x, 5)
    other = moments_of(y, tuple(f"g{i}" for i in range(9)), x, 5)
    for sites in ({"a": sums}, {"a": sums, "b": other}):
        with pytest.raises(NothingToHarmoniseError):
            fit_location_scale(sites)


def test_a_model_of_other_features_is_refused():
    sites = make_sites(9)
    models = fit_location_scale({s: moments_of(*w(s, sites), 5) for s in sites})
    y, x = sites["s0"]
    with pytest.raises(QualityError) as caught:
        harmonise(y, tuple(f"g{i}" for i in range(9)), x, models["s0"])
    assert caught.value.code == "quality.other-features"
