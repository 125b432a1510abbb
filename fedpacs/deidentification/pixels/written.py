"""Written text: what was read along one line of a frame, and whether it goes or may stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.pixels.judgement import judged, resembles_identity
from fedpacs.deidentification.pixels.layout import (
    same_text,
    whole_line,
)

if TYPE_CHECKING:
    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.lines import Line
    from fedpacs.deidentification.pixels.strokes import Row
    from fedpacs.deidentification.pixels.views import Plane
    from fedpacs.deidentification.text.cleaning import CompiledTerms

_RATHER = -0.5
_PLAIN = 2.0
_CERTAIN = 3.0
_SURE = 0.6
_VERY_SURE = 0.85
_CLEAR = 0.9
_EVEN = 0.5
_FEWEST_CHARACTERS = 3
_FEWEST_PIECES = 5
_PIECES_A_LETTER = 1.5
_CRISP = 2.0
_FULLEST = 0.86
_LEAST_IRREGULAR = 0.17
_UNREAD = 3.5
_GAP_HEIGHTS = 1.5


class WrittenText:
    """One piece of text, as seen under several windows, and the strokes that bear it out."""

    __slots__ = ("_lines", "_rows", "best", "box")

    def __init__(self, lines: list[Line], rows: list[Row]) -> None:
        self._lines = lines
        self.box = lines[0].box
        for line in lines[1:]:
            self.box = self.box.joined(line.box)
        self._rows = [row for row in rows if same_text(row.box, self.box)]
        self.best = max(lines, key=lambda one: one.confidence * min(_length(one.text), 6))

    def goes(self, terms: CompiledTerms) -> bool:
        """Tell whether it is text, and must be masked."""
        if self._is_illegible():
            return True
        if self.best.confidence >= _VERY_SURE and resembles_identity(self.best.text, terms):
            return True  # also a name of two letters
        if not self._is_text():
            return False
        if any(resembles_identity(line.text, terms) for line in self._sure()):
            return True
        return judged(self.best.text, self.best.confidence, terms) == "goes"

    def stays(self, terms: CompiledTerms) -> bool:
        """Tell whether it is text that may stay."""
        best = self.best
        if best.confidence < _SURE or self._is_illegible():
            return False
        return judged(best.text, best.confidence, terms) == "stays"

    @property
    def is_sure(self) -> bool:
        """Whether it is read more surely than not."""
        return self.best.confidence >= _SURE

    @property
    def is_clear(self) -> bool:
        """Whether it is read without doubt."""
        return self.best.confidence >= _CLEAR

    def contrast(self, plane: Plane) -> float:
        """Give how much its ink differs from the ground, in values of the plane.

        Parameters
        ----------
        plane
            (Y, X).
        """
        if self._rows:
            return max(abs(row.ink - row.ground) for row in self._rows)
        low, high = np.percentile(
            plane[self.box.y0 : self.box.y1, self.box.x0 : self.box.x1], (5, 95)
        )
        return float(high - low)

    def whole(self, rows: list[Row], others: list[Box]) -> Box:
        """Give the box that covers it, and what stands beside it on the line.

        Parameters
        ----------
        rows
            Rows of strokes in the frame.
        others
            Other pieces of text.
        """
        beside = [row.box for row in rows if row.likeness > 0 and self._is_of_its_ink(row)]
        return whole_line(
            self.box, [*beside, *others], upright=self.best.upright, gap_heights=_GAP_HEIGHTS
        )

    def _is_of_its_ink(self, row: Row) -> bool:
        if not self._rows:
            return True
        likely = [one for one in self._rows if one.likeness > 0] or self._rows
        return any(
            (row.ink - row.ground) * (one.ink - one.ground) > 0
            and abs(row.ink - one.ink) < abs(one.ink - one.ground) / 3
            for one in likely
        )

    def _sure(self) -> list[Line]:
        return [line for line in self._lines if line.confidence >= _SURE] or [self.best]

    def _is_illegible(self) -> bool:
        """Tell whether it is plainly text, in letters that the reader does not know.

        It knows Latin, Chinese and Japanese; of other scripts it makes a few letters at best, or
        reads a date in the line and nothing else.
        """
        score = max(line.score for line in self._lines)
        likeness = _PLAIN if score >= _VERY_SURE else _CERTAIN
        rows = [row for row in self._rows if row.likeness > likeness and is_lettering(row)]
        pieces = max((row.pieces for row in rows), default=0)
        plain = any(is_plainly_text(row) for row in rows)
        if pieces < _FEWEST_PIECES or (score < _SURE and not plain):
            return False
        length = _length(self.best.text)
        return self.best.confidence < _needed(length) or pieces > _PIECES_A_LETTER * length

    def _is_text(self) -> bool:
        best, length = self.best, _length(self.best.text)
        likeness = max((row.likeness for row in self._rows), default=-9.0)
        if length < _FEWEST_CHARACTERS:
            return False
        if best.is_short and best.confidence < _VERY_SURE:
            return False  # a few px are read as a whole word
        if best.confidence < _needed(length):
            return likeness > _CERTAIN and best.score >= _VERY_SURE and best.confidence >= _EVEN
        views = len({line.view for line in self._lines if line.confidence >= _SURE})
        if likeness > _RATHER or views > 1:
            return True
        return best.confidence >= _VERY_SURE and length > _FEWEST_CHARACTERS


def is_lettering(row: Row) -> bool:
    """Tell whether a row is of letters, of whatever script, and not of texture or solid shapes.

    Letters are of one ink that stands out from what lies below, as no texture does; they do not
    fill their boxes as bars, ticks and vertebrae do, and are not all of one size.

    Parameters
    ----------
    row
        Strokes.
    """
    return (
        row.contrast >= _CRISP
        and row.evenness >= _EVEN
        and row.fill <= _FULLEST
        and row.irregularity >= _LEAST_IRREGULAR
    )


def is_plainly_text(row: Row) -> bool:
    """Tell whether a row is text without any doubt, though nobody could read it.

    Parameters
    ----------
    row
        Strokes.
    """
    return row.likeness > _UNREAD and row.pieces > _FEWEST_PIECES and is_lettering(row)


def _needed(length: int) -> float:
    """Give the confidence that tells text from texture, which is read as a few letters at best."""
    return max(_EVEN, _VERY_SURE - 0.1 * (length - _FEWEST_CHARACTERS))


def _length(text: str) -> int:
    return sum(character.isalnum() for character in text)
