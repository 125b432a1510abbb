"""``[quality]``: what a job asks of a series; a site's own block can only make it stricter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from fedpacs.config.load import Frozen

SeverityName = Literal["block", "warn", "note"]
DefectCode = Annotated[str, Field(pattern=r"^quality\.[a-z0-9]+(-[a-z0-9]+)*$")]
_RANK = {"note": 0, "warn": 1, "block": 2}


class Quality(Frozen):
    """Thresholds of quality control. None means that the job does not ask."""

    uneven_gap_ratio: Annotated[float, Field(gt=0, le=0.5)] = 0.05
    """How far a distance between neighbouring slices may be from the typical one, as a part."""
    same_place_mm: Annotated[float, Field(gt=0, le=1)] = 0.01
    """Slices nearer to each other than this lie at the same place."""
    missing_slices: Annotated[int, Field(ge=0)] = 0
    """Slices that may be missing between others."""
    shear_pixels: Annotated[float, Field(gt=0)] = 0.5
    """How far a stack may drift sideways, in pixels, before it counts as tilted."""
    oblique_degrees: Annotated[float, Field(gt=0, le=45)] = 10.0
    """From this angle to the nearest plane of the body on, a stack is called oblique."""
    saturated_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.02
    """Part of a frame that may stand at the largest value that can be stored."""
    saturated_fraction_projection: Annotated[float, Field(gt=0, lt=1)] = 0.5
    """The same for CR, DX and MG, whose direct exposure may saturate."""
    air_hu: float = -500.0
    """A CT that has nothing as light as this has no air."""
    slices: Annotated[int, Field(ge=1)] | None = None
    """Slices that a CT, MR or PT stack must have at least."""
    pixel_spacing_mm: Annotated[float, Field(gt=0)] | None = None
    """Largest distance between pixels."""
    slice_distance_mm: Annotated[float, Field(gt=0)] | None = None
    """Largest distance between slices."""
    severities: dict[DefectCode, SeverityName] = Field(default_factory=dict)
    """Severity of a defect in place of the usual one (docs/reference/quality.md)."""

    def stricter(self, site: Quality) -> Quality:
        """Take the stricter of this (the job's) and the site's for every threshold."""
        least: tuple[str, ...] = (
            "uneven_gap_ratio",
            "missing_slices",
            "shear_pixels",
            "oblique_degrees",
        )
        least += ("saturated_fraction", "saturated_fraction_projection", "air_hu")
        values: dict[str, object] = {k: min(getattr(self, k), getattr(site, k)) for k in least}
        values["same_place_mm"] = max(self.same_place_mm, site.same_place_mm)
        values["slices"] = max(filter(None, (self.slices, site.slices)), default=None)
        for key in ("pixel_spacing_mm", "slice_distance_mm"):
            known = [v for v in (getattr(self, key), getattr(site, key)) if v is not None]
            values[key] = min(known, default=None)
        values["severities"] = {
            **self.severities,
            **{c: _worse(s, self.severities.get(c)) for c, s in site.severities.items()},
        }
        return Quality.model_validate(values)


def _worse(one: SeverityName, other: SeverityName | None) -> SeverityName:
    return one if other is None or _RANK[one] >= _RANK[other] else other
