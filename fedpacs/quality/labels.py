"""Labels against the images they were drawn on: frame of reference, references, grid, extent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.config.quality import Quality
from fedpacs.quality.findings import SeriesReport, count, finding, weighed
from fedpacs.quality.geometry import directions_of, normal_of, position_of
from fedpacs.quality.label_references import frames_of_reference, referenced_images
from fedpacs.quality.pictures import pictures_of, read_instance, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from pydicom import Dataset

    from fedpacs.quality.findings import QualityFinding
    from fedpacs.quality.pictures import Instance, Picture, Source

_SAME_DIRECTION = 1e-3
_OUTSIDE_MM = 0.5
_DEFAULT = Quality()


def check_label(
    file: Source, images: Sequence[Instance], rules: Quality = _DEFAULT
) -> SeriesReport:
    """Check a SEG or RTSTRUCT against the images of its study.

    Parameters
    ----------
    file
        The label.
    images
        Every image of the study; which of them it was drawn on, the label says.
    rules
        Severities, of the job and the site together.
    """
    label = read_instance(file)
    if label is None:
        unreadable = finding("unreadable", "1 file cannot be read as DICOM.", files=1)
        return SeriesReport("", weighed([unreadable], rules))
    try:
        found = list(_of_label(label, images))
    except Exception:  # noqa: BLE001 - a damaged value may raise anything when it is read
        found = [finding("label-undecodable", "The label cannot be understood.")]
    return SeriesReport(label.series_uid, weighed(found, rules), label.modality, label.frames)


def _of_label(label: Instance, images: Sequence[Instance]) -> Iterator[QualityFinding]:
    referenced = referenced_images(label.ds)
    known = {i.sop_instance_uid: i for i in images}
    if not referenced:
        yield finding("label-unreferenced", "The label names no image that it was drawn on.")
    lacking = len(referenced - set(known))
    if lacking:
        sentence = f"The label refers to {count(lacking, 'image')} that are not there."
        yield finding("label-lacks-image", sentence, images=lacking)
    drawn_on = [known[uid] for uid in sorted(referenced & set(known))]
    frames = {text(i.ds, "FrameOfReferenceUID") for i in drawn_on} - {""}
    own = frames_of_reference(label.ds) - {""}
    if frames and own and not own <= frames:
        yield finding("label-other-frame-of-reference", "The label lies in another space.")
        return
    # A label names the slices that it marks; the volume is the whole series of these slices
    series = {i.series_uid for i in drawn_on}
    volume = [p for i in images if i.series_uid in series for p in pictures_of(i) if p.placed]
    if label.modality == "SEG":
        yield from _of_segmentation(label, volume)
    elif label.modality == "RTSTRUCT":
        yield from _of_structures(label, volume)


def _of_segmentation(label: Instance, volume: Sequence[Picture]) -> Iterator[QualityFinding]:
    groups = list(label.ds.get("PerFrameFunctionalGroupsSequence") or ())
    if label.facts is None or len(groups) != label.frames:
        yield finding("label-undecodable", "The frames of the segmentation are damaged.")
        return
    yield from _of_empty_segments(label, groups)
    frames = list(pictures_of(label))
    placed = [f for f in frames if f.placed]
    if not placed or not volume:
        return
    other = sum(not _same_grid(frame, volume[0]) for frame in placed)
    if other:
        sentence = f"{count(other, 'frame')} of {len(frames)} are drawn on another grid."
        yield finding("label-other-geometry", sentence, frames=other)
        return
    away = sum(not _on_a_slice(frame, volume) for frame in placed)
    if away:
        sentence = f"{count(away, 'frame')} of {len(frames)} lie on no slice of the image."
        yield finding("label-outside", sentence, frames=away)


def _of_empty_segments(label: Instance, groups: Sequence[Dataset]) -> Iterator[QualityFinding]:
    shown: set[int] = set()
    shared = (label.ds.get("SharedFunctionalGroupsSequence") or [None])[0]
    for group, facts in zip(groups, label.facts or (), strict=True):
        if facts.maximum <= 0:
            continue
        for source in (group, shared):
            items = source.get("SegmentIdentificationSequence") if source is not None else None
            if items:
                shown.add(int(items[0].ReferencedSegmentNumber))
                break
    segments = {int(s.SegmentNumber) for s in label.ds.get("SegmentSequence") or ()}
    if text(label.ds, "SegmentationType") == "LABELMAP":
        return
    empty = len(segments - shown) or (0 if segments else 1)
    if empty:
        sentence = f"{count(empty, 'segment')} of {len(segments)} mark nothing."
        yield finding("label-empty", sentence, segments=empty)


def _same_grid(frame: Picture, image: Picture) -> bool:
    ours, theirs = (np.asarray(p.pixel_spacing) for p in (frame, image))
    return (
        frame.size[:2] == image.size[:2]
        and np.allclose(ours, theirs, rtol=1e-2)
        and np.allclose(directions_of(frame), directions_of(image), rtol=0, atol=_SAME_DIRECTION)
    )


def _on_a_slice(frame: Picture, volume: Sequence[Picture]) -> bool:
    spacing = min(frame.pixel_spacing or (1.0,))
    offsets = np.stack([position_of(p) for p in volume]) - position_of(frame)
    return bool(np.linalg.norm(offsets, axis=1).min() <= max(0.5 * spacing, _OUTSIDE_MM))


def _of_structures(label: Instance, volume: Sequence[Picture]) -> Iterator[QualityFinding]:
    outside = empty = total = 0
    contours = {int(c.ReferencedROINumber): c for c in label.ds.get("ROIContourSequence") or ()}
    for roi in label.ds.get("StructureSetROISequence") or ():
        total += 1
        points = _points(contours.get(int(roi.ROINumber)))
        if not points.size:
            empty += 1
        elif volume:
            outside += not _inside(points, volume)
    if empty or not total:
        sentence = f"{count(empty, 'structure')} of {total} have no contour."
        yield finding("label-empty", sentence, structures=empty)
    if outside:
        sentence = f"{count(outside, 'structure')} of {total} reach out of the image."
        yield finding("label-outside", sentence, structures=outside)


def _points(roi: Dataset | None) -> NDArray[np.float64]:
    contours = roi.get("ContourSequence") if roi is not None else None
    parts = [np.asarray(c.ContourData, np.float64).reshape(-1, 3) for c in contours or ()]
    return np.concatenate(parts) if parts else np.empty((0, 3))


def _inside(points: NDArray[np.float64], volume: Sequence[Picture]) -> bool:
    first = volume[0]
    row, column = directions_of(first)
    normal = normal_of(first)
    between = first.pixel_spacing or (1.0, 1.0)
    offsets = points - position_of(first)
    along = np.stack([position_of(p) for p in volume]) @ normal
    margin = max(float(first.thickness_mm or 0), *between, _OUTSIDE_MM)
    depth = points @ normal
    across, down = offsets @ row, offsets @ column
    return bool(
        depth.min() >= along.min() - margin
        and depth.max() <= along.max() + margin
        and min(across.min(), down.min()) >= -margin
        and across.max() <= (first.size[1] - 1) * between[1] + margin
        and down.max() <= (first.size[0] - 1) * between[0] + margin
    )
