"""Starting: the poses from which the head is looked for.

The vertex is at the top of the picture, or it is cut off above; in a long picture it may lie
below raised arms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.faces.pose import CENTRE_MM, Pose

if TYPE_CHECKING:
    from fedpacs.deidentification.faces.skin import Skin

FEWEST_POINTS = 150
"""Less skin than this shows nothing."""
_TOP_MM = 84.0
_TILTS = (0.0, -0.38, 0.38)
_DROPS_MM = (0.0, -45.0, -90.0, 55.0, 110.0, 165.0, 220.0)
"""How far below the volume's top the vertex lies; less than 0 where the vertex is cut off."""
_LONG_MM = 280.0


def starting_poses(skin: Skin) -> list[Pose]:
    """Give where a head may lie, roughly: below the top of what is seen, tilted or not.

    Parameters
    ----------
    skin
        The skin.
    """
    points = skin.surface_mm
    top = float(points[:, 2].max())
    depth = top - float(points[:, 2].min())
    starts = []
    for drop in _DROPS_MM:
        vertex = top - drop
        near = points[(points[:, 2] <= vertex) & (points[:, 2] > vertex - 150.0)]
        if len(near) < FEWEST_POINTS or (drop > 0 and depth < _LONG_MM):
            continue
        x, y = ((near[:, axis].min() + near[:, axis].max()) / 2 for axis in (0, 1))
        centre = np.array([x, y, vertex - _TOP_MM + CENTRE_MM[2]])
        for tilt in _TILTS:
            numbers = np.concatenate([centre, [tilt, 0.0, 0.0], np.zeros(3)])
            starts.append(Pose(numbers, np.eye(3)))
    return starts
