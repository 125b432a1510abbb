"""Which objects are let in: only kinds whose every part the engine can answer for.

The list is one of what is allowed. A SOP class that is not on it is refused, and so is a picture
that may carry burned-in text, an overlay or text inside the pixel data, or pixels that are not all
there.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from pydicom.uid import UID

from fedpacs.deidentification.codestream import admit_codestreams
from fedpacs.deidentification.errors import (
    DamagedPixelsError,
    NoIdentityError,
    NoPatientIdError,
    UnsupportedObjectError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import FileDataset

_UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID")
_SCREEN = ("SCREEN", "SCREENSAVE", "SCREEN SAVE", "SCREENSHOT", "PDF", "REPORT", "DOSE_INFO")
_PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_OVERLAY_GROUPS = range(0x6000, 0x6020, 2)
_PIXEL_BITS = (8, 16, 32)
_BITS_OF = {"PixelData": 0, "FloatPixelData": 32, "DoubleFloatPixelData": 64}


@cache
def object_rules() -> Mapping[str, tuple[str, str, str]]:
    """Name, answer and reason by SOP class UID.

    The answer is ``yes``, ``stated`` (only when the object states that nothing is burned in) or the
    code of the refusal.
    """
    return MappingProxyType(
        {line["sop_class_uid"]: (line["name"], line["answer"], line["reason"]) for line in _lines()}
    )


@cache
def classes_without_pixels() -> frozenset[str]:
    """SOP classes on the list whose objects hold no picture."""
    return frozenset(line["sop_class_uid"] for line in _lines() if line["pixels"] == "no")


def _lines() -> list[dict[str, str]]:
    text = files("fedpacs.deidentification").joinpath("data", "object_rules.csv").read_text("utf-8")
    return list(csv.DictReader(text.splitlines()))


def admit(ds: FileDataset) -> None:
    """Let an object in, or refuse it.

    Raises
    ------
    UnsupportedObjectError
        If it is of a kind that cannot be answered for; `code` says which.
    NoIdentityError
        If a UID or the Patient ID is missing.
    DamagedPixelsError
        If pixel data are missing, short, or not as described.
    """
    _admit_class(ds)
    for keyword in _UIDS:
        if not _plain_text(ds, keyword):
            raise NoIdentityError(f"{keyword} is missing.")
    if not _plain_text(ds, "PatientID"):
        raise NoPatientIdError("Patient ID is missing.")
    _admit_picture(ds)
    _admit_pixels(ds)


def _admit_class(ds: FileDataset) -> None:
    meta_class = str(ds.file_meta.get("MediaStorageSOPClassUID", ""))
    sop_class = str(ds.get("SOPClassUID", "") or meta_class)
    if "DirectoryRecordSequence" in ds:
        sop_class = "1.2.840.10008.1.3.10"
    name, answer, reason = object_rules().get(
        sop_class, ("", "deid.unsupported-object", "its SOP class is not on the list of kinds")
    )
    if answer == "yes":
        return
    if answer == "stated":
        if ds.get("BurnedInAnnotation") != "NO":
            raise UnsupportedObjectError(
                f"{name} {reason}, and the object does not state otherwise.",
                code="deid.burned-in-unknown",
            )
        return
    raise UnsupportedObjectError(f"Refused: {reason}.", code=answer)


def _plain_text(ds: FileDataset, keyword: str) -> str:
    value = ds.get(keyword)
    return value.strip(" \0") if isinstance(value, str) else ""


def _admit_picture(ds: FileDataset) -> None:
    if str(ds.get("BurnedInAnnotation", "")).strip().upper() not in ("", "NO"):
        raise UnsupportedObjectError("The picture has text burned in.", code="deid.burned-in")
    if ds.get("ConversionType"):
        raise UnsupportedObjectError(
            "The picture was captured from a screen, film or document.",
            code="deid.unsupported-secondary-capture",
        )
    kinds = ds.get("ImageType") or ()
    kinds = [kinds] if isinstance(kinds, str) else [str(kind) for kind in kinds]
    if any(kind.strip().upper() in _SCREEN for kind in kinds):
        raise UnsupportedObjectError(
            "The picture is a screen shot or a report.", code="deid.unsupported-secondary-capture"
        )
    for group in _OVERLAY_GROUPS:
        described = (group << 16 | 0x0010) in ds
        if described and (group << 16 | 0x3000) not in ds:
            raise UnsupportedObjectError(
                "An overlay is stored inside the pixel data.", code="deid.embedded-overlay"
            )


def _admit_pixels(ds: FileDataset) -> None:
    present = [keyword for keyword in _PIXEL_KEYWORDS if keyword in ds]
    if str(ds.get("SOPClassUID", "")) in classes_without_pixels() and not present:
        return
    if len(present) != 1:
        raise DamagedPixelsError("The object has no pixel data, or more than one kind.")
    keyword = present[0]
    content = ds[keyword].value
    if not isinstance(content, bytes) or not content:
        raise DamagedPixelsError("The pixel data are empty.")
    if UID(ds.file_meta.TransferSyntaxUID).is_encapsulated:
        _admit_encapsulated(ds, content)
        return
    expected = _expected_bytes(ds, _BITS_OF[keyword])
    if not expected <= len(content) <= expected + expected % 2:
        raise DamagedPixelsError("The pixel data are not as long as the header says.")
    if keyword == "PixelData":
        _admit_unused_bits(ds, content)


def _admit_unused_bits(ds: FileDataset, content: bytes) -> None:
    """Refuse pictures with something in the bits that no pixel uses: old overlays lie there."""
    allocated, stored = int(ds.BitsAllocated), int(ds.BitsStored)
    if allocated not in _PIXEL_BITS or stored >= allocated:
        return
    order = "<" if ds.original_encoding[1] else ">"
    size = allocated // 8
    pixels = np.frombuffer(content[: len(content) // size * size], dtype=f"{order}u{size}")
    unused = pixels >> stored
    clean = unused == 0
    if int(ds.PixelRepresentation) == 1:
        clean |= unused == (1 << (allocated - stored)) - 1  # the sign, extended
    if int(ds.HighBit) != stored - 1 or not clean.all():
        raise UnsupportedObjectError(
            "Something is stored in the bits that no pixel uses.", code="deid.embedded-overlay"
        )


def _admit_encapsulated(ds: FileDataset, content: bytes) -> None:
    item_tag = b"\xfe\xff\x00\xe0"
    if not content.startswith(item_tag):
        raise DamagedPixelsError("The compressed pixel data do not start with an item.")
    try:
        frames = int(ds.get("NumberOfFrames") or 1)
    except (TypeError, ValueError):
        raise DamagedPixelsError("The header does not describe the pixel data.") from None
    admit_codestreams(content, frames)


def _expected_bytes(ds: FileDataset, bits: int) -> int:
    try:
        frames = int(ds.get("NumberOfFrames") or 1)
        samples = int(ds.get("SamplesPerPixel") or 1)
        pixels = int(ds.Rows) * int(ds.Columns) * samples * frames
        total = pixels * (bits or int(ds.BitsAllocated))
    except (AttributeError, TypeError, ValueError):
        raise DamagedPixelsError("The header does not describe the pixel data.") from None
    if str(ds.get("PhotometricInterpretation", "")) == "YBR_FULL_422":
        total = total * 2 // 3
    if total <= 0:
        raise DamagedPixelsError("The header describes no pixels.")
    return (total + 7) // 8
