"""Stored values: what the bits of a decoded sample mean, and the value that shows as black.

References
----------
PS3.5 8.1.1 (bits allocated, stored, high bit); PS3.3 C.7.6.3.1 (photometric interpretation,
palettes), C.7.5.1.1.2 (padding).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fedpacs.deidentification.pixels.palette import darkest_entry
from fedpacs.deidentification.pixels.plain import DEFLATED_FRAMES, UNCOMPRESSED_FRAMES
from fedpacs.deidentification.pixels.rle import RLE_LOSSLESS

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.facts import PictureFacts, Pixels

_NEUTRAL_CHROMINANCE = ("YBR_FULL", "YBR_FULL_422", "YBR_PARTIAL_420", "YBR_PARTIAL_422")
_INK = "CMYK"


def stored_values(facts: PictureFacts, coded: Pixels) -> Pixels:
    """Give the values that decoded samples stand for.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    coded
        Samples as decoded: native with all allocated bits, compressed as in the stream.

    Returns
    -------
    NDArray
        Of the same shape and of `facts.dtype`.
    """
    if facts.kind != "integer" or coded.dtype == facts.dtype == np.uint8:
        return coded
    if facts.encapsulated and not _all_bits(facts):
        values = coded.astype(facts.dtype, casting="unsafe", copy=False)
        if facts.signed and coded.dtype.kind == "u":
            return _extended(values, coded_bits(facts, coded))
        return values
    unused = facts.bits_allocated - 1 - facts.high_bit
    below = facts.high_bit + 1 - facts.bits_stored
    values = coded.astype(facts.dtype, casting="unsafe", copy=False)
    if not unused and not below:
        return values
    return (values << unused) >> (unused + below)


def coded_values(facts: PictureFacts, values: Pixels, coded: Pixels) -> Pixels:
    """Give samples that stand for values; the opposite of `stored_values`.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    values
        Stored values.
    coded
        Samples of the same frame as decoded: how the new ones are to look.
    """
    if facts.kind != "integer" or facts.bits_allocated == 1:
        return values.astype(coded.dtype, casting="unsafe", copy=False)
    below = facts.high_bit + 1 - facts.bits_stored
    if facts.encapsulated and not _all_bits(facts):
        below = 0
    return (values.astype(np.int64) << below).astype(coded.dtype, casting="unsafe")


def coded_bits(facts: PictureFacts, coded: Pixels) -> int:
    """Give how many bits of an unsigned sample hold a two's complement number.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    coded
        Samples as decoded.
    """
    return min(facts.bits_stored, coded.dtype.itemsize * 8)


def black(facts: PictureFacts, parsed: ParsedObject, values: Pixels) -> Pixels:
    """Give the stored value of each sample that shows as the darkest there is.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    parsed
        The object, for its palette.
    values
        Stored values of the frame: for signed, floating-point and inverted pictures black is what
        is darkest in it, so that no window computed from the frame moves.

    Returns
    -------
    NDArray
        (S,) of the type of `values`.
    """
    if facts.samples > 1:
        return np.array(_black_colour(facts), values.dtype)
    if facts.photometric == "PALETTE COLOR":
        return np.array([darkest_entry(parsed, facts)], values.dtype)
    return np.array([_black_grey(facts, values)], values.dtype)


def dct_levels(facts: PictureFacts) -> tuple[int, ...]:
    """Give what each component of a DCT stream becomes: -1 lowest, 0 middle, 1 highest value.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    """
    if facts.samples == 1:
        return (1 if facts.inverted else -1,)
    if facts.photometric == _INK:
        return (-1, -1, -1, 1)
    return (-1, 0, 0) if facts.photometric.startswith("YBR") else (-1,) * facts.samples


def _black_colour(facts: PictureFacts) -> list[int]:
    top = (1 << facts.bits_stored) - 1
    middle = 1 << (facts.bits_stored - 1)
    if facts.photometric in _NEUTRAL_CHROMINANCE:
        luminance = top // 16 if facts.photometric.startswith("YBR_PARTIAL") else 0
        return [luminance, middle, middle]
    if facts.photometric == _INK:
        return [0, 0, 0, top]
    return [0] * facts.samples


def _black_grey(facts: PictureFacts, values: Pixels) -> float:
    padding = facts.padding
    picture = values[np.isfinite(values)] if facts.kind != "integer" else values
    if padding is not None:
        inside = picture[(picture < padding[0]) | (picture > padding[1])]
        picture = inside if inside.size else picture
    if not picture.size:
        return 0
    if facts.inverted:
        darkest = float(picture.max())
        dark_padding = padding is not None and padding[0] >= darkest
    else:
        unsigned = facts.kind == "integer" and not facts.signed
        darkest = 0.0 if unsigned else float(picture.min())
        dark_padding = padding is not None and padding[1] <= darkest
    if dark_padding and padding is not None and _fits(padding[0], values.dtype):
        return padding[0]
    return darkest


def _fits(value: float, dtype: np.dtype[Any]) -> bool:
    if dtype.kind == "f":
        return True
    limits = np.iinfo(dtype)
    return limits.min <= value <= limits.max


def _all_bits(facts: PictureFacts) -> bool:
    """Tell whether frames in fragments hold all allocated bits, as native ones do."""
    return facts.transfer_syntax_uid in {RLE_LOSSLESS, DEFLATED_FRAMES, UNCOMPRESSED_FRAMES}


def _extended(values: Pixels, bits: int) -> Pixels:
    unused = values.dtype.itemsize * 8 - bits
    return (values << unused) >> unused if unused else values
