"""Strips: a frame, and what lies around rows of strokes in it, in the windows that show text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.sheets import Piece
from fedpacs.deidentification.pixels.views import full_view, stretched, thin_view

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.deidentification.pixels.strokes import Row
    from fedpacs.deidentification.pixels.views import Picture, Plane

FAINT = 0.4
_COMFORTABLE_PX = 16
_EASY_PX = (8, 40)
_LARGEST_ZOOM = 3.0
_LONGEST_SIDE_PX = 1024
_FRAME_PX = 200_000
_FRAME_ZOOM = 0.85
_COARSE = 0.6
_SMALL_PX = 80_000
_GRAIN_PX = 0.6
_GREY = 128
_MOST_STRIPS = 60
_FEWEST_SIDE_PX = 8


def whole_frame(plane: Plane) -> list[Piece]:
    """Give a frame as a whole: its thin strokes, bright and dark on grey, and all of its range.

    Text of every contrast shows in the first. The second is for letters that are not thin, and
    smaller.

    Parameters
    ----------
    plane
        (Y, X).
    """
    import cv2

    calm = cv2.GaussianBlur(plane, (0, 0), _GRAIN_PX).astype(np.float32, copy=False)
    rise, fall = (thin_view(calm, sign).picture.astype(np.int16) for sign in (1, -1))
    strokes = (_GREY + (rise - fall) // 2).clip(0, 255).astype(np.uint8)
    full = full_view(plane).picture
    zoom = frame_zoom(plane)
    less = zoom if plane.size < _SMALL_PX else zoom * _COARSE
    if zoom < 1:  # the mean over an area would take faint strokes away
        smaller = cv2.resize(strokes, None, fx=zoom, fy=zoom, interpolation=cv2.INTER_LINEAR)
        strokes = smaller.astype(np.uint8, copy=False)
    return [
        Piece(strokes, plane, None, "thin", zoom, 0, 0),
        Piece(zoomed(full, less), plane, None, "full", less, 0, 0),
    ]


def frame_zoom(plane: Plane) -> float:
    """Give the zoom at which a frame is shown; small text in it is found by its strokes.

    Parameters
    ----------
    plane
        (Y, X).
    """
    zoom = min(1.0, max(math.sqrt(_FRAME_PX / plane.size), _FRAME_ZOOM))
    return float(min(zoom, _LONGEST_SIDE_PX / max(plane.shape)))


def is_easy(row: Row, plane: Plane, span: float) -> bool:
    """Tell whether a row is sure to be seen in the whole frame, if it is text.

    Parameters
    ----------
    row
        Strokes.
    plane
        The frame, (Y, X).
    span
        Range of its values.
    """
    height = row.height * frame_zoom(plane)
    return abs(row.ink - row.ground) >= FAINT * span and _EASY_PX[0] <= height <= _EASY_PX[1]


def apart(rows: Iterable[Row], known: Iterable[Row] = ()) -> list[Row]:
    """Choose the best rows such that none lies inside what another one's strip shows.

    Parameters
    ----------
    rows
        Rows of strokes.
    known
        Rows that are shown already.
    """
    before = list(known)
    chosen: list[Row] = []
    for row in sorted(rows, key=lambda one: -one.likeness):
        if not any(_shows(other, row) for other in (*before, *chosen)):
            chosen.append(row)
        if len(chosen) == _MOST_STRIPS:
            break
    return chosen


def _shows(seen: Row, row: Row) -> bool:
    box, other = seen.box, row.box
    width = min(box.x1, other.x1) - max(box.x0, other.x0)
    height = min(box.y1, other.y1) - max(box.y0, other.y0)
    if width <= 0 or height <= 0:
        return False
    return width * height >= 0.6 * other.area and 0.5 <= row.height / seen.height <= 2  # noqa: PLR2004 - alike


def strip_of(plane: Plane, row: Row, span: float) -> Piece | None:
    """Give the surroundings of a row under the window of its ink.

    Parameters
    ----------
    plane
        (Y, X).
    row
        Strokes.
    span
        Range of the plane's values.
    """
    height = max(row.height, 6.0)
    area = _around(row.box, plane, round(3 * height), round(0.8 * height), upright=row.upright)
    contrast = row.ink - row.ground
    window = sorted((row.ground - 0.35 * contrast, row.ink + 0.1 * contrast))
    zoom = min(max(_COMFORTABLE_PX / height, 0.4), _LARGEST_ZOOM)
    part = _cut(plane, area, upright=row.upright)
    if min(part.shape) * zoom < _FEWEST_SIDE_PX:
        return None
    picture = stretched(part, *window)
    if abs(contrast) < FAINT * span:
        thin = thin_view(part, 1 if contrast > 0 else -1, abs(contrast)).picture
        picture = np.dstack([picture, thin, thin])
        zoom = _thin_zoom(height)
    return Piece(
        zoomed(picture, zoom), part, (window[0], window[1]), "strokes", zoom,
        area.x0, area.y0, turned=not row.upright,
    )  # fmt: skip


def beside(plane: Plane, box: Box, *, upright: bool) -> Piece | None:
    """Give what stands before and after a piece of text, also where it is fainter.

    Parameters
    ----------
    plane
        (Y, X).
    box
        A piece of text, px of the plane.
    upright
        Whether it lies.
    """
    height = max(box.y1 - box.y0 if upright else box.x1 - box.x0, _FEWEST_SIDE_PX)
    area = _around(box, plane, round(10 * height), round(0.6 * height), upright=upright)
    part = _cut(plane, area, upright=upright)
    if min(part.shape) < _FEWEST_SIDE_PX:
        return None
    bright, dark = (thin_view(part, sign).picture for sign in (1, -1))
    zoom = _thin_zoom(height)
    picture = zoomed(np.dstack([bright, bright, dark]), zoom)
    return Piece(picture, part, None, "beside", zoom, area.x0, area.y0, turned=not upright)


def _around(box: Box, plane: Plane, along: int, across: int, *, upright: bool) -> Box:
    wide, tall = (along, across) if upright else (across, along)
    area = Box(box.x0 - wide, box.y0 - tall, box.x1 + wide, box.y1 + tall)
    return area.within(plane.shape[1], plane.shape[0])


def _cut(plane: Plane, area: Box, *, upright: bool) -> Plane:
    part = plane[area.y0 : area.y1, area.x0 : area.x1]
    return np.ascontiguousarray(part if upright else np.rot90(part))


def _thin_zoom(height: float) -> float:
    """Give a zoom for thin strokes, which do not bear being made smaller."""
    return min(max(1.4 * _COMFORTABLE_PX / height, 1.0), _LARGEST_ZOOM)


def zoomed(picture: Picture, zoom: float) -> Picture:
    """Give a picture larger or smaller.

    Parameters
    ----------
    picture
        (Y, X) or (Y, X, 3).
    zoom
        Of both sides.
    """
    import cv2

    if zoom == 1:
        return picture
    kind = cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_AREA
    scaled = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=kind)
    return scaled.astype(np.uint8, copy=False)
