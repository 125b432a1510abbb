"""DICOM SEG to a label map on the grid of the images it was drawn on.

Each frame is placed by the image it references, or else by its own position; when it has both
they must agree. Frames may come in any order, and a slice without a frame is background. Where
classes overlap, the one later in the job's list wins: put the lesion after the organ.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydicom.sr.coding import Code
from pydicom.uid import SegmentationStorage

from fedpacs.cohort.errors import (
    GeometryError,
    LabelMismatchError,
    UnsupportedImageError,
    UnsupportedLabelError,
)
from fedpacs.cohort.stacks import SAME_PLACE, decode, make_plane, read_dataset

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

    from fedpacs.cohort.stacks import Plane, Stack
    from fedpacs.config.job import LabelClass


def read_label(content: bytes) -> Dataset:
    """Parse a SEG.

    Raises
    ------
    UnsupportedLabelError
        If it is no BINARY segmentation.
    """
    try:
        seg = read_dataset(content)
    except UnsupportedImageError:
        raise UnsupportedLabelError("A label is not readable DICOM.") from None
    if seg.get("SOPClassUID") != SegmentationStorage or seg.get("SegmentationType") != "BINARY":
        raise UnsupportedLabelError("A label is no DICOM SEG of type BINARY.")
    return seg


def has_every_class(seg: Dataset, labels: Sequence[LabelClass]) -> bool:
    """Tell whether people drew a segment of every class.

    Segments that an algorithm made alone (``SegmentAlgorithmType`` ``AUTOMATIC``) do not count.
    """
    segments = segment_classes(seg, labels)
    return set(segments.values()) == set(range(1, len(labels) + 1))


def segment_classes(seg: Dataset, labels: Sequence[LabelClass]) -> dict[int, int]:
    """Map segment numbers to classes by the code of their property type.

    Returns
    -------
    dict of int to int
        Segment number to class, 1..n in the order of `labels`. Others are left out.
    """
    wanted = [
        Code(label.property_type.value, label.property_type.scheme, label.property_type.meaning)
        for label in labels
    ]
    classes: dict[int, int] = {}
    for segment in seg.get("SegmentSequence") or ():
        if segment.get("SegmentAlgorithmType") == "AUTOMATIC":
            continue
        for item in segment.get("SegmentedPropertyTypeCodeSequence") or ():
            code = Code(
                item.get("CodeValue", ""),
                item.get("CodingSchemeDesignator", ""),
                item.get("CodeMeaning", ""),
            )
            if code in wanted:  # compares as concepts: a retired SNOMED RT code equals its CT one
                classes[int(segment.SegmentNumber)] = wanted.index(code) + 1
    return classes


def label_map(seg: Dataset, stack: Stack, labels: Sequence[LabelClass]) -> NDArray[np.uint8]:
    """Decode a SEG on the grid of a stack.

    Returns
    -------
    ndarray
        Shape ``(Z, Y, X)``, uint8, 0 background, then 1..n in the order of `labels`.

    Raises
    ------
    LabelMismatchError
        If a class is missing or a frame does not lie on a slice of the stack.
    UnsupportedLabelError
        If the frames are contradictory or cannot be decoded.

    References
    ----------
    PS3.3 C.8.20 Segmentation IOD modules; C.7.6.16 Multi-frame Functional Groups.
    """
    classes = segment_classes(seg, labels)
    if not has_every_class(seg, labels):
        raise LabelMismatchError("The segmentation lacks a class of the job.")
    frames, groups = _frames(seg)
    masks = np.zeros((len(labels) + 1, *stack.image.shape), dtype=np.bool_)
    placer = _Placer(seg, stack)
    seen: set[tuple[int, int]] = set()
    for frame, group in zip(frames, groups, strict=True):
        segment = placer.segment(group)
        z = placer.slice(group)
        if (segment, z) in seen:
            raise UnsupportedLabelError("The segmentation draws one slice of a segment twice.")
        seen.add((segment, z))
        if segment in classes:
            masks[classes[segment], z] |= frame.astype(np.bool_)
    label = np.zeros(stack.image.shape, dtype=np.uint8)
    for number in range(1, len(labels) + 1):
        label[masks[number]] = number
    return label


def _frames(seg: Dataset) -> tuple[NDArray[np.uint8], list[Dataset]]:
    groups = list(seg.get("PerFrameFunctionalGroupsSequence") or ())
    try:
        frames = decode(seg)
    except UnsupportedImageError:
        raise UnsupportedLabelError("The frames of a segmentation cannot be decoded.") from None
    if frames.ndim == 2:  # noqa: PLR2004 - rows and columns of an only frame
        frames = frames[np.newaxis]
    if len(groups) != len(frames):
        raise UnsupportedLabelError("The segmentation describes another number of frames.")
    return frames, groups


class _Placer:
    """Finds the segment and the slice of a frame."""

    def __init__(self, seg: Dataset, stack: Stack) -> None:
        shared = seg.get("SharedFunctionalGroupsSequence") or [None]
        self._shared = shared[0]
        self._shape = (int(seg.get("Rows") or 0), int(seg.get("Columns") or 0))
        self._stack = stack
        self._slices = {uid: z for z, uid in enumerate(stack.sop_instance_uids)}
        if self._shape != stack.planes[0].shape:
            raise LabelMismatchError("The segmentation has another size than the images.")

    def segment(self, group: Dataset) -> int:
        """Give the segment's number."""
        item = self._item(group, "SegmentIdentificationSequence")
        number = None if item is None else item.get("ReferencedSegmentNumber")
        if not isinstance(number, int):
            raise UnsupportedLabelError("A frame does not name exactly one segment.")
        return number

    def slice(self, group: Dataset) -> int:
        """Give the index of the slice."""
        named = self._referenced_slice(group)
        plane = self._plane(group)
        if plane is None:
            if named is None:
                raise LabelMismatchError("A frame has neither a source image nor a position.")
            return named
        if not plane.is_aligned_with(self._stack.planes[0]):
            raise LabelMismatchError("The segmentation is drawn on another grid.")
        z = self._nearest(plane) if named is None else named
        offset = plane.position - self._stack.planes[z].position
        row, column = self._stack.planes[0].row, self._stack.planes[0].column
        axes = np.stack([self._stack.planes[0].normal, column, row])
        if bool(np.any(np.abs(axes @ offset) > SAME_PLACE * np.array(self._stack.spacing_mm))):
            raise LabelMismatchError("A frame does not lie on a slice of the images.")
        return z

    def _referenced_slice(self, group: Dataset) -> int | None:
        derivation = self._item(group, "DerivationImageSequence")
        sources = [] if derivation is None else list(derivation.get("SourceImageSequence") or ())
        if not sources:
            return None
        uids = {str(source.get("ReferencedSOPInstanceUID", "")) for source in sources}
        if len(uids) != 1 or not uids <= set(self._slices):
            if self._plane(group) is not None and len(uids) > 1:
                return None
            raise LabelMismatchError("A frame is drawn on an image that the series lacks.")
        return self._slices[uids.pop()]

    def _nearest(self, plane: Plane) -> int:
        normal = self._stack.planes[0].normal
        places = np.array([float(p.position @ normal) for p in self._stack.planes])
        return int(np.argmin(np.abs(places - float(plane.position @ normal))))

    def _plane(self, group: Dataset) -> Plane | None:
        position = self._item(group, "PlanePositionSequence")
        orientation = self._item(group, "PlaneOrientationSequence")
        measures = self._item(group, "PixelMeasuresSequence")
        if position is None or orientation is None or measures is None:
            return None
        try:
            return make_plane(
                position.get("ImagePositionPatient"),
                orientation.get("ImageOrientationPatient"),
                measures.get("PixelSpacing"),
                self._shape,
            )
        except GeometryError as error:
            raise LabelMismatchError("A frame of the segmentation has no proper place.") from error

    def _item(self, group: Dataset, keyword: str) -> Dataset | None:
        """Give a functional group's item of the frame, else the one shared by all frames."""
        for source in (group, self._shared):
            sequence = source.get(keyword) if source is not None else None
            if sequence:
                item: Dataset = sequence[0]
                return item
        return None
