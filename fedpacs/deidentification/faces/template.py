"""The head template: an average head's outline, and the part of it that is the face.

Coordinates are the template's own: mm, x to the left, y to the back, z up, as DICOM's patient axes.
The face is what lies in front of a plane behind the eyes and below one that rises from the base of
the brain to the brows, with all the air before it, for noses are of any length. The brain and a
margin around it are left out. Ears are what stands out at the sides.

References
----------
A. Bischoff-Grethe et al., "A technique for the deidentification of structural brain MR images",
Hum. Brain Mapp. 28 (2007): a face region of an atlas, and a brain region that is never removed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACING_MM = 3.0
LOWEST_MM = -117.0
"""Below this the template ends: it knows nothing of the neck."""
_PADDING = 14
_BROW_Y_MM, _BROW_Z_MM, _BROW_SLOPE = -97.0, -6.0, -0.5
_BACK_MM, _FRONT_MM = -58.0, -190.0
_CHIN_MM = -165.0
_SIDE_MM = 110.0
_EAR_X_MM = (72.0, 125.0)
_EAR_Y_MM = (-18.0, 44.0)
_EAR_Z_MM = (-82.0, -5.0)
_BRAIN_MARGIN_MM = 9.0
_FAR_MM = 60.0


@dataclass(frozen=True, slots=True)
class HeadTemplate:
    """The template on its grid.

    Attributes
    ----------
    distance_mm
        (Z, Y, X) float32: signed distance to the skin, positive outside.
    brain_mm
        (Z, Y, X) float32: distance to the brain, 0 inside of it.
    origin_mm
        Position (x, y, z) of the first voxel's centre.
    surface_mm
        (N, 3) positions (x, y, z) on the skin.
    face_surface
        (N,) which of them are the face.
    """

    distance_mm: NDArray[np.float32]
    brain_mm: NDArray[np.float32]
    origin_mm: NDArray[np.float64]
    surface_mm: NDArray[np.float64]
    face_surface: NDArray[np.bool_]

    def distances(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give signed distances to the skin.

        Parameters
        ----------
        points_mm
            (N, 3) positions (x, y, z).
        """
        return sampled(self.distance_mm, (points_mm - self.origin_mm) / SPACING_MM, _FAR_MM)

    def is_removed(self, points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Tell what is blanked: the face and the ears, not the brain.

        Parameters
        ----------
        points_mm
            (N, 3) positions (x, y, z).
        """
        chosen = _is_face(points_mm) | _is_ear(points_mm)
        if chosen.any():
            inside = (points_mm[chosen] - self.origin_mm) / SPACING_MM
            chosen[chosen] = sampled(self.brain_mm, inside, _FAR_MM) > _BRAIN_MARGIN_MM
        return chosen


def sampled(
    field: NDArray[Any], places: NDArray[np.float64], outside: float
) -> NDArray[np.float64]:
    """Sample a field between its voxels.

    Parameters
    ----------
    field
        (Z, Y, X).
    places
        (N, 3) voxel numbers (x, y, z).
    outside
        Value beyond the field.
    """
    from scipy.ndimage import map_coordinates

    found: NDArray[np.float64] = map_coordinates(
        field, places[:, ::-1].T, output=np.float64, order=1, mode="constant", cval=outside
    )
    return found


def _is_face(points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    x, y, z = points_mm.T
    below_brows = z < _BROW_Z_MM + _BROW_SLOPE * (y - _BROW_Y_MM)
    before = (y < _BACK_MM) & (y > _FRONT_MM)
    found: NDArray[np.bool_] = below_brows & before & (z > _CHIN_MM) & (np.abs(x) < _SIDE_MM)
    return found


def _is_ear(points_mm: NDArray[np.float64]) -> NDArray[np.bool_]:
    x, y, z = points_mm.T
    side = np.abs(x)
    found: NDArray[np.bool_] = (
        (side > _EAR_X_MM[0])
        & (side < _EAR_X_MM[1])
        & (y > _EAR_Y_MM[0])
        & (y < _EAR_Y_MM[1])
        & (z > _EAR_Z_MM[0])
        & (z < _EAR_Z_MM[1])
    )
    return found


def signed_distance_mm(solid: NDArray[np.bool_], spacing_mm: float) -> NDArray[np.float32]:
    """Give the signed distance to the surface of a solid, positive outside.

    Parameters
    ----------
    solid
        (Z, Y, X).
    spacing_mm
        Side of a voxel.
    """
    from scipy.ndimage import distance_transform_edt

    outside = distance_transform_edt(~solid) if not solid.all() else np.zeros(solid.shape)
    inside = distance_transform_edt(solid) if not (~solid).all() else np.zeros(solid.shape)
    distance = (outside - inside + np.where(solid, 0.5, -0.5)) * spacing_mm
    return np.asarray(np.clip(distance, -_FAR_MM, _FAR_MM), np.float32)


@cache
def head_template() -> HeadTemplate:
    """Read the template; the first call costs some 0.2 s."""
    from scipy.ndimage import distance_transform_edt

    with files("fedpacs.deidentification").joinpath("data", "face_template.npz").open("rb") as file:
        stored = np.load(file)
        shape = tuple(int(side) for side in stored["shape"])
        head = _unpacked(stored["head"], shape)
        brain = _unpacked(stored["brain"], shape)
        origin_mm = stored["origin_mm"][::-1].copy()
    lowest = int(np.argmax(head.any((1, 2)))) + 2  # the last slices are those of a few heads only
    head[:lowest] = head[lowest]
    head = np.pad(head, _PADDING)
    head[:_PADDING] = head[_PADDING]  # goes on below, so that its end is no surface
    brain = np.pad(brain, _PADDING)
    origin_mm = origin_mm - _PADDING * SPACING_MM
    distance = signed_distance_mm(head, SPACING_MM)
    places = np.argwhere((distance < 0) & (distance > -SPACING_MM))[:, ::-1]
    surface = origin_mm + places * SPACING_MM
    surface = surface[surface[:, 2] > LOWEST_MM + 2 * SPACING_MM]
    to_brain = np.minimum(distance_transform_edt(~brain) * SPACING_MM, _FAR_MM)
    return HeadTemplate(
        distance, to_brain.astype(np.float32), origin_mm, surface, _is_face(surface)
    )


def _unpacked(bits: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    return np.unpackbits(bits)[: int(np.prod(shape))].reshape(shape).astype(bool)
