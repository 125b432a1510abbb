"""JPEG Lossless: a changed frame encoded by first-order prediction, looking as the original did.

References
----------
ITU-T T.81 H (process 14; selection value 1 is part of it), B.2.2 and B.2.3 (headers).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.pixels.streams import segment_of

if TYPE_CHECKING:
    from fedpacs.deidentification.pixels.facts import Pixels

_START_BYTES = 2
_FRAME = 0xC3
_SCAN = 0xDA
_APPLICATION = range(0xE0, 0xF0)
_BYTE_BITS = 8


def encode_jpeg_lossless(original: bytes, pixels: Pixels, precision: int) -> bytes:
    """Encode a frame in JPEG Lossless, process 14, selection value 1.

    Parameters
    ----------
    original
        The frame that it takes the place of, stripped of all that is no picture: names of its
        components and how its colours are marked are taken over.
    pixels
        (Y, X) or (Y, X, S); bits above `precision` are cut off.
    precision
        Bits of a sample, 2 to 16.

    Raises
    ------
    RuntimeError
        If the encoder fails.
    """
    import imagecodecs

    size = 1 if precision <= _BYTE_BITS else 2
    masked = pixels.astype(np.uint32, casting="unsafe") & ((1 << precision) - 1)
    space = None if pixels.ndim == 2 else "RGB"  # noqa: PLR2004 - the same in and out: not converted
    encoded = bytes(
        imagecodecs.jpeg8_encode(
            np.ascontiguousarray(masked.astype(f"u{size}")),
            lossless=True,
            predictor=1,
            colorspace=space,
            outcolorspace=space,
            bitspersample=precision,
        )
    )
    marks, names = _looks(original)
    return encoded[:_START_BYTES] + marks + _renamed(encoded, names)


def _looks(original: bytes) -> tuple[bytes, bytes]:
    """Give the application segments and the names of the components of a stream."""
    marks = b""
    position = _START_BYTES
    while True:
        marker, end = segment_of(original, position)
        if marker in _APPLICATION:
            marks += original[position:end]
        if marker == _FRAME:
            content = original[position:end].lstrip(b"\xff")[3:]
            return marks, content[6::3]
        position = end


def _renamed(encoded: bytes, names: bytes) -> bytes:
    """Leave the encoder's own marks out and name the components."""
    parts = []
    position = _START_BYTES
    marker = 0
    while marker != _SCAN:
        marker, end = segment_of(encoded, position)
        segment = bytearray(encoded[position:end])
        if marker == _FRAME:
            segment[10::3] = names
        if marker == _SCAN:
            segment[5 : 5 + 2 * len(names) : 2] = names
        if marker not in _APPLICATION:
            parts.append(bytes(segment))
        position = end
    return b"".join(parts) + encoded[position:]
