"""Pixels without a name: the only thing training ever sees of a patient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class LabelledVolume:
    """One image volume with its label map.

    Attributes
    ----------
    image
        Shape ``(Z, Y, X)``, float32, modality units (HU for CT, arbitrary for MR).
    label
        Shape ``(Z, Y, X)``, uint8, 0 background, then 1..n in the order the job names them.
    spacing_mm
        Distance between voxel centres along ``(Z, Y, X)``.
    patient
        Pseudonym, for per-patient splits and budgets.
    directions
        Shape ``(3, 3)``: unit vectors along ``(Z, Y, X)`` in the patient's coordinates; None when
        they are not known.
    """

    image: NDArray[np.float32]
    label: NDArray[np.uint8]
    spacing_mm: tuple[float, float, float]
    patient: str
    directions: NDArray[np.float64] | None = None
