"""The standard intensity scale: landmarks of an image's foreground, mapped to agreed places.

References
----------
L. G. Nyul, J. K. Udupa, On standardizing the MR image intensity scale, Magn. Reson. Med. 42 (1999).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

PERCENTILES = (1, 10, 20, 30, 40, 50, 60, 70, 80, 90, 99)
"""Landmarks: percentiles of the foreground."""
_MOST_VOXELS = 250_000
"""More voxels than this do not make a percentile better; every n-th is taken."""
_AIR_HU = -500.0


def foreground(image: NDArray[np.float32], *, physical: bool) -> NDArray[np.float32]:
    """Give the voxels of the object: not air, and not the noise around it.

    Parameters
    ----------
    image
        Shape ``(Z, Y, X)``, modality units.
    physical
        True for HU; then air is what lies below -500, else below a tenth of the 99th percentile.

    Returns
    -------
    ndarray
        Shape ``(N,)``. Large volumes are sampled at even steps.
    """
    step = max(1, image.size // _MOST_VOXELS)
    values = image.reshape(-1)[::step]
    threshold = _AIR_HU if physical else 0.1 * float(np.percentile(values, 99))
    return values[values > threshold]


def landmarks(values: NDArray[np.float32]) -> NDArray[np.float64]:
    """Give the landmarks of foreground voxels, shape ``(11,)``, not falling; NaN of none."""
    if not values.size:
        return np.full(len(PERCENTILES), np.nan)
    return np.asarray(np.percentile(values, PERCENTILES), np.float64)


def to_standard_scale(
    image: NDArray[np.float32], own: NDArray[np.float64], scale: Sequence[float]
) -> NDArray[np.float32]:
    """Map intensities so that an image's own landmarks lie where the scale has them.

    Parameters
    ----------
    image
        Any shape.
    own
        Shape ``(11,)``, the image's landmarks.
    scale
        Shape ``(11,)``, rising: the same landmarks on the standard scale.

    Returns
    -------
    ndarray
        Same shape, float32: linear between landmarks, and beyond them as between the outer two.
    """
    places, standard = _rising(own, np.asarray(scale, np.float64))
    if len(places) < 2:  # noqa: PLR2004 - one landmark makes no scale
        return np.full(image.shape, np.float32(standard[0]), np.float32)
    mapped = np.interp(image, places, standard)
    for end, beyond in ((0, image < places[0]), (-1, image > places[-1])):
        near = 1 if end == 0 else -2
        slope = (standard[near] - standard[end]) / (places[near] - places[end])
        mapped[beyond] = standard[end] + slope * (image[beyond] - places[end])
    return np.asarray(mapped, np.float32)


def _rising(
    own: NDArray[np.float64], scale: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Drop landmarks at a place that another one has already, as in an image of few values."""
    keep = np.concatenate([[True], np.diff(own) > 1e-9 * max(1.0, float(np.abs(own).max()))])
    return own[keep], scale[keep]
