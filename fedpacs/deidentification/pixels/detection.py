"""Detection: the text that a frame shows, where it must be masked and what of it may stay."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from fedpacs.deidentification.pixels.layout import (
    lengthened,
    merged,
    same_text,
    to_the_edge,
    whole_line,
)
from fedpacs.deidentification.pixels.lines import boxes_beside, lines_of_rows, lines_of_views
from fedpacs.deidentification.pixels.ocr import Reader
from fedpacs.deidentification.pixels.strokes import text_rows
from fedpacs.deidentification.pixels.views import planes_of
from fedpacs.deidentification.pixels.written import WrittenText

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.frames import Frames
    from fedpacs.deidentification.pixels.lines import Line
    from fedpacs.deidentification.pixels.strokes import Row
    from fedpacs.deidentification.pixels.views import Plane
    from fedpacs.deidentification.text.cleaning import CompiledTerms

Effort = Literal["strokes", "read"]

_RATHER = -0.5
_PROMISING = 1.0
_CLEAR = 0.9
_MARGIN_PX = 3
_GAP_HEIGHTS = 1.5
_STRONG = 0.4
_FAINT = 0.15
_FAINT_HEIGHTS = 2.5


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
    """Tell, without decoding, that a frame cannot hold text: all its samples are equal.

    Parameters
    ----------
    frames
        The object's frames.
    number
        Frame, from 0.

    Returns
    -------
    bool
        False for what only a closer look can tell, such as any compressed frame.
    """
    if frames.encapsulated is not None:
        return False
    raw = frames.raw(number)
    size = frames.facts.bits_allocated // 8
    if size == 0 or len(raw) % size:
        return not any(raw)
    return bytes(raw) == bytes(raw[:size]) * (len(raw) // size)


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

    def _look(self, pixels: NDArray[Any], terms: CompiledTerms, effort: Effort) -> FrameText:
        if pixels.size == 0 or pixels.min() == pixels.max():
            return _NOTHING
        planes = planes_of(pixels)
        rows: list[Row] = []
        lines: list[Line] = []
        read = effort == "read"
        if read:
            lines.extend(lines_of_views(self._reader, planes[0]))
        for plane in planes:
            found = text_rows(plane)
            rows.extend(row for row in found if row.likeness > _RATHER)
            promising = [row for row in found if row.likeness > _PROMISING]
            unread = [row for row in promising if not _is_read(row, lines)]
            if unread:
                lines.extend(lines_of_rows(self._reader, plane, unread))
                read = True
        texts = [WrittenText(group, rows) for group in _groups(lines)]
        boxes = self._masks(planes[0], rows, texts, terms)
        return FrameText(boxes, sum(text.stays(terms) for text in texts), read=read)

    def _masks(
        self, plane: Plane, rows: list[Row], texts: list[WrittenText], terms: CompiledTerms
    ) -> tuple[Box, ...]:
        """Give what must be masked: text that goes, and what belongs to it."""
        height, width = plane.shape
        going = [text for text in texts if text.goes(terms)]
        staying = [text.box for text in texts if text.stays(terms) and text.is_clear]
        loose = [row for row in rows if not any(same_text(row.box, box) for box in staying)]
        others = [text.box for text in texts if text.is_sure and text.box not in staying]
        span = float(plane.max() - plane.min())
        boxes: list[Box] = []
        for text in going:
            box = text.whole(loose, others)
            contrast = text.contrast(plane) / span
            if contrast < _STRONG:
                beside = boxes_beside(self._reader, plane, box, upright=text.best.upright)
                box = whole_line(box, beside, upright=text.best.upright, gap_heights=_GAP_HEIGHTS)
            if contrast < _FAINT:
                box = lengthened(box, _FAINT_HEIGHTS, upright=text.best.upright)
            box = to_the_edge(box, width, height, upright=text.best.upright)
            boxes.append(box.grown(_MARGIN_PX).within(width, height))
        return merged(boxes)


def _is_read(row: Row, lines: list[Line]) -> bool:
    """Tell whether a window shows all of a row already, and clearly."""
    return any(
        line.confidence >= _CLEAR
        and line.upright == row.upright
        and line.box.grown(1).joined(row.box) == line.box.grown(1)
        for line in lines
    )


def _groups(lines: list[Line]) -> list[list[Line]]:
    """Put together what several windows show of one piece of text."""
    groups: list[list[Line]] = []
    for line in sorted(lines, key=lambda one: -one.box.area):
        for group in groups:
            if any(same_text(line.box, other.box) for other in group):
                group.append(line)
                break
        else:
            groups.append([line])
    return groups
