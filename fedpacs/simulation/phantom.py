"""Synthetic patients: smooth random deformations of one real average brain, with known tissue.

Every patient is synthetic. All of them come from the *one* average brain that nilearn ships (ICBM
152 non-linear 2009a, 152 healthy volunteers averaged at 1 mm): their anatomy varies only by the
random deformation, so Dice on them shows that the road works and what a site's shift costs, never
how a model would do on people.

The deformation is evaluated at the voxels of the hospital's grid only, not over the whole brain.
A little over 300 lines, since template, deformation and appearance are one idea.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from nibabel.nifti1 import Nifti1Image
from nilearn import datasets
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

_FILE = "mni_icbm152_{}_tal_nlin_sym_09a_converted.nii.gz"
_WHITE_T1 = 230.0
"""Intensity of white matter in the T1 volume, the unit of `Template.intensity`."""
_SIZE_SPREAD = 0.04
"""Standard deviation of a patient's size along each axis, as a share."""
_LEVELS = ((45.0, 3.5), (18.0, 1.2))
"""Deformation levels: distance of the control points and standard deviation of the shift, mm."""
_BIAS_DISTANCE_MM = 60.0
"""Distance of the control points of the multiplicative field."""
_SLAB = (-0.33, 0.0, 0.33)
"""Positions averaged through a slice, in slice thicknesses: partial volume as a scanner has it."""


@dataclass(frozen=True, slots=True, eq=False)
class Template:
    """The average brain.

    Attributes
    ----------
    intensity
        Shape ``(Z, Y, X)``, float32, 1 is white matter, 0 air.
    grey, white
        Same shape, float32, 0 to 1, share of the tissue.
    origin_mm
        Patient coordinates ``(x, y, z)`` of voxel ``[0, 0, 0]``, DICOM axes (x to the left, y to
        the back, z to the head); voxels are 1 mm along them.
    """

    intensity: NDArray[np.float32]
    grey: NDArray[np.float32]
    white: NDArray[np.float32]
    origin_mm: tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Grid:
    """Where a hospital's scanner puts its slices.

    Attributes
    ----------
    rows, columns
        Pixels of a slice.
    pixel_spacing_mm
        Square pixels.
    slice_spacing_mm
        Distance between slice centres.
    slices
        Number of slices, lowest first.
    first_slice_mm
        Height of the first slice above the anterior commissure.
    tilt_deg
        Turn of the stack about the left-right axis.
    """

    rows: int
    columns: int
    pixel_spacing_mm: float
    slice_spacing_mm: float
    slices: int
    first_slice_mm: float
    tilt_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class Appearance:
    """What a hospital's scanner makes of tissue.

    Attributes
    ----------
    brightest
        Pixel value of the brightest tissue, about.
    inverted
        Fluid bright and white matter dark, as in T2 weighting; else as in T1 weighting.
    contrast
        Share of the differences between tissues that is left, 0 to 1.
    noise
        Standard deviation of the noise in both channels (Rician), as a share of `brightest`.
    bias
        Standard deviation of the control points of the logarithm of the multiplicative field.
    """

    brightest: float
    inverted: bool = False
    contrast: float = 1.0
    noise: float = 0.02
    bias: float = 0.15


@dataclass(frozen=True, slots=True, eq=False)
class Phantom:
    """One synthetic examination.

    Attributes
    ----------
    image
        Shape ``(Z, Y, X)``, uint16, scanner units.
    label
        Shape ``(Z, Y, X)``, uint8: 0 else, 1 grey matter, 2 white matter.
    first_position_mm
        Patient coordinates of the centre of pixel ``[0, 0, 0]``, DICOM axes.
    row_direction, column_direction
        Unit vectors along a row (x) and along a column (y).
    slice_step_mm
        Vector from one slice to the next.
    """

    image: NDArray[np.uint16]
    label: NDArray[np.uint8]
    first_position_mm: NDArray[np.float64]
    row_direction: NDArray[np.float64]
    column_direction: NDArray[np.float64]
    slice_step_mm: NDArray[np.float64]


@lru_cache(maxsize=1)
def load_template() -> Template:
    """Read the average brain from the installed nilearn; nothing is downloaded."""
    folder = Path(datasets.__file__).parent / "data"
    files = [Nifti1Image.from_filename(folder / _FILE.format(kind)) for kind in ("t1", "gm", "wm")]
    t1, grey, white = (_lps(file) for file in files)
    x, y, z = (float(value) for value in files[0].affine[:3, 3])
    columns, rows = t1.shape[2], t1.shape[1]
    origin_mm = (-(x + columns - 1), -(y + rows - 1), z)
    full = np.float32(255)  # the tissue maps are stored as 0 .. 255
    return Template(t1 / np.float32(_WHITE_T1), grey / full, white / full, origin_mm)


