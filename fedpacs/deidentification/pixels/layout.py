"""Layout: pieces of text put together to lines, and boxes that cover all of a line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

_LARGEST_UNION = 1.25

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fedpacs.deidentification.pixels.box import Box


def same_text(one: Box, other: Box) -> bool:
    """Tell whether two boxes show the same piece of text: half of the smaller is in the larger.

    Parameters
    ----------
    one, other
        Boxes of one frame.
    """
    width = min(one.x1, other.x1) - max(one.x0, other.x0)
    height = min(one.y1, other.y1) - max(one.y0, other.y0)
    if width <= 0 or height <= 0:
        return False
    return 2 * width * height >= min(one.area, other.area)


def on_one_line(one: Box, other: Box, *, upright: bool, gap_heights: float) -> bool:
    """Tell whether two boxes stand on the same line of text.

    Parameters
    ----------
    one, other
        Boxes of one frame.
    upright
        Whether the line lies.
    gap_heights
        Largest gap between them, in heights of the line.
    """
    if upright:
        spans = (one.y0, one.y1, other.y0, other.y1, one.x0, one.x1, other.x0, other.x1)
    else:
        spans = (one.x0, one.x1, other.x0, other.x1, one.y0, one.y1, other.y0, other.y1)
    top, bottom, other_top, other_bottom, start, end, other_start, other_end = spans
    tall, other_tall = bottom - top, other_bottom - other_top
    overlap = min(bottom, other_bottom) - max(top, other_top)
    if overlap < 0.6 * min(tall, other_tall) or max(tall, other_tall) > 2 * min(tall, other_tall):
        return False
    return max(start, other_start) - min(end, other_end) <= gap_heights * max(tall, other_tall)


def whole_line(box: Box, others: Sequence[Box], *, upright: bool, gap_heights: float) -> Box:
    """Grow a box by what stands beside it on the same line.

    Parameters
    ----------
    box
        Text that must go.
    others
        Other pieces that may be letters.
    upright
        Whether the line lies.
    gap_heights
        Largest gap, in heights of the line.
    """
    left = list(others)
    grown = box
    while True:
        reach = _across(grown, box, upright=upright)
        near = [
            one for one in left if on_one_line(reach, one, upright=upright, gap_heights=gap_heights)
        ]
        if not near:
            return grown
        for one in near:
            left.remove(one)
            grown = grown.joined(one)


def lengthened(box: Box, heights: float, *, upright: bool) -> Box:
    """Give a line with room before and after it.

    Parameters
    ----------
    box
        A line of text.
    heights
        Room on each side, in heights of the line.
    upright
        Whether the line lies.
    """
    if upright:
        room = round(heights * (box.y1 - box.y0))
        return replace(box, x0=box.x0 - room, x1=box.x1 + room)
    room = round(heights * (box.x1 - box.x0))
    return replace(box, y0=box.y0 - room, y1=box.y1 + room)


def to_the_edge(box: Box, columns: int, rows: int, *, upright: bool) -> Box:
    """Give a line that ends near an edge of the frame as one that ends there.

    Its last letter may be hard to see where the picture ends, or lie on a bright rim.

    Parameters
    ----------
    box
        A line of text.
    columns, rows
        Size of the frame, px.
    upright
        Whether the line lies.
    """
    if upright:
        near = 1.5 * (box.y1 - box.y0)
        x0 = 0 if box.x0 <= near else box.x0
        return replace(box, x0=x0, x1=columns if columns - box.x1 <= near else box.x1)
    near = 1.5 * (box.x1 - box.x0)
    y0 = 0 if box.y0 <= near else box.y0
    return replace(box, y0=y0, y1=rows if rows - box.y1 <= near else box.y1)


def _across(grown: Box, box: Box, *, upright: bool) -> Box:
    """Give the grown line with the height that it had at first, so that it does not creep."""
    if upright:
        return replace(grown, y0=box.y0, y1=box.y1)
    return replace(grown, x0=box.x0, x1=box.x1)


def merged(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """Join boxes that overlap, where that covers little besides.

    Parameters
    ----------
    boxes
        Any boxes.

    Returns
    -------
    tuple
        Boxes that cover the same pixels; some may overlap.
    """
    apart: list[Box] = []
    for box in sorted(boxes):
        grown = box
        while fitting := [other for other in apart if _fit(other, grown)]:
            for other in fitting:
                apart.remove(other)
                grown = grown.joined(other)
        apart.append(grown)
    return tuple(sorted(apart))


def _fit(one: Box, other: Box) -> bool:
    if not one.touches(other):
        return False
    return one.joined(other).area <= _LARGEST_UNION * max(one.area, other.area)
