"""The file in which a fitted harmonisation comes back to the sites: numbers and names."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from fedpacs.core.location_scale import LocationScale
from fedpacs.federation.errors import StatisticsUnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Harmonisation:
    """What was fitted from the sites' sums.

    Attributes
    ----------
    job_digest
        Job whose statistics it was fitted from.
    standard_scale
        Landmarks of the standard intensity scale; empty if there is none.
    models
        Location and scale model by site.
    """

    job_digest: str
    standard_scale: tuple[float, ...]
    models: Mapping[str, LocationScale]


def write_harmonisation(harmonisation: Harmonisation) -> bytes:
    """Write the file."""
    document = {"format": _FORMAT, **asdict(harmonisation)}
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n"


def read_harmonisation(content: bytes) -> Harmonisation:
    """Read the file.

    Raises
    ------
    StatisticsUnreadableError
        If it is none.
    """
    try:
        data = json.loads(content)
        models = {str(site): _model(model) for site, model in data["models"].items()}
        scale = tuple(float(value) for value in data["standard_scale"])
        written = int(data["format"])
        harmonisation = Harmonisation(str(data["job_digest"]), scale, models)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise StatisticsUnreadableError("The file does not hold a harmonisation.") from None
    if written != _FORMAT:
        raise StatisticsUnreadableError("The file was written by another version of FedPACS.")
    return harmonisation


def _model(data: Mapping[str, list[object]]) -> LocationScale:
    return LocationScale(
        covariates=tuple(str(name) for name in data["covariates"]),
        features=tuple(str(name) for name in data["features"]),
        grand_mean=_numbers(data["grand_mean"]),
        deviation=_numbers(data["deviation"]),
        effects=tuple(_numbers(row) for row in data["effects"]),
        shift=_numbers(data["shift"]),
        scale=_numbers(data["scale"]),
    )


def _numbers(values: object) -> tuple[float, ...]:
    if not isinstance(values, list):
        raise TypeError
    return tuple(float(value) for value in values)
