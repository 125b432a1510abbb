"""Run-length encoding: a frame as byte planes, and remains after the last pixel taken out.

References
----------
PS3.5 Annex G (encapsulated RLE compressed images).
"""

from __future__ import annotations

import struct
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from fedpacs.deidentification.pixels.facts import PictureFacts, Pixels

RLE_LOSSLESS = "1.2.840.10008.1.2.5"
_HEADER_BYTES = 64
_MAXIMUM_SEGMENTS = 15


def decode_rle(facts: PictureFacts, stream: bytes) -> Pixels:
    """Decode a frame.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    stream
        The compressed frame.

    Returns
    -------
    NDArray
        (Y, X) or (Y, X, S), unsigned, all allocated bits.

    Raises
    ------
    DamagedPixelsError
        If it does not hold as many bytes as the header says.
    """
    count = facts.rows * facts.columns
    planes = []
    for plane in _planes(facts, stream):
        if len(plane) < count:
            raise DamagedPixelsError("A run-length encoded frame is too short.")
        planes.append(np.frombuffer(plane, np.uint8, count))
    size = facts.bits_allocated // 8
    stacked = np.stack(planes).reshape(facts.samples, size, count)
    samples = np.ascontiguousarray(stacked.transpose(2, 0, 1))
    pixels = samples.view(f">u{size}").astype(f"u{size}")
    return pixels.reshape(facts.shape)


def encode_rle(facts: PictureFacts, pixels: Pixels) -> bytes:
    """Encode a frame.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    pixels
        (Y, X) or (Y, X, S), of the allocated size.
    """
    size = facts.bits_allocated // 8
    rows = pixels.astype(f">u{size}", casting="unsafe").reshape(facts.rows, facts.columns, -1)
    content = rows.view(np.uint8).reshape(facts.rows, facts.columns, facts.samples * size)
    return _joined([content[:, :, plane] for plane in range(facts.samples * size)])


def clean_rle(facts: PictureFacts, stream: bytes) -> bytes:
    """Take out what stands behind the last pixel of each segment, or between segments.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    stream
        The compressed frame.

    Returns
    -------
    bytes
        The very same object when there is nothing to take out.

    Raises
    ------
    DamagedPixelsError
        If it does not hold as many bytes as the header says.
    """
    count = facts.rows * facts.columns
    planes = _planes(facts, stream)
    if any(len(plane) < count for plane in planes):
        raise DamagedPixelsError("A run-length encoded frame is too short.")
    whole = struct.unpack_from("<16L", stream)
    unused = any(whole[1 + len(planes) :])
    if not unused and whole[1] == _HEADER_BYTES and all(len(plane) == count for plane in planes):
        return stream
    arrays = [np.frombuffer(plane, np.uint8, count) for plane in planes]
    return _joined([array.reshape(facts.rows, facts.columns) for array in arrays])


def _planes(facts: PictureFacts, stream: bytes) -> list[bytes]:
    """Decode each segment: one byte of one sample of every pixel, the highest byte first."""
    from imagecodecs import packbits_decode

    expected = facts.samples * facts.bits_allocated // 8
    if len(stream) < _HEADER_BYTES or facts.bits_allocated % 8:
        raise DamagedPixelsError("A run-length encoded frame has no header.")
    segments, *offsets = struct.unpack_from("<16L", stream)
    starts = [*offsets[:segments], len(stream)]
    if segments != expected or segments > _MAXIMUM_SEGMENTS or starts[0] < _HEADER_BYTES:
        raise DamagedPixelsError("A run-length encoded frame has not the segments it needs.")
    if any(a > b for a, b in pairwise(starts)):
        raise DamagedPixelsError("A run-length encoded frame has segments in no order.")
    limit = facts.rows * facts.columns
    planes = []
    for start, end in pairwise(starts):
        segment = stream[start:end]
        try:
            planes.append(bytes(packbits_decode(segment)))
        except RuntimeError:  # what the decoder raises: a run cut off by its end
            planes.append(_decoded_slowly(segment, limit))
    return planes


def _decoded_slowly(segment: bytes, limit: int) -> bytes:
    """Decode up to the last pixel, and one byte more where something stands behind it."""
    decoded = bytearray()
    position = 0
    while position < len(segment) and len(decoded) <= limit:
        code = segment[position]
        position += 1
        if code < 128:  # noqa: PLR2004 - PS3.5 G.3.2
            decoded += segment[position : position + code + 1]
            position += code + 1
        elif code > 128:  # noqa: PLR2004 - PS3.5 G.3.2
            decoded += segment[position : position + 1] * (257 - code)
            position += 1
    return bytes(decoded) + b"\0" * (position < len(segment))


def _joined(planes: Sequence[NDArray[np.uint8]]) -> bytes:
    from imagecodecs import packbits_encode

    segments = []
    for plane in planes:
        segment = bytes(packbits_encode(np.ascontiguousarray(plane), axis=-1))
        segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [_HEADER_BYTES]
    for segment in segments[:-1]:
        offsets.append(offsets[-1] + len(segment))
    header = struct.pack(f"<{1 + len(offsets)}L", len(offsets), *offsets)
    return header.ljust(_HEADER_BYTES, b"\0") + b"".join(segments)
