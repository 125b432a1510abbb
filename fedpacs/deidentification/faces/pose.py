"""Poses: where the head template lies in a patient, and how it is stretched.

References
----------
O. Rodrigues' formula for the rotation of a vector.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

CENTRE_MM = np.array([0.0, -10.0, -10.0])
"""Of the template: what it turns about."""
_NO_ANGLE = 1e-12


@dataclass(frozen=True, slots=True)
class Pose:
    """Where the template lies.

    Attributes
    ----------
    numbers
        (9,): centre in the patient (x, y, z; mm), rotation vector (rad), logarithms of the scales
        along the template's axes.
    turned
        (3, 3) rotation that comes first: the identity, or a head entered the wrong way round.
    """

    numbers: NDArray[np.float64]
    turned: NDArray[np.float64]

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Template directions, unscaled, to patient directions."""
        return product(_rotation(self.numbers[3:6]), self.turned)

    @property
    def scales(self) -> NDArray[np.float64]:
        """Patient mm for a mm of the template, along its axes."""
        return np.exp(self.numbers[6:9])

    def to_patient(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring template positions into the patient.

        Parameters
        ----------
        points_mm
            (N, 3) positions (x, y, z).
        """
        return product((points_mm - CENTRE_MM) * self.scales, self.matrix.T) + self.numbers[:3]

    def to_template(self, points_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """Bring patient positions into the template.

        Parameters
        ----------
        points_mm
            (N, 3) positions (x, y, z).
        """
        found: NDArray[np.float64] = (
            product(points_mm - self.numbers[:3], self.matrix) / self.scales + CENTRE_MM
        )
        return found

    def moved(self, step: NDArray[np.float64]) -> Pose:
        """Give the pose with other numbers.

        Parameters
        ----------
        step
            (9,): what is added.
        """
        return Pose(self.numbers + step, self.turned)


def product(points: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Multiply without BLAS, whose result depends on how many threads it takes.

    Parameters
    ----------
    points
        (N, 3).
    matrix
        (3, 3).
    """
    found: NDArray[np.float64] = (
        points[:, :1] * matrix[0] + points[:, 1:2] * matrix[1] + points[:, 2:3] * matrix[2]
    )
    return found


def _rotation(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    angle = float(np.sqrt((vector * vector).sum()))
    if angle < _NO_ANGLE:
        return np.eye(3)
    x, y, z = (float(part) for part in vector / angle)
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    found: NDArray[np.float64] = (
        np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * product(cross, cross)
    )
    return found
