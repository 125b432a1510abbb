"""Views: one frame under the windows in which text may show, for eyes that see 8 bits.

Text of a few percent contrast drowns under the full window, and text in the air around a patient
under the one of the header; so each frame is shown several times.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Plane = NDArray[np.float32]
    Picture = NDArray[np.uint8]

_WHITE = 255.0
_COLOUR_SPREAD = 24
_SAMPLED = 1 << 16
THIN_PX = 9


@dataclass(frozen=True, slots=True)
class View:
    """A frame under one window.

    Parameters
    ----------
    name
        Of the window.
    picture
        (Y, X) or (Y, X, 3).
    """

    name: str
    picture: Picture


def planes_of(pixels: NDArray[np.generic]) -> list[Plane]:
    """Give the grey planes in which text of any colour shows.

    Parameters
    ----------
    pixels
        (Y, X) stored values, or (Y, X, 3) RGB in 8 bits.

    Returns
    -------
    list
        (Y, X) each: the values; of colours the brightness and, where colours differ much, the
        strongest channel less the weakest.
    """
    if pixels.ndim == 2:  # noqa: PLR2004 - grey
        grey = pixels.astype(np.float32)
        if not np.isfinite(grey).all():
            grey = np.nan_to_num(grey, nan=0.0, posinf=0.0, neginf=0.0)
        return [grey]
    colours = pixels[:, :, :3].astype(np.float32)
    grey = colours @ np.array([0.299, 0.587, 0.114], np.float32)
    spread = colours.max(axis=2) - colours.min(axis=2)
    if np.percentile(spread[:: _step(spread), :: _step(spread)], 99.9) < _COLOUR_SPREAD:
        return [grey]
    return [grey, spread]


def stretched(plane: Plane, low: float, high: float) -> Picture:
    """Show values between two as black to white.

    Parameters
    ----------
    plane
        (Y, X).
    low, high
        Values shown as black and as white.
    """
    scaled = (plane - np.float32(low)) * np.float32(_WHITE / max(high - low, 1e-6))
    shown: Picture = np.clip(scaled, 0, _WHITE).astype(np.uint8)
    return shown


def full_view(plane: Plane) -> View:
    """Show the whole range.

    Parameters
    ----------
    plane
        (Y, X).
    """
    return View("full", stretched(plane, float(plane.min()), float(plane.max())))


def thin_view(plane: Plane, sign: int, contrast: float | None = None) -> View:
    """Show only what is thin and brighter (or darker) than its surroundings, as white on black.

    Faint text shows in it that drowns in all windows, also over edges.

    Parameters
    ----------
    plane
        (Y, X).
    sign
        1 for bright strokes, -1 for dark ones.
    contrast
        Values over their surroundings shown as white; None for what few pixels exceed.
    """
    import cv2

    kind = cv2.MORPH_TOPHAT if sign > 0 else cv2.MORPH_BLACKHAT
    kernel = np.ones((THIN_PX, THIN_PX), np.uint8)
    thin = cv2.morphologyEx(plane, kind, kernel).astype(np.float32, copy=False)
    white = contrast or percentiles(thin, 0, 99.5)[1]
    return View("thin", stretched(thin, 0, white))


def percentiles(plane: Plane, low: float, high: float) -> tuple[float, float]:
    """Give two percentiles of a plane, from a sample of its pixels.

    Parameters
    ----------
    plane
        (Y, X).
    low, high
        In percent.
    """
    step = _step(plane)
    first, last = np.percentile(plane[::step, ::step], (low, high))
    return float(first), float(last)


def _step(plane: Plane) -> int:
    return max(1, int((plane.size / _SAMPLED) ** 0.5))
