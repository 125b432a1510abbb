"""A stack of slices in patient space: DICOM images to one regular voxel grid."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread
from pydicom.pixels.processing import apply_modality_lut
from pydicom.uid import CTImageStorage, MRImageStorage

from fedpacs.cohort.errors import GeometryError, UnsupportedImageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

SAME_DIRECTION = 1e-3
"""Largest difference between direction cosines that counts as writing precision."""
SAME_PLACE = 0.1
"""Largest distance, in voxels, between two places that count as one."""
_SAME_GAP = 0.05
_ORTHOGONAL = 1e-2
_IMAGE_CLASSES = (MRImageStorage, CTImageStorage)


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """Where one slice lies.

    Attributes
    ----------
    position
        Shape ``(3,)``, mm: centre of the first voxel, in the patient's coordinates.
    row, column
        Shape ``(3,)``: unit vectors along increasing column and row index (PS3.3 C.7.6.2.1.1).
    pixel_spacing
        Distance between rows and between columns, mm.
    shape
        Rows and columns.
    """

    position: NDArray[np.float64]
    row: NDArray[np.float64]
    column: NDArray[np.float64]
    pixel_spacing: tuple[float, float]
    shape: tuple[int, int]

    @property
    def normal(self) -> NDArray[np.float64]:
        """Shape ``(3,)``: unit vector along increasing slice index."""
        return np.cross(self.row, self.column)

    def is_aligned_with(self, other: Plane) -> bool:
        """Tell whether two slices have the same directions, spacing and size."""
        return (
            self.shape == other.shape
            and np.allclose(self.pixel_spacing, other.pixel_spacing, rtol=1e-3)
            and np.allclose(self.row, other.row, rtol=0, atol=SAME_DIRECTION)
            and np.allclose(self.column, other.column, rtol=0, atol=SAME_DIRECTION)
        )


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """A regular stack, slices sorted along their normal.

    Attributes
    ----------
    image
        Shape ``(Z, Y, X)``, float32, modality units.
    planes
        One per slice.
    slice_spacing
        Distance between neighbouring slices, mm.
    sop_instance_uids
        One per slice.
    """

    image: NDArray[np.float32]
    planes: tuple[Plane, ...]
    slice_spacing: float
    sop_instance_uids: tuple[str, ...]

    @property
    def directions(self) -> NDArray[np.float64]:
        """Shape ``(3, 3)``: unit vectors along ``(Z, Y, X)`` in the patient's coordinates."""
        first = self.planes[0]
        return np.stack([first.normal, first.column, first.row])

    @property
    def spacing_mm(self) -> tuple[float, float, float]:
        """Distance between voxel centres along ``(Z, Y, X)``, mm."""
        return (self.slice_spacing, *self.planes[0].pixel_spacing)


def read_dataset(content: bytes) -> Dataset:
    """Parse a DICOM file.

    Raises
    ------
    UnsupportedImageError
        If it is none.
    """
    try:
        return dcmread(BytesIO(content))
    except Exception:  # noqa: BLE001 - the parser raises many types on damaged input, some quoting it
        raise UnsupportedImageError("A file of the series is not readable DICOM.") from None


def decode(ds: Dataset) -> NDArray[Any]:
    """Decode the pixels of a dataset.

    Raises
    ------
    UnsupportedImageError
        If they cannot be decoded.
    """
    try:
        return ds.pixel_array
    except Exception:  # noqa: BLE001 - decoders raise many types on damaged input, some quoting it
        raise UnsupportedImageError("The pixels of an object cannot be decoded.") from None


