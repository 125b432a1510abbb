"""Pictures for the contact sheet: frames as pydicom decodes them, and where two of them differ.

Nothing here is the engine's: what a person is shown comes from a decoder of its own.
"""

from __future__ import annotations

import logging
import struct
import warnings
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from fedpacs.core.errors import FedpacsError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MAXIMUM_CHANGED_FRAMES = 6
_MAXIMUM_SIDE = 1280
_PIECE_BYTES = 1 << 20
_DIFFERENCE_COLOUR = (240, 228, 66)
_PERCENTILES = (0.2, 99.8)
_GREY, _COLOUR = 2, 3
_GREYSCALE, _TRUECOLOUR = 0, 2


@dataclass(frozen=True, slots=True, repr=False)
class FramePictures:
    """One frame, as PNG bytes; identified where `before` is.

    Attributes
    ----------
    number
        1 for the first frame.
    before, difference
        Empty without a source.
    changed_pixels
        Pixels whose value differs; None without a source.
    """

    number: int
    after: bytes
    before: bytes = b""
    difference: bytes = b""
    changed_pixels: int | None = None


@dataclass(frozen=True, slots=True)
class FrameChoice:
    """Which frames are shown, and what is known of the others.

    Attributes
    ----------
    shown
        Frame numbers from 0.
    frames
        Frames of the object; 0 when it has none.
    changed
        Frames whose bytes differ from the source's.
    """

    shown: tuple[int, ...]
    frames: int
    changed: tuple[int, ...]


def choose_frames(after: Path, before: Path | None) -> FrameChoice:
    """Choose first, middle and last frame, and those whose bytes changed.

    Parameters
    ----------
    before
        Its source, if there is one.
    """
    count = _frame_count(after)
    if count == 0:
        return FrameChoice((), 0, ())
    changed = _changed_frames(after, before) if before is not None else ()
    shown = {0, count // 2, count - 1, *changed[:MAXIMUM_CHANGED_FRAMES]}
    return FrameChoice(tuple(sorted(shown)), count, changed)


def frame_pictures(after: Path, before: Path | None, number: int) -> FramePictures | None:
    """Show one frame, before and after and what differs, all under the same window.

    Parameters
    ----------
    number
        From 0.

    Returns
    -------
    FramePictures | None
        None if the frame of the output cannot be decoded.
    """
    new = _decode(after, number)
    if new is None:
        return None
    old = _decode(before, number) if before is not None else None
    if old is None or old.shape != new.shape:
        return FramePictures(number + 1, encode_png(_shown(new, _window(new))))
    window = _window(old)
    after_shown = _shown(new, window)
    differs = old != new if old.ndim == _GREY else (old != new).any(axis=-1)
    return FramePictures(
        number + 1,
        encode_png(after_shown),
        encode_png(_shown(old, window)),
        encode_png(_difference(after_shown, differs)),
        int(differs.sum()),
    )


def encode_png(pixels: NDArray[np.uint8]) -> bytes:
    """Write an 8-bit PNG, made smaller by whole factors if it is very large.

    Parameters
    ----------
    pixels
        Shape ``(Y, X)`` or ``(Y, X, 3)``.

    References
    ----------
    PNG (W3C, third edition) clauses 5 and 11.2.
    """
    pixels = _smaller(pixels)
    height, width = pixels.shape[:2]
    colour = _GREYSCALE if pixels.ndim == _GREY else _TRUECOLOUR
    rows = pixels.reshape(height, -1)
    content = np.concatenate([np.zeros((height, 1), np.uint8), rows], axis=1).tobytes()
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(content, 6)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checked = kind + content
    return struct.pack(">I", len(content)) + checked + struct.pack(">I", zlib.crc32(checked))


def _smaller(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    factor = -(-max(pixels.shape[:2]) // _MAXIMUM_SIDE)
    if factor == 1:
        return pixels
    height, width = (side // factor * factor for side in pixels.shape[:2])
    blocks = pixels[:height, :width].reshape(
        height // factor, factor, width // factor, factor, *pixels.shape[2:]
    )
    return np.asarray(blocks.mean(axis=(1, 3)), dtype=np.uint8)


def _frame_count(path: Path) -> int:
    from fedpacs.deidentification.dicom.parsing import parse

    try:
        with parse(path) as parsed:
            if parsed.pixel is None:
                return 0
            return max(parsed.integer(0x00280008, 1) or 1, 1)
    except FedpacsError:
        return 0


def _changed_frames(after: Path, before: Path) -> tuple[int, ...]:
    from fedpacs.deidentification.dicom.parsing import parse
    from fedpacs.deidentification.pixels.frames import Frames

    try:
        with parse(after) as new, parse(before) as old:
            ours, theirs = Frames(new), Frames(old)
            return tuple(i for i in range(len(ours)) if not _same(ours.raw(i), theirs.raw(i)))
    except FedpacsError:
        return ()


def _same(one: memoryview, other: memoryview) -> bool:
    """Compare bytes in pieces: views as such are compared one byte after the other."""
    return len(one) == len(other) and all(
        bytes(one[at : at + _PIECE_BYTES]) == bytes(other[at : at + _PIECE_BYTES])
        for at in range(0, len(one), _PIECE_BYTES)
    )


def _decode(path: Path, number: int) -> NDArray[Any] | None:
    """Decode a frame to grey ``(Y, X)`` or RGB ``(Y, X, 3)``; None if pydicom cannot."""
    import pydicom
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    with _quiet():
        try:
            ds = pydicom.dcmread(path, stop_before_pixels=True, force=True)
            deflated = ds.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian
            frame = pixel_array(
                pydicom.dcmread(path) if deflated else path, index=number, force=True
            )
            if ds.PhotometricInterpretation == "PALETTE COLOR":
                frame = apply_color_lut(frame, ds)
            elif ds.PhotometricInterpretation == "MONOCHROME1":
                frame = frame.max() - frame
        except Exception:  # noqa: BLE001 - decoders fail in any way they like, and their text may quote values
            return None
    return frame if frame.ndim == _GREY or frame.shape[2:] == (_COLOUR,) else None


def _window(frame: NDArray[Any]) -> tuple[float, float]:
    if frame.ndim != _GREY:
        return 0.0, 255.0 if frame.max() <= np.iinfo(np.uint8).max else 65535.0
    low, high = np.percentile(frame, _PERCENTILES)
    return float(low), float(high) if high > low else float(frame.max())


def _shown(frame: NDArray[Any], window: tuple[float, float]) -> NDArray[np.uint8]:
    low, high = window
    scaled = (frame.astype(np.float32) - low) * (255.0 / max(high - low, 1e-6))
    return np.asarray(np.clip(scaled, 0, 255), dtype=np.uint8)


def _difference(shown: NDArray[np.uint8], differs: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Show what differs in yellow over the dimmed picture."""
    grey = np.asarray(shown if shown.ndim == _GREY else shown.mean(axis=-1), dtype=np.uint8)
    picture = np.repeat((grey // 2)[..., np.newaxis], 3, axis=-1)
    picture[differs] = _DIFFERENCE_COLOUR
    return np.asarray(picture, dtype=np.uint8)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep pydicom from printing or logging values."""
    logger = logging.getLogger("pydicom")
    before, logger.disabled = logger.disabled, True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.disabled = before
