"""Coarse volumes: the slices of a series as one picture of the patient, small enough to be cheap.

Every slice is averaged down as it is read, so a series of any size takes a few megabytes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fedpacs.deidentification.faces.template import sampled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

COARSE_MM = 3.0
_SAME_MM = 0.05
_PARALLEL = 0.9995
LARGEST_GAP_MM = 13.0
_FEWEST_SLICES = 5
_HALF = 0.5


@dataclass(frozen=True, slots=True)
class Plane:
    """Where a slice lies in the patient.

    Attributes
    ----------
    origin_mm
        Patient position (x, y, z) of the first pixel's centre.
    along_row, along_column
        Unit vectors of increasing column and row number.
    spacing_mm
        Distance of rows, distance of columns.
    shape
        Rows, columns.
    """

    origin_mm: tuple[float, float, float]
    along_row: tuple[float, float, float]
    along_column: tuple[float, float, float]
    spacing_mm: tuple[float, float]
    shape: tuple[int, int]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Unit vector across."""
        across = np.cross(np.array(self.along_row), np.array(self.along_column))
        length: float = float(np.sqrt((across * across).sum()))
        return np.asarray(across / (length or 1.0))

    @property
    def position_mm(self) -> float:
        """Position along the normal."""
        return float((np.array(self.origin_mm) * self.normal).sum())

    def points_mm(self, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float64]:
        """Give patient positions of pixels.

        Parameters
        ----------
        rows, columns
            (N,) pixel numbers.

        Returns
        -------
        NDArray
            (N, 3).
        """
        return (
            np.array(self.origin_mm)
            + np.outer(columns * self.spacing_mm[1], np.array(self.along_row))
            + np.outer(rows * self.spacing_mm[0], np.array(self.along_column))
        )

    def corners_mm(self) -> NDArray[np.float64]:
        """Give the patient positions of the four corners, (4, 3)."""
        rows, columns = self.shape[0] - 1, self.shape[1] - 1
        return self.points_mm(np.array([0, 0, rows, rows]), np.array([0, columns, 0, columns]))

    def is_like(self, other: Plane) -> bool:
        """Tell whether another slice is of the same stack."""
        return (
            self.shape == other.shape
            and abs(self.spacing_mm[0] - other.spacing_mm[0]) < _SAME_MM
            and abs(self.spacing_mm[1] - other.spacing_mm[1]) < _SAME_MM
            and float((np.array(self.along_row) * np.array(other.along_row)).sum()) > _PARALLEL
            and float((np.array(self.along_column) * np.array(other.along_column)).sum())
            > _PARALLEL
        )


@dataclass(frozen=True, slots=True)
class CoarseVolume:
    """A stack of slices, averaged down in their plane.

    Attributes
    ----------
    values
        (K, Y, X) float32, HU in CT.
    planes
        Where the coarse slices lie, from one end to the other.
    modality
        ``CT``, ``MR`` or ``PT``.
    """

    values: NDArray[np.float32]
    planes: tuple[Plane, ...]
    modality: str

    def corners_mm(self) -> NDArray[np.float64]:
        """Give the patient positions of the eight corners, (8, 3)."""
        return np.concatenate([self.planes[0].corners_mm(), self.planes[-1].corners_mm()])

    @property
    def depth_mm(self) -> float:
        """From the first slice to the last."""
        return self.planes[-1].position_mm - self.planes[0].position_mm

    def sampled(
        self, points_mm: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Give values at patient positions, and whether they lie in the volume.

        Parameters
        ----------
        points_mm
            (N, 3) patient positions (x, y, z).
        """
        first = self.planes[0]
        positions = np.array([plane.position_mm for plane in self.planes])
        across = (points_mm * first.normal).sum(1)
        k = np.interp(across, positions, np.arange(len(positions)))
        origins = np.array([plane.origin_mm for plane in self.planes])
        numbers = np.arange(len(positions))
        origin = np.stack([np.interp(k, numbers, origins[:, axis]) for axis in range(3)], 1)
        offset = points_mm - origin
        column = (offset * np.array(first.along_row)).sum(1) / first.spacing_mm[1]
        row = (offset * np.array(first.along_column)).sum(1) / first.spacing_mm[0]
        inside = (
            (across >= positions[0] - _SAME_MM)
            & (across <= positions[-1] + _SAME_MM)
            & (column >= -_HALF)
            & (column <= first.shape[1] - _HALF)
            & (row >= -_HALF)
            & (row <= first.shape[0] - _HALF)
        )
        column = np.clip(column, 0, first.shape[1] - 1)
        row = np.clip(row, 0, first.shape[0] - 1)
        return sampled(self.values, np.stack([column, row, k], 1), 0.0), inside


def coarse_slice(values: NDArray[Any], plane: Plane) -> tuple[NDArray[np.float32], Plane]:
    """Average a slice down to pixels of some 3 mm.

    Parameters
    ----------
    values
        (Y, X).
    plane
        Where it lies.
    """
    steps = [max(1, int(COARSE_MM / spacing)) for spacing in plane.spacing_mm]
    rows, columns = (side // step for side, step in zip(plane.shape, steps, strict=True))
    part = values[: rows * steps[0], : columns * steps[1]]
    blocks = part.reshape(rows, steps[0], columns, steps[1])
    origin = plane.points_mm(np.array([(steps[0] - 1) / 2]), np.array([(steps[1] - 1) / 2]))[0]
    coarse = Plane(
        (float(origin[0]), float(origin[1]), float(origin[2])),
        plane.along_row,
        plane.along_column,
        (plane.spacing_mm[0] * steps[0], plane.spacing_mm[1] * steps[1]),
        (rows, columns),
    )
    return blocks.mean((1, 3), dtype=np.float64).astype(np.float32), coarse


def is_volume(planes: Sequence[Plane], least_depth_mm: float) -> bool:
    """Tell whether slices lie close enough together, and deep enough, to show a surface.

    Parameters
    ----------
    planes
        Slices of one stack, sorted.
    least_depth_mm
        From the first to the last.
    """
    if len(planes) < _FEWEST_SLICES:
        return False
    positions = [plane.position_mm for plane in planes]
    gaps = np.diff(positions)
    return bool(gaps.max() <= LARGEST_GAP_MM and positions[-1] - positions[0] >= least_depth_mm)
