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
from fedpacs.deidentification.pixels.lines import boxes_in, lines_in
from fedpacs.deidentification.pixels.ocr import Reader
from fedpacs.deidentification.pixels.strips import apart, beside, is_easy, strip_of, whole_frame
from fedpacs.deidentification.pixels.strokes import text_rows
from fedpacs.deidentification.pixels.views import planes_of
from fedpacs.deidentification.pixels.written import WrittenText, is_plainly_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.frames import Frames
    from fedpacs.deidentification.pixels.lines import Line
    from fedpacs.deidentification.pixels.sheets import Piece
    from fedpacs.deidentification.pixels.strokes import Row
    from fedpacs.deidentification.pixels.views import Plane
    from fedpacs.deidentification.text.cleaning import CompiledTerms

Effort = Literal["strokes", "read"]

_RATHER = -0.5
_PROMISING = 1.0
_DOUBTFUL = 0.2
_MOST_DOUBTFUL = 6
_FOUND = 0.6
_MARGIN_PX = 3
_GAP_HEIGHTS = 1.5
_WORD_HEIGHTS = 0.5  # "Geb." before a date is of its line
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

    def look(
        self,
        frames: Frames,
        number: int,
        terms: CompiledTerms,
        effort: Effort,
        near: Sequence[Box] | None = None,
    ) -> FrameText:
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
        near
            Boxes that text must touch to count; None for text anywhere.
        """
        facts = frames.facts
        if facts.samples > 1 or facts.photometric == "PALETTE COLOR":
            return self._look(frames.display(number), terms, effort, near)
        return self._look(frames.array(number), terms, effort, near)

    def look_at_picture(
        self, picture: NDArray[Any], terms: CompiledTerms, effort: Effort
    ) -> FrameText:
        """Look at a picture.

        Parameters
        ----------
        picture
            (Y, X) grey or (Y, X, 3) RGB.
        terms, effort
            As of `look`.
        """
        return self._look(picture, terms, effort, None)

    def _look(
        self,
        pixels: NDArray[Any],
        terms: CompiledTerms,
        effort: Effort,
        near: Sequence[Box] | None,
    ) -> FrameText:
        if pixels.size == 0 or pixels.min() == pixels.max():
            return _NOTHING
        planes = planes_of(pixels)
        seen = [(plane, _touching(text_rows(plane), near)) for plane in planes]
        lines = self._lines(seen, effort)
        rows = [row for _, found in seen for row in found if row.likeness > _RATHER]
        texts = [WrittenText(group, rows) for group in _groups(lines)]
        boxes = self._masks(planes[0], rows, texts, terms)
        boxes = merged((*boxes, *_unread(rows, texts, planes[0])))
        read = effort == "read" or any(_promising(found) for _, found in seen)
        return FrameText(boxes, sum(text.stays(terms) for text in texts), read=read)

    def _lines(self, seen: list[tuple[Plane, list[Row]]], effort: Effort) -> list[Line]:
        """Find and read lines: all that may be one on a sheet, what that missed on another."""
        pieces: list[Piece] = []
        left: list[tuple[Plane, Row, float]] = []
        if effort == "read":
            pieces.extend(whole_frame(seen[0][0]))
        chosen: list[Row] = []
        for number, (plane, found) in enumerate(seen):
            span = float(plane.max() - plane.min())
            new = apart(_promising(found), chosen)
            chosen += new
            if effort == "read":
                doubtful = [row for row in found if _DOUBTFUL < row.likeness <= _PROMISING]
                new += apart(doubtful, chosen)[:_MOST_DOUBTFUL]
                chosen += new
            for row in new:
                if effort == "read" and number == 0 and is_easy(row, plane, span):
                    left.append((plane, row, span))
                elif (piece := strip_of(plane, row, span)) is not None:
                    pieces.append(piece)
        plane = seen[0][0]
        lines = lines_in(self._reader, pieces, plane) if pieces else []
        missed = [
            piece
            for at, row, span in left
            if not _is_found(row, lines) and (piece := strip_of(at, row, span)) is not None
        ]
        if missed:
            lines += lines_in(self._reader, missed, plane, lines)
        return lines

    def _masks(
        self, plane: Plane, rows: list[Row], texts: list[WrittenText], terms: CompiledTerms
    ) -> tuple[Box, ...]:
        """Give what must be masked: text that goes, and what belongs to it."""
        height, width = plane.shape
        going = [text for text in texts if text.goes(terms)]
        staying = [text.box for text in texts if text.stays(terms) and text.is_clear]
        loose = [row for row in rows if not any(same_text(row.box, box) for box in staying)]
        others = [text.box for text in texts if text.is_sure and text.box not in staying]
        whole = [text.whole(loose, others) for text in going]
        span = float(plane.max() - plane.min())
        contrasts = [text.contrast(plane) / span for text in going]
        near = self._beside(plane, going, whole, contrasts)
        boxes: list[Box] = []
        for number, text in enumerate(going):
            box, upright = whole[number], text.best.upright
            box = whole_line(box, near.get(number, ()), upright=upright, gap_heights=_GAP_HEIGHTS)
            box = whole_line(box, staying, upright=upright, gap_heights=_WORD_HEIGHTS)
            if contrasts[number] < _FAINT:
                box = lengthened(box, _FAINT_HEIGHTS, upright=upright)
            box = to_the_edge(box, width, height, upright=upright)
            boxes.append(box.grown(_MARGIN_PX).within(width, height))
        return merged(boxes)

    def _beside(
        self, plane: Plane, going: list[WrittenText], whole: list[Box], contrasts: list[float]
    ) -> dict[int, list[Box]]:
        """Find what stands beside text that is not plainly seen, by the number of the text."""
        numbers, pieces = [], []
        for number, text in enumerate(going):
            if contrasts[number] < _STRONG:
                piece = beside(plane, whole[number], upright=text.best.upright)
                if piece is not None:
                    numbers.append(number)
                    pieces.append(piece)
        if not pieces:
            return {}
        found = boxes_in(self._reader, pieces)
        return {numbers[index]: boxes for index, boxes in found.items()}


def _unread(rows: list[Row], texts: list[WrittenText], plane: Plane) -> list[Box]:
    """Give rows that are plainly text and were not read at all: nobody knows what they say."""
    height, width = plane.shape
    return [
        row.box.grown(_MARGIN_PX).within(width, height)
        for row in rows
        if is_plainly_text(row) and not any(same_text(row.box, text.box) for text in texts)
    ]


def _touching(rows: list[Row], near: Sequence[Box] | None) -> list[Row]:
    if near is None:
        return rows
    return [row for row in rows if any(row.box.touches(box) for box in near)]


def _promising(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.likeness > _PROMISING]


def _is_found(row: Row, lines: list[Line]) -> bool:
    """Tell whether the whole frame shows a row already."""
    return any(line.confidence >= _FOUND and same_text(line.box, row.box) for line in lines)


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
