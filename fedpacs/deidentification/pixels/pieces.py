"""Pieces: connected ink of a picture of strokes, and which pieces stand in a row.

References
----------
W. Niblack, An Introduction to Digital Image Processing, 1986 (threshold relative to the
surroundings).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Words16 = NDArray[Any]
    Numbers = NDArray[np.float32]
    Mask = NDArray[np.uint8]
    Labels = NDArray[Any]

FULL = 65535
_AROUND_PX = 33
_OVER_SURROUNDINGS = 2.4
_FAINTEST = 0.006
_LEVELS = (0.06, 0.15, 0.4)
_FEWEST_PIXELS = 24
FEWEST_PIECES = 3
_SMALLEST_AREA_PX = 4
_MOST_PIECES = 6000
_HEIGHT_PX = (5, 56)


class Pieces(NamedTuple):
    """Connected pieces of one threshold: boxes and areas by piece, and its label."""

    x0: Numbers
    y0: Numbers
    x1: Numbers
    y1: Numbers
    area: Numbers
    number: Labels

    def chosen(self, which: NDArray[Any]) -> Pieces:
        """Give some of the pieces.

        Parameters
        ----------
        which
            Their indices.
        """
        return Pieces(*(column[which] for column in self))

    def turned(self) -> Pieces:
        """Give the pieces with rows and columns exchanged."""
        return Pieces(self.y0, self.x0, self.y1, self.x1, self.area, self.number)


def masks_of(strength: Words16) -> Iterator[Mask]:
    """Threshold a picture of strokes by the surroundings, then at fixed levels.

    Parameters
    ----------
    strength
        (Y, X) uint16: how much thin strokes differ from their surroundings.
    """
    import cv2

    around = cv2.boxFilter(strength, cv2.CV_16U, (_AROUND_PX, _AROUND_PX))
    limit = np.maximum(around * np.float32(_OVER_SURROUNDINGS), np.float32(_FAINTEST * FULL))
    adaptive = strength > limit
    yield adaptive.astype(np.uint8)
    before = int(adaptive.sum())
    for level in _LEVELS:
        mask = strength > level * FULL
        count = int(mask.sum())
        if count < _FEWEST_PIXELS:
            return
        if count < 0.97 * before:
            yield mask.astype(np.uint8)
            before = count


def pieces_of(mask: Mask) -> tuple[Pieces, Labels]:
    """Cut a mask into connected pieces of the size of letters.

    Parameters
    ----------
    mask
        (Y, X), not 0 where there is ink.

    Returns
    -------
    tuple
        The pieces, and the label of each pixel.
    """
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
    return Pieces(left, top, right, bottom, ink, (which + 1).astype(np.int32)), labels


def rows_of(pieces: Pieces) -> Iterator[NDArray[np.intp]]:
    """Group pieces of like height that stand side by side.

    Parameters
    ----------
    pieces
        Any pieces.

    Yields
    ------
    NDArray
        Indices of the pieces of a row.
    """
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
        pair = len(chosen) == FEWEST_PIECES - 1
        if len(chosen) >= FEWEST_PIECES or (
            pair and width[chosen].sum() > 2 * height[chosen].max()
        ):
            yield chosen


def _neighbours(pieces: Pieces) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
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
