"""How well heads are defaced: what is left of a face, what is lost of the brain, and the time.

    python -m benchmarks.deid_faces WORK [--picture PNG] [--only NAME]

The heads are modelled: the brain of ICBM 152 (nilearn brings it), a skull and a skin around it, a
face with a nose, eye sockets, lips, a chin and ears, and a neck. None of it comes from the template
that the engine uses. Each is written as DICOM and goes through a folder run under a profile that
defaces. A row per head: the share of each feature that was blanked (100 is best), brain voxels that
were lost (0 is best), slices that changed, and seconds for the folder.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.data import get_testdata_file
from scipy import ndimage

from fedpacs.deidentification.batch import BatchOptions, run

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MODEL_MM = 1.5
_MODEL_LOW = np.array([-110.0, -140.0, -190.0])
_MODEL_HIGH = np.array([110.0, 130.0, 105.0])
_TURN_ABOUT = np.array([0.0, 0.0, -30.0])
_PROFILE = """\
name = "deid-faces"
title = "Defacing"
inherits = "gdpr-pseudonymised"
[policies]
faces = "deface"
"""
_CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
}
_SKIN = {"CT": 700.0, "MR": 150.0, "PT": 120.0}
FEATURES = ("nose", "eyes", "mouth", "chin", "ears")


@dataclass(frozen=True)
class Case:
    """One way to take a picture of the head.

    Attributes
    ----------
    turn_degrees
        About the patient's x, y and z axis.
    low_mm, high_mm
        What is in the picture, along the patient's axes.
    spacing_mm
        Of rows and columns, and of slices.
    """

    name: str
    modality: str = "MR"
    plane: str = "axial"
    turn_degrees: tuple[float, float, float] = (0.0, 0.0, 0.0)
    scale: float = 1.0
    low_mm: tuple[float, float, float] = (-125.0, -150.0, -185.0)
    high_mm: tuple[float, float, float] = (125.0, 125.0, 110.0)
    spacing_mm: tuple[float, float] = (1.5, 3.0)
    noise: float = 15.0
    more: dict[str, object] = field(default_factory=dict)


CASES = (
    Case("MR axial"),
    Case("MR sagittal 1 mm", plane="sagittal", spacing_mm=(1.5, 1.0)),
    Case("MR coronal 5 mm", plane="coronal", spacing_mm=(1.0, 5.0)),
    Case("MR axial 6 mm", spacing_mm=(0.9, 6.0)),
    Case("MR chin down 25", turn_degrees=(25.0, 0.0, 0.0)),
    Case("MR chin up 25", turn_degrees=(-25.0, 0.0, 0.0)),
    Case("MR turned 25", turn_degrees=(0.0, 0.0, 25.0)),
    Case("MR to the shoulder 20", turn_degrees=(0.0, 20.0, 0.0)),
    Case("MR noisy", noise=60.0),
    Case("MR child", scale=0.78),
    Case("MR cut at the nose", low_mm=(-125.0, -150.0, -62.0)),
    Case("MR cut above the brows", low_mm=(-125.0, -150.0, 5.0)),
    Case("MR nose cut off in front", low_mm=(-125.0, -100.0, -185.0)),
    Case("MR face only", high_mm=(125.0, 60.0, 10.0)),
    Case("CT", modality="CT", spacing_mm=(0.9, 2.5)),
    Case("CT turned, chin up", modality="CT", turn_degrees=(-18.0, 8.0, 15.0)),
    Case("CT prone", modality="CT", more={"PatientPosition": "HFP"}, spacing_mm=(0.9, 2.5)),
    Case("PET", modality="PT", spacing_mm=(2.5, 3.0)),
)


class Model:
    """The modelled head on a grid along the patient's axes, (Z, Y, X)."""

    def __init__(self) -> None:
        import nibabel
        from nilearn import datasets

        folder = Path(datasets.__file__).parent / "data"
        image = nibabel.load(folder / "mni_icbm152_t1_tal_nlin_sym_09a_converted.nii.gz")
        size = np.round((_MODEL_HIGH - _MODEL_LOW) / _MODEL_MM).astype(int)
        z, y, x = np.meshgrid(*(np.arange(n) for n in size[::-1]), indexing="ij")
        self.x, self.y, self.z = (
            axis * _MODEL_MM + low for axis, low in zip((x, y, z), _MODEL_LOW, strict=True)
        )
        places = np.stack([-self.x, -self.y, self.z], -1).reshape(-1, 3)  # to the right, to front
        numbers = (places - image.affine[:3, 3]) @ np.linalg.inv(image.affine[:3, :3]).T
        values = np.asarray(image.dataobj, np.float32)
        self.t1 = ndimage.map_coordinates(values, numbers.T, order=1).reshape(self.x.shape)
        self.brain = ndimage.binary_fill_holes(self.t1 > 20)
        depth = ndimage.distance_transform_edt(~self.brain) * _MODEL_MM
        self.features = self._features()
        self.skull = (depth > 3) & (depth < 9) & (self.z > -60)
        self.skin = self._skin(depth)
        self.air = self._cavities()

    def _ball(
        self, centre: tuple[float, float, float], axes: tuple[float, float, float]
    ) -> NDArray[np.bool_]:
        squares = [
            ((own - middle) / half) ** 2
            for own, middle, half in zip((self.x, self.y, self.z), centre, axes, strict=True)
        ]
        return squares[0] + squares[1] + squares[2] < 1

    def _pair(
        self, centre: tuple[float, float, float], axes: tuple[float, float, float]
    ) -> NDArray[np.bool_]:
        x, y, z = centre
        return self._ball((x, y, z), axes) | self._ball((-x, y, z), axes)

    def _features(self) -> dict[str, NDArray[np.bool_]]:
        side = np.abs(self.x)
        along = np.clip((-self.z - 36) / 38, 0, 1)
        nose = (side < 5 + 9 * along) & (self.y > -90 - 24 * along) & (self.y < -78)
        return {
            "nose": nose & (self.z < -36) & (self.z > -77),
            "eyes": self._pair((32.0, -70.0, -40.0), (12.0, 12.0, 12.0)),
            "mouth": (side < 26) & (self.y < -82) & (self.y > -94) & (np.abs(self.z + 97) < 8),
            "chin": self._ball((0.0, -76.0, -125.0), (22.0, 16.0, 13.0)),
            "ears": self._pair((83.0, 8.0, -42.0), (9.0, 16.0, 30.0)),
        }

    def _skin(self, depth: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Give a skin around the brain, a face before it and a neck below."""
        neck = self.x**2 + (self.y - 26 - 0.2 * (self.z + 60)) ** 2 < 56**2
        skin = ((depth < 15) & (self.z > -62)) | (neck & (self.z < -45))
        skin |= self._ball((0.0, -26.0, -72.0), (66.0, 66.0, 64.0)) & (self.y > -91)
        skin |= self._ball((0.0, -40.0, -108.0), (50.0, 46.0, 30.0))
        skin |= self._ball((0.0, -60.0, -20.0), (52.0, 33.0, 16.0))
        skin |= self._ball((0.0, 0.0, -50.0), (76.0, 84.0, 60.0))
        skin &= ~self._pair((32.0, -96.0, -41.0), (16.0, 13.0, 10.0))
        for name in FEATURES:
            skin |= self.features[name]
        skin &= ~((np.abs(self.x) < 22) & (self.y < -90) & (np.abs(self.z + 97) < 1.2))
        return ndimage.gaussian_filter(skin.astype(np.float32), 1.0) > 0.5

    def _cavities(self) -> NDArray[np.bool_]:
        throat = (self.x**2 + (self.y + 8) ** 2 < 8**2) & (self.z < -62)
        nasal = (np.abs(np.abs(self.x) - 8) < 4) & (self.y > -92) & (self.y < -12)
        return throat | (nasal & (np.abs(self.z + 66) < 8))

    def values(self, modality: str) -> NDArray[np.float32]:
        """Give what a scanner would show, without noise; HU in CT."""
        if modality == "CT":
            jaw = self._ball((0.0, -40.0, -90.0), (44.0, 38.0, 40.0)) & self.skin
            shell = jaw & ~ndimage.binary_erosion(jaw, iterations=4)
            return self._layered(
                (self.skin, 40.0), (shell, 700.0), (self.skull, 900.0), (self.brain, 35.0),
                (self.air, -1000.0), ground=-1000.0,
            )  # fmt: skip
        if modality == "PT":
            return self._layered((self.skin, 250.0), (self.brain, 3500.0), (self.air, 0.0))
        found = self._layered((self.skin, 420.0), (self.skull, 60.0), (self.air, 0.0))
        return np.where(self.brain, self.t1 * 3, found)

    def _layered(
        self, *layers: tuple[NDArray[np.bool_], float], ground: float = 0.0
    ) -> NDArray[np.float32]:
        found = np.full(self.x.shape, ground, np.float32)
        for where, value in layers:
            found[where] = value
        return found


def _turn(degrees: tuple[float, float, float]) -> NDArray[np.float64]:
    a, b, c = np.deg2rad(degrees)
    x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    y = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
    z = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
    return z @ y @ x


_X, _Y, _Z = np.eye(3)
_AXES = {"axial": (_X, _Y, _Z), "coronal": (_X, -_Z, _Y), "sagittal": (_Y, -_Z, -_X)}


class Scan:
    """The model as one case sees it: slices with their places."""

    def __init__(self, model: Model, case: Case) -> None:
        self.case = case
        self.row, self.column, self.across = axes = _AXES[case.plane]
        low, high = np.array(case.low_mm), np.array(case.high_mm)
        self.corner = np.where(sum(axes) > 0, low, high)
        extent = np.abs(np.stack(axes) @ (high - low))
        steps = np.array([case.spacing_mm[0], case.spacing_mm[0], case.spacing_mm[1]])
        self.columns, self.rows, self.slices = (int(n) for n in extent / steps)
        k, j, i = np.meshgrid(
            *(np.arange(n) for n in (self.slices, self.rows, self.columns)), indexing="ij"
        )
        self.places = self.corner + sum(
            number[..., None] * axis * step
            for number, axis, step in zip((i, j, k), axes, steps, strict=True)
        )
        turned = (self.places - _TURN_ABOUT) @ _turn(case.turn_degrees) / case.scale + _TURN_ABOUT
        self._numbers = ((turned - _MODEL_LOW) / _MODEL_MM).reshape(-1, 3)[:, ::-1].T
        self.masks = {
            name: self._cut(mask.astype(np.float32), 0.0) > 0.5
            for name, mask in (*model.features.items(), ("brain", model.brain))
        }
        self.values = self._scanned(model)

    def _scanned(self, model: Model) -> NDArray[np.float64]:
        modality = self.case.modality
        values = self._cut(model.values(modality), -1000.0 if modality == "CT" else 0.0)
        noise = np.random.default_rng(1).normal(0, self.case.noise, (2, *values.shape))
        if modality == "MR":
            return np.hypot(values + noise[0], noise[1])
        if modality == "CT":
            return self._with_table(values) + noise[0]
        return values

    def _cut(self, values: NDArray[np.float32], outside: float) -> NDArray[np.float64]:
        found = ndimage.map_coordinates(
            values, self._numbers, output=np.float64, order=1, cval=outside
        )
        return found.reshape(self.places.shape[:3])

    def _with_table(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add a head rest behind the head, or before it when the patient lies prone."""
        side = 1.0 if self.case.more.get("PatientPosition") != "HFP" else -1.0
        x, y = self.places[..., 0], self.places[..., 1] * side
        edge = 106.0 if side > 0 else 122.0
        rest = np.abs(np.hypot(x, y - edge + 115) - 115) < 3
        return np.where(rest & (y > edge - 40) & (values < -500), -120.0, values)

    def write(self, folder: Path) -> None:
        """Write the slices as DICOM."""
        folder.mkdir(parents=True)
        modality = self.case.modality
        name = "CT_small.dcm" if modality == "CT" else "MR_small.dcm"
        ds = pydicom.dcmread(get_testdata_file(name))
        for keyword in ("SmallestImagePixelValue", "LargestImagePixelValue", "PixelPaddingValue"):
            ds.pop(keyword, None)
        intercept = -1024 if modality == "CT" else 0
        if modality != "MR":
            ds.RescaleIntercept, ds.RescaleSlope = intercept, 1
        ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = _CLASSES[modality]
        ds.Modality, ds.BodyPartExamined = modality, "HEAD"
        ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        ds.Rows, ds.Columns = self.rows, self.columns
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
        ds.PixelSpacing = [self.case.spacing_mm[0]] * 2
        ds.SliceThickness = self.case.spacing_mm[1]
        ds.ImageOrientationPatient = [float(part) for part in (*self.row, *self.column)]
        ds.SeriesInstanceUID = "2.25.7701"
        for keyword, value in self.case.more.items():
            setattr(ds, keyword, value)
        stored = np.clip(np.round(self.values - intercept), 0, 65535).astype("<u2")
        for number in range(self.slices):
            ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = f"2.25.77{1000 + number}"
            ds.InstanceNumber = number + 1
            place = self.corner + number * self.across * self.case.spacing_mm[1]
            ds.ImagePositionPatient = [float(part) for part in place]
            ds.PixelData = stored[number].tobytes()
            ds.save_as(folder / f"{number:04d}.dcm")


@dataclass(frozen=True)
class Result:
    """What became of one scan."""

    seconds: float
    refused: dict[str, int]
    before: NDArray[np.int64]
    after: NDArray[np.int64]

    def row(self, scan: Scan) -> str:
        """Give the row of the table."""
        if self.refused:
            told = ", ".join(self.refused)
            return f"| {scan.case.name} | {told} |" + " |" * 6 + f" {self.seconds:.1f} |"
        changed = self.before != self.after
        shares = [
            f"{changed[mask].mean() * 100:.0f}" if (mask := scan.masks[name]).any() else "-"
            for name in FEATURES
        ]
        brain = scan.masks["brain"]
        return (
            f"| {scan.case.name} | {' | '.join(shares)} | {changed[brain].sum()} of {brain.sum()}"
            f" | {changed.any((1, 2)).sum()} of {scan.slices} | {self.seconds:.1f} |"
        )


def deidentified(scan: Scan, work: Path) -> Result:
    """De-identify a scan, and read it before and after."""
    source, out, profile = work / "in", work / "out", work / "profile.toml"
    for folder in (source, out):
        shutil.rmtree(folder, ignore_errors=True)
    scan.write(source)
    profile.write_text(_PROFILE)
    begin = time.perf_counter()
    report = run(source, out, BatchOptions(str(profile), "env:FEDPACS_FACES_KEY"))
    seconds = time.perf_counter() - begin
    before = _read(source)
    return Result(seconds, report.quarantined, before, before if report.quarantined else _read(out))


def _read(folder: Path) -> NDArray[np.int64]:
    slices = [pydicom.dcmread(path) for path in folder.iterdir()]
    slices.sort(key=lambda ds: int(ds.InstanceNumber))
    return np.stack([ds.pixel_array for ds in slices]).astype(np.int64)


def rendered(values: NDArray[np.int64], case: Case) -> NDArray[np.uint8]:
    """Shade the skin of axial slices as it is seen from the front, (Z, X), 1 px a mm."""
    solid = ndimage.gaussian_filter((values > _SKIN[case.modality]).astype(np.float32), 0.8) > 0.5
    steps = (case.spacing_mm[1], case.spacing_mm[0])
    depth = np.where(solid.any(1), solid.argmax(1), solid.shape[1]) * steps[1]
    depth = ndimage.zoom(depth.astype(float), steps, order=1)
    up, side = np.gradient(ndimage.gaussian_filter(depth, 1.0))
    light = (1 - 0.5 * side + 0.5 * up) / np.sqrt(1 + side**2 + up**2) / 1.3
    light = np.where(depth < solid.shape[1] * steps[1] - 2, np.clip(light, 0.05, 1), 0)
    return np.uint8(light[::-1] * 255)


def paint(pairs: list[NDArray[np.uint8]], target: Path) -> None:
    """Write pictures, three in a line."""
    from PIL import Image

    width, height = (max(pair.shape[axis] for pair in pairs) for axis in (1, 0))
    tiles = [
        np.pad(pair, ((0, height - pair.shape[0]), (0, width - pair.shape[1]))) for pair in pairs
    ]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % 3)
    lines = [np.hstack(tiles[start : start + 3]) for start in range(0, len(tiles), 3)]
    Image.fromarray(np.vstack(lines)).save(target, optimize=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("work", type=Path)
    parser.add_argument("--picture", type=Path, help="before and after, side by side, as PNG")
    parser.add_argument("--only", default="", help="heads whose names hold this")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    os.environ["FEDPACS_FACES_KEY"] = hashlib.sha256(b"faces").hexdigest()
    model = Model()
    print("| head |", *(f"{name} % |" for name in FEATURES), "brain lost | slices | s |")
    print("|---|" + "---|" * (len(FEATURES) + 3))
    pairs = []
    for case in CASES:
        if arguments.only in case.name:
            scan = Scan(model, case)
            result = deidentified(scan, arguments.work)
            print(result.row(scan), flush=True)
            if case.plane == "axial" and not result.refused:
                both = [rendered(values, case) for values in (result.before, result.after)]
                pairs.append(np.hstack(both))
    if arguments.picture and pairs:
        paint(pairs, arguments.picture)


if __name__ == "__main__":
    main()
