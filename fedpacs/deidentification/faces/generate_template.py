"""Generates the head template: outline of an average head, skin included, and of its brain.

The head is the mean of T1-weighted heads that pydeface ships (MIT licence, Copyright (c) 2015 the
Poldrack lab); the brain is that of ICBM 152 (2009a, nonlinear, symmetric), which nilearn ships.
Both are outlines of averages on a grid of 3 mm, made symmetric: nobody's face. Run by hand, with
the path of pydeface's ``mean_reg2mean.nii.gz``; SimpleITK is needed for this only.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import ndimage

if TYPE_CHECKING:
    from numpy.typing import NDArray

SPACING_MM = 3.0
_LOW_MM, _HIGH_MM = (-105.0, -159.0, -123.0), (105.0, 117.0, 114.0)
_MIDDLE_MM = 4.8
_SKIN = 80.0
_HALF = 0.5
_SEED = 20260101
_START_MM = (0.0, -15.0, 0.0)


def main() -> None:
    """Write the template."""
    from nilearn import datasets

    sitk: Any = import_module("SimpleITK")

    head = sitk.ReadImage(sys.argv[1], sitk.sitkFloat32)
    icbm = sitk.ReadImage(
        str(
            Path(datasets.__file__).parent / "data/mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz"
        ),
        sitk.sitkFloat32,
    )
    size = [
        round((high - low) / SPACING_MM) + 1 for low, high in zip(_LOW_MM, _HIGH_MM, strict=True)
    ]
    grid = sitk.Image(size, sitk.sitkFloat32)
    grid.SetSpacing([SPACING_MM] * 3)
    grid.SetOrigin((_LOW_MM[0] + _MIDDLE_MM, *_LOW_MM[1:]))  # x = 0 in the middle of the head
    to_brain = _registered(head, icbm)
    smooth = sitk.SmoothingRecursiveGaussian(head, 1.0)
    picture = sitk.GetArrayFromImage(sitk.Resample(smooth, grid, sitk.Transform(), sitk.sitkLinear))
    inside = sitk.GetArrayFromImage(
        sitk.Resample(icbm > 0, grid, to_brain, sitk.sitkNearestNeighbor)
    )
    outline = _solid(_symmetric(picture) > _SKIN)
    brain = _symmetric(ndimage.binary_fill_holes(inside > 0).astype(float)) >= _HALF
    target = files("fedpacs.deidentification").joinpath("data", "face_template.npz")
    np.savez_compressed(
        str(target),
        head=np.packbits(outline),
        brain=np.packbits(brain & outline),
        shape=np.array(outline.shape, np.int32),
        origin_mm=np.array(_LOW_MM[::-1], np.float64),
    )


def _registered(head: Any, icbm: Any) -> Any:  # noqa: ANN401 - SimpleITK has no types
    """Find where the brain lies in the head, with one fixed seed and one thread."""
    sitk: Any = import_module("SimpleITK")

    sitk.ProcessObject.SetGlobalDefaultNumberOfThreads(1)
    method = sitk.ImageRegistrationMethod()
    method.SetMetricAsANTSNeighborhoodCorrelation(4)
    method.SetMetricSamplingStrategy(method.RANDOM)
    method.SetMetricSamplingPercentage(0.2, _SEED)
    method.SetMetricFixedMask(sitk.BinaryDilate(sitk.Cast(icbm > 0, sitk.sitkUInt8), [3, 3, 3]))
    method.SetInterpolator(sitk.sitkLinear)
    method.SetOptimizerAsRegularStepGradientDescent(1.0, 1e-3, 60, gradientMagnitudeTolerance=1e-9)
    method.SetOptimizerScalesFromPhysicalShift()
    method.SetShrinkFactorsPerLevel([4, 2])
    method.SetSmoothingSigmasPerLevel([2, 1])
    start = sitk.AffineTransform(3)
    start.SetTranslation(_START_MM)
    method.SetInitialTransform(start, inPlace=False)
    found = method.Execute(icbm, head)
    return sitk.Transform(found).GetInverse()


def _symmetric(values: NDArray[Any]) -> NDArray[Any]:
    mean: NDArray[Any] = (values + values[:, :, ::-1]) / 2  # (Z, Y, X), x = 0 in the middle
    return mean


def _solid(outline: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Keep the largest piece, its holes filled slice by slice in all three directions."""
    labels, _ = ndimage.label(ndimage.binary_closing(outline, iterations=1))
    solid: NDArray[np.bool_] = labels == np.argmax(np.bincount(labels.ravel())[1:]) + 1
    for axis in range(3):
        for index in range(solid.shape[axis]):
            cut = (slice(None),) * axis + (index,)
            solid[cut] = ndimage.binary_fill_holes(solid[cut])
    return solid


if __name__ == "__main__":
    main()
