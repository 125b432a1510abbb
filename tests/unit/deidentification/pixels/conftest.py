"""Objects in every encoding, made here, and decoders of others to hold the results to."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.uid import ExplicitVRLittleEndian

from fedpacs.deidentification.dicom.parsing import parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
FRAMES = "1.2.840.10008.5.1.4.1.1.7.3"


def picture(kind: str, rows: int = 72, columns: int = 100, seed: int = 0) -> np.ndarray:
    """Give a smooth picture with a little noise, of a kind such as ``u12`` or ``rgb8``."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:rows, :columns]
    bits = int(kind.lstrip("uirgb"))
    top = (1 << bits) - 1
    plane = (np.sin(x / 17 + seed) + np.cos(y / 11) + 2) / 4 * top
    plane = np.clip(plane + rng.normal(0, top / 200, plane.shape), 0, top)
    if kind.startswith("rgb"):
        plane = np.stack([plane, plane[::-1], plane[:, ::-1]], axis=-1)
    if kind.startswith("i"):
        plane = plane - (1 << (bits - 1))
    size = 1 if bits <= 8 else 2 if bits <= 16 else 4
    return plane.astype(f"{'i' if kind.startswith('i') else 'u'}{size}")


def dataset(
    frames: Sequence[np.ndarray],
    *,
    stored: int | None = None,
    photometric: str = "",
    **more: object,
) -> Dataset:
    """Give an uncompressed object that holds frames."""
    first = frames[0]
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.SOPClassUID = FRAMES if len(frames) > 1 else SECONDARY_CAPTURE
    ds.SOPInstanceUID = "1.2.3.4"
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    ds.PatientID, ds.Modality = "P1", "OT"
    ds.Rows, ds.Columns = first.shape[:2]
    ds.SamplesPerPixel = 1 if first.ndim == 2 else first.shape[2]
    if first.ndim == 3:
        ds.PlanarConfiguration = 0
    ds.PhotometricInterpretation = photometric or ("MONOCHROME2" if first.ndim == 2 else "RGB")
    ds.BitsAllocated = first.dtype.itemsize * 8
    ds.BitsStored = stored or ds.BitsAllocated
    ds.HighBit = ds.BitsStored - 1
    ds.PixelRepresentation = int(first.dtype.kind == "i")
    if len(frames) > 1:
        ds.NumberOfFrames = len(frames)
    content = b"".join(frame.tobytes() for frame in frames)
    ds.PixelData = content + b"\0" * (len(content) % 2)
    ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    return ds


def encapsulated(
    ds: Dataset, transfer_syntax_uid: str, streams: Sequence[bytes], *, table: str = "basic"
) -> Dataset:
    """Put compressed frames into an object; `table` is ``basic``, ``extended`` or ``none``."""
    ds.file_meta.TransferSyntaxUID = transfer_syntax_uid
    if table == "extended":
        content, ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = encapsulate_extended(
            list(streams)
        )
    else:
        content = encapsulate(list(streams), has_bot=table == "basic")
    ds.PixelData = content
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def saved(ds: Dataset, path: Path, *, implicit: bool = False, little: bool = True) -> Path:
    """Write an object."""
    ds.save_as(path, enforce_file_format=True, implicit_vr=implicit, little_endian=little)
    return path


def converted(program: str, options: Sequence[str], path: Path) -> Path:
    """Run a converter of DCMTK over a file."""
    target = path.with_name(f"{path.stem}-{program}{'-'.join(options)}.dcm")
    subprocess.run([program, *options, path, target], check=True, capture_output=True, timeout=60)
    return target


def with_content(path: Path, content: object, target: Path) -> Path:
    """Write an object anew with new pixel content, by pydicom."""
    source = content.source if isinstance(content.source, bytes) else content.source.read_bytes()
    assert len(source) == content.length
    ds = pydicom.dcmread(path)
    ds.PixelData = source
    ds["PixelData"].is_undefined_length = content.encapsulated
    for tag, element in content.attributes.items():
        del ds[tag]
        if element is not None:
            value = element.value.decode() if element.vr == "CS" else element.value
            ds.add_new(tag, element.vr, value)
    ds.save_as(target)
    return target


@pytest.fixture
def parsed() -> Callable[[Path], object]:
    """Give a function that reads a file; every file is closed in the end."""
    opened = []

    def read(path: Path) -> object:
        opened.append(parse(path))
        return opened[-1]

    yield read
    for each in opened:
        each.close()


@pytest.fixture(scope="session")
def build() -> SimpleNamespace:
    """Give the makers of pictures, objects and files of this module."""
    return SimpleNamespace(
        picture=picture,
        dataset=dataset,
        encapsulated=encapsulated,
        saved=saved,
        converted=converted,
        with_content=with_content,
    )
