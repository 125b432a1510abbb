"""Lines: what a reader sees in pieces of a frame, each line read where it shows best."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.sheets import find_in
from fedpacs.deidentification.pixels.views import stretched, thin_view

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fedpacs.deidentification.pixels.ocr import Found, Reader, Words
    from fedpacs.deidentification.pixels.sheets import Piece
    from fedpacs.deidentification.pixels.views import Picture, Plane

_TALL = 1.4
_LARGEST_SHARE = 0.12
_CLEAR = 0.9
_FEWEST_CHARACTERS = 3
_LIKELY = 0.4
_ROOM_PX = 2
_FLIPPED = 0.75
_SEEN = 0.5
_SHORT = 2.0
_TILT_ROOM = 0.08
_ALIKE = 0.65
_WHOLE = ("full", "thin")


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
    def is_short(self) -> bool:
        """Whether it is about as long as it is high."""
        sides = (self.box.x1 - self.box.x0, self.box.y1 - self.box.y0)
        return max(sides) < _SHORT * min(sides)


def lines_in(
    reader: Reader, pieces: Sequence[Piece], plane: Plane, known: Iterable[Line] = ()
) -> list[Line]:
    """Find lines in pieces of a frame and read them, in one pass of the detector.

    Parameters
    ----------
    reader
        Finds and reads.
    pieces
        Of the frame.
    plane
        The frame, (Y, X).
    known
        Lines that were read before; what lies in a clear one is not read again.
    """
    before = list(known)
    lines: list[Line] = []
    # strips come last: where the whole frame is clear, they need not be read
    found = sorted(find_in(reader, pieces), key=lambda one: one[0].view not in _WHOLE)
    for piece, one in found:
        own = piece.in_frame(one.box)
        clear = [line for line in (*before, *lines) if line.confidence >= _CLEAR]
        if own.empty or any(_inside(own, line.box) for line in clear):
            continue
        same = next((line for line in clear if _like(own, line.box)), None)
        if same is not None:
            lines.append(replace(same, box=own, score=max(one.score, same.score)))
        else:
            lines.extend(_read(reader, piece, one, own))
    return _plausible(lines, plane)


def boxes_in(reader: Reader, pieces: Sequence[Piece]) -> dict[int, list[Box]]:
    """Find lines in pieces and do not read them; give them by the number of the piece.

    Parameters
    ----------
    reader
        Finds.
    pieces
        Of one frame.
    """
    numbers = {id(piece): number for number, piece in enumerate(pieces)}
    boxes: dict[int, list[Box]] = {}
    for piece, found in find_in(reader, pieces):
        if found.score >= _LIKELY:
            boxes.setdefault(numbers[id(piece)], []).append(piece.in_frame(found.box))
    return boxes


def _plausible(lines: Iterable[Line], plane: Plane) -> list[Line]:
    """Leave out texture that a reader takes for a large text; what it reads clearly is text."""
    share = _LARGEST_SHARE * plane.size
    return [line for line in lines if line.box.area <= share or line.is_clear]


def _inside(box: Box, other: Box) -> bool:
    room = other.grown(_ROOM_PX)
    return room.joined(box) == room


def _like(box: Box, other: Box) -> bool:
    """Tell whether two boxes are of one line, and of nothing else besides."""
    common = Box(
        max(box.x0, other.x0), max(box.y0, other.y0), min(box.x1, other.x1), min(box.y1, other.y1)
    )
    return common.area >= _ALIKE * (box.area + other.area - common.area)


def _read(reader: Reader, piece: Piece, found: Found, own: Box) -> Iterator[Line]:
    """Read a line in the window of its piece, and where that is unclear by its strokes alone."""
    part = _cut_out(piece, found)
    if min(part.shape) < 2:  # noqa: PLR2004 - nothing to read
        return
    low, high = piece.window or (float(part.min()), float(part.max()))
    is_short = max(part.shape) < _SHORT * min(part.shape)
    plain = _words(reader, stretched(part, low, high), is_short=is_short)
    yield Line(own, plain.text, plain.confidence, found.score, piece.view)
    if plain.confidence >= _CLEAR or found.score < _SEEN or is_short:
        return
    mean, middle = float(part.mean()), float(np.median(part))
    strokes = thin_view(part, 1 if mean >= middle else -1).picture
    thin = _words(reader, strokes, is_short=False)
    yield Line(own, thin.text, thin.confidence, found.score, "strokes alone")


def _words(reader: Reader, part: Picture, *, is_short: bool) -> Words:
    turns = [1, 3] if part.shape[0] >= _TALL * part.shape[1] else [0]
    words = reader.read([np.ascontiguousarray(np.rot90(part, turn)) for turn in turns])
    best = max(words, key=_worth)
    if turns == [0] and best.confidence < _FLIPPED and not is_short:  # upside down it may be clear
        best = max(best, *reader.read([np.ascontiguousarray(part[::-1, ::-1])]), key=_worth)
    return best


def _worth(words: Words) -> float:
    return words.confidence * min(len(words.text), 4)


def _cut_out(piece: Piece, found: Found) -> Plane:
    """Cut a line out of the values of its piece, as if it lay where it is tilted."""
    box = piece.in_plane(found.box)
    if not found.corners:
        return np.ascontiguousarray(piece.plane[box.y0 : box.y1, box.x0 : box.x1])
    import cv2

    corners = np.array(found.corners, np.float32) / np.float32(piece.zoom)
    corners += _TILT_ROOM * (corners - corners[[3, 2, 1, 0]])  # tight boxes cut letters
    width = max(round(float(np.hypot(*(corners[1] - corners[0])))), 1)
    height = max(round(float(np.hypot(*(corners[3] - corners[0])))), 1)
    upright = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turned = cv2.warpPerspective(
        piece.plane, cv2.getPerspectiveTransform(corners, upright), (width, height),
        borderMode=cv2.BORDER_REPLICATE,
    )  # fmt: skip
    return np.asarray(turned, np.float32)
