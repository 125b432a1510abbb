"""Simulated sites for the tests of statistics: patients, scanners, and what each would count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydicom import Dataset

from fedpacs.core.statistics import Noise, SiteStatistics
from fedpacs.core.table_forms import table_forms
from fedpacs.core.volume import LabelledVolume
from fedpacs.policy.suppression import merge
from fedpacs.quality.harmonisation.moments import design_row, moments_of
from fedpacs.quality.statistics.noise import noisy_tables
from fedpacs.quality.statistics.series import describe, feature_names
from fedpacs.records.budget import noise_multiplier_for

LABELS = ("lesion",)
FORMS = table_forms("MR", LABELS)
JOB = "a" * 64


@dataclass(frozen=True)
class Scanner:
    manufacturer: str = "SIEMENS"
    field_t: float = 3.0
    slice_mm: float = 3.0
    pixel_mm: float = 1.0
    gain: float = 400.0
    gamma: float = 1.0


@dataclass(frozen=True)
class Population:
    mean_age: float = 55.0
    women: float = 0.5


def make_facts(rng, patients, scanner=Scanner(), population=Population()):
    """Describe patients of one site; the lesion grows with age, the tissue's brightness falls."""
    return [
        describe(*make_volume(rng, scanner, population), FORMS, LABELS) for _ in range(patients)
    ]


def make_volume(rng, scanner, population):
    age = float(np.clip(rng.normal(population.mean_age, 15), 18, 89))
    ds = Dataset()
    ds.Manufacturer = scanner.manufacturer
    ds.MagneticFieldStrength = scanner.field_t
    ds.PatientSex = "F" if rng.random() < population.women else "M"
    ds.PatientAge = f"{round(age):03d}Y"
    true = anatomy(rng, age)
    image = (scanner.gain * true**scanner.gamma).astype(np.float32)
    label = np.zeros(true.shape, np.uint8)
    lesion = int(np.clip(rng.normal(age * 2.0, 15), 5, 400))
    label.reshape(-1)[:lesion] = 1
    spacing = (scanner.slice_mm, scanner.pixel_mm, scanner.pixel_mm)
    return ds, LabelledVolume(image, label, spacing, "P")


def anatomy(rng, age):
    """Brightness of tissue, the same at every scanner; the old have darker white matter."""
    tissue = rng.choice([0.0, 0.5, 0.8], size=(4, 16, 16), p=[0.3, 0.4, 0.3])
    tissue = np.where(tissue == 0.8, 0.8 - 0.15 * (age - 50) / 50, tissue)
    scale = np.exp(rng.normal(0, 0.1))
    return np.clip(scale * tissue + rng.normal(0, 0.03, tissue.shape) * (tissue > 0), 0, None)


def statistics_of(site, facts, minimum_cell=5, tables=FORMS):
    """Merge small cells as a site does."""
    merged = {
        name: merge(FORMS[name], [f.contributions[name] for f in facts], minimum_cell)
        for name in tables
    }
    return SiteStatistics(
        site=site,
        job_digest=JOB,
        schema_digest="b" * 64,
        patients=len(facts),
        minimum_cell=minimum_cell,
        tables={name: table for name, table in merged.items() if table is not None},
        moments=moments_of(features(facts), feature_names(LABELS), design(facts), minimum_cell),
        withheld=tuple(sorted(name for name, table in merged.items() if table is None)),
    )


def features(facts):
    return np.array([f.features for f in facts])


def design(facts):
    return np.array([design_row(f.age_years, f.sex) for f in facts])


def noisy_statistics_of(site, facts, epsilon=2.0, tables=("vendor", "slice-spacing", "sex")):
    """Add noise to every cell as a site does."""
    noise = Noise(epsilon, 1e-6, noise_multiplier_for(epsilon, 1e-6))
    forms = {name: FORMS[name] for name in tables}
    rows = {name: [f.contributions[name] for f in facts] for name in tables}
    return SiteStatistics(
        site=site,
        job_digest=JOB,
        schema_digest="b" * 64,
        patients=None,
        minimum_cell=5,
        tables=noisy_tables(forms, rows, noise.noise_multiplier),
        noise=noise,
    )
