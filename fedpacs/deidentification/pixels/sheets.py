"""Sheets: pieces of frames side by side in one picture, so that a detector passes over all once."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.pixels.box import Box

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fedpacs.deidentification.pixels.ocr import Found, Reader
    from fedpacs.deidentification.pixels.views import Picture, Plane

    _Place = tuple["Piece", int, int]  # and its left and upper side

_RIM_PX = 6
_GAP_PX = 4
_NARROWEST_PX = 320
_LARGEST_PX = 1024
_AROUND_PX = 2 * _RIM_PX + _GAP_PX


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A piece of a frame as it is shown to the detector.

    Parameters
    ----------
    picture
        (Y, X) or (Y, X, 3), zoomed.
    plane
        (Y, X) values of the same piece, not zoomed: what is read.
    window
        Values read as black and as white; None for what is usual where text is.
    view
        Name of the window.
    zoom
        Px of the picture for one of the frame.
    left, top
        Its place, px of the frame.
    turned
        Whether it was turned by a quarter against the clock; pieces that lie share a sheet with
        little waste.
    """

    picture: Picture
    plane: Plane
    window: tuple[float, float] | None
    view: str
    zoom: float
    left: int
    top: int
    turned: bool = False

    def in_plane(self, box: Box) -> Box:
        """Give a box of the picture in px of the plane.

        Parameters
        ----------
        box
            In px of the picture.
        """
        height, width = self.plane.shape
        return Box(
            int(box.x0 / self.zoom),
            int(box.y0 / self.zoom),
            ceil(box.x1 / self.zoom),
            ceil(box.y1 / self.zoom),
        ).within(width, height)

    def in_frame(self, box: Box) -> Box:
        """Give a box of the picture in px of the frame.

        Parameters
        ----------
        box
            In px of the picture.
        """
        own = self.in_plane(box)
        if self.turned:
            width = self.plane.shape[0]
            own = Box(width - own.y1, own.x0, width - own.y0, own.x1)
        return Box(own.x0 + self.left, own.y0 + self.top, own.x1 + self.left, own.y1 + self.top)


def find_in(reader: Reader, pieces: Sequence[Piece]) -> Iterator[tuple[Piece, Found]]:
    """Pass a detector over pieces, as few times as they fit together.

    Parameters
    ----------
    reader
        Finds.
    pieces
        Any pieces, of one frame or several.

    Yields
    ------
    tuple
        Piece, and what was found in it, px of its picture.
    """
    for places, size in _laid_out(pieces):
        sheet = np.zeros((*size, 3), np.uint8)
        for piece, x0, y0 in places:
            height, width = piece.picture.shape[:2]
            sheet[y0 : y0 + height + 2 * _RIM_PX, x0 : x0 + width + 2 * _RIM_PX] = _rimmed(piece)
        for found in reader.find(sheet):
            yield from _given_back(found, places)


def _rimmed(piece: Piece) -> Picture:
    """Give a piece with a rim, so that nothing begins where it ends."""
    picture = piece.picture if piece.picture.ndim > 2 else piece.picture[:, :, None]  # noqa: PLR2004 - grey
    return np.pad(picture, ((_RIM_PX, _RIM_PX), (_RIM_PX, _RIM_PX), (0, 0)), mode="edge")


def _laid_out(pieces: Iterable[Piece]) -> Iterator[tuple[list[_Place], tuple[int, int]]]:
    """Give sheets: where each piece stands, and height and width."""
    left = sorted(pieces, key=lambda one: (-one.picture.shape[0], -one.picture.shape[1]))
    while left:
        sides = sorted({one.picture.shape[1] + _AROUND_PX for one in left}, reverse=True)
        widest = max(_NARROWEST_PX, sides[0])
        widths = {widest, *(sides[0] + one for one in sides), 2 * widest}
        layouts = [_packed(left, width) for width in widths if width <= max(_LARGEST_PX, widest)]
        placed = max(len(layout) for layout in layouts)
        best = min(
            (one for one in layouts if len(one) == placed), key=lambda one: _area(_size(one))
        )
        yield best, _size(best)
        there = {id(piece) for piece, _, _ in best}
        left = [piece for piece in left if id(piece) not in there]


def _packed(pieces: Sequence[Piece], width: int) -> list[_Place]:
    """Put each piece where it stands highest below what is there; leave out what is too low."""
    skyline = np.zeros(width, np.int64)
    places: list[_Place] = []
    for piece in pieces:
        high, wide = (side + _AROUND_PX for side in piece.picture.shape[:2])
        starts = np.unique(np.concatenate(([0], np.flatnonzero(np.diff(skyline)) + 1)))
        starts = starts[starts + wide <= width]
        tops = [int(skyline[x0 : x0 + wide].max()) for x0 in starts]
        lowest = int(np.argmin(tops))
        if places and tops[lowest] + high > _LARGEST_PX:
            continue
        x0 = int(starts[lowest])
        skyline[x0 : x0 + wide] = tops[lowest] + high
        places.append((piece, x0, tops[lowest]))
    return places


def _size(places: Sequence[_Place]) -> tuple[int, int]:
    return (
        max(y0 + piece.picture.shape[0] for piece, _, y0 in places) + 2 * _RIM_PX,
        max(x0 + piece.picture.shape[1] for piece, x0, _ in places) + 2 * _RIM_PX,
    )


def _area(size: tuple[int, int]) -> int:
    """Give the area that a detector passes over: its sides are multiples of 32 px."""
    return -(-size[0] // 32) * -(-size[1] // 32)


def _given_back(found: Found, places: Sequence[_Place]) -> Iterator[tuple[Piece, Found]]:
    """Give what was found on a sheet to the piece in which most of it lies."""
    from dataclasses import replace

    best, most = None, 0
    for piece, x0, y0 in places:
        height, width = piece.picture.shape[:2]
        left, top = x0 + _RIM_PX, y0 + _RIM_PX
        box = found.box
        own = Box(box.x0 - left, box.y0 - top, box.x1 - left, box.y1 - top).within(width, height)
        if own.area > most:
            corners = tuple((x - left, y - top) for x, y in found.corners)
            best, most = (piece, replace(found, box=own, corners=corners)), own.area
    if best is not None:
        yield best
