"""Codecs: a compressed frame decoded, and a changed frame encoded reversibly in the same way.

A stream is decoded as it is coded: colours are not converted, so that what was not touched comes
out exactly as it went in. A stream that lost something when it was made (near-lossless JPEG-LS,
irreversible JPEG 2000) is coded anew without further loss.

References
----------
PS3.5 8.2, A.4 and Table A-1 (transfer syntaxes).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError
from fedpacs.deidentification.pixels.codestream import strip_fragment
from fedpacs.deidentification.pixels.jpeg_2000 import code_stream_of
from fedpacs.deidentification.pixels.jpeg_lossless import encode_jpeg_lossless
from fedpacs.deidentification.pixels.plain import (
    DEFLATED_FRAMES,
    UNCOMPRESSED_FRAMES,
    decode_plain,
    encode_plain,
)
from fedpacs.deidentification.pixels.rle import RLE_LOSSLESS, decode_rle, encode_rle
from fedpacs.deidentification.pixels.streams import (
    BASELINE,
    EXTENDED,
    JPEG_LS,
    LOSSLESS,
    PROGRESSIVE,
    StreamHeader,
    header_of,
)

if TYPE_CHECKING:
    from fedpacs.deidentification.pixels.facts import PictureFacts, Pixels

HTJ2K = frozenset({"1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203"})
STREAMS = frozenset(
    {f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91)} | HTJ2K
)
"""Transfer syntaxes whose frames are JPEG, JPEG-LS or JPEG 2000 streams."""
DECODED = STREAMS | {RLE_LOSSLESS, DEFLATED_FRAMES, UNCOMPRESSED_FRAMES}
"""Encapsulated transfer syntaxes that are understood."""
DCT = frozenset({BASELINE, EXTENDED, PROGRESSIVE})
_BYTE_BITS = 8
_WORD_BITS = 16
_LARGEST_J2K_BITS = 26
_SMALL_SAMPLES = 64


def check_understood(transfer_syntax_uid: str) -> None:
    """Refuse encapsulated transfer syntaxes that cannot be looked into: video, for example.

    Parameters
    ----------
    transfer_syntax_uid
        Encoding of the object.

    Raises
    ------
    UnsupportedObjectError
        ``deid.pixel-encoding``.
    """
    if transfer_syntax_uid not in DECODED:
        raise UnsupportedObjectError(
            "The pixel data are encoded in a way that cannot be looked into.",
            code="deid.pixel-encoding",
        )


def decode(facts: PictureFacts, stream: bytes) -> Pixels:
    """Decode a compressed frame, as it is coded.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    stream
        The frame.

    Returns
    -------
    NDArray
        (Y, X) or (Y, X, S); colours as coded, except that JPEG 2000 undoes its own transform.

    Raises
    ------
    DamagedPixelsError
        If it is damaged, or not what the header says.
    UnsupportedObjectError
        If it is encoded in a way that cannot be decoded.
    """
    check_understood(facts.transfer_syntax_uid)
    if facts.transfer_syntax_uid == RLE_LOSSLESS:
        return decode_rle(facts, stream)
    if facts.transfer_syntax_uid in {DEFLATED_FRAMES, UNCOMPRESSED_FRAMES}:
        return decode_plain(facts, stream)
    stream = code_stream_of(stream)
    header = checked_header(facts, stream)
    try:
        pixels = _decoded(header, stream)
    except (RuntimeError, ValueError, TypeError, MemoryError):  # what the decoders raise
        raise DamagedPixelsError("A compressed frame cannot be decoded.") from None
    if pixels.shape != facts.shape:
        raise DamagedPixelsError("A compressed frame has not the size that the header says.")
    return pixels


def encode(facts: PictureFacts, original: bytes, pixels: Pixels) -> bytes:
    """Encode a changed frame without loss, in the way that the original was encoded.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    original
        The frame that it takes the place of.
    pixels
        The frame as `decode` gives it, changed.

    Raises
    ------
    UnsupportedObjectError
        If there is no way to do so (``deid.pixel-encoding``).
    """
    if facts.transfer_syntax_uid == RLE_LOSSLESS:
        return encode_rle(facts, pixels)
    if facts.transfer_syntax_uid in {DEFLATED_FRAMES, UNCOMPRESSED_FRAMES}:
        return encode_plain(facts, pixels)
    original = code_stream_of(original)
    header = checked_header(facts, original)
    try:
        if header.process == LOSSLESS:
            return encode_jpeg_lossless(strip_fragment(original), pixels, header.precision)
        if header.process == JPEG_LS:
            return _encode_jpeg_ls(header, pixels)
        if header.jpeg_2000:
            return _encode_jpeg_2000(facts, header, pixels)
    except (RuntimeError, ValueError, TypeError):  # what the encoders raise
        pass
    raise UnsupportedObjectError(
        "A changed frame cannot be encoded as it was.", code="deid.pixel-encoding"
    )


def checked_header(facts: PictureFacts, stream: bytes) -> StreamHeader:
    """Read what a stream says of itself, and hold it to the header of the object.

    Parameters
    ----------
    facts
        What the header says about the pixels.
    stream
        A JPEG, JPEG-LS or JPEG 2000 code stream.

    Raises
    ------
    DamagedPixelsError
        If they do not agree.
    """
    header = header_of(stream)
    size = (header.rows, header.columns, header.samples)
    if size != (facts.rows, facts.columns, facts.samples):
        raise DamagedPixelsError("A compressed frame has not the size that the header says.")
    if header.precision > facts.bits_allocated:
        raise DamagedPixelsError("A compressed frame has not the depth that the header says.")
    return header


def _decoded(header: StreamHeader, stream: bytes) -> Pixels:
    import imagecodecs

    if header.jpeg_2000:
        return imagecodecs.jpeg2k_decode(stream)
    if header.process == JPEG_LS:
        from fedpacs.deidentification.pixels.guarded import JPEG_LS_DECODER

        return JPEG_LS_DECODER.decode(stream)
    space = {1: None, 3: "RGB", 4: "CMYK"}[header.samples]  # the same in and out: not converted
    return imagecodecs.jpeg8_decode(stream, colorspace=space, outcolorspace=space)


def _encode_jpeg_ls(header: StreamHeader, pixels: Pixels) -> bytes:
    import imagecodecs
    import jpeg_ls  # type: ignore[import-untyped]  # it has no type information

    size = 1 if header.precision <= _BYTE_BITS else 2
    content = _cut(header, pixels).astype(f"<u{size}", casting="unsafe")
    if content.size < _SMALL_SAMPLES:  # too small for the other encoder, which knows all depths
        return strip_fragment(bytes(imagecodecs.jpegls_encode(content, 0)))
    planar = header.samples > 1 and header.interleave == 0
    if planar:
        content = np.ascontiguousarray(content.transpose(2, 0, 1))
    return bytes(
        jpeg_ls.encode_pixel_data(
            content.tobytes(),
            rows=header.rows,
            columns=header.columns,
            samples_per_pixel=header.samples,
            bits_stored=header.precision,
            planar_configuration=int(planar),
        )
    )


def _cut(header: StreamHeader, pixels: Pixels) -> Pixels:
    """Leave the bits that the stream has: a negative number is one of fewer bits there."""
    if header.signed:
        return pixels
    used = (1 << min(header.precision, pixels.dtype.itemsize * 8)) - 1
    cut: Pixels = pixels & pixels.dtype.type(used)
    return cut


def _encode_jpeg_2000(facts: PictureFacts, header: StreamHeader, pixels: Pixels) -> bytes:
    import imagecodecs

    if facts.transfer_syntax_uid in HTJ2K:
        return _encode_htj2k(header, pixels)
    if header.precision > _LARGEST_J2K_BITS:
        raise ValueError(header.precision)
    size = 1 if header.precision <= _BYTE_BITS else 2 if header.precision <= _WORD_BITS else 4
    return bytes(
        imagecodecs.jpeg2k_encode(
            _cut(header, pixels).astype(f"{'i' if header.signed else 'u'}{size}", casting="unsafe"),
            level=0,
            codecformat="J2K",
            bitspersample=header.precision,
            reversible=True,
            mct=header.colour_transform,
        )
    )


def _encode_htj2k(header: StreamHeader, pixels: Pixels) -> bytes:
    """Encode around zero, then say where zero was: the encoder itself knows 8 and 16 bits only."""
    import imagecodecs

    if header.precision > _WORD_BITS:
        raise ValueError(header.precision)
    middle = 0 if header.signed else 1 << (header.precision - 1)
    centred = (_cut(header, pixels).astype(np.int32) - middle).astype(np.int16)
    stream = bytearray(
        imagecodecs.htj2k_encode(centred, reversible=True, rgb=header.colour_transform, tlm=True)
    )
    depth = (header.precision - 1) | (0x80 if header.signed else 0)
    for sample in range(header.samples):
        stream[42 + 3 * sample] = depth  # T.800 table A.9, Ssiz
    return bytes(stream)
