"""Blanking: the face in the frames of an object replaced by air; other frames stay as they are."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.faces.planes import modality_of
from fedpacs.deidentification.faces.template import head_template
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.masking import replace_frames
from fedpacs.deidentification.pixels.samples import black
from fedpacs.deidentification.publishing import new_part
from fedpacs.deidentification.writing import NewFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.faces.planes import FrameGeometry
    from fedpacs.deidentification.faces.pose import Pose
    from fedpacs.deidentification.faces.volume import Plane
    from fedpacs.deidentification.pixels.content import PixelContent
    from fedpacs.deidentification.pixels.facts import Pixels

_AIR_HU = -1000.0
_NOBODY = "2.25.0"
_ROWS_AT_ONCE = 256
_GREY = 2


def face_mask(plane: Plane, pose: Pose) -> NDArray[np.bool_]:
    """Tell which pixels of a slice are blanked.

    Parameters
    ----------
    plane
        Where the slice lies.
    pose
        Where the head lies.

    Returns
    -------
    NDArray
        (Y, X).
    """
    template = head_template()
    rows, columns = plane.shape
    mask = np.zeros(plane.shape, bool)
    for start in range(0, rows, _ROWS_AT_ONCE):
        end = min(start + _ROWS_AT_ONCE, rows)
        y, x = np.meshgrid(np.arange(start, end), np.arange(columns), indexing="ij")
        places = pose.to_template(plane.points_mm(y.ravel(), x.ravel()))
        mask[start:end] = template.is_removed(places).reshape(end - start, columns)
    return mask


def frames_with_face(geometry: Sequence[FrameGeometry], pose: Pose) -> tuple[int, ...]:
    """Name the frames that show a part of the face.

    Parameters
    ----------
    geometry
        Where each frame lies.
    pose
        Where the head lies.
    """
    return tuple(number for number, one in enumerate(geometry) if face_mask(one.plane, pose).any())


def blanked(
    parsed: ParsedObject,
    geometry: Sequence[FrameGeometry],
    pose: Pose,
    numbers: Sequence[int],
    scratch: Path,
) -> PixelContent:
    """Replace the face by air.

    Parameters
    ----------
    parsed
        An object of sections.
    geometry
        Where each of its frames lies.
    pose
        Where the head lies.
    numbers
        Frames that show a part of the face.
    scratch
        Folder for a large result.

    Raises
    ------
    DamagedPixelsError
        If the pixel data are damaged.
    UnsupportedObjectError
        If a frame cannot be changed in its encoding.
    """
    return replace_frames(parsed, _Blanked(parsed, geometry, pose, numbers), scratch)


@contextmanager
def with_content(
    parsed: ParsedObject, content: PixelContent | None, scratch: Path
) -> Iterator[ParsedObject]:
    """Give an object as if it had come with other pixel data; the file for it goes afterwards.

    Parameters
    ----------
    parsed
        The object as it came.
    content
        Its new pixel data; None when they are its own.
    scratch
        Folder for the file.
    """
    if content is None:
        yield parsed
        return
    pixel = None if parsed.pixel is None else parsed.pixel.tag
    elements = {
        raw.tag: raw.raw or parsed.source.read(raw.start, raw.size)
        for raw in parsed.raw
        if raw.tag != pixel
    }
    part = new_part(scratch)
    NewFile(parsed, _NOBODY, _NOBODY, elements, content).write(part)
    try:
        with parse(part) as changed:
            yield changed
    finally:
        part.unlink(missing_ok=True)


class _Blanked(Mapping[int, "Pixels"]):
    """Frames without a face, each made when it is asked for."""

    def __init__(
        self,
        parsed: ParsedObject,
        geometry: Sequence[FrameGeometry],
        pose: Pose,
        numbers: Sequence[int],
    ) -> None:
        self._parsed = parsed
        self._frames = Frames(parsed)
        self._geometry = geometry
        self._pose = pose
        self._numbers = tuple(numbers)

    def __getitem__(self, number: int) -> Pixels:
        values = self._frames.array(number).copy()
        mask = face_mask(self._geometry[number].plane, self._pose)
        values[mask] = self._air(number, values)
        return values

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def _air(self, number: int, values: Pixels) -> Pixels | float:
        """Give the stored value of air: -1000 HU in CT, no signal in others."""
        facts = self._frames.facts
        if values.ndim > _GREY or facts.photometric == "PALETTE COLOR":
            return black(facts, self._parsed, values)
        one = self._geometry[number]
        air = _AIR_HU if modality_of(self._parsed) == "CT" else 0.0
        stored = (air - one.intercept) / one.slope
        if facts.kind != "integer":
            return stored
        bits = facts.bits_stored
        low, high = (
            (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if facts.signed else (0, (1 << bits) - 1)
        )
        return float(np.clip(np.round(stored), low, high))
