"""Quality control of one image series: what would spoil a volume, found before it is used.

A series may be sound and still be no single volume (a localizer, a time series, a diffusion
series): that is a warning. Slices that are missing, doubled, damaged or of another acquisition
are errors.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.quality.findings import QualityFinding, SeriesReport, Severity
from fedpacs.quality.slices import read_slice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fedpacs.quality.slices import Slice

__all__ = ["QualityFinding", "SeriesReport", "Severity", "check_series"]

_SAME_PLACE_MM = 0.01
_SAME_GAP = 0.05
_SAME_DIRECTION = 1e-3
_AIR_HU = -500.0


def check_series(files: Sequence[bytes | Path]) -> SeriesReport:
    """Check the images of one series.

    Parameters
    ----------
    files
        Every DICOM file of the series, as bytes or path, in any order.

    Returns
    -------
    SeriesReport
        Every finding, errors first. A fault of a file is a finding, never an exception.
    """
    read = [read_slice(file) for file in files]
    slices = [s for s in read if s is not None]
    findings = list(_of_files(slices, unreadable=len(read) - len(slices)))
    findings += _undecodable(slices)
    images = [s for s in slices if s.modality != "SEG"]  # a segmentation is no stack of its own
    if images:
        findings += _of_pixels(images)
        findings += _of_stack(images)
    findings.sort(key=lambda finding: finding.severity is not Severity.ERROR)
    return SeriesReport(slices[0].series_uid if slices else "", tuple(findings))


def _error(what: str, sentence: str) -> QualityFinding:
    return QualityFinding(f"quality.{what}", Severity.ERROR, sentence)


def _warning(what: str, sentence: str) -> QualityFinding:
    return QualityFinding(f"quality.{what}", Severity.WARNING, sentence)


def _of_files(slices: Sequence[Slice], unreadable: int) -> Iterator[QualityFinding]:
    if not slices and not unreadable:
        yield _error("empty-series", "The series has no files.")
    if unreadable:
        yield _error("unreadable", f"{_count(unreadable, 'file')} cannot be read as DICOM.")
    if len({s.series_uid for s in slices}) > 1:
        yield _error("mixed-series", "The files belong to more than one series.")
    doubled = len(slices) - len({s.sop_instance_uid for s in slices})
    if doubled:
        yield _error("duplicate-instance", f"{_count(doubled, 'file')} repeat an instance.")


def _undecodable(slices: Sequence[Slice]) -> Iterator[QualityFinding]:
    undecodable = sum(s.frame is None for s in slices)
    if undecodable:
        yield _error("undecodable", f"The pixels of {_count(undecodable, 'image')} are damaged.")


def _of_pixels(slices: Sequence[Slice]) -> Iterator[QualityFinding]:
    if len({s.size for s in slices}) > 1:
        yield _error("mixed-size", "The images differ in rows, columns or samples per pixel.")
    if len({s.protocol for s in slices}) > 1:
        yield _warning("mixed-protocol", "The images differ in convolution kernel or tube voltage.")
    frames = [s.frame for s in slices if s.frame is not None]
    if frames and all(frame.constant for frame in frames):
        yield _error("blank", "Not one image of the series shows anything.")
    elif slices[0].modality == "CT" and min(f.minimum for f in frames or ()) > _AIR_HU:
        yield _warning("no-air", "No voxel is as light as air: the CT values may lack rescaling.")


def _of_stack(slices: Sequence[Slice]) -> Iterator[QualityFinding]:
    if any(s.localizer for s in slices):
        yield _warning("localizer", "The series is a localizer and makes no volume.")
        return
    if not all(s.single_frame for s in slices):
        yield _warning("multi-frame", "The series has multi-frame objects; slices not checked.")
        return
    unplaced = sum(not s.placed for s in slices)
    if unplaced:
        yield _error("no-geometry", f"{_count(unplaced, 'image')} do not say where they lie.")
        return
    directions = np.stack([_directions(s) for s in slices])
    if not np.allclose(directions, directions[0], rtol=0, atol=_SAME_DIRECTION):
        yield _error("mixed-orientation", "The images do not all lie in parallel planes.")
        return
    spacings = np.array([s.pixel_spacing for s in slices], dtype=np.float64)
    if not np.allclose(spacings, spacings[0], rtol=1e-3):
        yield _error("mixed-spacing", "The images differ in pixel spacing.")
    yield from _of_places(slices, np.cross(directions[0, 0], directions[0, 1]))


def _of_places(slices: Sequence[Slice], normal: NDArray[np.float64]) -> Iterator[QualityFinding]:
    """Look along the normal: doubled places, missing places, blank slices between others."""
    ordered = sorted(slices, key=lambda s: float(_position(s) @ normal))
    places = np.array([float(_position(s) @ normal) for s in ordered])
    starts = np.concatenate([[True], np.diff(places) > _SAME_PLACE_MM])
    groups = np.cumsum(starts) - 1
    sizes = Counter(groups.tolist())
    if len(set(sizes.values())) == 1 and sizes[0] > 1 and _all_differ(slices):
        yield _warning("several-volumes", f"The series holds {sizes[0]} images at each place.")
    elif len(sizes) < len(places):
        doubled = _count(len(places) - len(sizes), "image")
        yield _error("duplicate-position", f"{doubled} lie where another image lies.")
    yield from _of_gaps(np.diff(places[starts]))
    yield from _of_shear(ordered, normal)
    shown = [i for i, s in enumerate(ordered) if s.frame is not None and not s.frame.constant]
    inner = ordered[shown[0] : shown[-1] + 1] if shown else []
    blank = sum(s.frame is not None and s.frame.constant for s in inner)
    if blank:
        yield _error("blank-slice", f"{_count(blank, 'image')} between others show nothing.")


def _of_gaps(gaps: NDArray[np.float64]) -> Iterator[QualityFinding]:
    if not gaps.size:
        return
    typical = float(np.median(gaps[gaps < 1.5 * gaps.min()]))  # the smallest, but for rounding
    steps = gaps / typical
    whole = np.rint(steps)
    irregular = np.abs(steps - whole) > _SAME_GAP
    if bool(np.any(irregular)) or bool(np.any(whole < 1)):
        yield _error("uneven-spacing", "The distance between neighbouring images varies.")
    elif bool(np.any(whole > 1)):
        missing = _count(int(np.sum(whole - 1)), "slice")
        gaps_ = _count(int(np.sum(whole > 1)), "gap")
        yield _error("missing-slices", f"{missing} missing in {gaps_}.")


def _of_shear(ordered: Sequence[Slice], normal: NDArray[np.float64]) -> Iterator[QualityFinding]:
    offsets = np.stack([_position(s) for s in ordered]) - _position(ordered[0])
    drift = np.abs(offsets - np.outer(offsets @ normal, normal)).max()
    pixel = min(ordered[0].pixel_spacing or (np.inf,))
    if drift > 0.5 * pixel:  # half a voxel
        yield _warning("sheared", "The images are shifted sideways, as with a tilted gantry.")


def _all_differ(slices: Sequence[Slice]) -> bool:
    digests = [s.frame.digest for s in slices if s.frame is not None and not s.frame.constant]
    return len(set(digests)) == len(digests)


def _directions(s: Slice) -> NDArray[np.float64]:
    assert s.directions is not None  # noqa: S101 - `placed` was asked for every slice
    return s.directions


def _position(s: Slice) -> NDArray[np.float64]:
    assert s.position is not None  # noqa: S101 - `placed` was asked for every slice
    return s.position


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
