"""From a volume to what the network sees, and the way back to the original grid.

Slices are resampled in plane to one spacing and padded or cropped about their centre to one
square size; between slices nothing is interpolated. Both ways the centre of the slice stays the
centre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.nn import functional

from fedpacs.training.errors import BadVolumeError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fedpacs.config.job import Preparation
    from fedpacs.core.volume import LabelledVolume

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
    """

    rows: int
    columns: int
    row_step: float
    column_step: float


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
    """

    images: NDArray[np.float32]
    labels: NDArray[np.uint8]
    geometry: PlaneGeometry
    patient: str


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
    geometry = PlaneGeometry(
        rows=volume.image.shape[1],
        columns=volume.image.shape[2],
        row_step=preparation.spacing_mm / volume.spacing_mm[1],
        column_step=preparation.spacing_mm / volume.spacing_mm[2],
    )
    normalised = normalise(volume.image, preparation.intensity)
    # Padding looks like air: the darkest thing in the volume.
    darkest = float(normalised.min())
    raised = torch.from_numpy(normalised - darkest)[:, None]
    images = _sample(raised, _forward_grid(geometry, size)) + darkest
    return PreparedVolume(
        images=images.numpy(),
        labels=_prepared_labels(volume.label, geometry, size),
        geometry=geometry,
        patient=volume.patient,
    )


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
    return _sample(scores, _grid(rows, columns))


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


def _prepared_labels(
    label: NDArray[np.uint8], geometry: PlaneGeometry, size: int
) -> NDArray[np.uint8]:
    """Resample each class as a map of its own; the largest wins (nearest would jag the edges)."""
    classes = int(label.max()) + 1
    one_hot = functional.one_hot(torch.from_numpy(label.astype(np.int64)), classes)
    maps = _sample(one_hot.permute(0, 3, 1, 2).float(), _forward_grid(geometry, size))
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
