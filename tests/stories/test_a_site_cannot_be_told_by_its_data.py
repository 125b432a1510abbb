"""Harmonised sites look alike to a classifier, and a patient's age still shows."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_sites import (
    LABELS,
    Population,
    Scanner,
    design,
    features,
    make_facts,
    make_volume,
    statistics_of,
)
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fedpacs.core.standard_scale import foreground, landmarks, to_standard_scale
from fedpacs.quality.harmonisation.location_scale import harmonise
from fedpacs.quality.statistics.series import feature_names
from fedpacs.server.comparison.location_scale import fit_location_scale
from fedpacs.server.comparison.standard_scale import standard_scale

FITTED = 250
PATIENTS = 50
SEEDS = range(6)
CHANCE = 1 / 3
SCANNERS = {
    "aurora": Scanner(gain=400),
    "birch": Scanner(gain=900, gamma=0.7),
    "cedar": Scanner(gain=250, gamma=1.3),
}
SITES = np.repeat(list(SCANNERS), PATIENTS)
NAMES = feature_names(LABELS)
BRIGHT = NAMES.index("intensity-p90")
LESION = NAMES.index("log-volume-lesion")


def told_apart(data, seed):
    """Balanced accuracy of a site classifier, cross-validated."""
    classifier = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    return cross_val_score(classifier, data, SITES, cv=folds, scoring="balanced_accuracy").mean()


def effect_of_age(data, age, *, between_sites):
    """Slope on age; with or without comparing patients of different sites."""
    columns = [np.ones(len(age)), age]
    if not between_sites:
        columns += [SITES == "birch", SITES == "cedar"]
    return np.linalg.lstsq(np.column_stack(columns).astype(float), data, rcond=None)[0][1]


def consortium(seed, ages=(55.0, 55.0, 55.0), patients=PATIENTS):
    rng = np.random.default_rng(seed)
    facts = {
        site: make_facts(rng, patients, scanner, Population(mean_age=age))
        for (site, scanner), age in zip(SCANNERS.items(), ages, strict=True)
    }
    sums = {site: statistics_of(site, each).moments for site, each in facts.items()}
    return facts, sums


def location_scale(seed, **options):
    """Features of new patients before and after, by a model fitted from the sums of others."""
    _, sums = consortium(seed, patients=FITTED, **options)
    facts, _ = consortium(100 + seed, **options)
    models = fit_location_scale(sums)
    before = np.concatenate([features(each) for each in facts.values()])
    after = np.concatenate(
        [harmonise(features(each), NAMES, design(each), models[s]) for s, each in facts.items()]
    )
    age = np.concatenate([design(each)[:, 1] for each in facts.values()])
    return before, after, age


def test_location_and_scale_bring_a_site_classifier_down_to_chance():
    scores = np.array(
        [[told_apart(data, seed) for data in location_scale(seed)[:2]] for seed in SEEDS]
    )
    assert scores[:, 0].min() > 0.9
    assert abs(scores[:, 1].mean() - CHANCE) < 0.06
    assert scores[:, 1].max() < CHANCE + 0.14


@pytest.mark.parametrize("feature", [BRIGHT, LESION])
def test_location_and_scale_leave_the_effect_of_age_where_the_sites_differ_in_age(feature):
    true, found, confused = [], [], []
    for seed in SEEDS:
        before, after, age = location_scale(seed, ages=(40.0, 55.0, 70.0))
        true.append(effect_of_age(before, age, between_sites=False)[feature])
        confused.append(effect_of_age(before, age, between_sites=True)[feature])
        found.append(effect_of_age(after, age, between_sites=True)[feature])
    assert np.mean(found) == pytest.approx(np.mean(true), rel=0.15)
    if feature == BRIGHT:  # without harmonisation the scanners drown it
        assert abs(np.mean(confused) - np.mean(true)) > abs(np.mean(true))


def histograms(seed):
    """Foreground histograms of new patients before and after the standard scale."""
    _, sums = consortium(seed)
    scale = standard_scale(sums, physical=False)
    rng = np.random.default_rng(1000 + seed)
    edges = np.linspace(0, 1.5 * scale[-1], 16)
    before, after = [], []
    for scanner in SCANNERS.values():
        for _ in range(PATIENTS):
            _, volume = make_volume(rng, scanner, Population())
            tissue = foreground(volume.image, physical=False)
            standard = to_standard_scale(tissue, landmarks(tissue), scale)
            before.append(np.histogram(tissue, edges)[0] / tissue.size)
            after.append(np.histogram(standard, edges)[0] / tissue.size)
    return np.array(before), np.array(after)


def test_the_standard_scale_brings_a_site_classifier_down_to_chance_for_new_patients():
    scores = np.array([[told_apart(data, seed) for data in histograms(seed)] for seed in SEEDS])
    assert scores[:, 0].min() > 0.9
    assert abs(scores[:, 1].mean() - CHANCE) < 0.06
    assert scores[:, 1].max() < CHANCE + 0.14
