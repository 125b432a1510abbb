"""Synthetic de-identified MR and CT series with their segmentations, for the tests."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sr.coding import Code
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    generate_uid,
)

from fedpacs.config.job import Code as JobCode
from fedpacs.config.job import CohortQuery, LabelClass, Splits
from fedpacs.core.study import DeidentifiedInstance, DeidentifiedStudy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CATEGORY = JobCode(value="123037004", scheme="SCT", meaning="Anatomical Structure")
GREY = LabelClass(
    name="grey-matter",
    property_category=CATEGORY,
    property_type=JobCode(value="389081007", scheme="SCT", meaning="Grey Matter"),
)
WHITE = LabelClass(
    name="white-matter",
    property_category=CATEGORY,
    property_type=JobCode(value="389080008", scheme="SCT", meaning="White Matter"),
)
LABELS = (GREY, WHITE)


def query(**changes: object) -> CohortQuery:
    values: dict[str, object] = {
        "modality": "MR",
        "labels": LABELS,
        "minimum_patients": 2,
        "splits": Splits(),
    }
    return CohortQuery.model_validate(values | changes)


def oblique(degrees_x: float, degrees_z: float) -> tuple[float, ...]:
    """Direction cosines of an axial plane turned about two axes."""
    a, b = np.deg2rad([degrees_x, degrees_z])
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    turn = about_z @ about_x
    return tuple(float(f"{v:.6f}") for v in (*turn[:, 0], *turn[:, 1]))


def make_series(  # noqa: PLR0913 - a factory
    *,
    shape: tuple[int, int, int] = (5, 12, 10),
    spacing: tuple[float, float, float] = (2.0, 1.5, 0.75),
    orientation: Sequence[float] = AXIAL,
    origin: Sequence[float] = (-30.0, 12.5, 80.0),
    modality: str = "MR",
    rescale: tuple[float, float] | None = None,
    study_uid: str | None = None,
    patient: str = "P-AAAAAAAAAAAAAAAA",
    seed: int = 0,
) -> list[Dataset]:
    """Single-frame images, in order of position along the normal."""
    rng = np.random.default_rng(seed)
    study, series, frame_of_reference = (generate_uid(prefix=None) for _ in range(3))
    normal = np.cross(orientation[:3], orientation[3:])
    images = []
    for z in range(shape[0]):
        ds = Dataset()
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        ds.SOPClassUID = MRImageStorage if modality == "MR" else CTImageStorage
        ds.SOPInstanceUID = generate_uid(prefix=None)
        ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
        ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
        ds.StudyInstanceUID = study_uid or study
        ds.SeriesInstanceUID = series
        ds.FrameOfReferenceUID = frame_of_reference
        ds.PositionReferenceIndicator = ""
        ds.PatientID, ds.PatientName = patient, f"{patient}^"
        ds.PatientBirthDate = ds.PatientSex = ""
        ds.StudyDate, ds.StudyTime, ds.StudyID, ds.AccessionNumber = "20200107", "120000", "1", ""
        ds.ReferringPhysicianName = ""
        ds.Modality, ds.Manufacturer = modality, ""
        ds.ImageType = ["ORIGINAL", "PRIMARY", "M" if modality == "MR" else "AXIAL"]
        ds.SeriesNumber, ds.InstanceNumber = 3, z + 1
        place = np.asarray(origin) + z * spacing[0] * normal
        ds.ImagePositionPatient = [float(f"{v:.5f}") for v in place]
        ds.ImageOrientationPatient = list(orientation)
        ds.PixelSpacing = [spacing[1], spacing[2]]
        ds.SliceThickness = spacing[0]
        ds.PatientIdentityRemoved = "YES"
        ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
        ds.Rows, ds.Columns = shape[1:]
        ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
        if rescale:
            ds.RescaleSlope, ds.RescaleIntercept = rescale
        pixels = rng.integers(0, 4096, size=shape[1:], dtype=np.uint16)
        ds.PixelData = pixels.tobytes()
        images.append(ds)
    return images


def pixels_of(images: Iterable[Dataset]) -> NDArray[np.uint16]:
    """Stored values as written, ``(Z, Y, X)``."""
    return np.stack(
        [np.frombuffer(ds.PixelData, np.uint16).reshape(ds.Rows, ds.Columns) for ds in images]
    )


def make_masks(shape: tuple[int, ...], seed: int = 0) -> dict[str, NDArray[np.bool_]]:
    """Random, exclusive grey and white matter with an empty first slice."""
    classes = np.random.default_rng(seed).integers(0, 3, size=shape)
    classes[0] = 0
    return {"389081007": classes == 1, "389080008": classes == 2}


def make_seg(
    images: list[Dataset],
    masks: Mapping[str, NDArray[np.bool_]],
    *,
    algorithm: str = "MANUAL",
    kind: str = "BINARY",
    scheme: str = "SCT",
) -> Dataset:
    """A SEG on the images, one segment for each code of ``masks``, as a plain dataset."""
    identification = None
    if algorithm != "MANUAL":
        identification = hd.AlgorithmIdentificationSequence(
            name="x", family=Code("113076", "DCM", "Segmentation"), version="1"
        )
    descriptions = [
        hd.seg.SegmentDescription(
            number,
            "s",
            Code("123037004", "SCT", "Anatomical Structure"),
            Code(code, scheme, "tissue"),
            algorithm,
            algorithm_identification=identification,
        )
        for number, code in enumerate(masks, start=1)
    ]
    array = np.stack([*masks.values()], axis=-1).astype(np.uint8)
    seg = hd.seg.Segmentation(
        source_images=images,
        pixel_array=array,
        segmentation_type=kind,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(prefix=None),
        series_number=9,
        sop_instance_uid=generate_uid(prefix=None),
        instance_number=1,
        manufacturer="test",
        manufacturer_model_name="test",
        software_versions="1",
        device_serial_number="1",
    )
    return reread(seg)


def to_bytes(ds: Dataset) -> bytes:
    """The dataset as a DICOM file."""
    buffer = BytesIO()
    ds.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def reread(ds: Dataset) -> Dataset:
    """The dataset as any program reads it."""
    return dcmread(BytesIO(to_bytes(ds)))


def make_study(
    folder: Path, datasets: Iterable[Dataset], patient: str = "P-AAAAAAAAAAAAAAAA"
) -> DeidentifiedStudy:
    """The datasets as a de-identified study with its files in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    instances, study_uid = [], ""
    for ds in datasets:
        content = to_bytes(ds)
        path = folder / f"{ds.SOPInstanceUID}.dcm"
        path.write_bytes(content)
        referenced = ds.get("ReferencedSeriesSequence")
        study_uid = str(ds.StudyInstanceUID)
        instances.append(
            DeidentifiedInstance(
                sop_instance_uid=str(ds.SOPInstanceUID),
                sop_class_uid=str(ds.SOPClassUID),
                series_instance_uid=str(ds.SeriesInstanceUID),
                modality=ds.Modality,
                path=path,
                digest=sha256(content).hexdigest(),
                referenced_series_uid=str(referenced[0].SeriesInstanceUID) if referenced else "",
            )
        )
    return DeidentifiedStudy(study_uid, patient, "ab" * 32, ("113100",), tuple(instances))


def make_labelled_study(folder: Path, patient: str, seed: int = 0) -> DeidentifiedStudy:
    """A small MR series with its SEG."""
    images = make_series(shape=(3, 8, 6), seed=seed, patient=patient)
    seg = make_seg(images, make_masks((3, 8, 6), seed))
    return make_study(folder, [*images, seg], patient)
