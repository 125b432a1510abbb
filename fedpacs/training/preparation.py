"""From a volume to what the network sees, and the way back to the original grid.

What the job declares is done in one order: axes turned to the body's, bias field removed, slices
resampled, intensities scaled, and each slice resampled in plane and padded or cropped about its
centre to one square size. Both ways the centre stays the centre. Each step is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from fedpacs.training.errors import BadVolumeError
from fedpacs.training.transformations import (
    Orientation,
    Step,
    between_slices,
    canonical,
    correct_bias,
    standardise,
    window,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fedpacs.config.job import Preparation
    from fedpacs.core.volume import LabelledVolume

_AS_ACQUIRED = Orientation()
_LOW, _HIGH = 1.0, 99.0
"""Percentiles that the intensity mapping rests on; outliers (vessels, spikes) stay outside."""


@dataclass(frozen=True, slots=True)
class PlaneGeometry:
    """How prepared slices lie on the original ones.

    Attributes
    ----------
    rows, columns
        Pixels of an original slice.
    row_step, column_step
        Original pixels per prepared pixel, along Y and X.
    slices
        Slices before they were resampled; 0 when they were not.
    slice_step
        Original slices per prepared slice.
    orientation
        How the axes were turned before everything else.
    """

    rows: int
    columns: int
    row_step: float
    column_step: float
    slices: int = 0
    slice_step: float = 1.0
    orientation: Orientation = _AS_ACQUIRED


@dataclass(frozen=True, slots=True, eq=False)
class PreparedVolume:
    """One volume as the network sees it.

    Attributes
    ----------
    images
        Shape ``(Z, 1, S, S)``, float32, normalised.
    labels
        Shape ``(Z, S, S)``, uint8.
    geometry
        The way back.
    patient
        Pseudonym.
    steps
        What was done, in order, with the numbers of this volume.
    """

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    geometry: PlaneGeometry
    patient: str
    steps: tuple[Step, ...] = ()


def prepare(volume: LabelledVolume, preparation: Preparation) -> PreparedVolume:
    """Resample, pad and normalise one volume.

    Raises
    ------
    BadVolumeError
        If image and label map differ in shape, the spacing is not positive, an intensity is
        not finite, or the image is constant.
    """
    _check(volume)
    size = preparation.pixel_size
    steps: list[Step] = []
    image, label, spacing, orientation = _oriented(volume, preparation, steps)
    if preparation.bias_field == "n4":
        image = correct_bias(image, spacing)
        steps.append(Step("n4-bias-field", {}))
    before = len(image)
    maps: NDArray[np.float32] | None = None
    slice_step = 1.0
    if preparation.slice_spacing_mm is not None:
        slice_step = preparation.slice_spacing_mm / spacing[0]
        number = max(1, round(before / slice_step))
        image = between_slices(image, number, slice_step)
        maps = between_slices(_one_hot(label), number, slice_step)
        steps.append(Step("resample-slices", {"slices": number, "slice_step": slice_step}))
    geometry = PlaneGeometry(
        rows=image.shape[1],
        columns=image.shape[2],
        row_step=preparation.spacing_mm / spacing[1],
        column_step=preparation.spacing_mm / spacing[2],
        slices=before if maps is not None else 0,
        slice_step=slice_step,
        orientation=orientation,
    )
    normalised = _scaled(image, preparation, steps)
    # Padding looks like air: the darkest thing in the volume.
    darkest = float(normalised.min())
    raised = torch.from_numpy(normalised - darkest)[:, None]
    images = _sample(raised, _forward_grid(geometry, size)) + darkest
    steps.append(
        Step(
            "resample-in-plane",
            {
                "pixel_size": size,
                "spacing_mm": preparation.spacing_mm,
                "row_step": geometry.row_step,
                "column_step": geometry.column_step,
            },
        )
    )
    return PreparedVolume(
        images=images.numpy(),
        labels=_prepared_labels(_one_hot(label) if maps is None else maps, geometry, size),
        geometry=geometry,
        patient=volume.patient,
        steps=tuple(steps),
    )


def _oriented(
    volume: LabelledVolume, preparation: Preparation, steps: list[Step]
) -> tuple[NDArray[np.float32], NDArray[np.uint8], tuple[float, float, float], Orientation]:
    if preparation.orientation == "acquired":
        return volume.image, volume.label, volume.spacing_mm, Orientation()
    if volume.directions is None:
        raise BadVolumeError("The job asks for canonical axes, and the volume's are not known.")
    way = canonical(volume.directions)
    steps.append(Step("orient", {"order": list(way.order), "turned": list(way.turned)}))
    image, label = (np.ascontiguousarray(way.apply(a)) for a in (volume.image, volume.label))
    return image, label, way.along(volume.spacing_mm), way


def _scaled(
    image: NDArray[np.float32], preparation: Preparation, steps: list[Step]
) -> NDArray[np.float32]:
    center, width = preparation.window_center, preparation.window_width
    if center is not None and width is not None:
        steps.append(Step("window", {"center": center, "width": width}))
        return window(image, center, width)
    if preparation.standard_scale:
        steps.append(Step("standard-scale", {"landmarks": list(preparation.standard_scale)}))
        return standardise(image, preparation.standard_scale)
    low, high = (float(value) for value in np.percentile(image, (_LOW, _HIGH)))
    numbers = {"low": low, "high": high} if preparation.intensity == "percentile" else {}
    steps.append(Step(preparation.intensity, numbers))
    return normalise(image, preparation.intensity)


def normalise(image: NDArray[np.float32], intensity: str) -> NDArray[np.float32]:
    """Bring a volume's intensities to a common scale.

    Parameters
    ----------
    image
        Shape ``(Z, Y, X)``, modality units.
    intensity
        ``z-score``: mean 0 and standard deviation 1 of the object, which is what lies above the
        mean of the whole volume; ``percentile``: 1st to 99th percentile to 0 .. 1.

    Returns
    -------
    ndarray
        Same shape, float32, clipped to a few ranges outside so that a spike cannot dominate.
    """
    low, high = (float(value) for value in np.percentile(image, (_LOW, _HIGH)))
    if intensity == "percentile":
        scaled = (image - low) / max(high - low, float(np.finfo(np.float32).tiny))
        return np.asarray(np.clip(scaled, -0.5, 1.5), np.float32)
    tissue = image[image > image.mean()]
    spread = max(float(tissue.std()), 1e-3 * (float(image.max()) - float(image.min())))
    scaled = (image - float(tissue.mean())) / spread
    return np.asarray(np.clip(scaled, -10.0, 10.0), np.float32)


def restore(scores: torch.Tensor, geometry: PlaneGeometry) -> torch.Tensor:
    """Bring class scores back to the original grid.

    Parameters
    ----------
    scores
        Shape ``(Z, C, S, S)``, 0 to 1.
    geometry
        From the preparation.

    Returns
    -------
    torch.Tensor
        Shape ``(Z, C, rows, columns)``; 0 where the prepared slice did not reach.
    """
    size = scores.shape[-1]
    rows = _back(geometry.rows, size, geometry.row_step)
    columns = _back(geometry.columns, size, geometry.column_step)
    restored = _sample(scores, _grid(rows, columns))
    if geometry.slices:
        numbers = between_slices(restored.numpy(), geometry.slices, 1 / geometry.slice_step)
        restored = torch.from_numpy(numbers)
    if geometry.orientation == Orientation():
        return restored
    by_class = [geometry.orientation.undo(restored[:, c].numpy()) for c in range(scores.shape[1])]
    return torch.from_numpy(np.stack(by_class, axis=1))


def _check(volume: LabelledVolume) -> None:
    image = volume.image
    if image.ndim != 3 or not image.size or image.shape != volume.label.shape:  # noqa: PLR2004 - Z, Y, X
        raise BadVolumeError("Image and label map are not two volumes of one shape.")
    if not all(np.isfinite(s) and s > 0 for s in volume.spacing_mm):
        raise BadVolumeError("The spacing of a volume is not positive.")
    if not np.isfinite(image).all():
        raise BadVolumeError("A volume holds intensities that are not finite.")
    if float(image.min()) == float(image.max()):
        raise BadVolumeError("A volume is constant: it shows nothing.")


def _one_hot(label: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Give each class a map of its own, ``(Z, C, Y, X)``."""
    classes = int(label.max()) + 1
    maps = functional.one_hot(torch.from_numpy(label.astype(np.int64)), classes)
    return maps.permute(0, 3, 1, 2).float().numpy()


