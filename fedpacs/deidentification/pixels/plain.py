"""Pixels without compression: a native frame's bytes taken as samples, and put back.

References
----------
PS3.3 C.7.6.3.1 (planes, chrominance); PS3.5 8.1, A.4.12 and A.4.13 (frames as fragments).
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError

if TYPE_CHECKING:
    from fedpacs.deidentification.pixels.facts import PictureFacts, Pixels

DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
UNCOMPRESSED_FRAMES = "1.2.840.10008.1.2.1.98"


def decode_plain(facts: PictureFacts, stream: bytes) -> Pixels:
    """Decode a frame that is stored as a fragment without compression, or deflated.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    stream
        The frame.

    Raises
    ------
    DamagedPixelsError
        If it is too short or broken.
    """
    size = (facts.frame_bits + 7) // 8
    content = stream
    if facts.transfer_syntax_uid == DEFLATED_FRAMES:
        content = inflated(stream, size)
    if len(content) < size:
        raise DamagedPixelsError("A compressed frame is too short.")
    return plain_pixels(facts, content[:size])


def encode_plain(facts: PictureFacts, pixels: Pixels) -> bytes:
    """Encode a frame as a fragment without compression, or deflated.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    pixels
        (Y, X) or (Y, X, S).
    """
    content = plain_bytes(facts, pixels)
    if facts.transfer_syntax_uid == UNCOMPRESSED_FRAMES:
        return content
    return deflated(content)


def clean_plain(facts: PictureFacts, stream: bytes) -> bytes:
    """Take out what stands behind the last pixel of such a frame.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    stream
        The frame.

    Returns
    -------
    bytes
        The very same object when there is nothing to take out.

    Raises
    ------
    DamagedPixelsError
        If it is too short or broken.
    """
    size = (facts.frame_bits + 7) // 8
    if facts.transfer_syntax_uid == UNCOMPRESSED_FRAMES:
        if len(stream) < size:
            raise DamagedPixelsError("A frame is too short.")
        return stream[:size] if any(stream[size:]) else stream
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        content = inflater.decompress(stream, size + 1)
        rest = inflater.decompress(inflater.unconsumed_tail, 1)
    except zlib.error:
        raise DamagedPixelsError("A deflated frame is broken.") from None
    if len(content) < size:
        raise DamagedPixelsError("A deflated frame is too short.")
    beyond = content[size:] + rest
    if inflater.eof and not any(beyond) and not any(inflater.unused_data):
        return stream
    return deflated(content[:size])


def inflated(stream: bytes, size: int) -> bytes:
    """Inflate a frame of the deflated image frame compression.

    Parameters
    ----------
    stream
        The compressed frame.
    size
        Bytes that it must come to.

    Raises
    ------
    DamagedPixelsError
        If the stream is broken.
    """
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(stream, size)
    except zlib.error:
        raise DamagedPixelsError("A deflated frame is broken.") from None


def deflated(content: bytes) -> bytes:
    """Deflate a frame.

    Parameters
    ----------
    content
        Its native bytes.
    """
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return stream.compress(content) + stream.flush()


def plain_pixels(facts: PictureFacts, content: bytes) -> Pixels:
    """Give the pixels of a native frame: (Y, X) or (Y, X, S), all allocated bits.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    content
        The frame's bytes, pairs of bytes already in order, a frame of single bits from its first.
    """
    count = facts.rows * facts.columns
    if facts.bits_allocated == 1:
        bits = np.unpackbits(np.frombuffer(content, np.uint8), bitorder="little")
        return bits[: count * facts.samples].reshape(facts.shape)
    order = "<" if facts.little else ">"
    kind = "u" if facts.kind == "integer" else "f"
    pixels = np.frombuffer(content, f"{order}{kind}{facts.bits_allocated // 8}")
    pixels = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
    if facts.subsampled:
        return _whole_colours(facts, pixels)
    if facts.planar:
        return pixels.reshape(facts.samples, facts.rows, facts.columns).transpose(1, 2, 0)
    return pixels.reshape(facts.shape)


def plain_bytes(facts: PictureFacts, pixels: Pixels) -> bytes:
    """Give the bytes of a native frame; the opposite of `plain_pixels`.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    pixels
        (Y, X) or (Y, X, S).
    """
    if facts.bits_allocated == 1:
        return np.packbits(pixels.reshape(-1).astype(np.uint8), bitorder="little").tobytes()
    order = "<" if facts.little else ">"
    kind = "u" if facts.kind == "integer" else "f"
    if facts.subsampled:
        pixels = _halved_colours(facts, pixels)
    elif facts.planar:
        pixels = pixels.transpose(2, 0, 1)
    target = np.dtype(f"{order}{kind}{facts.bits_allocated // 8}")
    return np.ascontiguousarray(pixels.astype(target, casting="unsafe", copy=False)).tobytes()


def _whole_colours(facts: PictureFacts, pixels: Pixels) -> Pixels:
    """Repeat the chrominance of YBR 4:2:2, which is stored as Y1 Y2 Cb Cr (PS3.3 C.7.6.3.1.2)."""
    if facts.columns % 2:
        raise UnsupportedObjectError(
            "The picture has half the colours of an odd number of columns.",
            code="deid.pixel-encoding",
        )
    pairs = pixels.reshape(facts.rows, facts.columns // 2, 4)
    whole = np.empty((facts.rows, facts.columns, 3), pixels.dtype)
    whole[:, :, 0] = pairs[:, :, :2].reshape(facts.rows, facts.columns)
    whole[:, :, 1] = np.repeat(pairs[:, :, 2], 2, axis=1)
    whole[:, :, 2] = np.repeat(pairs[:, :, 3], 2, axis=1)
    return whole


def _halved_colours(facts: PictureFacts, pixels: Pixels) -> Pixels:
    pairs = np.empty((facts.rows, facts.columns // 2, 4), pixels.dtype)
    pairs[:, :, :2] = pixels[:, :, 0].reshape(facts.rows, facts.columns // 2, 2)
    pairs[:, :, 2] = pixels[:, ::2, 1]
    pairs[:, :, 3] = pixels[:, ::2, 2]
    return pairs
