"""Strokes: rows of glyphs in a picture, found by their shape, without reading them.

Text is thin strokes of one brightness on whatever lies below, in pieces of one height that stand
in a row. So: what is thin and brighter (or darker) than its surroundings, at several strengths,
falls into connected pieces; pieces of like height side by side make rows; and a row is kept when
its pieces stand on a line and are of one ink.

References
----------
J. Serra, Image Analysis and Mathematical Morphology, 1982 (top-hat transform); W. Niblack, An
Introduction to Digital Image Processing, 1986 (threshold relative to the surroundings).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from fedpacs.deidentification.pixels.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from fedpacs.deidentification.pixels.views import Plane

    Words16 = NDArray[Any]
    Numbers = NDArray[np.float32]
    Mask = NDArray[np.uint8]
    Labels = NDArray[Any]

_FULL = 65535
_KERNEL_PX = 9
_AROUND_PX = 33
_OVER_SURROUNDINGS = 2.4
_FAINTEST = 0.006
_LEVELS = (0.06, 0.15, 0.4)
_FEWEST_PIXELS = 24
_FEWEST_PIECES = 3
_SMALLEST_AREA_PX = 4
_MOST_PIECES = 6000
_HEIGHT_PX = (5, 56)
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


class _Pieces(NamedTuple):
    """Connected pieces of one threshold: boxes and areas by piece, and its label."""

    x0: Numbers
    y0: Numbers
    x1: Numbers
    y1: Numbers
    area: Numbers
    number: Labels

    def chosen(self, which: NDArray[Any]) -> _Pieces:
        return _Pieces(*(column[which] for column in self))

    def turned(self) -> _Pieces:
        """Give the pieces with rows and columns exchanged."""
        return _Pieces(self.y0, self.x0, self.y1, self.x1, self.area, self.number)


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
    words = ((plane - np.float32(low)) * np.float32(_FULL / (high - low))).astype(np.uint16)
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
    unit = (high - low) / _FULL
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
    for mask in _masks(strength):
        pieces, labels = _pieces(mask)
        if len(pieces.x0) < 2:  # noqa: PLR2004 - no row
            continue
        for upright in (True, False):
            turned = pieces if upright else pieces.turned()
            for members in _grouped(turned):
                row = _row(shown, labels, pieces.chosen(members), turned.chosen(members), sign)
                if row is not None:
                    yield _scaled(row, scale, upright)


def _masks(strength: Words16) -> Iterator[Mask]:
    """Threshold by the surroundings, then at fixed levels."""
    import cv2

    around = cv2.boxFilter(strength, cv2.CV_16U, (_AROUND_PX, _AROUND_PX))
    limit = np.maximum(around * np.float32(_OVER_SURROUNDINGS), np.float32(_FAINTEST * _FULL))
    adaptive = strength > limit
    yield adaptive.astype(np.uint8)
    before = int(adaptive.sum())
    for level in _LEVELS:
        mask = strength > level * _FULL
        count = int(mask.sum())
        if count < _FEWEST_PIXELS:
            return
        if count < 0.97 * before:
            yield mask.astype(np.uint8)
            before = count


def _pieces(mask: Mask) -> tuple[_Pieces, Labels]:
    import cv2

    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    x0, y0, width, height, area = stats[1:].T
    longer, shorter = np.maximum(width, height), np.minimum(width, height)
    good = (longer >= _HEIGHT_PX[0]) & (shorter <= _HEIGHT_PX[1]) & (longer <= 14 * _HEIGHT_PX[1])
    good &= (area >= _SMALLEST_AREA_PX) & (area <= 0.92 * width * height + 2 * longer)
    which = np.flatnonzero(good)
    if len(which) > _MOST_PIECES:
        which = which[np.argsort(-area[which])[:_MOST_PIECES]]
    columns = (x0, y0, x0 + width, y0 + height, area)
    left, top, right, bottom, ink = (column[which].astype(np.float32) for column in columns)
    return _Pieces(left, top, right, bottom, ink, (which + 1).astype(np.int32)), labels


def _grouped(pieces: _Pieces) -> Iterator[NDArray[np.intp]]:
    """Group pieces of like height that stand side by side."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    height = pieces.y1 - pieces.y0
    width = pieces.x1 - pieces.x0
    tall = (height >= _HEIGHT_PX[0]) & (height <= _HEIGHT_PX[1]) & (width <= 14 * height)
    which = np.flatnonzero(tall)
    if len(which) < 2:  # noqa: PLR2004 - no row
        return
    some = pieces.chosen(which)
    first, second = _neighbours(some)
    if not len(first):
        return
    count = len(which)
    graph = coo_matrix((np.ones(len(first), bool), (first, second)), shape=(count, count))
    _, group = connected_components(graph, directed=False)
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    for members in np.split(order, cuts):
        chosen = which[members]
        pair = len(chosen) == _FEWEST_PIECES - 1
        if len(chosen) >= _FEWEST_PIECES or (
            pair and width[chosen].sum() > 2 * height[chosen].max()
        ):
            yield chosen


def _neighbours(pieces: _Pieces) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pair each piece with those that start where it ends, of like height, on the same line."""
    height = pieces.y1 - pieces.y0
    order = np.argsort(pieces.x0, kind="stable")
    starts = pieces.x0[order]
    reach = np.searchsorted(starts, pieces.x1 + 1.3 * height, side="right")
    begin = np.searchsorted(starts, pieces.x0 + 0.0 * height, side="left")
    lengths = np.maximum(reach - begin, 0)
    first = np.repeat(np.arange(len(height)), lengths)
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    second = order[np.repeat(begin, lengths) + offsets]
    apart = first != second
    first, second = first[apart], second[apart]
    tall, other = height[first], height[second]
    overlap = np.minimum(pieces.y1[first], pieces.y1[second]) - np.maximum(
        pieces.y0[first], pieces.y0[second]
    )
    lower = np.minimum(tall, other)
    good = overlap >= 0.65 * lower
    good &= np.maximum(tall, other) <= 1.75 * lower
    good &= pieces.x0[second] - pieces.x1[first] <= 1.1 * np.maximum(tall, other)
    return first[good], second[good]


def _row(
    shown: Words16, labels: Labels, straight: _Pieces, pieces: _Pieces, sign: int
) -> Row | None:
    """Measure a group of pieces; None where it is too small to tell."""
    height = pieces.y1 - pieces.y0
    width = pieces.x1 - pieces.x0
    usual = float(_median(height))
    long = float(pieces.x1.max() - pieces.x0.min())
    if long < 1.4 * usual or (len(height) < _FEWEST_PIECES and long < 2.5 * usual):
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
