"""Pixel data in every transfer syntax that hospitals have, with text in JPEG segments if asked."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pydicom.dataset import Dataset

SYNTAXES: dict[str, UID] = {
    "implicit": ImplicitVRLittleEndian,
    "explicit": ExplicitVRLittleEndian,
    "big-endian": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
    "rle": RLELossless,
    "jpeg": JPEGBaseline8Bit,
    "jpeg-lossless": JPEGLosslessSV1,
    "jpeg-ls": JPEGLSLossless,
    "j2k": JPEG2000Lossless,
    "j2k-lossy": JPEG2000,
}


@dataclass(frozen=True, slots=True)
class Encoding:
    """How pixels are written.

    Parameters
    ----------
    syntax
        Key of `SYNTAXES`.
    colour
        "" for grey, "rgb", "ybr" (native YBR_FULL), "palette".
    comment
        Text for COM and APP9 segments in the compressed stream.
    subsampling
        JPEG chroma: "4:4:4", "4:2:2" or "4:2:0".
    planar
        Colour by plane where native.
    """

    syntax: str = "explicit"
    colour: str = ""
    comment: str = ""
    subsampling: str = "4:4:4"
    planar: bool = False


def describe(ds: Dataset, frames: NDArray[np.generic], encoding: Encoding, bits: int) -> None:
    """Write the image pixel attributes and the pixel data of frames.

    Parameters
    ----------
    ds
        Receives the attributes.
    frames
        (F, Y, X) or (F, Y, X, 3), stored values.
    encoding
        How to write them.
    bits
        Bits stored.
    """
    colour = frames.ndim == 4
    ds.Rows, ds.Columns = frames.shape[1:3]
    ds.SamplesPerPixel = 3 if colour else 1
    ds.BitsAllocated = frames.dtype.itemsize * 8
    ds.BitsStored, ds.HighBit = bits, bits - 1
    ds.PixelRepresentation = int(frames.dtype.kind == "i")
    if not getattr(ds, "PhotometricInterpretation", ""):
        ds.PhotometricInterpretation = {"rgb": "RGB", "ybr": "YBR_FULL"}.get(
            encoding.colour, "MONOCHROME2"
        )
    if colour:
        ds.PlanarConfiguration = int(encoding.planar)
    if len(frames) > 1:
        ds.NumberOfFrames = len(frames)
    if encoding.colour == "ybr" and encoding.syntax != "jpeg":
        frames = np.stack([np.asarray(Image.fromarray(one).convert("YCbCr")) for one in frames])
    _write(ds, frames, encoding)


def _write(ds: Dataset, frames: NDArray[np.generic], encoding: Encoding) -> None:
    syntax = encoding.syntax
    if syntax in {"implicit", "explicit", "big-endian", "deflated"}:
        ordered = np.moveaxis(frames, -1, 1) if encoding.planar and frames.ndim == 4 else frames
        raw = np.ascontiguousarray(ordered)
        big = syntax == "big-endian" and raw.dtype.itemsize > 1
        data = (raw.byteswap() if big else raw).tobytes()
        ds.PixelData = data + b"\0" * (len(data) % 2)
        ds["PixelData"].VR = "OW" if ds.BitsAllocated > 8 else "OB"
        return
    parts = [encoded(one, encoding, ds.BitsStored) for one in frames]
    if syntax == "jpeg":
        if frames.ndim == 4:
            ds.PhotometricInterpretation = "YBR_FULL_422"
            ds.PlanarConfiguration = 0
        ds.LossyImageCompression = "01"
        ds.LossyImageCompressionMethod = "ISO_10918_1"
        ds.LossyImageCompressionRatio = "8"
    if syntax.startswith("j2k") and frames.ndim == 4:
        ds.PhotometricInterpretation = "YBR_RCT" if syntax == "j2k" else "YBR_ICT"
    if syntax == "j2k-lossy":
        ds.LossyImageCompression = "01"
        ds.LossyImageCompressionMethod = "ISO_15444_1"
        ds.LossyImageCompressionRatio = "10"
    ds.PixelData = encapsulate(parts)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True


def encoded(frame: NDArray[np.generic], encoding: Encoding, bits: int) -> bytes:
    """Encode one frame.

    Parameters
    ----------
    frame
        (Y, X) or (Y, X, 3).
    encoding
        An encapsulated one.
    bits
        Bits stored.
    """
    import imagecodecs

    frame = np.ascontiguousarray(frame)
    if encoding.syntax == "jpeg":
        stream = io.BytesIO()
        chroma = {"4:4:4": 0, "4:2:2": 1, "4:2:0": 2}[encoding.subsampling]
        Image.fromarray(frame).save(stream, "JPEG", quality=88, subsampling=chroma)
        return commented(stream.getvalue(), encoding.comment)
    if encoding.syntax == "jpeg-lossless":
        data = imagecodecs.jpeg8_encode(
            frame,
            lossless=True,
            predictor=1,
            bitspersample=max(bits, 8),
            colorspace="RGB" if frame.ndim == 3 else None,
            outcolorspace="RGB" if frame.ndim == 3 else None,
        )
        return commented(bytes(data), encoding.comment)
    if encoding.syntax == "jpeg-ls":
        return commented(_jpeg_ls(frame, bits), encoding.comment)
    if encoding.syntax == "rle":
        return rle(frame)
    codestream = bytes(
        imagecodecs.jpeg2k_encode(
            frame,
            level=0 if encoding.syntax == "j2k" else 34,
            codecformat="j2k",
            reversible=encoding.syntax == "j2k",
            bitspersample=bits,
            mct=frame.ndim == 3,
        )
    )
    return _remarked(codestream, encoding.comment)


def _jpeg_ls(frame: NDArray[np.generic], bits: int) -> bytes:
    """Encode a frame as lossless JPEG-LS with the precision of its bits stored."""
    import jpeg_ls

    colour = frame.ndim == 3
    return bytes(
        jpeg_ls.encode_pixel_data(
            frame.tobytes(),
            rows=frame.shape[0],
            columns=frame.shape[1],
            samples_per_pixel=3 if colour else 1,
            bits_allocated=8 * frame.dtype.itemsize,
            bits_stored=bits,
            photometric_interpretation="RGB" if colour else "MONOCHROME2",
            planar_configuration=0,
            interleave_mode=2 if colour else 0,
        )
    )


def rle(frame: NDArray[np.generic]) -> bytes:
    """Encode a frame as RLE by pydicom's own encoder (PS3.5 Annex G)."""
    from pydicom.pixels.encoders.native import _encode_segment

    size = frame.dtype.itemsize
    planes = np.moveaxis(frame, -1, 0) if frame.ndim == 3 else frame[None]
    segments = []
    for plane in planes:
        octets = np.ascontiguousarray(plane).view(np.uint8).reshape(plane.shape[0], -1, size)
        for byte in range(size)[::-1]:
            part = np.ascontiguousarray(octets[..., byte])
            segments.append(bytes(_encode_segment(part.tobytes(), part.shape[1])))
    segments = [one + b"\0" * (len(one) % 2) for one in segments]
    offsets, place = [], 64
    for one in segments:
        offsets.append(place)
        place += len(one)
    offsets += [0] * (15 - len(offsets))
    return struct.pack("<16L", len(segments), *offsets) + b"".join(segments)


def _remarked(codestream: bytes, comment: str) -> bytes:
    """Put a COM segment before the first tile of a JPEG 2000 codestream."""
    if not comment:
        return codestream
    text = comment.encode()
    segment = b"\xff\x64" + struct.pack(">HH", len(text) + 4, 1) + text
    place = codestream.index(b"\xff\x90")
    joined = codestream[:place] + segment + codestream[place:]
    return joined + b"\0" * (len(joined) % 2)


def commented(stream: bytes, comment: str) -> bytes:
    """Put a COM and an APP9 segment behind SOI."""
    if not comment:
        return stream
    text = comment.encode()
    com = b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text
    app = b"\xff\xe9" + struct.pack(">H", len(text) + 7) + b"NOTE\0" + text
    joined = stream[:2] + com + app + stream[2:]
    return joined + b"\0" * (len(joined) % 2)
