"""The profile: the ridge of the nose, by which it is known how high the face sits.

A skull is nearly a ball, and a template can slip on it as a cap slips; noses do not. At each height
the ridge is what the middle of the face stands out over its sides: nothing at the forehead, more
and more from the root of the nose to its tip, little at the lips. It stays the same however the
head is nodded, and a part of it is enough where the picture ends in the middle of the nose.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fedpacs.deidentification.faces.template import head_template

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from fedpacs.deidentification.faces.pose import Pose
    from fedpacs.deidentification.faces.skin import Skin

_STEP_MM, _DEPTH_STEP_MM = 2.0, 1.0
_HEIGHTS_MM = np.arange(-160.0, 51.0, _STEP_MM)
_DEPTHS_MM = np.arange(-190.0, -29.0, _DEPTH_STEP_MM)
_MIDDLE_MM, _SIDE_MM = np.array([-3.0, 0.0, 3.0]), np.array([-22.0, -18.0, 18.0, 22.0])
_LOWEST_MM = -108.0
"""Below this the template's face is that of a few heads only."""
_ANCHORS_MM = (-68.0, -60.0, -52.0, -46.0, -40.0)
_MOST_SHIFT_MM = 56.0
_SHIFT_PRICE = 0.004
_LEAST_RIDGE_MM, _LEAST_EXPLAINED = 6.0, 0.6
_LEAST_HEIGHTS = 12
_GAINS = (0.5, 1.8)


class Anchor(NamedTuple):
    """A point of the nose.

    Attributes
    ----------
    found_mm
        (3,) where it is in the patient (x, y, z).
    template_mm
        (3,) where it is in the template.
    """

    found_mm: NDArray[np.float64]
    template_mm: NDArray[np.float64]


class _Front(NamedTuple):
    """The front of a head by height: NaN where it is not seen.

    Attributes
    ----------
    middle_mm
        How far to the front the skin lies in the middle.
    ridge_mm
        How far it stands out over the sides.
    """

    middle_mm: NDArray[np.float64]
    ridge_mm: NDArray[np.float64]


def nose_of(skin: Skin, pose: Pose) -> Anchor | None:
    """Find a point of the nose near to where a pose has it.

    Parameters
    ----------
    skin
        The skin.
    pose
        Where the head lies, roughly.

    Returns
    -------
    Anchor or None
        None when the volume shows no nose that could be made out.
    """
    front = _seen_front(skin, pose)
    shift = _shift(front.ridge_mm)
    if shift is None:
        return None
    own = _template_front()
    for height in _ANCHORS_MM:
        there = int(np.argmin(np.abs(_HEIGHTS_MM - height - shift)))
        here = int(np.argmin(np.abs(_HEIGHTS_MM - height)))
        if np.isfinite(front.middle_mm[there]):
            found = np.array([[0.0, -front.middle_mm[there], _HEIGHTS_MM[there]]])
            template = np.array([0.0, -own.middle_mm[here], _HEIGHTS_MM[here]])
            return Anchor(pose.to_patient(found)[0], template)
    return None


def stands_out(skin: Skin, pose: Pose) -> bool:
    """Tell whether anything in the middle of the front stands out as a nose does.

    Parameters
    ----------
    skin
        The skin.
    pose
        Where the head lies, roughly.
    """
    ridge_mm = _seen_front(skin, pose).ridge_mm
    return bool((ridge_mm[np.isfinite(ridge_mm)] >= _LEAST_RIDGE_MM).any())


def _seen_front(skin: Skin, pose: Pose) -> _Front:
    def distances(points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        places = pose.to_patient(points_mm)
        return np.where(skin.is_seen(places), skin.distances(places), np.nan)

    return _front(distances)


@cache
def _template_front() -> _Front:
    return _front(head_template().distances)


def _front(distances: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> _Front:
    """Look from the front; distances are NaN where nothing is seen."""
    middle, side = _first_skin(distances, _MIDDLE_MM), _first_skin(distances, _SIDE_MM)
    return _Front(middle, middle - side)


def _first_skin(
    distances: Callable[[NDArray[np.float64]], NDArray[np.float64]], across_mm: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give how far to the front (-y) skin lies at each height, on the mean of some lines."""
    z, y, x = np.meshgrid(_HEIGHTS_MM, _DEPTHS_MM, across_mm, indexing="ij")
    found = distances(np.stack([x.ravel(), y.ravel(), z.ravel()], 1)).reshape(z.shape)
    solid = found < 0
    first = np.argmax(solid, 1)
    known = solid.any(1) & (first > 0)
    before = np.take_along_axis(found, np.maximum(first - 1, 0)[:, None], 1)[:, 0]
    known &= np.isfinite(before)  # else it is where the picture ends, not where skin begins
    fronts: NDArray[np.float64] = np.where(known.all(1), -_DEPTHS_MM[first].mean(1), np.nan)
    return fronts


def _shift(ridge_mm: NDArray[np.float64]) -> float | None:
    """Give how much higher than in the template the nose is; None when there is none."""
    known = np.isfinite(ridge_mm)
    if known.sum() < _LEAST_HEIGHTS or ridge_mm[known].max() < _LEAST_RIDGE_MM:
        return None
    heights, values = _HEIGHTS_MM[known], ridge_mm[known]
    own = _template_front().ridge_mm
    listed = np.isfinite(own) & (_HEIGHTS_MM >= _LOWEST_MM)
    best: tuple[float, float] | None = None
    for shift in np.arange(-_MOST_SHIFT_MM, _MOST_SHIFT_MM + 1, _STEP_MM):
        wanted = np.interp(heights - shift, _HEIGHTS_MM[listed], own[listed])
        gain = float((values * wanted).sum() / max((wanted * wanted).sum(), 1.0))
        left = values - np.clip(gain, *_GAINS) * wanted
        cost = float((left * left).mean() + _SHIFT_PRICE * shift * shift)
        if best is None or cost < best[0]:
            best = (cost, float(shift))
    if best is None or best[0] > (1 - _LEAST_EXPLAINED) * float((values * values).mean()):
        return None
    return best[1]
