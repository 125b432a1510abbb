"""Pictures as a viewer shows them, in 8 bits, for eyes and detectors.

References
----------
PS3.3 C.7.6.3.1.2 (photometric interpretation: YBR to RGB); ITU-R BT.601.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.pixels.palette import colours

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.facts import PictureFacts, Pixels

_WHITE = 255
_FROM_FULL = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])
_PARTIAL_SCALE = np.array([255 / 219, 255 / 224, 255 / 224])
_JPEG_2000 = ("YBR_RCT", "YBR_ICT")


def displayed(
    facts: PictureFacts,
    parsed: ParsedObject,
    values: Pixels,
    window: tuple[float, float] | None = None,
) -> NDArray[np.uint8]:
    """Give stored values as a viewer shows them.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    parsed
        The object, for its palette.
    values
        (Y, X) or (Y, X, S).
    window
        Stored values shown as black and as white; None for the whole range without padding.

    Returns
    -------
    NDArray
        (Y, X) grey, or (Y, X, 3) RGB.

    Raises
    ------
    DamagedPixelsError
        If the palette is missing or damaged.
    """
    if facts.photometric == "PALETTE COLOR" and facts.samples == 1:
        return colours(parsed, values)
    if facts.samples > 1:
        return _colour(facts, values)
    low, high = window or _range(facts, values)
    scale = _WHITE / max(high - low, 1e-12)
    shown = np.subtract(values, low, dtype=np.float32)
    shown *= np.float32(scale)
    grey = np.clip(np.nan_to_num(shown), 0, _WHITE).astype(np.uint8)
    shade: NDArray[np.uint8] = 255 - grey if facts.inverted else grey
    return shade


def _range(facts: PictureFacts, values: Pixels) -> tuple[float, float]:
    picture = values[np.isfinite(values)] if values.dtype.kind == "f" else values
    if facts.padding is not None:
        low, high = facts.padding
        inside = picture[(picture < low) | (picture > high)]
        picture = inside if inside.size else picture
    if not picture.size:
        return (0.0, 1.0)
    return (float(picture.min()), float(picture.max()))


def _colour(facts: PictureFacts, values: Pixels) -> NDArray[np.uint8]:
    pixels = values
    if facts.bits_stored > 8:  # noqa: PLR2004 - shown in 8 bits
        pixels = pixels >> (facts.bits_stored - 8)
    if facts.photometric == "CMYK":
        ink = pixels.astype(np.float32)
        shown = (_WHITE - ink[:, :, :3]) * (_WHITE - ink[:, :, 3:]) / _WHITE
        return np.clip(shown, 0, _WHITE).astype(np.uint8)
    pixels = pixels[:, :, :3].astype(np.uint8, copy=False)
    if facts.photometric.startswith("YBR") and facts.photometric not in _JPEG_2000:
        return _from_ybr(pixels, partial="PARTIAL" in facts.photometric)
    return pixels


def _from_ybr(pixels: NDArray[np.uint8], *, partial: bool) -> NDArray[np.uint8]:
    centred = pixels.astype(np.float32)
    centred[:, :, 1:] -= 128
    if partial:
        centred[:, :, 0] -= 16
        centred *= _PARTIAL_SCALE.astype(np.float32)
    shown = centred @ _FROM_FULL.T.astype(np.float32)
    return np.clip(np.rint(shown), 0, _WHITE).astype(np.uint8)
