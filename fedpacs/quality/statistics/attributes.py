"""Header attributes as codes and numbers: nothing of a header leaves this module as text."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom import Dataset

_AGE = re.compile(r"(\d{3})([DWMY])")
_PER_YEAR = {"D": 365.25, "W": 365.25 / 7, "M": 12.0, "Y": 1.0}
_SEX = {"F": "female", "M": "male", "O": "other"}
_EXACT_BELOW = 3
"""Words shorter than this must be the whole value: ``ge`` is part of too many others."""
_GAUSS_PER_TESLA = 10_000.0
_STRONGEST_T = 30.0


def vendor(ds: Dataset) -> str | None:
    """Code of the manufacturer; ``other`` for one that is not known, None without one."""
    written = re.sub(r"[^a-z0-9]", "", str(ds.get("Manufacturer") or "").casefold())
    if not written:
        return None
    for code, words in _vendors().items():
        if any(w == written if len(w) < _EXACT_BELOW else w in written for w in words):
            return code
    return "other"


def sex(ds: Dataset) -> str | None:
    """Code of the patient's sex (0010,0040); None where it is not given."""
    return _SEX.get(str(ds.get("PatientSex") or "").strip().upper())


def age_years(ds: Dataset) -> float | None:
    """Age at the examination (0010,1010), years; None where it is not given."""
    match = _AGE.fullmatch(str(ds.get("PatientAge") or "").strip().upper())
    return int(match[1]) / _PER_YEAR[match[2]] if match else None


def field_strength_t(ds: Dataset) -> float | None:
    """Magnetic field strength (0018,0087), T; some devices write gauss."""
    value = _positive(ds, "MagneticFieldStrength")
    return value / _GAUSS_PER_TESLA if value is not None and value > _STRONGEST_T else value


def tube_voltage_kv(ds: Dataset) -> float | None:
    """Peak tube voltage (0018,0060), kV."""
    return _positive(ds, "KVP")


def _positive(ds: Dataset, keyword: str) -> float | None:
    try:
        value = float(ds.get(keyword) or 0)
    except (TypeError, ValueError):
        return None
    return value if 0 < value < float("inf") else None


@cache
def _vendors() -> Mapping[str, list[str]]:
    text = files("fedpacs.quality.statistics").joinpath("data/vendors.toml").read_text("utf-8")
    return tomllib.loads(text)