def make_phantom(grid: Grid, appearance: Appearance, seed: tuple[int, ...]) -> Phantom:
    """Make one synthetic examination.

    Parameters
    ----------
    grid, appearance
        The hospital's scanner.
    seed
        The anatomy hangs on its first two numbers (hospital, patient), the noise and the field on
        all of them (the visit), so a follow-up shows the same brain.
    """
    anatomy = np.random.default_rng((*seed[:2], 1))
    visit = np.random.default_rng((*seed, 2))
    axes = _axes(grid)
    intensity, grey, white = _sample(grid, axes, anatomy)
    signal = _signal(intensity, appearance)
    signal *= np.exp(_smooth_field(grid, _BIAS_DISTANCE_MM, appearance.bias, visit))
    real, imaginary = visit.normal(0.0, appearance.noise, (2, *signal.shape))
    image = appearance.brightest * np.hypot(signal + real, imaginary)
    other = 1.0 - grey - white
    label = np.where(grey >= white, np.uint8(1), np.uint8(2))
    label[other > np.maximum(grey, white)] = 0
    row, column, normal = axes
    return Phantom(
        image=np.clip(np.rint(image), 0, 4095).astype(np.uint16),
        label=label,
        first_position_mm=_first_position(grid, axes),
        row_direction=row,
        column_direction=column,
        slice_step_mm=normal * grid.slice_spacing_mm,
    )


def _lps(file: Nifti1Image) -> NDArray[np.float32]:
    """Volume with axes ``(Z, Y, X)`` to head, back and left, from NIfTI's right, front, head."""
    volume = np.asarray(file.dataobj, np.float32)
    return np.ascontiguousarray(volume[::-1, ::-1, :].transpose(2, 1, 0))


def _axes(
    grid: Grid,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    tilt = np.deg2rad(grid.tilt_deg)
    row = np.array([1.0, 0.0, 0.0])
    column = np.array([0.0, np.cos(tilt), np.sin(tilt)])
    return row, column, np.cross(row, column)


def _first_position(
    grid: Grid, axes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[np.float64]:
    row, column, _ = axes
    centre = np.array([0.0, 18.0, grid.first_slice_mm])  # 18 mm behind it the brain is centred
    half_row = (grid.columns - 1) / 2 * grid.pixel_spacing_mm
    half_column = (grid.rows - 1) / 2 * grid.pixel_spacing_mm
    return np.asarray(centre - row * half_row - column * half_column)


def _sample(
    grid: Grid,
    axes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]],
    rng: np.random.Generator,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """Intensity, grey and white matter of the deformed brain on the grid, slab averaged."""
    template = load_template()
    points = _points_mm(grid, axes)
    points = points + _shift_mm(points, grid, rng)
    points -= np.array(template.origin_mm)[:, None, None, None]
    normal = axes[2]
    volumes = (template.intensity, template.grey, template.white)
    sums = [np.zeros(points.shape[1:], np.float32) for _ in volumes]
    for position in _SLAB:
        offset = normal * position * grid.slice_spacing_mm
        zyx = (points + offset[:, None, None, None])[::-1]
        for total, volume in zip(sums, volumes, strict=True):
            np.add(total, ndimage.map_coordinates(volume, zyx, order=1), out=total)
    intensity, grey, white = (total / np.float32(len(_SLAB)) for total in sums)
    return intensity, grey, white


def _points_mm(
    grid: Grid, axes: tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
) -> NDArray[np.float64]:
    """Patient coordinates of every voxel, shape ``(3, Z, Y, X)``."""
    row, column, normal = axes
    x = np.arange(grid.columns) * grid.pixel_spacing_mm
    y = np.arange(grid.rows) * grid.pixel_spacing_mm
    z = np.arange(grid.slices) * grid.slice_spacing_mm
    first = _first_position(grid, axes)[:, None, None, None]
    return np.asarray(
        first
        + row[:, None, None, None] * x
        + column[:, None, None, None] * y[:, None]
        + normal[:, None, None, None] * z[:, None, None]
    )


def _shift_mm(
    points: NDArray[np.float64], grid: Grid, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Random deformation: two levels of cubic B-splines, and a change of size."""
    shift = points * rng.normal(0.0, _SIZE_SPREAD, 3)[:, None, None, None]
    for distance, spread in _LEVELS:
        for axis in range(3):
            shift[axis] += _smooth_field(grid, distance, spread, rng)
    return shift


def _signal(intensity: NDArray[np.float32], appearance: Appearance) -> NDArray[np.float64]:
    """Signal of the tissue, about 0 to 1, air 0."""
    inside = np.clip(intensity / 0.3, 0.0, 1.0)  # a soft edge of the head
    tissue = 1.25 - intensity if appearance.inverted else intensity
    tissue = 0.6 + appearance.contrast * (tissue - 0.6)
    return np.asarray(inside * tissue, np.float64)


def _smooth_field(
    grid: Grid, distance_mm: float, spread: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Uniform cubic B-spline over the grid, with independent normal control points.

    Returns
    -------
    ndarray
        Shape ``(Z, Y, X)``.
    """
    bases = [
        _spline_basis(count, step / distance_mm)
        for count, step in (
            (grid.slices, grid.slice_spacing_mm),
            (grid.rows, grid.pixel_spacing_mm),
            (grid.columns, grid.pixel_spacing_mm),
        )
    ]
    field: NDArray[np.float64] = rng.normal(0.0, spread, tuple(basis.shape[1] for basis in bases))
    for basis in bases:  # each turn sums over the first axis and puts the new one last
        field = np.tensordot(field, basis, axes=(0, 1))
    return field


def _spline_basis(count: int, step: float) -> NDArray[np.float64]:
    """Weights of the control points at `count` positions, `step` control distances apart."""
    positions = np.arange(count) * step
    first = positions.astype(int)
    t = positions - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    basis = np.zeros((count, int(first[-1]) + len(weights)))
    for offset, weight in enumerate(weights):
        basis[np.arange(count), first + offset] = weight / 6
    return basis
