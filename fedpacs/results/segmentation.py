"""A label map back to DICOM: a BINARY SEG on the original images, marked as research only.

The object joins the study and frame of reference of its sources and takes their patient, so a
viewer lays it over them. Who made it is said in coded form: FedPACS, the digest of the model,
the job and the round.
"""

from __future__ import annotations

import logging
import os
import secrets
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import highdicom as hd
import numpy as np
from pydicom import dcmread
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from fedpacs.core.update import Result
from fedpacs.results.errors import (
    SourceMismatchError,
    UnknownLabelError,
    UnwritableResultError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray
    from pydicom import Dataset

    from fedpacs.config.job import Code as ConfiguredCode
    from fedpacs.config.job import LabelClass

_SERIES_NUMBER = 9001
_MANUFACTURER = "FedPACS"


@dataclass(frozen=True, slots=True)
class ResultIdentity:
    """UIDs of a result, for a sender that wants the same ones when it sends again."""

    series_instance_uid: str
    sop_instance_uid: str

    @classmethod
    def random(cls) -> ResultIdentity:
        """Draw new UIDs under the 2.25 root (PS3.5 B.2)."""
        return cls(generate_uid(prefix=None), generate_uid(prefix=None))


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which model made a result.

    Attributes
    ----------
    model_digest
        SHA-256 of the packed weights.
    job_name
        Name of the job the model belongs to.
    server_round
        Round that made the model.
    site
        Name of the site that ran it.
    identity
        UIDs to use; None for new random ones.
    """

    model_digest: str
    job_name: str
    server_round: int
    site: str
    identity: ResultIdentity | None = None


def write_segmentation(
    sources: Sequence[Path],
    label_map: NDArray[np.uint8],
    labels: Sequence[LabelClass],
    provenance: Provenance,
    out: Path,
) -> Result:
    """Write a label map as DICOM SEG.

    Parameters
    ----------
    sources
        Original images of one series, one per slice, in the order of the label map.
    label_map
        Shape ``(Z, Y, X)``, uint8, 0 background, then 1..n in the order of `labels`.
    labels
        Classes of the job.
    provenance
        Which model made it.
    out
        File to write; replaced in one step when the object is complete.

    Returns
    -------
    Result
        Not confirmed: the PACS has not seen it.

    Raises
    ------
    SourceMismatchError, UnknownLabelError, UnwritableResultError
        See each class.

    References
    ----------
    PS3.3 A.51 Segmentation IOD; PS3.16 CID 7162 (algorithm family).
    """
    with _unheard():
        images = _read_sources(sources, label_map)
        if int(label_map.max(initial=0)) > len(labels):
            raise UnknownLabelError("The label map has more classes than the job.")
        seg = _segmentation(images, label_map, labels, provenance)
        _save(seg, out)
    return Result(
        sop_instance_uid=str(seg.SOPInstanceUID),
        series_instance_uid=str(seg.SeriesInstanceUID),
        sop_class_uid=str(seg.SOPClassUID),
        model_digest=provenance.model_digest,
        confirmed=False,
    )


@contextmanager
def _unheard() -> Iterator[None]:
    """Silence pydicom and highdicom, whose warnings and log records quote names, UIDs, values."""
    loggers = [
        logger
        for name, logger in logging.root.manager.loggerDict.items()
        if name.partition(".")[0] in ("pydicom", "highdicom") and isinstance(logger, logging.Logger)
    ]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


def _read_sources(sources: Sequence[Path], label_map: NDArray[np.uint8]) -> list[Dataset]:
    try:
        images = [_in_utf_8(dcmread(path)) for path in sources]
    except Exception:  # noqa: BLE001 - the parser raises many types; they may quote the identified source
        raise SourceMismatchError("A source image cannot be read.") from None
    if label_map.dtype != np.uint8 or label_map.shape[:1] != (len(images),) or not images:
        raise SourceMismatchError("The label map does not have one slice per source image.")
    if any((ds.get("Rows"), ds.get("Columns")) != label_map.shape[1:] for ds in images):
        raise SourceMismatchError("The label map has another size than the source images.")
    if len({ds.get("SeriesInstanceUID") for ds in images}) != 1:
        raise SourceMismatchError("The source images belong to more than one series.")
    if len({ds.get("SOPInstanceUID") for ds in images}) != len(images):
        raise SourceMismatchError("A source image is given twice.")
    return images


def _in_utf_8(image: Dataset) -> Dataset:
    """Read its text once and for all; highdicom refuses sets that are empty or many."""
    image.decode()
    image.SpecificCharacterSet = "ISO_IR 192"
    return image


def _segmentation(
    images: list[Dataset],
    label_map: NDArray[np.uint8],
    labels: Sequence[LabelClass],
    provenance: Provenance,
) -> hd.seg.Segmentation:
    numbers = np.arange(1, len(labels) + 1, dtype=np.uint8)
    masks = (label_map[..., np.newaxis] == numbers).astype(np.uint8)
    algorithm = _algorithm(provenance)
    identity = provenance.identity or ResultIdentity.random()
    try:
        seg = hd.seg.Segmentation(
            source_images=images,
            pixel_array=masks,
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=[
                _description(int(number), label, algorithm)
                for number, label in zip(numbers, labels, strict=True)
            ],
            series_instance_uid=identity.series_instance_uid,
            series_number=_SERIES_NUMBER,
            sop_instance_uid=identity.sop_instance_uid,
            instance_number=1,
            series_description="FedPACS segmentation - RESEARCH ONLY",
            content_description=f"{provenance.job_name} - RESEARCH ONLY"[:64],
            content_label="RESEARCH_ONLY",
            manufacturer=_MANUFACTURER,
            manufacturer_model_name=provenance.job_name,
            software_versions=f"round {provenance.server_round}",
            device_serial_number=provenance.model_digest[:16],
            omit_empty_frames=bool(label_map.any()),
        )
    except Exception as error:  # noqa: BLE001 - highdicom raises many types; they may quote the identified source
        kind = type(error).__name__  # of all that it says, no patient's
        msg = f"The source images do not carry a segmentation ({kind})."
        raise UnwritableResultError(msg) from None
    return seg


def _description(
    number: int, label: LabelClass, algorithm: hd.AlgorithmIdentificationSequence
) -> hd.seg.SegmentDescription:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label.property_type.meaning[:64],
        segmented_property_category=_code(label.property_category),
        segmented_property_type=_code(label.property_type),
        algorithm_type=hd.seg.SegmentAlgorithmTypeValues.AUTOMATIC,
        algorithm_identification=algorithm,
        tracking_uid=generate_uid(prefix=None),
        tracking_id=label.name,
    )


def _algorithm(provenance: Provenance) -> hd.AlgorithmIdentificationSequence:
    return hd.AlgorithmIdentificationSequence(
        name=f"FedPACS {provenance.job_name}"[:64],
        family=codes.cid7162.ArtificialIntelligence,
        version=f"round {provenance.server_round}",
        source=_MANUFACTURER,
        parameters={"model_sha256": provenance.model_digest, "site": provenance.site},
    )


def _code(code: ConfiguredCode) -> Code:
    return Code(code.value, code.scheme, code.meaning)


def _save(seg: hd.seg.Segmentation, out: Path) -> None:
    draft = out.with_name(f".{secrets.token_hex(8)}.draft")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            seg.save_as(handle, enforce_file_format=True)
        draft.replace(out)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UnwritableResultError(f"The result cannot be written: {error.strerror}.") from error
