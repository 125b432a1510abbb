"""One series of one patient as it is counted: a cell in each table, and its features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.core.standard_scale import PERCENTILES, foreground, landmarks
from fedpacs.core.table_forms import CONTRAST_OF, LANDMARK_OF, cell_of
from fedpacs.quality.statistics import attributes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

    from fedpacs.core.statistics import TableForm
    from fedpacs.core.volume import LabelledVolume

HISTOGRAM = "intensity"
SHAPE = "intensity-shape"
_MM3_PER_ML = 1000.0
_SMALLEST_ML = 0.01
_SMALLEST_INTENSITY = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class SeriesFacts:
    """What one patient adds to the statistics of a site. It does not leave the site.

    Attributes
    ----------
    contributions
        Whole numbers for the cells of each table, by name; each adds up to the form's weight.
    features
        Shape ``(F,)``; NaN where the series does not have it.
    age_years
        None if unknown.
    sex
        Code, None if unknown.
    """

    contributions: Mapping[str, tuple[int, ...]]
    features: NDArray[np.float64]
    age_years: float | None
    sex: str | None


def feature_names(labels: Sequence[str]) -> tuple[str, ...]:
    """Name the features: landmarks of the foreground, then the volume of each label."""
    marks = (f"intensity-p{percentile:02d}" for percentile in PERCENTILES)
    return (*marks, *(f"log-volume-{label}" for label in labels))


def describe(
    ds: Dataset, volume: LabelledVolume, forms: Mapping[str, TableForm], labels: Sequence[str]
) -> SeriesFacts:
    """Count one series.

    Parameters
    ----------
    ds
        Header of one of its images, de-identified.
    volume
        Its voxels and label map.
    forms
        The tables that are wanted, by name.
    labels
        Names of the label classes, in the order of the label map.
    """
    physical = ds.get("Modality") == "CT"
    tissue = foreground(volume.image, physical=physical)
    marks = landmarks(tissue)
    top = float(marks[-1]) or float("nan")
    volumes = label_volumes_ml(volume, labels)
    sex, age = attributes.sex(ds), attributes.age_years(ds)
    values: dict[str, float | str | None] = {
        "vendor": attributes.vendor(ds),
        "field-strength": attributes.field_strength_t(ds),
        "tube-voltage": attributes.tube_voltage_kv(ds),
        "pixel-spacing": max(volume.spacing_mm[1:]),
        "slice-spacing": volume.spacing_mm[0],
        "sex": sex,
        "age": age,
        **{name: float(marks[PERCENTILES.index(p)]) for name, p in LANDMARK_OF.items()},
        **{name: float(marks[PERCENTILES.index(p)] / top) for name, p in CONTRAST_OF.items()},
        **{f"label-{label}": ml for label, ml in volumes.items()},
    }
    shape = tissue / top if tissue.size and top > 0 else tissue[:0]
    histograms = {HISTOGRAM: tissue, SHAPE: shape}
    contributions = {
        name: _shares(histograms[name], form) if name in histograms else _one(values[name], form)
        for name, form in forms.items()
    }
    return SeriesFacts(contributions, _features(marks, volumes, physical), age, sex)


def label_volumes_ml(volume: LabelledVolume, labels: Sequence[str]) -> dict[str, float]:
    """Volume of each label class, mL."""
    voxel_ml = float(np.prod(volume.spacing_mm)) / _MM3_PER_ML
    return {
        label: float(np.count_nonzero(volume.label == number)) * voxel_ml
        for number, label in enumerate(labels, start=1)
    }


def _features(
    marks: NDArray[np.float64], volumes: Mapping[str, float], physical: bool
) -> NDArray[np.float64]:
    """Landmarks of an arbitrary scale, and volumes, as logarithms: their errors are factors."""
    scaled = marks if physical else np.log(np.maximum(marks, _SMALLEST_INTENSITY))
    return np.concatenate([scaled, [np.log(ml + _SMALLEST_ML) for ml in volumes.values()]])


def _one(value: float | str | None, form: TableForm) -> tuple[int, ...]:
    cell = cell_of(form, value)
    return tuple(form.weight if place == cell else 0 for place in range(len(form.cells)))


def _shares(values: NDArray[np.float32], form: TableForm) -> tuple[int, ...]:
    """Share a patient's weight out over the bins, whole numbers that add up to it."""
    if not values.size:
        return _one(None, form)
    edges = np.asarray(form.edges)
    inside = np.clip(values, edges[0], np.nextafter(edges[-1], -np.inf))
    counts, _ = np.histogram(inside, bins=edges)
    exact = counts * (form.weight / values.size)
    shares = np.floor(exact).astype(np.int64)
    left = form.weight - int(shares.sum())
    shares[np.argsort(shares - exact, kind="stable")[:left]] += 1
    return (*shares.tolist(), 0)
