"""Transformations of a whole volume that a job may declare, each recorded as a step.

A step is a name, a version and plain numbers, so that a manifest can hold it and the same volume
can be made again. A change of what a transformation computes raises its version.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fedpacs.core.standard_scale import foreground, landmarks, to_standard_scale

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_SHRINK = 4
"""N4 looks for a smooth field: every fourth voxel in plane shows it as well."""
_ITERATIONS = (50, 50, 30)


@dataclass(frozen=True, slots=True)
class Step:
    """One transformation as it was done.

    Attributes
    ----------
    name
        For example ``window``.
    parameters
        Numbers and words; units in the names.
    version
        Of what the transformation computes.
    """

    name: str
    parameters: Mapping[str, Any]
    version: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for a manifest."""
        return {"name": self.name, "version": self.version, "parameters": dict(self.parameters)}


@dataclass(frozen=True, slots=True)
class Orientation:
    """How the axes of a volume were brought to those of the body.

    Attributes
    ----------
    order
        Old axis of each new axis ``(Z, Y, X)``.
    turned
        Whether each new axis runs against the old one.
    """

    order: tuple[int, int, int] = (0, 1, 2)
    turned: tuple[bool, bool, bool] = (False, False, False)

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turn an array of the old axes ``(Z, Y, X)``; no voxel changes its value."""
        moved = array.transpose(self.order)
        return moved[tuple(slice(None, None, -1 if t else 1) for t in self.turned)]

    def undo(self, array: NDArray[Any]) -> NDArray[Any]:
        """Turn an array of the new axes back."""
        back = array[tuple(slice(None, None, -1 if t else 1) for t in self.turned)]
        return back.transpose(tuple(int(i) for i in np.argsort(self.order)))

    def along(self, spacing: Sequence[float]) -> tuple[float, float, float]:
        """Give spacings in the new order."""
        z, y, x = (float(spacing[axis]) for axis in self.order)
        return z, y, x


def canonical(directions: NDArray[np.float64]) -> Orientation:
    """Find the way to axes that run to head, back and left (nearest ones; nothing is resampled).

    Parameters
    ----------
    directions
        Shape ``(3, 3)``: unit vectors along the axes ``(Z, Y, X)`` in the patient's coordinates,
        which run to left, back and head (PS3.3 C.7.6.2.1.1).
    """
    wanted = np.eye(3)[::-1]  # head, back, left
    closeness = wanted @ directions.T
    order: list[int] = [-1, -1, -1]
    free = {0, 1, 2}
    for new in np.argsort(-np.abs(closeness).max(axis=1)):
        old = max(free, key=lambda axis: abs(closeness[new, axis]))
        order[int(new)] = old
        free.discard(old)
    turned = [bool(closeness[new, old] < 0) for new, old in enumerate(order)]
    return Orientation((order[0], order[1], order[2]), (turned[0], turned[1], turned[2]))


def window(image: NDArray[np.float32], center: float, width: float) -> NDArray[np.float32]:
    """Cut a window out of the values and bring it to 0 .. 1.

    References
    ----------
    PS3.3 C.11.2.1.3.2, function ``LINEAR_EXACT``.
    """
    scaled = (image - (center - width / 2)) / width
    return np.asarray(np.clip(scaled, 0.0, 1.0), np.float32)


def correct_bias(
    image: NDArray[np.float32], spacing_mm: tuple[float, float, float]
) -> NDArray[np.float32]:
    """Remove the slow brightness field of an MR coil.

    Parameters
    ----------
    image
        Shape ``(Z, Y, X)``; what is not above the mean of the volume is not looked at.
    spacing_mm
        Along ``(Z, Y, X)``.

    References
    ----------
    Tustison et al.: N4ITK, IEEE TMI 29 (2010) 1310-1320; SimpleITK's filter.
    """
    import SimpleITK

    sitk: Any = SimpleITK  # it has no types for its calls
    shift = min(float(image.min()), 0.0)
    whole = sitk.GetImageFromArray(image - shift + 1.0)  # the logarithm wants positive values
    whole.SetSpacing(tuple(float(v) for v in reversed(spacing_mm)))
    inside = sitk.GetImageFromArray((image > image.mean()).astype(np.uint8))
    inside.CopyInformation(whole)
    factors = [max(1, min(_SHRINK, n // 8)) for n in (*image.shape[:0:-1], 1)]
    search = sitk.N4BiasFieldCorrectionImageFilter()
    search.SetNumberOfThreads(1)  # the same sums in the same order: the same result everywhere
    search.SetMaximumNumberOfIterations(list(_ITERATIONS))
    search.Execute(sitk.Shrink(whole, factors), sitk.Shrink(inside, factors))
    field = sitk.GetArrayFromImage(search.GetLogBiasFieldAsImage(whole))
    corrected = (image - shift + 1.0) / np.exp(field) - 1.0 + shift
    return np.asarray(corrected, np.float32)


def between_slices(array: NDArray[np.float32], number: int, step: float) -> NDArray[np.float32]:
    """Interpolate along the first axis; the middle of the stack stays the middle.

    Parameters
    ----------
    array
        Shape ``(Z, ...)``.
    number
        Slices wanted.
    step
        Old slices per new slice. What lies outside takes the nearest slice.
    """
    old = len(array)
    at = (np.arange(number) - (number - 1) / 2) * step + (old - 1) / 2
    at = np.clip(at, 0, old - 1)
    low = np.floor(at).astype(np.int64)
    high = np.minimum(low + 1, old - 1)
    part = (at - low).astype(np.float32).reshape(-1, *[1] * (array.ndim - 1))
    return np.asarray(array[low] * (1 - part) + array[high] * part, np.float32)


def standardise(image: NDArray[np.float32], scale: Sequence[float]) -> NDArray[np.float32]:
    """Bring a volume's intensities to the standard scale of the consortium, as 0 to 1.

    Parameters
    ----------
    image
        Shape ``(Z, Y, X)``, modality units.
    scale
        Landmarks, rising; below zero only where the scale is physical (HU).

    Returns
    -------
    ndarray
        Same shape, float32: 0 and 1 at the outer landmarks, clipped to a range outside.
    """
    own = landmarks(foreground(image, physical=scale[0] < 0))
    standard = to_standard_scale(image, own, scale)
    scaled = (standard - scale[0]) / (scale[-1] - scale[0])
    return np.asarray(np.clip(scaled, -1.0, 2.0), np.float32)
