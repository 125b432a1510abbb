"""Locating: the pose of the head in a series, found once and remembered for every slice of it.

Fails closed: where the template does not lie well, from both sides and at the face, where a face is
in the picture and its nose is not found, or where the template would lie better in a head turned
round, there is no pose.
"""

from __future__ import annotations

import fcntl
import json
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from fedpacs.core.errors import FedpacsError
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.faces.fitting import fitted, is_turned
from fedpacs.deidentification.faces.planes import geometry_of, modality_of
from fedpacs.deidentification.faces.pose import Pose
from fedpacs.deidentification.faces.skin import skin_of
from fedpacs.deidentification.faces.volume import COARSE_MM, CoarseVolume, coarse_slice, is_volume
from fedpacs.deidentification.pixels.frames import Frames

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fedpacs.deidentification.faces.fitting import Fit
    from fedpacs.deidentification.faces.plan import FacePlan
    from fedpacs.deidentification.faces.planes import FrameGeometry
    from fedpacs.deidentification.faces.volume import Plane

_LEAST_DEPTH_MM = 60.0
_MOST_STACKS, _MOST_SERIES = 3, 6
_LEAST_SEEN = 0.25
_LEAST_TEMPLATE, _LEAST_SKIN = 0.75, 0.65
_SOME_FACE, _LEAST_FACE = 0.1, 0.7
_SCALES = (0.55, 1.35)
_LARGEST_TURN = 0.9
_SAME_MM = 0.02
_PLACES = 6


class Head(NamedTuple):
    """A head that was found.

    Attributes
    ----------
    pose
        Where it lies.
    shows_face
        Whether its face is in the picture, or a part of it; only then its pose can be lent.
    """

    pose: Pose
    shows_face: bool


class _Slice:
    """One frame of one file."""

    __slots__ = ("geometry", "number", "path")

    def __init__(self, path: Path, number: int, geometry: FrameGeometry) -> None:
        self.path = path
        self.number = number
        self.geometry = geometry

    @property
    def plane(self) -> Plane:
        return self.geometry.plane


def head_in_series(plan: FacePlan, series: str, frame: str, *, borrow_first: bool) -> Head | None:
    """Give where the head lies in a series, found in it or in another of its frame of reference.

    Parameters
    ----------
    plan
        Which files belong together.
    series, frame
        Keys of the series and of its frame of reference.
    borrow_first
        Whether others show skin better, as CT does compared with PET.

    Returns
    -------
    Head or None
        None when the head cannot be found with certainty.
    """
    others = [other for other in plan.series_in(frame) if other != series][:_MOST_SERIES]
    order = [*others, series] if borrow_first else [series, *others]
    for key in order:
        head = _remembered(plan, key)
        if head is not None and (key == series or head.shows_face):
            return head
    return None


