"""Quality control of one image series: what would spoil a volume, found before it is used.

A series may be sound and still be no single volume (a localizer, several echoes or phases): it is
told apart into its stacks, and that is a note. Slices that are missing, doubled, damaged or of
another acquisition block.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fedpacs.config.quality import Quality
from fedpacs.quality.findings import (
    QualityFinding,
    SeriesReport,
    Severity,
    StackSummary,
    count,
    finding,
    weighed,
)
from fedpacs.quality.geometry import (
    of_demands,
    of_directions,
    of_spacings,
    of_stack,
    plane_of,
    slice_distance_mm,
)
from fedpacs.quality.intensities import of_acquisition, of_empty_slices, of_pixels
from fedpacs.quality.kinds import MOVING, of_frames, of_kind
from fedpacs.quality.pictures import number, pictures_of, read_instance, text
from fedpacs.quality.repeats import of_repeats
from fedpacs.quality.stacks import tell_apart, without_localizers

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fedpacs.quality.pictures import Instance, Picture, Source
    from fedpacs.quality.stacks import Group

__all__ = ["QualityFinding", "SeriesReport", "Severity", "check_series"]

LABELS = ("SEG", "RTSTRUCT")
_NO_IMAGES = (*LABELS, "SR", "PR", "KO", "RTPLAN", "RTDOSE", "REG", "DOC", "ECG", "AU", "FID")
_DEFAULT = Quality()


def check_series(files: Sequence[Source], rules: Quality = _DEFAULT) -> SeriesReport:
    """Check the objects of one series.

    Parameters
    ----------
    files
        Every DICOM file of the series, as bytes or path, in any order.
    rules
        Thresholds and severities, of the job and the site together.

    Returns
    -------
    SeriesReport
        Every finding, the worst first. A fault of a file is a finding, never an exception.
    """
    read = [read_instance(file) for file in files]
    instances = [i for i in read if i is not None]
    return check_instances(instances, rules, unreadable=len(read) - len(instances))


def check_instances(
    instances: Sequence[Instance], rules: Quality = _DEFAULT, *, unreadable: int = 0
) -> SeriesReport:
    """Check objects that were read before; see `check_series`."""
    found = list(_of_files(instances, unreadable))
    stacks: list[StackSummary] = []
    images = [i for i in instances if i.modality not in _NO_IMAGES]
    pictures: list[Picture] = []
    if images:
        try:
            pictures = [p for i in images for p in pictures_of(i)]
            found += _of_images(images, pictures, rules, stacks)
        except Exception:  # noqa: BLE001 - a damaged value may raise anything when it is read
            found.append(finding("unreadable", "A header of the series cannot be understood."))
    return SeriesReport(
        series_uid=instances[0].series_uid if instances else "",
        findings=weighed(_together(found), rules),
        modality=instances[0].modality if instances else "",
        images=len(pictures),
        stacks=tuple(stacks),
    )


def _of_files(instances: Sequence[Instance], unreadable: int) -> Iterator[QualityFinding]:
    if not instances and not unreadable:
        yield finding("empty-series", "The series has no files.")
    if unreadable:
        sentence = f"{count(unreadable, 'file')} cannot be read as DICOM."
        yield finding("unreadable", sentence, files=unreadable)
    if len({i.series_uid for i in instances}) > 1:
        yield finding("mixed-series", "The files belong to more than one series.")
    doubled = len(instances) - len({i.sop_instance_uid for i in instances})
    if doubled:
        verb = "repeats" if doubled == 1 else "repeat"
        sentence = f"{count(doubled, 'file')} {verb} an instance."
        yield finding("duplicate-instance", sentence, files=doubled)
    damaged = sum(i.facts is None for i in instances if i.modality not in _NO_IMAGES[1:])
    if damaged:
        sentence = f"The pixels of {count(damaged, 'image')} are damaged."
        yield finding("undecodable", sentence, images=damaged)


def _of_images(
    images: Sequence[Instance],
    pictures: Sequence[Picture],
    rules: Quality,
    stacks: list[StackSummary],
) -> Iterator[QualityFinding]:
    yield from of_frames(images)
    yield from of_kind(images)
    yield from of_pixels(pictures, rules)
    yield from _of_number(images)
    projections = images[0].modality in MOVING
    if projections:
        stacks.append(StackSummary("", len(pictures)))
        return
    slices, split_off = without_localizers(pictures)
    yield from split_off
    if slices:
        yield from _of_slices(slices, rules, stacks)


def _of_slices(
    slices: Sequence[Picture], rules: Quality, stacks: list[StackSummary]
) -> Iterator[QualityFinding]:
    if len({p.size for p in slices}) > 1:
        yield finding("mixed-size", "The images differ in rows, columns or samples per pixel.")
    if len({text(p.instance.ds, "FrameOfReferenceUID") for p in slices}) > 1:
        yield finding("mixed-frame-of-reference", "The images have several frames of reference.")
    placed = [p for p in slices if p.placed]
    unplaced = len(slices) - len(placed)
    if unplaced:
        verb = "does" if unplaced == 1 else "do"
        sentence = f"{count(unplaced, 'image')} {verb} not say where they lie."
        yield finding("no-geometry", sentence, images=unplaced)
        return
    crooked = list(of_directions(placed))
    yield from crooked
    if crooked:
        return
    groups, apart = tell_apart(placed, rules)
    yield from apart
    for group in groups:
        stacks.append(_summary(group))
        yield from _of_group(group, rules)


def _of_group(group: Group, rules: Quality) -> Iterator[QualityFinding]:
    pictures = group.pictures
    yield from of_spacings(pictures)
    yield from of_acquisition(pictures)
    yield from of_stack(pictures, rules)
    yield from of_empty_slices(pictures)
    yield from of_repeats(pictures)
    yield from of_demands(pictures, rules)


def _of_number(images: Sequence[Instance]) -> Iterator[QualityFinding]:
    """Compare with what the objects announce: slices missing at an end leave no gap."""
    ds = images[0].ds
    announced = int(number(ds, "ImagesInAcquisition") or 0)
    if images[0].modality == "PT" and number(ds, "NumberOfSlices"):
        times = number(ds, "NumberOfTimeSlices") or 1
        announced = max(announced, int((number(ds, "NumberOfSlices") or 0) * times))
    single = all(i.frames == 1 for i in images)
    one = len({text(i.ds, "AcquisitionNumber") for i in images}) == 1
    missing = announced - len(images)
    if single and one and missing > 0:
        sentence = f"{announced} images are announced, {len(images)} are there."
        yield finding("fewer-than-announced", sentence, announced=announced, images=len(images))


def _summary(group: Group) -> StackSummary:
    first = group.pictures[0]
    distance = slice_distance_mm(group.pictures)
    spacing = None
    if distance is not None and first.pixel_spacing is not None:
        rows, columns = first.pixel_spacing
        spacing = (round(distance, 4), round(rows, 4), round(columns, 4))
    return StackSummary(group.label, len(group.pictures), plane_of(first)[0], spacing)


def _together(found: Sequence[QualityFinding]) -> list[QualityFinding]:
    """Tell once what several stacks have in common."""
    by_code: dict[str, list[QualityFinding]] = {}
    for one in found:
        by_code.setdefault(one.code, []).append(one)
    result = []
    for same in by_code.values():
        first = same[0]
        if len(same) > 1:
            more = count(len(same) - 1, "other stack")
            first = replace(
                first,
                sentence=f"{first.sentence} So too in {more}.",
                numbers={**first.numbers, "stacks_affected": len(same)},
            )
        result.append(first)
    return result
