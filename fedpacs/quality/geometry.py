"""The geometry of one stack: directions, distances, shear, and what the header says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.quality.findings import count, finding
from fedpacs.quality.pictures import number

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from fedpacs.config.quality import Quality
    from fedpacs.quality.findings import QualityFinding
    from fedpacs.quality.pictures import Picture

    Vector = NDArray[np.float64]

_ORTHOGONAL = 1e-2
_LARGEST_PIXEL_MM = 20.0
_SMALLEST_PIXEL_MM = 0.005
_LARGEST_THICKNESS_MM = 200.0
_SAME_FIELD = 0.1
_PLANES = ("sagittal", "coronal", "axial")


def directions_of(picture: Picture) -> Vector:
    """Shape ``(2, 3)``; asked of placed pictures only."""
    assert picture.directions is not None  # noqa: S101 - `placed` was asked before
    return picture.directions


def position_of(picture: Picture) -> Vector:
    """Shape ``(3,)``, mm; asked of placed pictures only."""
    assert picture.position is not None  # noqa: S101 - `placed` was asked before
    return picture.position


def normal_of(picture: Picture) -> Vector:
    """Shape ``(3,)``: right-handed normal of the plane, of unit length."""
    row, column = directions_of(picture)
    normal = np.cross(row, column)
    return np.asarray(normal / np.linalg.norm(normal))


def plane_of(picture: Picture) -> tuple[str, float]:
    """Name the nearest plane of the body, and the angle to it in degrees."""
    normal = np.abs(normal_of(picture))
    nearest = int(np.argmax(normal))
    return _PLANES[nearest], float(np.degrees(np.arccos(min(normal[nearest], 1.0))))


def places_along(pictures: Sequence[Picture], rules: Quality) -> NDArray[np.int64]:
    """Give each picture the number of its place along the common normal."""
    along = np.stack([position_of(p) for p in pictures]) @ normal_of(pictures[0])
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order]) > rules.same_place_mm
    numbers = np.concatenate([[0], np.cumsum(steps)])
    places = np.empty(len(pictures), dtype=np.int64)
    places[order] = numbers
    return places


def in_order(pictures: Sequence[Picture]) -> list[Picture]:
    """Sort placed pictures along their normal."""
    normal = normal_of(pictures[0])
    return sorted(pictures, key=lambda p: float(position_of(p) @ normal))


def of_directions(pictures: Sequence[Picture]) -> Iterator[QualityFinding]:
    """Check that rows and columns are unit vectors at right angles (PS3.3 C.7.6.2.1.1)."""
    all_of = np.stack([directions_of(p) for p in pictures])
    lengths = np.linalg.norm(all_of, axis=2)
    cosines = np.abs(np.sum(all_of[:, 0] * all_of[:, 1], axis=1))
    wrong = (np.abs(lengths - 1).max(axis=1) > _ORTHOGONAL) | (cosines > _ORTHOGONAL)
    if bool(wrong.any()):
        sentence = f"The directions of {count(int(wrong.sum()), 'image')} are not at right angles."
        yield finding("not-orthonormal", sentence, images=int(wrong.sum()))


def of_spacings(pictures: Sequence[Picture]) -> Iterator[QualityFinding]:
    """Check that pixel spacing and thickness are possible."""
    wrong = 0
    for picture in pictures:
        between = picture.pixel_spacing or (1.0, 1.0)
        thickness = picture.thickness_mm
        possible = all(_SMALLEST_PIXEL_MM <= v <= _LARGEST_PIXEL_MM for v in between)
        wrong += not possible or (
            thickness is not None and not 0 <= thickness <= _LARGEST_THICKNESS_MM
        )
    if wrong:
        sentence = f"{count(wrong, 'image')} have a pixel spacing or thickness that cannot be."
        yield finding("impossible-spacing", sentence, images=wrong)
        return
    spacings = np.array([p.pixel_spacing for p in pictures], dtype=np.float64)
    if not np.allclose(spacings, spacings[0], rtol=1e-3):
        yield finding("mixed-spacing", "The images of a stack differ in pixel spacing.")
    yield from _of_field(pictures[0])


def _of_field(picture: Picture) -> Iterator[QualityFinding]:
    diameter = number(picture.instance.ds, "ReconstructionDiameter")
    square = picture.size[0] == picture.size[1]
    if not diameter or picture.pixel_spacing is None or not square:
        return
    width = picture.size[1] * picture.pixel_spacing[1]
    if abs(width - diameter) > _SAME_FIELD * diameter and picture.instance.modality == "CT":
        sentence = f"The image is {width:.0f} mm wide; its field of view is {diameter:.0f} mm."
        yield finding("field-of-view", sentence, width_mm=width, field_mm=diameter)


def of_stack(pictures: Sequence[Picture], rules: Quality) -> Iterator[QualityFinding]:
    """Check the distances, shear and thickness of what should be one regular stack."""
    ordered = in_order(pictures)
    normal = normal_of(ordered[0])
    along = np.array([float(position_of(p) @ normal) for p in ordered])
    gaps = np.diff(along)
    gaps = gaps[gaps > rules.same_place_mm]
    regular = list(_of_gaps(gaps, rules))
    yield from regular
    if gaps.size and not regular:
        yield from _of_said_distance(ordered, float(np.median(gaps)))
    yield from _of_shear(ordered, normal, rules)
    thicknesses = {round(p.thickness_mm, 3) for p in ordered if p.thickness_mm is not None}
    if len(thicknesses) > 1:
        sentence = f"The images of a stack have {len(thicknesses)} slice thicknesses."
        yield finding("mixed-thickness", sentence, thicknesses=len(thicknesses))
    plane, angle = plane_of(ordered[0])
    if angle > rules.oblique_degrees:
        sentence = f"The planes lie {angle:.0f} degrees from {plane}."
        yield finding("oblique", sentence, angle_degrees=round(angle, 1))


def _of_gaps(gaps: Vector, rules: Quality) -> Iterator[QualityFinding]:
    if not gaps.size:
        return
    typical = float(np.median(gaps[gaps < 1.5 * gaps.min()]))  # the smallest, but for rounding
    steps = gaps / typical
    whole = np.rint(steps)
    irregular = np.abs(steps - whole) > rules.uneven_gap_ratio
    if bool(np.any(irregular)) or bool(np.any(whole < 1)):
        least, most = float(gaps.min()), float(gaps.max())
        yield finding(
            "uneven-spacing",
            f"The distance between neighbouring images varies from {least:.2f} to {most:.2f} mm.",
            least_mm=round(least, 3),
            most_mm=round(most, 3),
        )
        return
    missing = int(np.sum(whole - 1))
    if missing > rules.missing_slices:
        places = int(np.sum(whole > 1))
        sentence = f"{count(missing, 'slice')} missing in {count(places, 'gap')}."
        yield finding("missing-slices", sentence, slices=missing, gaps=places)


def _of_said_distance(ordered: Sequence[Picture], typical: float) -> Iterator[QualityFinding]:
    said = number(ordered[0].instance.ds, "SpacingBetweenSlices")
    # Some makers write the gap between the slices there, without their thickness
    thickness = ordered[0].thickness_mm or 0.0
    if not said or any(abs(abs(said) + t - typical) <= 0.1 * typical for t in (0.0, thickness)):
        return
    sentence = f"The slices lie {typical:.2f} mm apart; the header says {abs(said):.2f} mm."
    yield finding("spacing-contradicts", sentence, distance_mm=typical, said_mm=abs(said))


def _of_shear(
    ordered: Sequence[Picture], normal: Vector, rules: Quality
) -> Iterator[QualityFinding]:
    offsets = np.stack([position_of(p) for p in ordered]) - position_of(ordered[0])
    along = offsets @ normal
    sideways = np.linalg.norm(offsets - np.outer(along, normal), axis=1)
    pixel = min(ordered[0].pixel_spacing or (np.inf,))
    if sideways.max() <= rules.shear_pixels * pixel:
        return
    farthest = int(np.argmax(sideways))
    angle = float(np.degrees(np.arctan2(sideways[farthest], abs(along[farthest]))))
    sentence = f"The images are shifted sideways by {angle:.1f} degrees, as with a tilted gantry."
    yield finding("gantry-tilt", sentence, angle_degrees=round(angle, 2))


def of_demands(pictures: Sequence[Picture], rules: Quality) -> Iterator[QualityFinding]:
    """Check a stack against what the job asks for."""
    if rules.slices is not None and len(pictures) < rules.slices:
        sentence = f"A stack has {count(len(pictures), 'slice')}; {rules.slices} are asked for."
        yield finding("too-few-slices", sentence, slices=len(pictures), asked=rules.slices)
    widest = max(pictures[0].pixel_spacing or (0.0,))
    if rules.pixel_spacing_mm is not None and widest > rules.pixel_spacing_mm:
        sentence = f"Pixels lie {widest:.2f} mm apart; {rules.pixel_spacing_mm:.2f} mm are allowed."
        yield finding("coarse-pixels", sentence, distance_mm=widest)
    distance = slice_distance_mm(pictures)
    if rules.slice_distance_mm is not None and (distance or 0) > rules.slice_distance_mm:
        allowed = rules.slice_distance_mm
        sentence = f"Slices lie {distance:.2f} mm apart; {allowed:.2f} mm are allowed."
        yield finding("coarse-slices", sentence, distance_mm=distance or 0.0)


def slice_distance_mm(pictures: Sequence[Picture]) -> float | None:
    """Typical distance of neighbouring slices, mm; the thickness of an only one."""
    along = np.sort(np.stack([position_of(p) for p in pictures]) @ normal_of(pictures[0]))
    gaps = np.diff(along)
    if gaps.size and bool((gaps > 0).any()):
        return float(np.median(gaps[gaps > 0]))
    return pictures[0].thickness_mm
