"""Detection: the text that a frame shows, where it must be masked and what of it may stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from fedpacs.deidentification.pixels.judgement import judged
from fedpacs.deidentification.pixels.ocr import Reader
from fedpacs.deidentification.pixels.views import (
    full_view,
    local_view,
    middle_view,
    planes_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.frames import Frames
    from fedpacs.deidentification.pixels.views import Picture
    from fedpacs.deidentification.text.cleaning import CompiledTerms

Effort = Literal["strokes", "read"]

_LARGEST_SHARE = 0.12
_SURE = 0.6
_MARGIN_PX = 3


@dataclass(frozen=True, slots=True)
class FrameText:
    """The text that a frame shows.

    Parameters
    ----------
    boxes
        What must be masked, px of the frame.
    markers
        Pieces of text that may stay.
    read
        Whether anything was read: the reader is not asked where no strokes look like text.
    """

    boxes: tuple[Box, ...] = ()
    markers: int = 0
    read: bool = False


_NOTHING = FrameText()


def is_plain(frames: Frames, number: int) -> bool:
    """Tell cheaply that a frame cannot hold legible text.

    Parameters
    ----------
    frames
        The object's frames.
    number
        Frame, from 0.
    """
    pixels = frames.array(number)
    return bool(pixels.min() == pixels.max())


class Detector:
    """Finds text in frames; one for each process."""

    __slots__ = ("_reader",)

    def __init__(self) -> None:
        self._reader = Reader()

    def look(self, frames: Frames, number: int, terms: CompiledTerms, effort: Effort) -> FrameText:
        """Look at one frame of an object.

        Parameters
        ----------
        frames
            The object's frames.
        number
            Frame, from 0.
        terms
            What the object says of its patient and staff.
        effort
            ``strokes`` reads only where strokes look like text, ``read`` in any case.
        """
        facts = frames.facts
        if facts.samples > 1 or facts.photometric == "PALETTE COLOR":
            return self.look_at_picture(frames.display(number), terms, effort)
        return self._look(frames.array(number), terms, effort)

    def look_at_picture(
        self, picture: NDArray[np.uint8], terms: CompiledTerms, effort: Effort
    ) -> FrameText:
        """Look at a picture.

        Parameters
        ----------
        picture
            (Y, X) grey or (Y, X, 3) RGB.
        terms, effort
            As of `look`.
        """
        return self._look(picture, terms, effort)

    def _look(
        self, pixels: NDArray[np.generic], terms: CompiledTerms, _effort: Effort
    ) -> FrameText:
        if pixels.size == 0 or pixels.min() == pixels.max():
            return _NOTHING
        going: list[Box] = []
        markers = 0
        height, width = pixels.shape[:2]
        for plane in planes_of(pixels):
            for view in (full_view(plane), middle_view(plane), local_view(plane)):
                for found in self._reader.find(view.picture):
                    box = found.box.within(width, height)
                    if box.area > _LARGEST_SHARE * width * height or box.empty:
                        continue
                    words = self._reader.read([_cut(view.picture, box)])[0]
                    if words.confidence < _SURE:
                        continue
                    verdict = judged(words.text, words.confidence, terms)
                    markers += verdict == "stays"
                    if verdict == "goes":
                        going.append(box.grown(_MARGIN_PX).within(width, height))
        return FrameText(merged(going), markers, read=True)


def merged(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Join boxes that overlap.

    Parameters
    ----------
    boxes
        Any boxes.
    """
    apart: list[Box] = []
    for box in sorted(boxes):
        grown = box
        while touching := [other for other in apart if other.touches(grown)]:
            for other in touching:
                apart.remove(other)
                grown = grown.joined(other)
        apart.append(grown)
    return tuple(sorted(apart))


def _cut(picture: Picture, box: Box) -> Picture:
    piece = picture[box.y0 : box.y1, box.x0 : box.x1]
    if box.y1 - box.y0 > 1.5 * (box.x1 - box.x0):
        piece = np.rot90(piece)
    return np.ascontiguousarray(piece)
