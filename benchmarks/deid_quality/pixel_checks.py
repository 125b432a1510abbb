"""Pixels: planted strokes gone, everything else as it was, by the pixels and not by reading."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from pydicom.encaps import generate_frames
from scipy.ndimage import gaussian_filter

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

    from benchmarks.deid_quality.specimen import Box

MARGIN = 6  # px around text that a mask may cover
VISIBLE = 0.5  # share of the source's correlation at which a piece of text counts as readable


def encoded_frames(ds: Dataset) -> list[bytes]:
    """Give each frame's bytes as they are in the file."""
    data = bytes(ds.PixelData)
    count = int(ds.get("NumberOfFrames") or 1)
    if ds["PixelData"].is_undefined_length or ds.file_meta.TransferSyntaxUID.is_compressed:
        return [bytes(one) for one in generate_frames(data, number_of_frames=count)]
    bits = ds.Rows * ds.Columns * ds.SamplesPerPixel * ds.BitsAllocated
    if bits % 8 or ds.BitsAllocated == 1:
        return [data] * count
    if str(ds.PhotometricInterpretation) == "YBR_FULL_422":
        bits = bits * 2 // 3
    size = bits // 8
    return [data[index * size : (index + 1) * size] for index in range(count)]


def decoded_frames(ds: Dataset) -> NDArray[np.float32]:
    """Give the frames as grey, (F, Y, X), float32."""
    pixels = np.asarray(ds.pixel_array)
    colour = int(ds.get("SamplesPerPixel", 1)) == 3
    if int(ds.get("NumberOfFrames") or 1) == 1:
        pixels = pixels[None]
    grey = pixels.astype(np.float32)
    return grey.mean(-1) if colour else grey


def _pieces(mask: NDArray[np.bool_]) -> list[slice]:
    """Cut a line of text into pieces about as wide as a letter or two."""
    lying = mask.shape[1] >= mask.shape[0]
    length, height = mask.shape[lying], mask.shape[1 - lying]
    count = max(1, round(length / (1.2 * height)))
    edges = np.linspace(0, length, count + 1).astype(int)
    return [slice(a, b) for a, b in pairwise(edges)]


def _sharp(region: NDArray[np.float32]) -> NDArray[np.float32]:
    """Take slow shades of the ground out, so that faint strokes count."""
    radius = max(2.0, min(region.shape) / 5)
    return np.asarray(region - gaussian_filter(region, radius, mode="nearest"), np.float32)


def likeness(region: NDArray[np.float32], drawn: NDArray[np.float32]) -> float:
    """Correlate a region with strokes; 0 for an even region."""
    strokes = drawn - drawn.mean()
    pixels = region - region.mean()
    power = float(np.sqrt((strokes**2).sum() * (pixels**2).sum()))
    return abs(float((strokes * pixels).sum())) / power if power > 0 else 0.0


def region_of(frame: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
    """Cut out the box of a frame."""
    return frame[box.y0 : box.y0 + box.shape[0], box.x0 : box.x0 + box.shape[1]]


def readable_share(
    source: NDArray[np.float32], output: NDArray[np.float32], mask: NDArray[np.bool_]
) -> float:
    """Share of the pieces of a line that can still be made out; one of six or more is chance.

    Parameters
    ----------
    source, output
        (Y, X), the box before and after.
    mask
        (Y, X), its strokes.
    """
    lying = mask.shape[1] >= mask.shape[0]
    sharp, left, drawn = (_sharp(one) for one in (source, output, mask.astype(np.float32)))
    seen, there = 0, 0
    for piece in _pieces(mask):
        cut = (slice(None), piece) if lying else (piece, slice(None))
        before = likeness(sharp[cut], drawn[cut])
        if before < 0.1 or not mask[cut].any():
            continue
        there += 1
        seen += likeness(left[cut], drawn[cut]) >= VISIBLE * before
    return max(0, seen - (there >= 6)) / there if there else 0.0


def hidden(source: NDArray[np.float32], output: NDArray[np.float32], box: Box) -> bool:
    """Say whether burned-in text is gone: at most one piece in ten can be made out."""
    if source.shape != output.shape:
        return True  # a frame of another size shows no such pixels
    share = readable_share(region_of(source, box), region_of(output, box), box.mask())
    return share <= 0.1


def outside(shape: tuple[int, int], boxes: list[Box]) -> NDArray[np.bool_]:
    """Mask the pixels away from all boxes."""
    away = np.ones(shape, bool)
    for box in boxes:
        y, x = max(0, box.y0 - MARGIN), max(0, box.x0 - MARGIN)
        away[y : box.y0 + box.shape[0] + MARGIN, x : box.x0 + box.shape[1] + MARGIN] = False
    return away


def untouched_share(
    source: NDArray[np.float32], output: NDArray[np.float32], boxes: list[Box]
) -> float:
    """Share of the pixels away from text that kept their value."""
    if source.shape != output.shape:
        return 0.0
    away = outside((source.shape[0], source.shape[1]), boxes)
    return float((source[away] == output[away]).mean()) if away.any() else 1.0


def overlay_plane(ds: Dataset, group: int) -> NDArray[np.float32] | None:
    """Give a 60xx overlay's bits, (Y, X), or None where there is none."""
    data = ds.get(group | 0x3000)
    rows, columns = ds.get(group | 0x10), ds.get(group | 0x11)
    if data is None or rows is None or columns is None:
        return None
    bits = np.unpackbits(np.frombuffer(bytes(data.value), np.uint8), bitorder="little")
    size = int(rows.value) * int(columns.value)
    if len(bits) < size:
        return None
    return bits[:size].reshape(int(rows.value), int(columns.value)).astype(np.float32)


def high_bit(ds: Dataset, bit: int) -> NDArray[np.float32] | None:
    """Give one bit of native 16-bit pixels, first frame, (Y, X)."""
    if "PixelData" not in ds or ds.file_meta.TransferSyntaxUID.is_compressed:
        return None
    size = ds.Rows * ds.Columns
    kind = "<u2" if ds.file_meta.TransferSyntaxUID.is_little_endian else ">u2"
    words = np.frombuffer(bytes(ds.PixelData), kind)[:size]
    return (words >> bit & 1).reshape(ds.Rows, ds.Columns).astype(np.float32)
