"""A folder of originals, what a de-identification might make of it, and the map between them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

if TYPE_CHECKING:
    from pathlib import Path

NAME = "Grabowska^Ewa"
LEAKING = "<b>Grabowska</b> & \u202eson"
BOX = (slice(4, 20), slice(6, 70))


@dataclass(frozen=True)
class Folders:
    """Where everything is."""

    source: Path
    out: Path
    map_file: Path


def phantom(frames: int, side: int = 128) -> np.ndarray:
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    body = 600 * (x**2 / 0.7 + y**2 / 0.8 < 1) + 300 * ((x - 0.2) ** 2 + y**2 < 0.1)
    return np.stack([body + 20 * i for i in range(frames)]).astype(np.uint16)


def _object(number: int, frames: int) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.SOPInstanceUID = f"1.2.3.{number}"
    ds.StudyInstanceUID = ds.SeriesInstanceUID = "1.2.3"
    ds.Modality = "CT"
    ds.PatientName = NAME
    ds.PatientID = f"PAT-{number}"
    ds.StudyDate = "20230214"
    ds.StudyDescription = "CT abdomen with contrast"
    ds.SeriesDescription = LEAKING
    ds.InstitutionName = "St. Elsewhere Hospital"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-62000", "SRT", "Liver"
    ds.AnatomicRegionSequence = [code]
    pixels = phantom(frames)
    ds.Rows = ds.Columns = pixels.shape[1]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.SamplesPerPixel = 16, 16, 15, 1
    ds.PixelRepresentation, ds.PhotometricInterpretation = 0, "MONOCHROME2"
    if frames > 1:
        ds.NumberOfFrames = frames
    burned = number % 2
    if burned:
        pixels[frames - 1 if frames > 1 else 0][BOX][::3] = 900
    ds.PixelData = pixels.tobytes()
    return ds


def _deidentified(ds: Dataset, number: int) -> Dataset:
    new = pydicom.Dataset(ds)
    new.SOPInstanceUID = f"2.25.{number}000"
    new.PatientName = new.PatientID = "P-JLAYPVP7OAGO3YS4"
    new.StudyDate = "20210101"
    new.PatientIdentityRemoved = "YES"
    del new.InstitutionName
    pixels = np.frombuffer(ds.PixelData, np.uint16).reshape(-1, ds.Rows, ds.Columns).copy()
    if number % 2:
        pixels[-1][BOX] = 0
    new.PixelData = pixels.tobytes()
    return new


def _write(ds: Dataset, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    pydicom.dcmwrite(path, ds, enforce_file_format=True)


def make_folders(root: Path, count: int = 5) -> Folders:
    lines = []
    for number in range(1, count + 1):
        ds = _object(number, frames=9 if number == 3 else 1)
        _write(ds, root / "in" / "Grabowska" / f"{number}.dcm")
        new = _deidentified(ds, number)
        _write(new, root / "out" / f"{new.SOPInstanceUID}.dcm")
        lines.append(
            {"src": f"Grabowska/{number}.dcm", "dst": f"{new.SOPInstanceUID}.dcm",
             "status": "ok", "code": None}
        )  # fmt: skip
    lines.append({"src": "x.txt", "dst": None, "status": "quarantined", "code": "deid.not-dicom"})
    (root / "map.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return Folders(root / "in", root / "out", root / "map.jsonl")
