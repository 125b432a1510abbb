"""Strokes: rows of glyphs in a picture, found by their shape, without reading them.

Text is thin strokes of one brightness on whatever lies below, in pieces of one height that stand
in a row. So: what is thin and brighter (or darker) than its surroundings, at several strengths,
falls into connected pieces; pieces of like height side by side make rows; and a row is kept when
its pieces stand on a line and are of one ink.

References
----------
J. Serra, Image Analysis and Mathematical Morphology, 1982 (top-hat transform).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.pieces import (
    FEWEST_PIECES,
    FULL,
    masks_of,
    pieces_of,
    rows_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fedpacs.deidentification.pixels.pieces import Pieces
    from fedpacs.deidentification.pixels.views import Plane

    Words16 = NDArray[Any]
    Labels = NDArray[Any]

_KERNEL_PX = 9
_LARGE_FRAME_PX = 700
_USUAL_SPACING = 0.2
# Fitted by logistic regression on generated pictures: number of pieces (log), evenness, alignment,
# contrast (log), fill, spacing from the usual, variety (log), length in heights (log)
_WEIGHTS = (1.57, 0.2, 2.5, 0.52, 5.1, -2.6, -0.64, 1.35)
_BIAS = -10.2


@dataclass(frozen=True, slots=True)
class Row:
    """Pieces of ink that stand in a row as letters do.

    Parameters
    ----------
    box
        Around the pieces, px of the plane.
    pieces
        Number of pieces.
    upright
        False where the row runs up or down.
    ink, ground
        Usual value of the plane in the pieces and beside them.
    evenness
        How alike the pieces are in ink, 0 to 1.
    alignment
        Share of the pieces that stand on the common line, 0 to 1.
    contrast
        Ink over the usual difference of neighbouring pixels around it.
    fill
        Share of the box of a piece that is ink.
    height
        Usual height of a piece, px of the plane.
    spacing
        Usual gap between pieces, in heights.
    variety
        How much the ink differs from pixel to pixel, as a share of ink over ground.
    irregularity
        How much the pieces differ in size, as a share of it: letters do, the bars of a grid, the
        marks of a ruler and vertebrae do not.
    """

    box: Box
    pieces: int
    upright: bool
    ink: float
    ground: float
    evenness: float
    alignment: float
    contrast: float
    fill: float
    height: float
    spacing: float
    variety: float
    irregularity: float

    @property
    def long(self) -> int:
        """Length along the line, px."""
        return self.box.x1 - self.box.x0 if self.upright else self.box.y1 - self.box.y0

    @property
    def likeness(self) -> float:
        """How much like text it is: above 0 rather so, above 3 nearly certainly."""
        measures = (
            math.log(self.pieces),
            max(self.evenness, -1.0),
            self.alignment,
            math.log(min(max(self.contrast, 0.1), 30.0)),
            self.fill,
            abs(min(max(self.spacing, -1.0), 2.0) - _USUAL_SPACING),
            math.log(min(max(self.variety, 0.02), 2.0)),
            math.log(self.long / self.height),
        )
        return _BIAS + sum(a * b for a, b in zip(_WEIGHTS, measures, strict=True))


def text_rows(plane: Plane) -> list[Row]:
    """Find rows of pieces that may be letters.

    Parameters
    ----------
    plane
        (Y, X) grey values, whatever their range.

    Returns
    -------
    list
        Candidates, the same text possibly several times; `Row.likeness` tells the good ones.
    """
    import cv2

    low, high = float(plane.min()), float(plane.max())
    if high <= low:
        return []
    words = ((plane - np.float32(low)) * np.float32(FULL / (high - low))).astype(np.uint16)
    rows: list[Row] = []
    side = min(plane.shape)
    scales = [1.0, 0.5] + [0.25] * (side > _LARGE_FRAME_PX)
    for scale in scales:
        shown: Words16 = words
        if side * scale < _KERNEL_PX:
            break
        if scale < 1:
            shown = cv2.resize(words, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for strength, sign in _strengths(shown):
            rows.extend(_rows(shown, strength, sign, 1 / scale))
    unit = (high - low) / FULL
    return [_in_values(row, low, unit, plane.shape) for row in rows]


def _in_values(row: Row, low: float, unit: float, shape: tuple[int, ...]) -> Row:
    box = row.box.within(shape[1], shape[0])
    return replace(row, box=box, ink=low + row.ink * unit, ground=low + row.ground * unit)


def _strengths(shown: Words16) -> Iterator[tuple[Words16, int]]:
    import cv2

    kernel = np.ones((_KERNEL_PX, _KERNEL_PX), np.uint8)
    yield cv2.morphologyEx(shown, cv2.MORPH_TOPHAT, kernel), 1
    yield cv2.morphologyEx(shown, cv2.MORPH_BLACKHAT, kernel), -1


def _rows(shown: Words16, strength: Words16, sign: int, scale: float) -> Iterator[Row]:
    for mask in masks_of(strength):
        pieces, labels = pieces_of(mask)
        if len(pieces.x0) < 2:  # noqa: PLR2004 - no row
            continue
        for upright in (True, False):
            turned = pieces if upright else pieces.turned()
            for members in rows_of(turned):
                row = _row(shown, labels, pieces.chosen(members), turned.chosen(members), sign)
                if row is not None:
                    yield _scaled(row, scale, upright)


def _row(shown: Words16, labels: Labels, straight: Pieces, pieces: Pieces, sign: int) -> Row | None:
    """Measure a group of pieces; None where it is too small to tell."""
    height = pieces.y1 - pieces.y0
    width = pieces.x1 - pieces.x0
    usual = float(_median(height))
    long = float(pieces.x1.max() - pieces.x0.min())
    if long < 1.4 * usual or (len(height) < FEWEST_PIECES and long < 2.5 * usual):
        return None
    x0, y0 = int(straight.x0.min()), int(straight.y0.min())
    x1, y1 = int(straight.x1.max()), int(straight.y1.max())
    area = shown[y0:y1, x0:x1].astype(np.float32)
    inside = labels[y0:y1, x0:x1]
    numbers = np.sort(straight.number)
    position = np.searchsorted(numbers, inside)
    position[position == len(numbers)] = 0
    own = numbers[position] == inside
    index = position[own]
    counts = np.bincount(index, minlength=len(numbers))
    means = np.bincount(index, area[own], minlength=len(numbers)) / np.maximum(counts, 1)
    ground_pixels = area[inside == 0]
    if not len(ground_pixels):
        return None
    ink = float(_median(area[own]))
    ground = float(_median(ground_pixels))
    difference = sign * (ink - ground)
    if difference <= 0:
        return None
    evenness = 1 - float(np.abs(means - _median(means)).mean()) / difference
    bottom, top = pieces.y1, pieces.y0
    slack = max(1.0, 0.12 * usual)
    aligned = max(
        float((np.abs(bottom - _median(bottom)) <= slack).mean()),
        float((np.abs(top - _median(top)) <= slack).mean()),
    )
    rough = float(np.abs(ground_pixels - ground).mean()) + 1e-3
    fill = float((pieces.area / (width * height)).mean())
    order = np.argsort(pieces.x0)
    gaps = pieces.x0[order][1:] - np.maximum.accumulate(pieces.x1[order])[:-1]
    return Row(
        box=Box(x0, y0, x1, y1),
        pieces=len(height),
        upright=True,
        ink=ink,
        ground=ground,
        evenness=evenness,
        alignment=aligned,
        contrast=difference / rough,
        fill=fill,
        height=usual,
        spacing=float(_median(gaps)) / usual,
        variety=float(np.abs(area[own] - ink).mean()) / difference,
        irregularity=float(pieces.area.std() / pieces.area.mean()),
    )


def _median(values: NDArray[Any]) -> Any:  # noqa: ANN401 - a scalar of the array's type
    """Give the middle value; five times as fast as NumPy's for a few values."""
    middle = len(values) // 2
    return np.partition(values, middle)[middle]


def _scaled(row: Row, scale: float, upright: bool) -> Row:
    box = row.box
    if scale > 1:
        box = Box(*(round(side * scale) for side in (box.x0, box.y0, box.x1, box.y1)))
    return replace(row, box=box, upright=upright, height=row.height * scale)
