"""Where the blocks of a JPEG scan lie in the picture.

References
----------
ITU-T T.81 A.1 and A.2 (components, sampling factors, order of blocks), B.2.2 (frame header).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fedpacs.deidentification.pixels.box import Box

_BLOCK = 8
_PRECISIONS = frozenset({8, 12})
_LARGEST_FACTOR = 4


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a frame.

    Parameters
    ----------
    name
        Component identifier.
    across, down
        Sampling factors.
    quantisation
        Number of its quantisation table.
    """

    name: int
    across: int
    down: int
    quantisation: int


@dataclass(frozen=True, slots=True)
class JpegFrame:
    """What the frame header says.

    Parameters
    ----------
    precision
        Bits of a sample, 8 or 12.
    rows, columns
        Size, px.
    components
        In their order.
    """

    precision: int
    rows: int
    columns: int
    components: tuple[Component, ...]

    @classmethod
    def of(cls, content: bytes) -> JpegFrame:
        """Read a frame header.

        Parameters
        ----------
        content
            The segment without its marker and length.

        Raises
        ------
        DamagedPixelsError
            If it is not one of a sequential frame.
        """
        components = tuple(
            Component(content[at], content[at + 1] >> 4, content[at + 1] & 15, content[at + 2])
            for at in range(6, len(content) - 2, 3)
        )
        rows, columns = int.from_bytes(content[1:3], "big"), int.from_bytes(content[3:5], "big")
        if not components or not rows or not columns or content[0] not in _PRECISIONS:
            raise DamagedPixelsError("A compressed frame does not say its size.")
        factors = {factor for part in components for factor in (part.across, part.down)}
        if not 0 < min(factors) <= max(factors) <= _LARGEST_FACTOR:
            raise DamagedPixelsError("A compressed frame does not describe its components.")
        return cls(content[0], rows, columns, components)

    @property
    def across(self) -> int:
        """Largest horizontal sampling factor."""
        return max(component.across for component in self.components)

    @property
    def down(self) -> int:
        """Largest vertical sampling factor."""
        return max(component.down for component in self.components)


@dataclass(frozen=True, slots=True)
class BlockLayout:
    """The blocks of a scan, in their order.

    Parameters
    ----------
    kinds
        (N,) place of each block's component among those of the scan.
    covered
        (4, N) left, upper, right and lower edge of what each covers, px, exclusive ends.
    per_mcu
        Blocks of a minimum coded unit.
    """

    kinds: NDArray[np.int64]
    covered: NDArray[np.int64]
    per_mcu: int

    @classmethod
    def of(cls, frame: JpegFrame, members: Sequence[int]) -> BlockLayout:
        """Lay out a scan.

        Parameters
        ----------
        frame
            What the frame header says.
        members
            Components of the scan.
        """
        if len(members) == 1:
            return cls._alone(frame, frame.components[members[0]])
        wide = -(-frame.columns // (_BLOCK * frame.across))
        high = -(-frame.rows // (_BLOCK * frame.down))
        parts = [frame.components[member] for member in members]
        cycle = [
            (kind, x, y)
            for kind, part in enumerate(parts)
            for y in range(part.down)
            for x in range(part.across)
        ]
        kind, inner_x, inner_y = (np.array(column) for column in zip(*cycle, strict=True))
        across = np.array([part.across for part in parts])[kind]
        down = np.array([part.down for part in parts])[kind]
        mcu_y, mcu_x = np.divmod(np.arange(wide * high), wide)
        columns = mcu_x[:, None] * across + inner_x
        rows = mcu_y[:, None] * down + inner_y
        kinds = np.ascontiguousarray(np.broadcast_to(kind, columns.shape)).reshape(-1)
        return cls(kinds, _covered(frame, (columns, rows), (across, down)), len(cycle))

    @classmethod
    def _alone(cls, frame: JpegFrame, part: Component) -> BlockLayout:
        """Lay out a scan of one component: its blocks row by row, without those that only fill."""
        width = -(-frame.columns * part.across // frame.across)
        height = -(-frame.rows * part.down // frame.down)
        wide, high = -(-width // _BLOCK), -(-height // _BLOCK)
        rows, columns = np.divmod(np.arange(wide * high), wide)
        factors = (np.array(part.across), np.array(part.down))
        return cls(np.zeros(wide * high, np.int64), _covered(frame, (columns, rows), factors), 1)

    def touched(self, boxes: Sequence[Box]) -> NDArray[np.bool_]:
        """Tell which blocks cover a pixel of a box.

        Parameters
        ----------
        boxes
            Inside the frame, px.
        """
        left, upper, right, lower = self.covered
        touched = np.zeros(left.shape, np.bool_)
        for box in boxes:
            touched |= (left < box.x1) & (right > box.x0) & (upper < box.y1) & (lower > box.y0)
        return touched


def _covered(
    frame: JpegFrame,
    places: tuple[NDArray[np.int64], NDArray[np.int64]],
    factors: tuple[NDArray[np.int64], NDArray[np.int64]],
) -> NDArray[np.int64]:
    columns, rows = places
    across, down = factors
    left = columns * _BLOCK * frame.across // across
    right = -(-(columns + 1) * _BLOCK * frame.across // across)
    upper = rows * _BLOCK * frame.down // down
    lower = -(-(rows + 1) * _BLOCK * frame.down // down)
    return np.stack([side.reshape(-1) for side in (left, upper, right, lower)])
