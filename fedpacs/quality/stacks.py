"""The stacks of a series told apart: localizers, orientations, echoes, phases; then duplicates.

What differs in the header is a stack of its own, what differs in nothing is a duplicate.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.quality.axes import AXES
from fedpacs.quality.findings import count, finding
from fedpacs.quality.geometry import directions_of, normal_of, places_along
from fedpacs.quality.pictures import words
from fedpacs.quality.repeats import same_pixels

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from fedpacs.config.quality import Quality
    from fedpacs.quality.axes import Axis
    from fedpacs.quality.findings import QualityFinding
    from fedpacs.quality.pictures import Picture

_SAME_DIRECTION = 1e-3
_OTHER_PLANE_DEGREES = 20.0
_STACK = 2
_COMPLETE = ("several-echoes", "several-phases", "several-b-values")


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Pictures that should make one regular stack.

    Attributes
    ----------
    label
        What tells them apart from the others of the series; empty for the only stack.
    pictures
        In any order.
    """

    label: str
    pictures: tuple[Picture, ...]


def is_localizer(picture: Picture) -> bool:
    """Tell whether an image says that it is a localizer."""
    kind = words(picture.instance.ds, "ImageType") + tuple(
        str(v)
        for v in (picture.axes.get("kind of frame") or ())  # type: ignore[attr-defined] # a tuple of text
    )
    return any(word in ("LOCALIZER", "SCOUT") for word in kind)


def tell_apart(
    pictures: Sequence[Picture], rules: Quality
) -> tuple[list[Group], list[QualityFinding]]:
    """Divide placed pictures of one series into stacks.

    Returns
    -------
    list of Group
        What should be regular.
    list of QualityFinding
        Why there is more than one, and what fits into none.
    """
    found: list[QualityFinding] = []
    planes = _planes(pictures, found)
    groups: list[Group] = []
    for number, plane in enumerate(planes, start=1):
        name = f"plane {number}" if len(planes) > 1 else ""
        groups += _divide(name, plane, rules, found)
    return groups, found


def _planes(pictures: Sequence[Picture], found: list[QualityFinding]) -> list[list[Picture]]:
    """Divide by orientation; a few degrees between slices are a defect, no second stack."""
    planes: list[list[Picture]] = []
    for picture in pictures:
        of = directions_of(picture)
        for plane in planes:
            if np.allclose(of, directions_of(plane[0]), rtol=0, atol=_SAME_DIRECTION):
                plane.append(picture)
                break
        else:
            planes.append([picture])
    if len(planes) == 1:
        return planes
    main = max(planes, key=len)
    strays = [p for p in planes if p is not main and not _other_plane(p, main, planes)]
    if strays or len(main) < _STACK:
        number = sum(map(len, strays)) or len(pictures)
        found.append(
            finding(
                "mixed-orientation",
                f"{count(number, 'image')} of {len(pictures)} lie in planes of their own.",
                images=number,
            )
        )
        return []
    scouts = [p for p in planes if len(p) < _STACK]
    if scouts:
        found.append(_split_off(sum(map(len, scouts))))
    whole = [p for p in planes if len(p) >= _STACK]
    if len(whole) > 1:
        found.append(
            finding(
                "several-orientations",
                f"The series holds stacks in {len(whole)} orientations.",
                orientations=len(whole),
            )
        )
    return whole


def _split_off(number: int) -> QualityFinding:
    sentence = f"{count(number, 'localizer image')} in a series of slices, split off."
    return finding("localizer-in-series", sentence, images=number)


def without_localizers(
    pictures: Sequence[Picture],
) -> tuple[list[Picture], list[QualityFinding]]:
    """Split off what says that it is a localizer."""
    slices = [p for p in pictures if not is_localizer(p)]
    scouts = len(pictures) - len(slices)
    if scouts and slices:
        return slices, [_split_off(scouts)]
    if scouts:
        return [], [finding("localizer", "The series is a localizer and makes no volume.")]
    return slices, []


def _other_plane(plane: list[Picture], main: list[Picture], planes: list[list[Picture]]) -> bool:
    """Tell whether some slices are plainly of another view than all larger stacks."""
    normal = normal_of(plane[0])
    others = [p for p in planes if p is not plane and (len(p) >= len(plane) or p is main)]
    largest = float(np.cos(np.deg2rad(_OTHER_PLANE_DEGREES)))
    return all(abs(float(normal @ normal_of(p[0]))) < largest for p in others)


def _divide(
    name: str, pictures: list[Picture], rules: Quality, found: list[QualityFinding]
) -> list[Group]:
    places = places_along(pictures, rules).tolist()
    if len(set(places)) == len(pictures):
        return [Group(name, tuple(pictures))]
    pictures, places = _without_copies(pictures, places, found)
    keys: list[tuple[Hashable, ...]] = [()] * len(pictures)
    used: list[Axis] = []
    for axis in AXES:
        left = len(pictures) - len(set(zip(places, keys, strict=True)))
        if not left:
            break
        more = _extended(pictures, places, keys, axis)
        if len(pictures) - len(set(zip(places, more, strict=True))) < left:
            keys, used = more, [*used, axis]
    if used and used[-1].ranked and _few_doubled(places, keys):
        keys, used = [key[: len(used) - 1] for key in keys], used[:-1]
    return _named(name, pictures, _last_resort(pictures, places, keys, found), used, found)