def make_plane(position: Any, orientation: Any, spacing: Any, shape: tuple[int, int]) -> Plane:  # noqa: ANN401 - raw DICOM values
    """Build a plane from attribute values.

    Raises
    ------
    GeometryError
        If a value is missing or impossible.
    """
    try:
        place = np.array([float(v) for v in position])
        directions = np.array([float(v) for v in orientation])
        between = (float(spacing[0]), float(spacing[1]))
    except (TypeError, ValueError, IndexError):
        raise GeometryError("A slice lacks position, orientation or pixel spacing.") from None
    if place.shape != (3,) or directions.shape != (6,) or min(between) <= 0:
        raise GeometryError("A slice has an impossible position, orientation or pixel spacing.")
    lengths = np.linalg.norm(directions.reshape(2, 3), axis=1)
    if not np.allclose(lengths, 1, atol=_ORTHOGONAL):
        raise GeometryError("The direction cosines of a slice are no unit vectors.")
    row, column = directions[:3] / lengths[0], directions[3:] / lengths[1]
    if abs(float(row @ column)) > _ORTHOGONAL:
        raise GeometryError("The rows and columns of a slice are not at right angles.")
    return Plane(place, row, column, between, shape)


def stack_series(datasets: Sequence[Dataset]) -> Stack:
    """Sort, check and decode the slices of a series.

    Parameters
    ----------
    datasets
        Single-frame MR or CT images of one series, in any order.

    Raises
    ------
    UnsupportedImageError
        If an object is of another kind or cannot be decoded.
    GeometryError
        If the slices do not make one regular stack.

    References
    ----------
    PS3.3 C.7.6.2.1.1 Image Position and Image Orientation; C.11.1 Modality LUT.
    """
    planes = [_image_plane(ds) for ds in datasets]
    if not planes:
        raise UnsupportedImageError("The series has no images.")
    first = planes[0]
    if not all(plane.is_aligned_with(first) for plane in planes):
        raise GeometryError("The slices differ in orientation, pixel spacing or size.")
    order = sorted(range(len(planes)), key=lambda i: float(planes[i].position @ first.normal))
    ordered = tuple(planes[i] for i in order)
    spacing = _slice_spacing(ordered, datasets[0])
    image = np.stack([_modality_values(datasets[i]) for i in order])
    uids = tuple(str(datasets[i].SOPInstanceUID) for i in order)
    return Stack(image, ordered, spacing, uids)


def _image_plane(ds: Dataset) -> Plane:
    if ds.get("SOPClassUID") not in _IMAGE_CLASSES or int(ds.get("NumberOfFrames") or 1) != 1:
        raise UnsupportedImageError("An object of the series is no single-frame MR or CT image.")
    if ds.get("SamplesPerPixel") != 1:
        raise UnsupportedImageError("An image has more than one sample per pixel.")
    shape = (int(ds.get("Rows") or 0), int(ds.get("Columns") or 0))
    return make_plane(
        ds.get("ImagePositionPatient"),
        ds.get("ImageOrientationPatient"),
        ds.get("PixelSpacing"),
        shape,
    )


def _slice_spacing(planes: tuple[Plane, ...], ds: Dataset) -> float:
    if len(planes) == 1:
        thickness = ds.get("SpacingBetweenSlices") or ds.get("SliceThickness")
        if not thickness or float(thickness) <= 0:
            raise GeometryError("A series of one slice does not say how thick it is.")
        return float(thickness)
    positions = np.stack([plane.position for plane in planes])
    normal = planes[0].normal
    gaps = np.diff(positions @ normal)
    typical = float(np.median(gaps))
    if typical <= 0 or bool(np.any(gaps < (1 - _SAME_GAP) * typical)):
        raise GeometryError("Slices of the series lie at the same place.")
    if bool(np.any(gaps > (1 + _SAME_GAP) * typical)):
        raise GeometryError("The slices are not evenly spaced: some may be missing.")
    drift = positions - positions[0] - np.outer((positions - positions[0]) @ normal, normal)
    if float(np.abs(drift).max()) > 0.5 * min(planes[0].pixel_spacing):
        raise GeometryError("The stack is sheared, as with a tilted CT gantry.")
    return float(np.mean(gaps))


def _modality_values(ds: Dataset) -> NDArray[np.float32]:
    values = apply_modality_lut(decode(ds), ds).astype(np.float32)
    if not bool(np.isfinite(values).all()):
        raise UnsupportedImageError("The rescaled values of an image are not finite.")
    return np.asarray(values, dtype=np.float32)
