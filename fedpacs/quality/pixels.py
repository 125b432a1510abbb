"""Pixels in short: what quality control needs to know of a frame, at a few microseconds a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.pixels.utils import iter_pixels
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from pydicom import Dataset

_PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
_HU_CEILING = 3071
_COARSE = 4
_TAIL = 4
"""A cut transmission is looked for in the last quarter of the rows."""


@dataclass(frozen=True, slots=True)
class PixelFacts:
    """One frame in short.

    Attributes
    ----------
    constant
        All pixels are equal.
    minimum, maximum
        In stored values; pixels of padding do not count.
    saturated
        Part of the pixels at the largest value that can be stored, 0 .. 1.
    cut
        The last quarter of the rows is of one value, and the row above it is not.
    fingerprint
        Equal for equal pixels; unequal pixels hardly ever share one.
    """

    constant: bool
    minimum: float
    maximum: float
    saturated: float
    cut: bool
    fingerprint: tuple[int, int]


def frames_of(ds: Dataset) -> Iterator[NDArray[Any]]:
    """Decode the frames of an object one after the other, in stored values.

    Raises
    ------
    Exception
        Whatever the decoders raise on damaged input.
    """
    plain = _plain(ds)
    if plain is not None:
        yield from plain
        return
    syntax = ds.file_meta.TransferSyntaxUID
    frames = [ds.pixel_array] if not syntax.is_compressed else None
    if frames is None:
        yield from iter_pixels(ds, raw=True)
    elif int(ds.get("NumberOfFrames") or 1) > 1:
        yield from frames[0]
    else:
        yield frames[0]


def _plain(ds: Dataset) -> NDArray[Any] | None:
    """View the bytes as numbers where nothing has to be decoded."""
    rows, columns, bits = (int(ds.get(k) or 0) for k in ("Rows", "Columns", "BitsAllocated"))
    number = int(ds.get("NumberOfFrames") or 1)
    simple = ds.file_meta.TransferSyntaxUID in _PLAIN and int(ds.get("SamplesPerPixel") or 0) == 1
    if not simple or bits not in (8, 16) or "PixelData" not in ds:
        return None
    signed = int(ds.get("PixelRepresentation") or 0)
    kind = np.dtype(f"<{'i' if signed else 'u'}{bits // 8}")
    pixels = np.frombuffer(ds.PixelData, kind, number * rows * columns)
    pixels = pixels.reshape(number, rows, columns)
    spare = bits - int(ds.get("BitsStored") or bits)
    if spare > 0 and (signed or pixels.max() >> (bits - spare)):
        pixels = np.right_shift(np.left_shift(pixels, spare), spare)
    return pixels


def facts_of(frame: NDArray[Any], ds: Dataset) -> PixelFacts:
    """Look at one decoded frame."""
    low, high = frame.min(), frame.max()
    padding = ds.get("PixelPaddingValue")
    body_low = low
    if isinstance(padding, int) and low == padding and low != high:
        body_low = frame.min(where=frame != padding, initial=high)
    return PixelFacts(
        constant=bool(low == high),
        minimum=float(body_low),
        maximum=float(high),
        saturated=_saturated(frame, float(high), ds),
        cut=_cut(frame),
        fingerprint=_fingerprint(frame),
    )


def _saturated(frame: NDArray[Any], high: float, ds: Dataset) -> float:
    stored = int(ds.get("BitsStored") or 16)
    signed = int(ds.get("PixelRepresentation") or 0)
    ceilings = {float(2 ** (stored - signed) - 1), 4095.0}
    slope, intercept = rescale_of(ds) or (1.0, 0.0)
    if ds.get("Modality") == "CT":
        ceilings = {c for c in ceilings if c != 4095.0 or intercept} | {  # noqa: PLR2004 - 12 bits
            (_HU_CEILING - intercept) / slope if slope else np.inf
        }
    if high not in ceilings or frame.min() == high:
        return 0.0
    coarse = frame[::_COARSE, ::_COARSE]
    return float(np.count_nonzero(coarse == frame.dtype.type(high))) / coarse.size


def _cut(frame: NDArray[Any]) -> bool:
    rows = len(frame)
    start = rows - rows // _TAIL
    if frame.ndim != 2 or rows < 2 * _TAIL or frame[-1, 0] != frame[start, -1]:  # noqa: PLR2004 - grey
        return False
    tail = frame[start:]
    if tail.min() != tail.max():
        return False
    return bool(frame[: rows // 2].min() != frame[: rows // 2].max())


def _fingerprint(frame: NDArray[Any]) -> tuple[int, int]:
    content = np.ascontiguousarray(frame).reshape(-1).view(np.uint8)
    words = content[: content.size // 8 * 8].view(np.uint64)
    rest = int(content[words.size * 8 :].astype(np.uint64).sum())
    if not words.size:
        return rest, int(content.size)
    # 8191 is prime: pixels that only changed places land in other columns
    table = words[: words.size // 8191 * 8191].reshape(-1, 8191)
    mixed = int(np.bitwise_xor.reduce(words)) ^ int(words[::7].sum(dtype=np.uint64))
    weighted = hash(table.sum(axis=0, dtype=np.uint64).tobytes()) if table.size else 0
    return int(words.sum(dtype=np.uint64)) + rest, mixed ^ weighted


def rescale_of(ds: Dataset) -> tuple[float, float] | None:
    """Slope and intercept of an image, wherever the object keeps them; None when it has none."""
    sources = [ds]
    for name in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        groups = ds.get(name)
        if groups:
            sources += list(groups[0].get("PixelValueTransformationSequence") or ())
    for source in sources:
        slope, intercept = source.get("RescaleSlope"), source.get("RescaleIntercept")
        if slope is not None and intercept is not None:
            return float(slope), float(intercept)
    return None