def _remembered(plan: FacePlan, series: str) -> Head | None:
    """Find the head in a series, or read what another worker found."""
    target = plan.folder / f"{series}.pose"
    with _alone(plan.folder / f"{series}.lock"):
        if not target.exists():
            head = head_in_files(plan.files(series))
            numbers = None if head is None else [*map(float, head.pose.numbers), head.shows_face]
            part = target.with_suffix(".part")
            part.write_text(json.dumps(numbers))
            part.rename(target)
        found = json.loads(target.read_text())
    if found is None:
        return None
    return Head(Pose(np.array(found[:-1], np.float64), np.eye(3)), bool(found[-1]))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Keep other workers from the same search; one that dies lets go."""
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def head_in_files(files: Sequence[Path]) -> Head | None:
    """Find the head in the files of one series.

    Parameters
    ----------
    files
        Files, each with one frame or many.

    Returns
    -------
    Head or None
        None when it is not found with certainty.
    """
    for stack in _stacks(files)[:_MOST_STACKS]:
        if not is_volume([one.plane for one in stack], _LEAST_DEPTH_MM):
            continue
        volume = _volume(_thinned(stack))
        skin = None if volume is None else skin_of(volume)
        fit = None if skin is None else fitted(skin)
        if skin is None or fit is None or not is_certain(fit) or is_turned(skin, fit):
            continue
        pose = Pose(np.round(fit.pose.numbers, _PLACES), fit.pose.turned)
        return Head(pose, not _is_faceless(fit))
    return None


def _is_faceless(fit: Fit) -> bool:
    """Tell whether the picture ends above the face: the vault of a skull shows nobody."""
    return fit.face_seen < _SOME_FACE and not fit.nose and fit.bare


def is_certain(fit: Fit) -> bool:
    """Tell whether the template lies so well that it can be relied upon.

    Parameters
    ----------
    fit
        The template in a volume.
    """
    scales = fit.pose.scales
    turn = float(np.sqrt((fit.pose.numbers[3:6] ** 2).sum()))
    return (
        fit.seen >= _LEAST_SEEN
        and fit.template_close >= _LEAST_TEMPLATE
        and fit.skin_close >= _LEAST_SKIN
        and (_is_faceless(fit) or (fit.nose and fit.face_close >= _LEAST_FACE))
        and bool(scales.min() >= _SCALES[0] and scales.max() <= _SCALES[1])
        and turn <= _LARGEST_TURN
    )


def _stacks(files: Sequence[Path]) -> list[list[_Slice]]:
    """Sort the frames of a series into stacks of parallel slices, the deepest first."""
    stacks: list[list[_Slice]] = []
    for path in files:
        with suppress(FedpacsError, OSError), parse(path) as parsed:
            for number, geometry in enumerate(geometry_of(parsed) or []):
                one = _Slice(path, number, geometry)
                own = next((stack for stack in stacks if stack[0].plane.is_like(one.plane)), None)
                if own is None:
                    stacks.append([one])
                else:
                    own.append(one)
    distinct = [_distinct(stack) for stack in stacks]
    return sorted(distinct, key=lambda stack: (-len(stack), str(stack[0].path)))


def _distinct(stack: list[_Slice]) -> list[_Slice]:
    """Sort slices by position, and keep one of those at the same: others are later in time."""
    normal = stack[0].plane.normal
    placed = sorted(
        stack,
        key=lambda one: (
            round(float((np.array(one.plane.origin_mm) * normal).sum()), 3),
            str(one.path),
            one.number,
        ),
    )
    kept: list[_Slice] = []
    for one in placed:
        if not kept or one.plane.position_mm - kept[-1].plane.position_mm > _SAME_MM:
            kept.append(one)
    return kept


def _thinned(stack: Sequence[_Slice]) -> Sequence[_Slice]:
    """Leave out slices that lie closer together than is of use."""
    depth_mm = stack[-1].plane.position_mm - stack[0].plane.position_mm
    every = max(1, int(COARSE_MM / (depth_mm / (len(stack) - 1))))
    return [*stack[:-1:every], stack[-1]]


def _volume(stack: Sequence[_Slice]) -> CoarseVolume | None:
    """Read the slices of a stack, each averaged down at once."""
    values, planes, modality = [], [], "MR"
    for path, ones in _by_file(stack):
        try:
            with parse(path) as parsed:
                modality = modality_of(parsed)
                frames = Frames(parsed)
                for one in ones:
                    stored = np.asarray(frames.array(one.number), np.float32)
                    if stored.ndim > 2:  # noqa: PLR2004 - colour
                        stored = stored.mean(-1)
                    scaled = stored * one.geometry.slope + one.geometry.intercept
                    coarse, plane = coarse_slice(np.nan_to_num(scaled), one.plane)
                    values.append(coarse)
                    planes.append(plane)
        except (FedpacsError, OSError):
            return None
    order = np.argsort([plane.position_mm for plane in planes], kind="stable")
    return CoarseVolume(
        np.stack([values[k] for k in order]), tuple(planes[k] for k in order), modality
    )


def _by_file(stack: Sequence[_Slice]) -> list[tuple[Path, list[_Slice]]]:
    found: dict[Path, list[_Slice]] = {}
    for one in stack:
        found.setdefault(one.path, []).append(one)
    return list(found.items())
