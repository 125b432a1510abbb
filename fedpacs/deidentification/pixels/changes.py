"""What is to change in the pixels: boxes painted black, or frames put in others' places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fedpacs.deidentification.errors import DamagedPixelsError
from fedpacs.deidentification.pixels.samples import black, coded_values, stored_values

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.box import Box
    from fedpacs.deidentification.pixels.facts import PictureFacts, Pixels


class Changes(Protocol):
    """What is to change in the pixels of an object."""

    @property
    def numbers(self) -> Collection[int]:
        """Frames that change, from 0."""

    def boxes(self, number: int) -> Sequence[Box] | None:
        """Give the boxes of a frame outside of which nothing changes; None where all does.

        Parameters
        ----------
        number
            Frame, from 0.
        """

    def applied(self, number: int, coded: Pixels) -> Pixels:
        """Give a frame as it is to be.

        Parameters
        ----------
        number
            Frame, from 0.
        coded
            Its samples as they are coded; they are not written to.
        """


class Masks:
    """Boxes painted black.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    parsed
        The object, for its palette.
    boxes
        By frame, from 0; those that are outside of every frame are left out.
    """

    __slots__ = ("_boxes", "_facts", "_parsed")

    def __init__(
        self, facts: PictureFacts, parsed: ParsedObject, boxes: Mapping[int, Sequence[Box]]
    ) -> None:
        self._facts = facts
        self._parsed = parsed
        inside = {
            number: [
                part for box in found if not (part := box.within(facts.columns, facts.rows)).empty
            ]
            for number, found in boxes.items()
            if 0 <= number < facts.frames
        }
        self._boxes = {number: found for number, found in inside.items() if found}

    @property
    def numbers(self) -> Collection[int]:
        """Frames with a box."""
        return self._boxes

    def boxes(self, number: int) -> Sequence[Box]:
        """Give the boxes of a frame.

        Parameters
        ----------
        number
            Frame, from 0.
        """
        return self._boxes[number]

    def applied(self, number: int, coded: Pixels) -> Pixels:
        """Give a frame with its boxes black.

        Parameters
        ----------
        number
            Frame, from 0.
        coded
            Its samples as they are coded.
        """
        colour = black(self._facts, self._parsed, stored_values(self._facts, coded))
        paint = coded_values(self._facts, colour, coded)
        masked = coded.copy()
        for box in self._boxes[number]:
            x1 = box.x1
            x0 = box.x0
            if self._facts.subsampled:  # columns share their colour in pairs
                x0, x1 = x0 - x0 % 2, x1 + x1 % 2
            masked[box.y0 : box.y1, x0:x1] = paint if coded.ndim > 2 else paint[0]  # noqa: PLR2004 - colour
        return masked


class Replacements:
    """Frames put in others' places.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    frames
        By frame, from 0: stored values of the shape of a frame. Each is asked for once, in order,
        so that a mapping may make them as it goes.
    """

    __slots__ = ("_facts", "_frames")

    def __init__(self, facts: PictureFacts, frames: Mapping[int, Pixels]) -> None:
        self._facts = facts
        self._frames = frames

    @property
    def numbers(self) -> Collection[int]:
        """Frames that are replaced."""
        return [number for number in self._frames if 0 <= number < self._facts.frames]

    def boxes(self, number: int) -> None:  # noqa: ARG002 - all of every frame changes
        """Give None: all of a frame changes.

        Parameters
        ----------
        number
            Frame, from 0.
        """
        return

    def applied(self, number: int, coded: Pixels) -> Pixels:
        """Give the frame that takes the place.

        Parameters
        ----------
        number
            Frame, from 0.
        coded
            Samples of the frame that it replaces, as they are coded.

        Raises
        ------
        DamagedPixelsError
            If it is of another size.
        """
        values = self._frames[number]
        if values.shape != coded.shape:
            raise DamagedPixelsError("A frame cannot take the place of one of another size.")
        return coded_values(self._facts, values, coded)
