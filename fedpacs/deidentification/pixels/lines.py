"""Lines: what a reader sees in a frame, under several windows and where strokes look like text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.views import full_view, stretched, thin_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fedpacs.deidentification.pixels.ocr import Found, Reader, Words
    from fedpacs.deidentification.pixels.strokes import Row
    from fedpacs.deidentification.pixels.views import Picture, Plane

_TALL = 1.4
_LARGEST_SHARE = 0.12
_COMFORTABLE_PX = 18
_LARGEST_ZOOM = 3.0
_LONGEST_SIDE_PX = 1024
_MOST_STRIPS = 60
_FEWEST_SIDE_PX = 8
_CLEAR = 0.9
_FEWEST_CHARACTERS = 3
_LIKELY = 0.4
_FAINT = 0.4
_ROOM_PX = 2


@dataclass(frozen=True, slots=True, repr=False)
class Line:
    """A line of text as seen under one window.

    Parameters
    ----------
    box
        Px of the frame.
    text
        As read.
    confidence
        Of the recognizer, 0 to 1.
    score
        Of the detector, 0 to 1.
    view
        Name of the window.
    """

    box: Box
    text: str
    confidence: float
    score: float
    view: str

    @property
    def upright(self) -> bool:
        """Whether it lies: letters side by side."""
        return (self.box.y1 - self.box.y0) < _TALL * (self.box.x1 - self.box.x0)

    @property
    def is_clear(self) -> bool:
        """Whether it is read without doubt, and not as a letter or two."""
        characters = sum(character.isalnum() for character in self.text)
        return self.confidence >= _CLEAR and characters >= _FEWEST_CHARACTERS

    @property
    def height(self) -> int:
        """Height of the line across its direction, px."""
        if self.upright:
            return self.box.y1 - self.box.y0
        return self.box.x1 - self.box.x0


def lines_of_views(reader: Reader, plane: Plane) -> list[Line]:
    """Read a whole frame under several windows.

    Parameters
    ----------
    reader
        Finds and reads.
    plane
        (Y, X).
    """
    lines: list[Line] = []
    for view in (full_view(plane), thin_view(plane, 1), thin_view(plane, -1)):
        picture, zoom = _fitted(view.picture)
        lines.extend(_seen(reader, picture, view.name, (zoom, 0, 0), lines))
    return _plausible(lines, plane)


def lines_of_rows(reader: Reader, plane: Plane, rows: Iterable[Row]) -> list[Line]:
    """Read the surroundings of rows of strokes, each under the window of its ink.

    Parameters
    ----------
    reader
        Finds and reads.
    plane
        (Y, X).
    rows
        Rows of strokes.
    """
    lines: list[Line] = []
    span = float(plane.max() - plane.min())
    for row in _apart(rows):
        lines.extend(_lines_around(reader, plane, row, span))
    return _plausible(lines, plane)


def _plausible(lines: Iterable[Line], plane: Plane) -> list[Line]:
    """Leave out texture that a reader takes for a large text; what it reads clearly is text."""
    share = _LARGEST_SHARE * plane.size
    return [line for line in lines if line.box.area <= share or line.is_clear]


def boxes_beside(reader: Reader, plane: Plane, box: Box, *, upright: bool) -> list[Box]:
    """Find what stands before and after a piece of text, also where it is fainter.

    Parameters
    ----------
    reader
        Finds.
    plane
        (Y, X).
    box
        A piece of text, px of the plane.
    upright
        Whether it lies.
    """
    height = max(box.y1 - box.y0 if upright else box.x1 - box.x0, _FEWEST_SIDE_PX)
    along, across = round(10 * height), round(0.6 * height)
    wide, tall = (along, across) if upright else (across, along)
    area = Box(box.x0 - wide, box.y0 - tall, box.x1 + wide, box.y1 + tall)
    area = area.within(plane.shape[1], plane.shape[0])
    piece = np.ascontiguousarray(plane[area.y0 : area.y1, area.x0 : area.x1])
    if min(piece.shape) < _FEWEST_SIDE_PX:
        return []
    zoom = _thin_zoom(height)
    return [
        _in_frame(found.box, (zoom, area.x0, area.y0))
        for sign in (1, -1)
        for found in reader.find(_zoomed(thin_view(piece, sign).picture, zoom))
        if found.score >= _LIKELY
    ]


def _thin_zoom(height: float) -> float:
    """Give a zoom for thin strokes, which do not bear being made smaller."""
    return min(max(1.6 * _COMFORTABLE_PX / height, 1.0), _LARGEST_ZOOM)


def _in_frame(box: Box, place: tuple[float, int, int]) -> Box:
    zoom, left, top = place
    return Box(
        int(box.x0 / zoom) + left,
        int(box.y0 / zoom) + top,
        int(np.ceil(box.x1 / zoom)) + left,
        int(np.ceil(box.y1 / zoom)) + top,
    )


def _apart(rows: Iterable[Row]) -> list[Row]:
    """Choose the best rows such that none lies inside what another one's strip shows."""
    chosen: list[Row] = []
    for row in sorted(rows, key=lambda one: -one.likeness):
        if not any(_shows(other, row) for other in chosen):
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


