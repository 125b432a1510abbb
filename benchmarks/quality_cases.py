"""Sound series of every kind and series with one planted defect each, for test and benchmark."""

from __future__ import annotations

from copy import deepcopy
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

if TYPE_CHECKING:
    from collections.abc import Callable

    Make = Callable[[], list[Dataset]]

CLASSES = {
    "CT": "1.2.840.10008.5.1.4.1.1.2",
    "MR": "1.2.840.10008.5.1.4.1.1.4",
    "PT": "1.2.840.10008.5.1.4.1.1.128",
    "CR": "1.2.840.10008.5.1.4.1.1.1",
    "DX": "1.2.840.10008.5.1.4.1.1.1.1",
    "MG": "1.2.840.10008.5.1.4.1.1.1.2",
    "US": "1.2.840.10008.5.1.4.1.1.3.1",
    "MR enhanced": "1.2.840.10008.5.1.4.1.1.4.1",
}
AXIAL = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]


def item(**values: object) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(
            ds,
            keyword,
            Sequence(value)
            if isinstance(value, list) and value and isinstance(value[0], Dataset)
            else value,
        )
    return ds


def one(modality: str, size: tuple[int, int], series: str, sop_class: str = "") -> Dataset:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = CLASSES[sop_class or modality]
    ds.SOPInstanceUID = generate_uid(prefix=None)
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.FrameOfReferenceUID = "2.25.1", series, "2.25.3"
    ds.PatientID, ds.PatientName, ds.PatientBirthDate, ds.PatientSex = "P-1", "P-1", "", "O"
    ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20200107", "120000", "1", ""
    ds.ReferringPhysicianName, ds.Manufacturer, ds.Modality = "", "", modality
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.SeriesNumber, ds.InstanceNumber, ds.AcquisitionNumber = 1, 1, 1
    ds.PositionReferenceIndicator, ds.PatientPosition = "", "HFS"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = size
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.BurnedInAnnotation = "NO"
    return ds