def _extended(
    pictures: Sequence[Picture],
    places: Sequence[int],
    keys: Sequence[tuple[Hashable, ...]],
    axis: Axis,
) -> list[tuple[Hashable, ...]]:
    values = [p.axes.get(axis.name) for p in pictures]
    if not axis.ranked:
        return [(*key, value) for key, value in zip(keys, values, strict=True)]
    at: dict[tuple[int, tuple[Hashable, ...]], set[object]] = defaultdict(set)
    for place, key, value in zip(places, keys, values, strict=True):
        at[place, key].add(value)
    rank = {
        where: {v: n for n, v in enumerate(sorted(vs, key=_sortable), start=1)}
        for where, vs in at.items()
    }
    return [
        (*key, rank[place, key][value])
        for place, key, value in zip(places, keys, values, strict=True)
    ]


def _sortable(value: object) -> tuple[bool, float, str]:
    return value is not None, value if isinstance(value, float) else 0.0, str(value)


def _few_doubled(places: Sequence[int], keys: Sequence[tuple[Hashable, ...]]) -> bool:
    """Tell whether later times exist at few places only: slices made twice, no second phase."""
    rank: dict[tuple[Hashable, ...], set[int]] = defaultdict(set)
    for place, key in zip(places, keys, strict=True):
        rank[key].add(place)
    sizes = [len(at) for at in rank.values()]
    return max(sizes) > 1 and min(sizes) * 2 < max(sizes) and len(sizes) == _STACK


def _without_copies(
    pictures: list[Picture], places: list[int], found: list[QualityFinding]
) -> tuple[list[Picture], list[int]]:
    """Leave out what shows the very pixels of another picture at the same place."""
    copies: set[int] = set()
    seen: dict[tuple[int, object], list[int]] = defaultdict(list)
    for n, (picture, place) in enumerate(zip(pictures, places, strict=True)):
        facts = picture.facts
        if facts is None or facts.constant:
            continue
        twins = seen[place, facts.fingerprint]
        if any(same_pixels(picture, pictures[twin]) for twin in twins):
            copies.add(n)
        twins.append(n)
    if copies:
        found.append(_doubled(len(copies)))
    kept = [n for n in range(len(pictures)) if n not in copies]
    return [pictures[n] for n in kept], [places[n] for n in kept]


def _doubled(number: int) -> QualityFinding:
    sentence = f"At {count(number, 'image')} another image lies at the same place."
    return finding("duplicate-position", sentence, images=number)


def _last_resort(
    pictures: Sequence[Picture],
    places: Sequence[int],
    keys: list[tuple[Hashable, ...]],
    found: list[QualityFinding],
) -> list[tuple[Hashable, ...] | None]:
    """Where the header does not say why, the same number at each place makes several volumes."""
    sizes = Counter(zip(places, keys, strict=True))
    left = len(pictures) - len(sizes)
    if not left:
        return list(keys)
    each = set(sizes.values())
    seen: Counter[object] = Counter()
    order = sorted(
        range(len(pictures)), key=lambda n: pictures[n].instance.ds.get("InstanceNumber") or 0
    )
    result: list[tuple[Hashable, ...] | None] = list(keys)
    several = len(each) == 1
    for n in order:
        where = places[n], keys[n]
        seen[where] += 1
        if several:
            result[n] = (*keys[n], f"volume {seen[where]}")
        elif seen[where] > 1:
            result[n] = None
    if several:
        number = each.pop()
        sentence = f"The series holds {number} images at each place."
        found.append(finding("several-volumes", sentence, volumes=number))
    else:
        found.append(_doubled(left))
    return result


def _named(
    name: str,
    pictures: Sequence[Picture],
    keys: Sequence[tuple[Hashable, ...] | None],
    used: Sequence[Axis],
    found: list[QualityFinding],
) -> list[Group]:
    stacks: dict[tuple[Hashable, ...], list[Picture]] = defaultdict(list)
    for picture, key in zip(pictures, keys, strict=True):
        if key is not None:
            stacks[key].append(picture)
    for defect in dict.fromkeys(axis.defect for axis in used):
        axes = [axis.name for axis in used if axis.defect == defect]
        sentence = f"Told apart by {', '.join(axes)}: {len(stacks)} stacks."
        found.append(finding(defect, sentence, stacks=len(stacks)))
    sizes = sorted(len(stack) for stack in stacks.values())
    if used and used[-1].defect in _COMPLETE and sizes[0] < sizes[-1]:
        short = sum(size < sizes[-1] for size in sizes)
        found.append(
            finding(
                "incomplete-stack",
                f"{short} of {len(sizes)} stacks have fewer than {sizes[-1]} images.",
                stacks=short,
                images=sizes[-1],
            )
        )
    order = sorted(stacks, key=lambda key: [_sortable(part) for part in key])
    numbered = len(stacks) > 1
    return [
        Group(_label(name, used, key, number if numbered else 0), tuple(stacks[key]))
        for number, key in enumerate(order, start=1)
    ]


def _label(name: str, used: Sequence[Axis], key: tuple[Hashable, ...], number: int) -> str:
    """Name a stack by rank: a value of the header may be a person's own words."""
    parts = [name] if name else []
    if number:
        parts.append(f"{used[0].name if used and key else 'volume'} {number}")
    return ", ".join(parts)