def _lines_around(reader: Reader, plane: Plane, row: Row, span: float) -> list[Line]:
    height = max(row.height, 6.0)
    along, across = round(5 * height), round(1.2 * height)
    box = row.box
    wide, tall = (along, across) if row.upright else (across, along)
    area = Box(box.x0 - wide, box.y0 - tall, box.x1 + wide, box.y1 + tall)
    area = area.within(plane.shape[1], plane.shape[0])
    piece = plane[area.y0 : area.y1, area.x0 : area.x1]
    contrast = row.ink - row.ground
    first, last = sorted((row.ground - 0.35 * contrast, row.ink + 0.1 * contrast))
    picture = stretched(piece, first, last)
    zoom = min(max(_COMFORTABLE_PX / height, 0.4), _LARGEST_ZOOM)
    place = (zoom, area.x0, area.y0)
    if min(area.x1 - area.x0, area.y1 - area.y0) * zoom < _FEWEST_SIDE_PX:
        return []
    lines = _seen(reader, _zoomed(picture, zoom), "strokes", place)
    if abs(contrast) < _FAINT * span and not any(one.confidence >= _CLEAR for one in lines):
        thin = thin_view(np.ascontiguousarray(piece), 1 if contrast > 0 else -1, abs(contrast))
        zoom = _thin_zoom(height)
        place = (zoom, area.x0, area.y0)
        lines += _seen(reader, _zoomed(thin.picture, zoom), "thin", place)
    return lines


def _seen(
    reader: Reader,
    picture: Picture,
    view: str,
    place: tuple[float, int, int],
    known: Sequence[Line] = (),
) -> list[Line]:
    """Find and read lines in a picture, and give them in px of the frame."""
    lines: list[Line] = []
    for found in reader.find(picture):
        box = found.box.within(picture.shape[1], picture.shape[0])
        if box.empty:
            continue
        own = _in_frame(box, place)
        if not any(one.confidence >= _CLEAR and _inside(own, one.box) for one in known):
            text, confidence = _read(reader, picture, box, found)
            lines.append(Line(own, text, confidence, found.score, view))
    return lines


def _inside(box: Box, other: Box) -> bool:
    room = other.grown(_ROOM_PX)
    return room.joined(box) == room


def _read(reader: Reader, picture: Picture, box: Box, found: Found) -> tuple[str, float]:
    piece = picture[box.y0 : box.y1, box.x0 : box.x1]
    if found.corners:
        piece = _levelled(picture, found)
    turns = [0]
    if piece.shape[0] >= _TALL * piece.shape[1]:
        turns = [1, 3]
    words = reader.read([np.ascontiguousarray(np.rot90(piece, turn)) for turn in turns])
    best = max(words, key=_worth)
    if turns == [0] and best.confidence < _CLEAR:  # upside down it may be clear
        best = max(best, *reader.read([np.ascontiguousarray(piece[::-1, ::-1])]), key=_worth)
    return best.text, best.confidence


def _worth(words: Words) -> float:
    return words.confidence * min(len(words.text), 4)


def _levelled(picture: Picture, found: Found) -> Picture:
    """Cut out a tilted piece of text as if it lay."""
    import cv2

    corners = np.array(found.corners, np.float32)
    width = max(round(float(np.hypot(*(corners[1] - corners[0])))), 1)
    height = max(round(float(np.hypot(*(corners[3] - corners[0])))), 1)
    upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turned = cv2.warpPerspective(
        picture, cv2.getPerspectiveTransform(corners, upright), (width, height),
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(turned, np.uint8)


def _fitted(picture: Picture) -> tuple[Picture, float]:
    """Make a very large picture smaller; its small text is found by strokes."""
    longest = max(picture.shape[:2])
    if longest <= _LONGEST_SIDE_PX:
        return picture, 1.0
    zoom = _LONGEST_SIDE_PX / longest
    return _zoomed(picture, zoom), zoom


def _zoomed(picture: Picture, zoom: float) -> Picture:
    import cv2

    if zoom == 1:
        return picture
    kind = cv2.INTER_CUBIC if zoom > 1 else cv2.INTER_AREA
    scaled = cv2.resize(picture, None, fx=zoom, fy=zoom, interpolation=kind)
    return scaled.astype(np.uint8, copy=False)
