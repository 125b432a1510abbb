"""What a label says it was drawn on: images and frames of reference."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.quality.pictures import text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom import Dataset


def referenced_images(ds: Dataset) -> set[str]:
    """Give the SOP Instance UIDs of the images that a SEG or RTSTRUCT names.

    References
    ----------
    PS3.3 C.12.2 Common Instance Reference; C.8.8.5 Structure Set; C.7.6.16.2.6 Derivation Image.
    """
    found: set[str] = set()
    for item in _all(ds):
        uid = text(item, "ReferencedSOPInstanceUID")
        if uid:
            found.add(uid)
    return found


def _all(ds: Dataset) -> Iterator[Dataset]:
    for series in ds.get("ReferencedSeriesSequence") or ():
        yield from series.get("ReferencedInstanceSequence") or ()
    for frame in ds.get("ReferencedFrameOfReferenceSequence") or ():
        for study in frame.get("RTReferencedStudySequence") or ():
            for series in study.get("RTReferencedSeriesSequence") or ():
                yield from series.get("ContourImageSequence") or ()
    for roi in ds.get("ROIContourSequence") or ():
        for contour in roi.get("ContourSequence") or ():
            yield from contour.get("ContourImageSequence") or ()
    for group in ds.get("PerFrameFunctionalGroupsSequence") or ():
        for derivation in group.get("DerivationImageSequence") or ():
            yield from derivation.get("SourceImageSequence") or ()


def frames_of_reference(ds: Dataset) -> set[str]:
    """Give the frames of reference that a label lies in."""
    if text(ds, "Modality") == "SEG":
        return {text(ds, "FrameOfReferenceUID")}
    structures = ds.get("StructureSetROISequence") or ()
    return {text(roi, "ReferencedFrameOfReferenceUID") for roi in structures}
