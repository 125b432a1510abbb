"""The pictures of a series as quality control sees them: one per frame, read tolerantly."""

from __future__ import annotations

from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom import dcmread

from fedpacs.quality import axes, wanted
from fedpacs.quality.pixels import facts_of, frames_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from pydicom import Dataset

    from fedpacs.quality.pixels import PixelFacts

Source = bytes | Path


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Instance:
    """One DICOM object without its pixels.

    Attributes
    ----------
    ds
        Its header.
    source
        Where it can be read again.
    facts
        One per frame; None when the pixels cannot be decoded.
    """

    ds: Dataset
    source: Source
    facts: tuple[PixelFacts, ...] | None

    @property
    def modality(self) -> str:
        """Modality (0008,0060)."""
        return text(self.ds, "Modality")

    @property
    def series_uid(self) -> str:
        """Series Instance UID."""
        return text(self.ds, "SeriesInstanceUID")

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID."""
        return text(self.ds, "SOPInstanceUID")

    @property
    def frames(self) -> int:
        """Number of Frames, 1 when it is not said."""
        return max(int(self.ds.get("NumberOfFrames") or 1), 1)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Picture:
    """One frame with its place; None stands for what is missing or unreadable.

    Attributes
    ----------
    index
        Frame of the object, counted from 0.
    position
        Shape ``(3,)``, mm.
    directions
        Shape ``(2, 3)``: along a row and along a column.
    pixel_spacing
        Between rows and between columns, mm.
    thickness_mm
        Slice thickness.
    size
        Rows, columns, samples per pixel.
    axes
        What may tell it apart from another picture at the same place.
    """

    instance: Instance
    index: int
    position: NDArray[np.float64] | None
    directions: NDArray[np.float64] | None
    pixel_spacing: tuple[float, float] | None
    thickness_mm: float | None
    size: tuple[int, int, int]
    axes: Mapping[str, object] = field(default_factory=dict)

    @property
    def placed(self) -> bool:
        """True when the picture says where it lies."""
        parts = (self.position, self.directions, self.pixel_spacing)
        return all(part is not None for part in parts)

    @property
    def facts(self) -> PixelFacts | None:
        """Its pixels in short."""
        facts = self.instance.facts
        return facts[self.index] if facts and self.index < len(facts) else None


def read_instance(source: Source, *, pixels: bool = True) -> Instance | None:
    """Read one object, or give None when it is not readable DICOM."""
    try:
        file = source if isinstance(source, Path) else BytesIO(source)
        ds = dcmread(file, specific_tags=wanted.TAGS, stop_before_pixels=not pixels)
        int(ds.get("NumberOfFrames") or 1)
        text(ds, "SOPInstanceUID")
    except Exception:  # noqa: BLE001 - the parser raises many types on damaged input
        return None
    facts = _facts(ds) if pixels else ()
    for keyword in ("PixelData", "FloatPixelData", "DoubleFloatPixelData"):
        if keyword in ds:
            delattr(ds, keyword)
    return Instance(ds, source, facts)


def _facts(ds: Dataset) -> tuple[PixelFacts, ...] | None:
    try:
        facts = tuple(facts_of(frame, ds) for frame in frames_of(ds))
    except Exception:  # noqa: BLE001 - decoders raise many types on damaged input
        return None
    return facts if len(facts) == max(int(ds.get("NumberOfFrames") or 1), 1) else None


def pictures_of(instance: Instance) -> Iterator[Picture]:
    """Give every frame of an object with its place."""
    ds = instance.ds
    size = (number(ds, "Rows"), number(ds, "Columns"), number(ds, "SamplesPerPixel"))
    shape = (int(size[0] or 0), int(size[1] or 0), int(size[2] or 0))
    per_frame = ds.get("PerFrameFunctionalGroupsSequence")
    if per_frame is None:
        for index in range(instance.frames):
            yield _picture(instance, index, shape, [ds])
        return
    shared = list(ds.get("SharedFunctionalGroupsSequence") or ())[:1]
    common = [item for group in shared for item in _macros(group)]
    for index, group in enumerate(list(per_frame)[: instance.frames]):
        yield _picture(instance, index, shape, [*_macros(group), *common, ds])


def _macros(group: Dataset) -> list[Dataset]:
    """Give the items of the functional groups of a frame (PS3.3 C.7.6.16), nested ones after."""
    items: list[Dataset] = []
    for element in group:
        if element.VR == "SQ" and element.value:
            item = element.value[0]
            items.append(item)
            nested = item.get("DiffusionGradientDirectionSequence")
            items += list(nested or ())[:1]
    return items


def _picture(
    instance: Instance, index: int, shape: tuple[int, int, int], sources: list[Dataset]
) -> Picture:
    directions = numbers(sources, "ImageOrientationPatient", 6)
    spacing = numbers(sources, "PixelSpacing", 2)
    thickness = numbers(sources, "SliceThickness", 1)
    return Picture(
        instance=instance,
        index=index,
        position=numbers(sources, "ImagePositionPatient", 3),
        directions=None if directions is None else directions.reshape(2, 3),
        pixel_spacing=None if spacing is None else (float(spacing[0]), float(spacing[1])),
        thickness_mm=None if thickness is None else float(thickness[0]),
        size=shape,
        axes=axes.values_of(sources),
    )


def numbers(sources: list[Dataset], keyword: str, count: int) -> NDArray[np.float64] | None:
    """Give the numbers of an attribute from the first source that has it."""
    value: Any = next((v for s in sources if (v := s.get(keyword)) is not None), None)
    if value is None:
        return None
    try:
        several = [value] if isinstance(value, str | float | int) else list(value)
        found = np.array([float(v) for v in several])
    except (TypeError, ValueError):
        return None
    return found if len(found) == count and bool(np.isfinite(found).all()) else None


def number(ds: Dataset, keyword: str) -> float | None:
    """Give a number of a header, or None."""
    found = numbers([ds], keyword, 1)
    return None if found is None else float(found[0])


def text(ds: Dataset, keyword: str) -> str:
    """Give a text of a header, empty when it is missing or unreadable."""
    try:
        value = ds.get(keyword)
    except Exception:  # noqa: BLE001 - a damaged value raises many types
        return ""
    return "" if value is None else str(value).strip()


def words(ds: Dataset, keyword: str) -> tuple[str, ...]:
    """Give the values of a multi-valued text."""
    value = ds.get(keyword)
    if value is None or value == "":
        return ()
    return (value,) if isinstance(value, str) else tuple(str(v) for v in value)
