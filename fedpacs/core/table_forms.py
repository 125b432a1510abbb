"""The fixed cells of every statistic: both halves know them before anybody has counted.

A job chooses tables by name; it cannot move an edge. Were edges free, two jobs with edges a hair
apart would tell in which of two neighbouring cells a single patient lies.
"""

from __future__ import annotations

from itertools import pairwise
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.statistics import UNKNOWN, TableForm

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

HISTOGRAM_WEIGHT = 1000
VENDORS = (
    "agfa",
    "canon",
    "carestream",
    "esaote",
    "fujifilm",
    "ge",
    "hologic",
    "konica-minolta",
    "mindray",
    "neusoft",
    "philips",
    "samsung",
    "siemens",
    "united-imaging",
    "other",
)
SEXES = ("female", "male", "other")
_AGE_YEARS = (0.0, 1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 200.0)
_FIELD_T = (0.0, 0.3, 0.7, 1.2, 1.8, 2.5, 4.0, 12.0)
_TUBE_KV = (0.0, 45.0, 75.0, 85.0, 95.0, 105.0, 115.0, 125.0, 135.0, 200.0)
_IN_PLANE_MM = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.3, 1.7, 2.2, 3.0, 4.0, 100.0)
_BETWEEN_MM = (0.0, 0.6, 0.9, 1.2, 1.7, 2.2, 2.7, 3.3, 4.5, 5.5, 6.5, 8.5, 500.0)
_HOUNSFIELD = (-500.0, -150.0, -100.0, -70.0, -40.0, -20.0, 0.0, 15.0, 30.0, 45.0, 60.0, 80.0,
               110.0, 150.0, 200.0, 300.0, 500.0, 800.0, 1200.0, 2000.0, 4000.0)  # fmt: skip
_ARBITRARY = tuple(2.0 ** (step / 2) for step in range(33))
"""Half octaves from 1 to 65536, for modalities without physical units."""
_RELATIVE = tuple(step / 20 for step in range(31))
"""Shares of the volume's 99th percentile, 0 to 1.5."""
_TENTHS = tuple(step / 10 for step in range(11))
_VOLUME_ML = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0, 1e6)

LOW, MIDDLE, HIGH = "intensity-low", "intensity-middle", "intensity-high"
LANDMARK_OF: Mapping[str, int] = MappingProxyType({LOW: 10, MIDDLE: 50, HIGH: 90})
"""Percentile of the foreground that each of these tables bands patients by."""

CONTRAST_OF: Mapping[str, int] = MappingProxyType(
    {"contrast-low": 20, "contrast-middle": 50, "contrast-high": 80}
)
"""Percentile that these tables band patients by, as a share of the 99th; not for HU."""


def table_forms(modality: str, labels: Iterable[str]) -> Mapping[str, TableForm]:
    """Give every table that can be asked for.

    Parameters
    ----------
    modality
        DICOM modality of the cohort.
    labels
        Names of the job's label classes; each has a table of its volume.

    Returns
    -------
    mapping
        Forms by name.
    """
    intensity, unit = (_HOUNSFIELD, "HU") if modality == "CT" else (_ARBITRARY, "stored units")
    beam = _bands("tube-voltage", _TUBE_KV, "kV")
    if modality == "MR":
        beam = _bands("field-strength", _FIELD_T, "T")
    forms = [
        _codes("vendor", VENDORS),
        beam,
        _bands("pixel-spacing", _IN_PLANE_MM, "mm"),
        _bands("slice-spacing", _BETWEEN_MM, "mm"),
        _codes("sex", SEXES),
        _bands("age", _AGE_YEARS, "years"),
        *(_bands(name, intensity, unit) for name in LANDMARK_OF),
        *(_bands(name, _TENTHS, "of p99") for name in CONTRAST_OF if modality != "CT"),
        _bands("intensity", intensity, unit, HISTOGRAM_WEIGHT),
        _bands("intensity-shape", _RELATIVE, "of p99", HISTOGRAM_WEIGHT),
        *(_bands(f"label-{label}", _VOLUME_ML, "mL", absent=True) for label in labels),
    ]
    return MappingProxyType({form.name: form for form in forms})


def cell_of(form: TableForm, value: float | str | None) -> int:
    """Find the cell of a value: by code, or by the band it lies in.

    Values beyond the outer edges count in the outer bands; what is missing, or no number, counts
    as unknown. The lower edge belongs to a band.
    """
    unknown = len(form.cells) - 1
    if isinstance(value, str):
        return form.cells.index(value) if value in form.cells else unknown
    if value is None or value != value:  # noqa: PLR0124 - NaN is no value
        return unknown
    offset = 1 if form.cells[0] == _ABSENT else 0
    if offset and value <= 0:
        return 0
    inner = form.edges[1:-1]
    return offset + sum(value >= edge for edge in inner)


_ABSENT = "absent"


def _codes(name: str, codes: Sequence[str]) -> TableForm:
    return TableForm(name, (*codes, UNKNOWN), ordered=False)


def _bands(
    name: str, edges: Sequence[float], unit: str, weight: int = 1, *, absent: bool = False
) -> TableForm:
    bands = [f"{low:g}-{high:g}" for low, high in pairwise(edges)]
    cells = ([_ABSENT] if absent else []) + bands
    return TableForm(name, (*cells, UNKNOWN), True, weight, tuple(edges), unit)
