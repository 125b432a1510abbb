"""What stays still in a loop: text over speckle that moves, too faint to be seen in one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fedpacs.deidentification.pixels.frames import Frames

_FEWEST_FRAMES = 4
_SAMPLED = 16
_LARGEST_PX = 1 << 21


def steady_picture(frames: Frames, distinct: Sequence[int]) -> NDArray[np.float32] | None:
    """Give the usual value of every pixel over a loop: the mean of the middle half of its values.

    Noise and what moves sink into the ground, what is written on all frames stays, and what is
    written on a few of them is not in it, so that a mask for it fits every frame.

    Parameters
    ----------
    frames
        The object's frames.
    distinct
        Numbers of those that differ, from 0.

    Returns
    -------
    NDArray or None
        (Y, X) or (Y, X, 3); None where there are too few frames to tell.
    """
    if len(distinct) < _FEWEST_FRAMES or frames.facts.rows * frames.facts.columns > _LARGEST_PX:
        return None
    chosen = np.linspace(0, len(distinct) - 1, min(_SAMPLED, len(distinct))).round().astype(int)
    in_colour = frames.facts.samples > 1 or frames.facts.photometric == "PALETTE COLOR"
    pictures = [
        frames.display(distinct[index]) if in_colour else frames.array(distinct[index])
        for index in dict.fromkeys(chosen.tolist())
    ]
    stack = np.stack(pictures)
    quarter = len(pictures) // 4
    stack.partition((quarter, len(pictures) - 1 - quarter), axis=0)
    middle: NDArray[np.float32] = stack[quarter : len(pictures) - quarter].mean(0, np.float32)
    return middle