def anatomy(size: tuple[int, int], seed: int, top: int = 2500) -> np.ndarray:
    """Draw a bright oval in noisy air, no two alike."""
    rng = np.random.default_rng(seed)
    y, x = np.ogrid[-1 : 1 : size[0] * 1j, -1 : 1 : size[1] * 1j]
    body = (y**2 + (x * (1.2 + 0.001 * seed)) ** 2) < 0.6
    noise = rng.integers(0, 60, size, dtype=np.int64)
    return (np.where(body, top // 2, 0) + noise).astype(np.uint16)


def volume(
    modality: str = "CT", slices: int = 12, size: tuple[int, int] = (64, 64)
) -> list[Dataset]:
    """Make a sound series of single-frame slices."""
    series = generate_uid(prefix=None)
    images = []
    for z in range(slices):
        ds = one(modality, size, series)
        ds.InstanceNumber = z + 1
        ds.ImagePositionPatient = [-100.0, -100.0, round(-50 + 2.5 * z, 3)]
        ds.ImageOrientationPatient, ds.PixelSpacing, ds.SliceThickness = AXIAL, [0.8, 0.8], 2.5
        ds.PixelData = anatomy(size, z).tobytes()
        if modality == "CT":
            ds.RescaleSlope, ds.RescaleIntercept, ds.RescaleType = 1, -1024, "HU"
            ds.KVP, ds.ConvolutionKernel = 120, "B30f"
            ds.ReconstructionDiameter = 0.8 * size[1]
        elif modality == "MR":
            ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "SE", "SK", ""
            ds.MRAcquisitionType, ds.EchoTime, ds.RepetitionTime = "2D", 12, 500
            ds.EchoTrainLength = 1
        elif modality == "PT":
            nuclear(ds)
        images.append(ds)
    return images


def nuclear(ds: Dataset) -> None:
    ds.Units, ds.DecayCorrection, ds.PatientWeight = "BQML", "START", 71
    ds.CorrectedImage = ["DECY", "ATTN", "SCAT"]
    ds.RescaleSlope, ds.RescaleIntercept = 1 + 0.01 * ds.InstanceNumber, 0
    ds.RadiopharmaceuticalInformationSequence = [
        item(
            RadionuclideTotalDose=3e8,
            RadionuclideHalfLife=6586,
            RadiopharmaceuticalStartTime="1130",
        )
    ]


def projection(modality: str) -> list[Dataset]:
    """Make a sound radiograph or mammogram."""
    ds = one(modality, (80, 64), generate_uid(prefix=None))
    ds.ViewPosition, ds.ImagerPixelSpacing = (
        ("MLO", [0.07, 0.07]) if modality == "MG" else ("PA", [0.14, 0.14])
    )
    ds.BodyPartExamined = "BREAST" if modality == "MG" else "CHEST"
    ds.ImageLaterality, ds.PresentationLUTShape = "L" if modality == "MG" else "U", "IDENTITY"
    ds.PixelData = anatomy((80, 64), 3).tobytes()
    return [ds]


def cine(frames: int = 5) -> list[Dataset]:
    """Make a sound moving ultrasound picture."""
    ds = one("US", (60, 80), generate_uid(prefix=None))
    ds.NumberOfFrames, ds.FrameTime = frames, 33.3
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit = 7
    ds.PixelData = (
        np.stack([anatomy((60, 80), n, 300) for n in range(frames)]).astype(np.uint8).tobytes()
    )
    ds.SequenceOfUltrasoundRegions = [item(PhysicalDeltaX=0.02, PhysicalDeltaY=0.02)]
    return [ds]


def enhanced(echoes: int = 2, slices: int = 6) -> list[Dataset]:
    """Make a sound enhanced MR object of several echoes."""
    ds = one("MR", (64, 64), generate_uid(prefix=None), "MR enhanced")
    ds.NumberOfFrames = echoes * slices
    measures = item(PixelSpacing=[0.8, 0.8], SliceThickness=2.5)
    ds.SharedFunctionalGroupsSequence = [
        item(
            PixelMeasuresSequence=[measures],
            PlaneOrientationSequence=[item(ImageOrientationPatient=AXIAL)],
        )
    ]
    ds.PerFrameFunctionalGroupsSequence = [
        item(
            PlanePositionSequence=[item(ImagePositionPatient=[-20.0, -20.0, 2.5 * z])],
            MREchoSequence=[item(EffectiveEchoTime=10.0 + 20 * e)],
        )
        for e in range(echoes)
        for z in range(slices)
    ]
    ds.PixelData = np.stack([anatomy((64, 64), n) for n in range(echoes * slices)]).tobytes()
    return [ds]


def interleaved(attribute: str, values: list[object], modality: str = "MR") -> list[Dataset]:
    """Repeat the places for each value of an attribute: several stacks, no duplicates."""
    images = []
    series = generate_uid(prefix=None)
    for n, value in enumerate(values):
        for ds in volume(modality, 6):
            ds.SeriesInstanceUID = series
            ds.PixelData = anatomy((64, 64), 100 * (n + 1) + ds.InstanceNumber).tobytes()
            ds.InstanceNumber = int(ds.InstanceNumber) + 6 * n
            setattr(ds, attribute, value)
            images.append(ds)
    return images


SOUND: dict[str, Make] = {
    "CT": volume,
    "MR": lambda: volume("MR"),
    "PT": lambda: volume("PT"),
    "CR": lambda: projection("CR"),
    "DX": lambda: projection("DX"),
    "MG": lambda: projection("MG"),
    "US": cine,
    "enhanced MR": enhanced,
    "two echoes": lambda: interleaved("EchoTime", [12, 80]),
    "dynamic": lambda: interleaved("TemporalPositionIdentifier", [1, 2, 3]),
    "cardiac": lambda: interleaved("TriggerTime", [10.0, 60.0, 110.0]),
    "contrast phases": lambda: interleaved("AcquisitionNumber", [1, 2], "CT"),
    "b-values": lambda: interleaved("DiffusionBValue", [0.0, 1000.0]),
    "magnitude and phase": lambda: interleaved(
        "ImageType", [["ORIGINAL", "PRIMARY", "M"], ["ORIGINAL", "PRIMARY", "P"]]
    ),
}


def changed(make: Make, change: Callable[[list[Dataset]], object]) -> Make:
    def made() -> list[Dataset]:
        images = make()
        replaced = change(images)
        return replaced if isinstance(replaced, list) else images

    return made


def put(n: int | None, **values: object) -> Callable[[list[Dataset]], object]:
    """Set attributes of one image, or of all."""

    def change(images: list[Dataset]) -> None:
        for ds in images if n is None else [images[n]]:
            for keyword, value in values.items():
                if value is None:
                    delattr(ds, keyword)
                else:
                    setattr(ds, keyword, value)

    return change


def _pixels(
    n: int, change: Callable[[np.ndarray], np.ndarray]
) -> Callable[[list[Dataset]], object]:
    def planted(images: list[Dataset]) -> None:
        ds = images[n]
        kind = np.uint8 if ds.BitsAllocated == 8 else np.uint16
        frames = np.frombuffer(ds.PixelData, kind).reshape(-1, ds.Rows, ds.Columns).copy()
        ds.PixelData = change(frames).astype(kind).tobytes()

    return planted


def _blank(pixels: np.ndarray) -> np.ndarray:
    return np.zeros_like(pixels)


def _cut(pixels: np.ndarray) -> np.ndarray:
    pixels[:, 40:] = 0
    return pixels


def _saturate(pixels: np.ndarray) -> np.ndarray:
    pixels[:, 20:40, 20:40] = 4095
    return pixels


def _copy(images: list[Dataset]) -> list[Dataset]:
    twin = deepcopy(images[4])
    twin.SOPInstanceUID = twin.file_meta.MediaStorageSOPInstanceUID = generate_uid(prefix=None)
    return [*images, twin]


def _repeat(images: list[Dataset]) -> None:
    images[5].PixelData = images[4].PixelData


def _shift(n: int, mm: float) -> Callable[[list[Dataset]], object]:
    def planted(images: list[Dataset]) -> None:
        x, y, z = images[n].ImagePositionPatient
        images[n].ImagePositionPatient = [x, y, z + mm]

    return planted


def _tilt(images: list[Dataset]) -> None:
    for n, ds in enumerate(images):
        x, y, z = ds.ImagePositionPatient
        ds.ImagePositionPatient = [x, y + 0.9 * n, z]


def _scout(images: list[Dataset]) -> list[Dataset]:
    scout = volume("CT", 1)[0]
    scout.SeriesInstanceUID = images[0].SeriesInstanceUID
    scout.ImageType, scout.ImageOrientationPatient = (
        ["ORIGINAL", "PRIMARY", "LOCALIZER"],
        [0, 1, 0, 0, 0, -1],
    )
    return [scout, *images]


def _drop_groups(images: list[Dataset]) -> None:
    images[0].PerFrameFunctionalGroupsSequence = images[0].PerFrameFunctionalGroupsSequence[:-1]


def _no_half_life(images: list[Dataset]) -> None:
    for ds in images:
        del ds.RadiopharmaceuticalInformationSequence[0].RadionuclideHalfLife


CT, MR = volume, SOUND["MR"]
PLANTED: dict[str, tuple[str, Make]] = {
    "three slices missing": ("missing-slices", changed(CT, lambda i: [*i[:3], i[4], *i[7:]])),
    "slice twice": ("duplicate-position", changed(CT, _copy)),
    "file twice": ("duplicate-instance", changed(CT, lambda i: [*i, i[2]])),
    "same pixels at two places": ("repeated-pixels", changed(CT, _repeat)),
    "uneven distance": ("uneven-spacing", changed(CT, _shift(5, 0.9))),
    "orientation mixed": (
        "mixed-orientation",
        changed(CT, put(5, ImageOrientationPatient=[1, 0, 0, 0, 0.9962, 0.0872])),
    ),
    "pixel spacing mixed": ("mixed-spacing", changed(CT, put(5, PixelSpacing=[0.7, 0.7]))),
    "thickness mixed": ("mixed-thickness", changed(CT, put(5, SliceThickness=5))),
    "kernel mixed": ("mixed-kernel", changed(CT, put(5, ConvolutionKernel="B70f"))),
    "tube voltage mixed": ("mixed-exposure", changed(CT, put(5, KVP=80))),
    "rescale mixed": ("mixed-rescale", changed(CT, put(5, RescaleIntercept=0))),
    "frame of reference mixed": (
        "mixed-frame-of-reference",
        changed(CT, put(5, FrameOfReferenceUID="2.25.9")),
    ),
    "series mixed": ("mixed-series", changed(CT, put(5, SeriesInstanceUID="2.25.9"))),
    "localizer in the series": ("localizer-in-series", changed(CT, _scout)),
    "no rescale": ("no-rescale", changed(CT, put(None, RescaleSlope=None, RescaleIntercept=None))),
    "shifted by 1024": ("no-air", changed(CT, put(None, RescaleIntercept=0))),
    "not HU": ("not-hounsfield", changed(CT, put(None, RescaleType="US"))),
    "empty slice": ("blank-slice", changed(CT, _pixels(5, _blank))),
    "cut slice": ("truncated-frame", changed(CT, _pixels(5, _cut))),
    "saturated": ("saturated", changed(MR, _pixels(5, _saturate))),
    "pixels cut off": ("undecodable", changed(CT, put(5, PixelData=bytes(100)))),
    "no position": ("no-geometry", changed(CT, put(5, ImagePositionPatient=None))),
    "rows and columns not at right angles": (
        "not-orthonormal",
        changed(CT, put(None, ImageOrientationPatient=[1, 0, 0, 0.5, 0.866, 0])),
    ),
    "directions no unit vectors": (
        "not-orthonormal",
        changed(CT, put(None, ImageOrientationPatient=[2, 0, 0, 0, 2, 0])),
    ),
    "pixel spacing zero": ("impossible-spacing", changed(CT, put(None, PixelSpacing=[0, 0]))),
    "field of view contradicts": ("field-of-view", changed(CT, put(None, PixelSpacing=[0.4, 0.4]))),
    "distance contradicts": ("spacing-contradicts", changed(MR, put(None, SpacingBetweenSlices=9))),
    "gantry tilt": ("gantry-tilt", changed(CT, _tilt)),
    "end missing": ("fewer-than-announced", changed(CT, put(None, ImagesInAcquisition=20))),
    "phase incomplete": ("incomplete-stack", changed(SOUND["dynamic"], lambda i: i[:-1])),
    "echo with a gap": ("missing-slices", changed(SOUND["two echoes"], lambda i: [*i[:2], *i[3:]])),
    "burned-in text": ("burned-in-text", changed(SOUND["US"], put(0, BurnedInAnnotation="YES"))),
    "enhanced, a frame not described": ("frame-count", changed(enhanced, _drop_groups)),
    "enhanced without functional groups": (
        "no-functional-groups",
        changed(enhanced, put(0, PerFrameFunctionalGroupsSequence=None)),
    ),
    "CR inverted": ("inverted", changed(SOUND["CR"], put(0, PresentationLUTShape="INVERSE"))),
    "CR photometric": (
        "unknown-photometric",
        changed(SOUND["CR"], put(0, PhotometricInterpretation="RGB")),
    ),
    "DX without view": ("no-view", changed(SOUND["DX"], put(0, ViewPosition=None))),
    "MG without side": ("no-laterality", changed(SOUND["MG"], put(0, ImageLaterality=None))),
    "MG saturated": (
        "saturated",
        changed(SOUND["MG"], _pixels(0, lambda p: np.where(p < 60, 4095, p))),
    ),
    "US not calibrated": (
        "not-calibrated",
        changed(cine, put(0, SequenceOfUltrasoundRegions=None)),
    ),
    "US without time": ("no-frame-time", changed(cine, put(0, FrameTime=None))),
    "PT without units": ("no-units", changed(SOUND["PT"], put(None, Units=None))),
    "PT not corrected": ("not-corrected", changed(SOUND["PT"], put(None, CorrectedImage=["DECY"]))),
    "PT without half-life": ("no-suv-inputs", changed(SOUND["PT"], _no_half_life)),
}


def content(ds: Dataset) -> bytes:
    """Write an object as a DICOM file."""
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()
