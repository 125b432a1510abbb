"""What a compressed frame says of itself, read before any decoder sees it.

A decoder is given a stream only when its size, samples and precision are those that the header
of the object names: a damaged stream ends here, and none can ask for memory without end.

References
----------
ITU-T T.81 B.2 (JPEG), T.87 C (JPEG-LS), T.800 A.5 (JPEG 2000), T.814 A (HTJ2K).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from fedpacs.deidentification.errors import DamagedPixelsError

JPEG_START = b"\xff\xd8"
J2K_START = b"\xff\x4f\xff\x51"
_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_FRAMES_OF_JPEG = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}
_SCAN = 0xDA
_END = 0xD9
_CODING_STYLE = 0x52
_TILE = 0x90
_REVERSIBLE = 1
_MAXIMUM_PRECISION = 32
BASELINE = 0xC0
EXTENDED = 0xC1
PROGRESSIVE = 0xC2
LOSSLESS = 0xC3
JPEG_LS = 0xF7


@dataclass(frozen=True, slots=True)
class StreamHeader:
    """What a compressed frame says of itself.

    Parameters
    ----------
    process
        Second byte of the JPEG frame marker (`BASELINE`, ..., `JPEG_LS`); 0 for JPEG 2000.
    rows, columns
        Size, px.
    samples
        Components.
    precision
        Bits of a sample.
    signed
        Whether samples are two's complement; JPEG and JPEG-LS know none.
    subsampled
        Whether components differ in size.
    colour_transform
        Whether a JPEG 2000 stream has its components transformed.
    reversible
        Whether the wavelet of a JPEG 2000 stream is the reversible one.
    progression
        Progression order of a JPEG 2000 stream.
    interleave
        Interleave mode of the first scan of a JPEG-LS stream.
    """

    process: int
    rows: int
    columns: int
    samples: int
    precision: int
    signed: bool = False
    subsampled: bool = False
    colour_transform: bool = False
    reversible: bool = False
    progression: int = 0
    interleave: int = 0

    @property
    def jpeg_2000(self) -> bool:
        """Whether it is JPEG 2000, of either part."""
        return self.process == 0


def header_of(stream: bytes) -> StreamHeader:
    """Read what a compressed frame says of itself.

    Parameters
    ----------
    stream
        A JPEG, JPEG-LS or JPEG 2000 code stream.

    Raises
    ------
    DamagedPixelsError
        If it is none of these, or damaged before its first scan or tile.
    """
    try:
        if stream.startswith(J2K_START):
            return _of_jpeg_2000(stream)
        if stream.startswith(JPEG_START):
            return _of_jpeg(stream)
    except (struct.error, IndexError):
        pass
    raise DamagedPixelsError("A compressed frame is no stream of a known kind.")


def segment_of(stream: bytes, position: int) -> tuple[int, int]:
    """Read a marker segment: give its marker and where it ends.

    Parameters
    ----------
    stream
        The code stream.
    position
        Where the marker stands; fill bytes may stand before it.

    Raises
    ------
    DamagedPixelsError
        If there is no marker, or the segment ends after the stream.
    """
    size = len(stream)
    while position + 1 < size and stream[position] == stream[position + 1] == 0xFF:  # noqa: PLR2004 - fill bytes
        position += 1
    if position + 2 > size or stream[position] != 0xFF:  # noqa: PLR2004 - every marker starts so
        raise DamagedPixelsError("A compressed frame is damaged between its segments.")
    marker = stream[position + 1]
    if marker in _STANDALONE or marker == _END:
        return marker, position + 2
    if position + 4 > size:
        raise DamagedPixelsError("A compressed frame ends in the middle of a segment.")
    length = stream[position + 2] << 8 | stream[position + 3]
    end = position + 2 + length
    if length < 2 or end > size:  # noqa: PLR2004 - the length counts itself
        raise DamagedPixelsError("A compressed frame ends in the middle of a segment.")
    return marker, end


def only_padding(stream: bytes, end: int) -> bool:
    """Tell whether nothing but padding follows the end of a picture.

    Parameters
    ----------
    stream
        The code stream.
    end
        Position after its last marker.

    Raises
    ------
    DamagedPixelsError
        If another picture follows.
    """
    tail = stream[end:]
    if JPEG_START + b"\xff" in tail or J2K_START in tail:
        raise DamagedPixelsError("A compressed frame holds more than one picture.")
    return not tail or tail == b"\xff" or not any(tail)


def _of_jpeg(stream: bytes) -> StreamHeader:
    position, frame = 2, b""
    process = interleave = -1
    while interleave < 0:
        marker, end = segment_of(stream, position)
        length = stream[end - 1 : end] and end - position
        if marker == _END or not length:
            raise DamagedPixelsError("A compressed frame holds no picture.")
        content = stream[position:end].lstrip(b"\xff")[3:]
        if marker in _FRAMES_OF_JPEG:
            if frame:
                raise DamagedPixelsError("A compressed frame holds more than one picture.")
            process, frame = marker, content
        elif marker == _SCAN:
            interleave = content[-2] if process == JPEG_LS else 0
        position = end
    if not frame:
        raise DamagedPixelsError("A compressed frame does not say its size.")
    precision, rows, columns, samples = struct.unpack_from(">BHHB", frame)
    if len(frame) != 6 + 3 * samples or not samples:
        raise DamagedPixelsError("A compressed frame does not describe its components.")
    factors = {frame[7 + 3 * number] for number in range(samples)}
    return StreamHeader(
        process,
        rows,
        columns,
        samples,
        precision,
        subsampled=len(factors) > 1,
        interleave=interleave,
    )


def _of_jpeg_2000(stream: bytes) -> StreamHeader:
    right, lower, left, upper = struct.unpack_from(">4L", stream, 8)
    tile_width, tile_height, tile_left, tile_upper = struct.unpack_from(">4L", stream, 24)
    (samples,) = struct.unpack_from(">H", stream, 40)
    components = [struct.unpack_from(">3B", stream, 42 + 3 * n) for n in range(samples)]
    sizes = set(components)
    if len(sizes) != 1 or not components[0][1] == components[0][2] == 1:
        raise DamagedPixelsError("A compressed frame has components of different sizes.")
    if not (tile_width and tile_height and tile_left <= left < right and tile_upper <= upper):
        raise DamagedPixelsError("A compressed frame does not say its size.")
    style = _coding_style(stream)
    depth = components[0][0]
    if (depth & 0x7F) + 1 > _MAXIMUM_PRECISION or lower <= upper:
        raise DamagedPixelsError("A compressed frame does not say its size.")
    return StreamHeader(
        0,
        lower - upper,
        right - left,
        samples,
        (depth & 0x7F) + 1,
        signed=bool(depth & 0x80),
        colour_transform=style[4] == 1,
        reversible=style[9] == _REVERSIBLE,
        progression=style[1],
    )


def _coding_style(stream: bytes) -> bytes:
    position = 2
    while True:
        marker, end = segment_of(stream, position)
        if marker == _CODING_STYLE:
            style = stream[position + 4 : end]
            if len(style) < 10:  # noqa: PLR2004 - T.800 table A.12
                raise DamagedPixelsError("A compressed frame does not describe its coding.")
            return style
        if marker in {_TILE, _END}:
            raise DamagedPixelsError("A compressed frame does not describe its coding.")
        position = end
