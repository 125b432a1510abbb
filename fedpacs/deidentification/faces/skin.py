"""The skin: where a body begins in a volume, whatever made its picture.

A volume is brought to a coarse grid along the patient's axes. What is brighter than air, in one
piece and with its holes filled, is the body; its surface is skin, except where the picture ends.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fedpacs.deidentification.faces.template import sampled, signed_distance_mm

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fedpacs.deidentification.faces.volume import CoarseVolume

SPACING_MM = 4.0
_CT_SKIN_HU = -350.0
_CT_PADDING_HU = -1500.0
_SHARE_OF_BRIGHT = {"MR": 0.10, "PT": 0.015}
_NOISE_FACTOR = 2.5
_SMALLEST_BODY_MM3 = 3e5
_MOST_VOXELS = 20_000_000


@dataclass(frozen=True, slots=True)
class Skin:
    """The skin that a volume shows.

    Attributes
    ----------
    distance_mm
        (Z, Y, X) float32: signed distance to it, positive outside.
    seen
        (Z, Y, X) float32: 1 where the volume has a picture, 0 elsewhere.
    origin_mm
        Patient position (x, y, z) of the first voxel's centre.
    surface_mm
        (N, 3) patient positions (x, y, z) on it.
    """

    distance_mm: NDArray[np.float32]
    seen: NDArray[np.float32]
    origin_mm: NDArray[np.float64]
    surface_mm: NDArray[np.float64]

    def distances(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give signed distances to the skin; see `is_seen`.

        Parameters
        ----------
        points_mm
            (N, 3) patient positions (x, y, z).
        """
        return sampled(self.distance_mm, (points_mm - self.origin_mm) / SPACING_MM, 0.0)

    def is_seen(self, points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell where the volume has a picture, its very rim left out.

        Parameters
        ----------
        points_mm
            (N, 3) patient positions (x, y, z).
        """
        return sampled(self.seen, (points_mm - self.origin_mm) / SPACING_MM, 0.0) > 0.99  # noqa: PLR2004 - all neighbours


def skin_of(volume: CoarseVolume) -> Skin | None:
    """Find the skin in a volume; None when there is no body in it.

    Parameters
    ----------
    volume
        A volume of any orientation.
    """
    values, seen, origin_mm = _along_patient_axes(volume)
    if values is None or not seen.any():
        return None
    solid = _solid(values > _threshold(values[seen], volume.modality), seen)
    if solid.sum() * SPACING_MM**3 < _SMALLEST_BODY_MM3:
        return None
    distance = signed_distance_mm(solid, SPACING_MM)
    surface = (distance < 0) & (distance > -SPACING_MM) & _well_inside(seen)
    places = np.argwhere(surface)[:, ::-1]
    return Skin(distance, seen.astype(np.float32), origin_mm, origin_mm + places * SPACING_MM)


def _along_patient_axes(
    volume: CoarseVolume,
) -> tuple[NDArray[np.float32] | None, NDArray[np.bool_], NDArray[np.float64]]:
    """Resample a volume on a grid along the patient's axes."""
    corners = volume.corners_mm()
    low, high = corners.min(0), corners.max(0)
    size = np.ceil((high - low) / SPACING_MM).astype(int) + 1
    if int(np.prod(size)) > _MOST_VOXELS:
        return None, np.zeros((0, 0, 0), bool), low
    values = np.zeros(tuple(size[::-1]), np.float32)
    seen = np.zeros(values.shape, bool)
    y, x = np.meshgrid(np.arange(size[1]), np.arange(size[0]), indexing="ij")
    for z in range(size[2]):
        places = np.stack([x.ravel(), y.ravel(), np.full(x.size, z)], 1) * SPACING_MM + low
        found, inside = volume.sampled(places)
        values[z] = found.reshape(x.shape)
        seen[z] = inside.reshape(x.shape)
    if volume.modality == "CT":
        seen &= values > _CT_PADDING_HU
    return values, seen, low


def _threshold(values: NDArray[np.float32], modality: str) -> float:
    if modality == "CT":
        return _CT_SKIN_HU
    bright = float(np.percentile(values, 99))
    dark = float(np.percentile(values, 2))
    share = _SHARE_OF_BRIGHT.get(modality, _SHARE_OF_BRIGHT["MR"])
    least = dark + share * (bright - dark)
    air = values[values < dark + 2 * share * (bright - dark)]
    noise = float(np.median(air)) if air.size > values.size // 20 else dark
    return max(least, dark + _NOISE_FACTOR * (noise - dark))


def _solid(bright: NDArray[np.bool_], seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest piece that is brighter than air, its holes filled from three sides."""
    from scipy import ndimage

    opened = ndimage.binary_opening(bright & seen, iterations=1)
    labels, count = ndimage.label(opened)
    if not count:
        found: NDArray[np.bool_] = opened
        return found
    solid: NDArray[np.bool_] = labels == int(np.argmax(np.bincount(labels.ravel())[1:])) + 1
    solid = ndimage.binary_dilation(solid, iterations=1, mask=bright & seen)
    padded = np.pad(solid, 3, mode="edge")
    solid = ndimage.binary_closing(padded, iterations=2)[3:-3, 3:-3, 3:-3] & seen | solid
    for axis in range(3):
        for index in range(solid.shape[axis]):
            cut: Any = (slice(None),) * axis + (index,)
            solid[cut] = ndimage.binary_fill_holes(solid[cut])
    return solid


def _well_inside(seen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    from scipy.ndimage import binary_erosion

    inside: NDArray[np.bool_] = binary_erosion(seen, iterations=1, border_value=0)
    return inside