def _prepared_labels(
    one_hot: NDArray[np.float32], geometry: PlaneGeometry, size: int
) -> NDArray[np.uint8]:
    """Resample each class as a map of its own; the largest wins (nearest would jag the edges)."""
    maps = _sample(torch.from_numpy(one_hot), _forward_grid(geometry, size))
    maps[:, 0] += 1 - maps.sum(dim=1)  # outside the original slice is background
    return maps.argmax(dim=1).to(torch.uint8).numpy()


def _forward_grid(geometry: PlaneGeometry, size: int) -> torch.Tensor:
    rows = _onto(size, geometry.rows, geometry.row_step)
    columns = _onto(size, geometry.columns, geometry.column_step)
    return _grid(rows, columns)


def _onto(size: int, length: int, step: float) -> torch.Tensor:
    """Normalised source coordinates (-1 .. 1 are the outer pixel edges) of prepared pixels."""
    pixels = torch.arange(size, dtype=torch.float64)
    return (pixels - (size - 1) / 2) * step * 2 / length


def _back(length: int, size: int, step: float) -> torch.Tensor:
    pixels = torch.arange(length, dtype=torch.float64)
    return (pixels - (length - 1) / 2) / step * 2 / size


def _grid(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    y, x = torch.meshgrid(rows.float(), columns.float(), indexing="ij")
    return torch.stack((x, y), dim=-1)[None]


def _sample(planes: torch.Tensor, grid: torch.Tensor) -> torch.Tensor:
    grids = grid.expand(len(planes), -1, -1, -1)
    sampled: torch.Tensor = functional.grid_sample(
        planes, grids, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    return sampled
