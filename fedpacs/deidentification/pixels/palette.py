"""Palettes: the colours that the values of PALETTE COLOR pictures stand for.

References
----------
PS3.3 C.7.6.3.1.5 and C.7.6.3.1.6 (palette colour lookup tables), C.7.9.2 (segmented tables).
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fedpacs.deidentification.dicom.parsed import ParsedObject
    from fedpacs.deidentification.pixels.facts import PictureFacts, Pixels

_DESCRIPTORS = (0x00281101, 0x00281102, 0x00281103)
_DATA = (0x00281201, 0x00281202, 0x00281203)
_SEGMENTED = (0x00281221, 0x00281222, 0x00281223)
_LARGEST_TABLE = 1 << 16
_BRIGHTNESS = (0.299, 0.587, 0.114)
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


def colours(parsed: ParsedObject, values: Pixels) -> NDArray[np.uint8]:
    """Look values up in the object's palette.

    Parameters
    ----------
    parsed
        A PALETTE COLOR object.
    values
        (Y, X) stored values.

    Returns
    -------
    NDArray
        (Y, X, 3) RGB.

    Raises
    ------
    DamagedPixelsError
        If the palette is missing or damaged.
    """
    first, table = palette_of(parsed, signed=values.dtype.kind == "i")
    places = np.clip(values.astype(np.int64) - first, 0, len(table) - 1)
    found: NDArray[np.uint8] = table[places]
    return found


def darkest_entry(parsed: ParsedObject, facts: PictureFacts) -> int:
    """Give the stored value whose colour is the darkest.

    Parameters
    ----------
    parsed
        A PALETTE COLOR object.
    facts
        What the header says about its pixels.

    Raises
    ------
    DamagedPixelsError
        If the palette is missing or damaged.
    """
    first, table = palette_of(parsed, signed=facts.signed)
    reachable = (1 << (facts.bits_stored - int(facts.signed))) - first
    brightness = table[: max(reachable, 1)] @ np.array(_BRIGHTNESS)
    return first + int(np.argmin(brightness))


def palette_of(parsed: ParsedObject, *, signed: bool) -> tuple[int, NDArray[np.uint8]]:
    """Read the palette: the value of its first entry, and (N, 3) RGB of 8 bits.

    Parameters
    ----------
    parsed
        A PALETTE COLOR object.
    signed
        Whether its pixels are, and so is the value of the first entry.

    Raises
    ------
    DamagedPixelsError
        If it is missing or damaged.
    """
    descriptor = parsed.numbers(_DESCRIPTORS[0])
    if len(descriptor) != 3:  # noqa: PLR2004 - entries, first value mapped, bits
        raise DamagedPixelsError("The palette is missing.")
    entries = int(descriptor[0]) % _LARGEST_TABLE or _LARGEST_TABLE
    try:
        channels = [_channel(parsed, number, entries) for number in range(3)]
    except (struct.error, ValueError, IndexError):
        raise DamagedPixelsError("The palette is damaged.") from None
    table = np.stack(channels, axis=-1)
    if not len(table):
        raise DamagedPixelsError("The palette is empty.")
    if int(descriptor[2]) > 8 and table.max() > 255:  # noqa: PLR2004 - entries of 16 bits
        table >>= 8
    first = int(descriptor[1]) % _LARGEST_TABLE
    if signed and first >= _LARGEST_TABLE // 2:
        first -= _LARGEST_TABLE
    return first, table.astype(np.uint8)


def _channel(parsed: ParsedObject, number: int, entries: int) -> NDArray[np.uint16]:
    order = "<" if parsed.little else ">"
    element = parsed.get(_DATA[number])
    if element is not None and element.value:
        if len(element.value) in {entries, entries + 1}:  # a byte each
            words = np.frombuffer(element.value, np.uint8)
            words = words if parsed.little else words.reshape(-1, 2)[:, ::-1].reshape(-1)
            return words[:entries].astype(np.uint16)
        return np.frombuffer(element.value, f"{order}u2")[:entries].astype(np.uint16)
    element = parsed.get(_SEGMENTED[number])
    if element is None:
        raise DamagedPixelsError("The palette is missing.")
    words = np.frombuffer(element.value[: len(element.value) // 2 * 2], f"{order}u2")
    return np.array(_expanded([int(word) for word in words], entries), np.uint16)


def _expanded(words: list[int], entries: int) -> list[int]:
    """Expand a segmented table."""
    found: list[int] = []
    starts: list[int] = []
    position = 0
    while position + 1 < len(words) and len(found) < entries:
        starts.append(position)
        kind, length = words[position], words[position + 1]
        if kind == _INDIRECT:
            offset = words[position + 2] | words[position + 3] << 16
            _repeat(words, offset, length, found)
            position += 4
        else:
            position = _segment(words, position, found)
    return found[:entries]


def _segment(words: list[int], position: int, found: list[int]) -> int:
    kind, length = words[position], words[position + 1]
    if kind == _DISCRETE:
        found.extend(words[position + 2 : position + 2 + length])
        return position + 2 + length
    if kind != _LINEAR or not found:
        raise ValueError(kind)
    steps = np.linspace(found[-1], words[position + 2], length + 1)[1:]
    found.extend(int(value) for value in np.rint(steps))
    return position + 3


def _repeat(words: list[int], offset: int, segments: int, found: list[int]) -> None:
    position = offset
    for _ in range(segments):
        position = _segment(words, position, found)
