"""Masked frames are read by other decoders: the box is gone, every other pixel is what it was."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames

from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.codecs import encode
from fedpacs.deidentification.pixels.facts import PictureFacts
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.masking import clean_content, mask_boxes
from fedpacs.deidentification.pixels.streams import header_of

if TYPE_CHECKING:
    from pathlib import Path

BOX = Box(9, 5, 61, 18)
SYNTAX = "1.2.840.10008.1.2"
JPEG_LOSSLESS = [("dcmcjpeg", ("+e1",), "dcmdjpeg"), ("dcmcjpeg", ("+el", "+sv", "6"), "dcmdjpeg")]
DCMTK = [
    *JPEG_LOSSLESS,
    ("dcmcjpls", ("+el",), "dcmdjpls"),
    ("dcmcjpls", ("+en", "+md", "3"), "dcmdjpls"),
    ("dcmcrle", (), "dcmdrle"),
]


def check(before: np.ndarray, after: np.ndarray, black: object = 0) -> None:
    inside = np.zeros(before.shape[:2], bool)
    inside[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] = True
    assert np.array_equal(after[~inside], before[~inside])
    assert (after[inside] == black).all()
    assert not (before[inside] == black).all()


def masked(build, parsed, path: Path, number: int = 0) -> Path:
    content = mask_boxes(parsed(path), {number: [BOX]}, path.parent)
    return build.with_content(path, content, path.with_name("masked.dcm"))


@pytest.mark.parametrize("kind", ["u8", "u12", "i16", "i12"])
@pytest.mark.parametrize("encoding", [(True, False), (True, True), (False, False)])
def test_native_pixels_of_any_byte_order(build, parsed, tmp_path, kind, encoding):
    little, implicit = encoding
    frame = build.picture(kind)
    ds = build.dataset([frame], stored=int(kind.lstrip("ui")))
    if not little:
        ds.file_meta.TransferSyntaxUID = f"{SYNTAX}.2"
        ds.PixelData = frame.astype(frame.dtype.newbyteorder(">")).tobytes()
    elif implicit:
        ds.file_meta.TransferSyntaxUID = SYNTAX
    path = build.saved(ds, tmp_path / "a.dcm", implicit=implicit, little=little)
    after = pydicom.dcmread(masked(build, parsed, path)).pixel_array
    check(frame, after, frame.min() if kind.startswith("i") else 0)


@pytest.mark.parametrize(
    ("kind", "programs"),
    [
        (kind, programs)
        for kind in ("u8", "u12", "u16", "i16", "i12", "rgb8")
        for programs in DCMTK  # which makes no near-lossless streams of signed pixels
        if not ("+en" in programs[1] and kind.startswith("i"))
    ],
)
def test_streams_that_dcmtk_makes_are_read_by_dcmtk(build, parsed, tmp_path, kind, programs):
    encoder, options, decoder = programs
    stored = int(kind.lstrip("uirgb"))
    source = build.saved(build.dataset([build.picture(kind)], stored=stored), tmp_path / "a.dcm")
    path = build.converted(encoder, options, source)
    syntax = pydicom.dcmread(path, stop_before_pixels=True).file_meta.TransferSyntaxUID
    result = masked(build, parsed, path)
    before = pydicom.dcmread(build.converted(decoder, (), path)).pixel_array
    after = pydicom.dcmread(build.converted(decoder, (), result)).pixel_array
    check(before, after, before.min() if kind.startswith("i") else 0)
    again = pydicom.dcmread(result)
    assert again.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(again.pixel_array, after)  # another decoder, the same pixels


@pytest.mark.parametrize("kind", ["u8", "u12", "u16", "i12", "i16", "rgb8"])
@pytest.mark.parametrize("number", ["90", "91"])
def test_jpeg_2000(build, parsed, tmp_path, kind, number):
    frame = build.picture(kind)
    stored = int(kind.lstrip("uirgb"))
    stream = imagecodecs.jpeg2k_encode(
        frame, level=0 if number == "90" else 40, codecformat="J2K", bitspersample=stored,
        reversible=number == "90", mct=True,
    )  # fmt: skip
    ds = build.dataset([frame], stored=stored)
    if frame.ndim == 3:
        ds.PhotometricInterpretation = "YBR_RCT" if number == "90" else "YBR_ICT"
    path = build.saved(
        build.encapsulated(ds, f"{SYNTAX}.4.{number}", [bytes(stream)]), tmp_path / "a.dcm"
    )
    before = pydicom.dcmread(path).pixel_array
    after = pydicom.dcmread(masked(build, parsed, path))
    check(before, after.pixel_array, before.min() if kind.startswith("i") else 0)
    assert after.PhotometricInterpretation in {"MONOCHROME2", "YBR_RCT"}


@pytest.mark.parametrize("kind", ["u8", "u12", "u16", "i12", "i16", "rgb8"])
@pytest.mark.parametrize("number", ["201", "202", "203"])
def test_high_throughput_jpeg_2000(build, parsed, tmp_path, kind, number):
    frame = build.picture(kind)
    stream = imagecodecs.htj2k_encode(
        frame, reversible=number != "203", level=0.001, rgb=frame.ndim == 3
    )
    ds = build.encapsulated(build.dataset([frame]), f"{SYNTAX}.4.{number}", [bytes(stream)])
    path = build.saved(ds, tmp_path / "a.dcm")
    result = pydicom.dcmread(masked(build, parsed, path))
    (after,) = generate_frames(result.PixelData, number_of_frames=1)
    before = imagecodecs.jpeg2k_decode(stream)  # decoders round irreversible streams differently
    black = before.min() if kind.startswith("i") else 0
    check(before, imagecodecs.htj2k_decode(after), black)
    check(before, imagecodecs.jpeg2k_decode(after), black)  # OpenJPEG


@pytest.mark.parametrize(("precision", "signed"), [(12, False), (12, True), (10, False), (9, True)])
def test_high_throughput_jpeg_2000_of_other_depths_than_whole_bytes(
    build, parsed, tmp_path, precision, signed
):
    frame = build.picture(f"{'i' if signed else 'u'}{precision}").astype("i2" if signed else "u2")
    facts = PictureFacts.of(
        parsed(build.saved(
            build.encapsulated(
                build.dataset([frame], stored=precision), f"{SYNTAX}.4.201", [b"\xff\x4f\xff\x51"]
            ), tmp_path / "a.dcm",
        ))
    )  # fmt: skip
    original = imagecodecs.jpeg2k_encode(
        frame, level=0, codecformat="J2K", bitspersample=precision, reversible=True
    )
    stream = encode(facts, bytes(original), frame)
    assert header_of(stream).precision == precision
    assert header_of(stream).signed == signed
    assert np.array_equal(imagecodecs.htj2k_decode(stream), frame)
    assert np.array_equal(imagecodecs.jpeg2k_decode(stream), frame)


def test_an_irreversible_stream_becomes_a_reversible_one_of_the_same_pixels(
    build, parsed, tmp_path
):
    frame = build.picture("u8")
    stream = imagecodecs.jpeg2k_encode(frame, level=30, codecformat="J2K", reversible=False)
    ds = build.encapsulated(build.dataset([frame]), f"{SYNTAX}.4.91", [bytes(stream)])
    path = build.saved(ds, tmp_path / "a.dcm")
    before = pydicom.dcmread(path).pixel_array
    assert not np.array_equal(before, frame)
    check(before, pydicom.dcmread(masked(build, parsed, path)).pixel_array)


def test_deflated_objects(build, parsed, tmp_path):
    frame = build.picture("u8")
    ds = build.dataset([frame])
    ds.file_meta.TransferSyntaxUID = f"{SYNTAX}.1.99"
    path = build.saved(ds, tmp_path / "a.dcm")
    check(frame, Frames(parsed(masked(build, parsed, path))).array(0))


def test_deflated_frames(build, parsed, tmp_path):
    frame = build.picture("u8")
    deflater = zlib.compressobj(wbits=-15)
    stream = deflater.compress(frame.tobytes()) + deflater.flush()
    ds = build.dataset([frame])
    ds = build.encapsulated(ds, f"{SYNTAX}.4.90", [stream], table="none")
    path = build.saved(ds, tmp_path / "a.dcm")
    named, meant = f"{SYNTAX}.4.90".encode(), f"{SYNTAX}.8.1\0".encode()
    path.write_bytes(path.read_bytes().replace(named, meant, 1))  # pydicom does not know it
    content = mask_boxes(parsed(path), {0: [BOX]}, tmp_path)
    start = path.read_bytes().index(b"\xe0\x7f\x10\x00") + 12
    result = tmp_path / "masked.dcm"
    delimiter = b"\xfe\xff\xdd\xe0\0\0\0\0"
    result.write_bytes(path.read_bytes()[:start] + content.source + delimiter)
    check(frame, Frames(parsed(result)).array(0))
    assert clean_content(parsed(result), tmp_path) is None
    hidden = stream + b"\0" * (len(stream) % 2) + b"DOE^JOHN"
    path.write_bytes(path.read_bytes()[: start + 8] + item(hidden) + delimiter)
    cleaned = clean_content(parsed(path), tmp_path)
    assert b"DOE" not in cleaned.source
    assert zlib.decompress(cleaned.source[16:], -15) == frame.tobytes()


def item(content: bytes) -> bytes:
    return b"\xfe\xff\0\xe0" + struct.pack("<L", len(content)) + content


@pytest.mark.parametrize("interleave", [0, 1, 2])
def test_every_interleaving_of_jpeg_ls(build, parsed, tmp_path, interleave):
    import jpeg_ls

    frame = build.picture("rgb8")
    laid = frame.transpose(2, 0, 1) if interleave == 0 else frame
    stream = jpeg_ls.encode_array(np.ascontiguousarray(laid), interleave_mode=interleave)
    ds = build.encapsulated(build.dataset([frame]), f"{SYNTAX}.4.80", [bytes(stream)])
    path = build.saved(ds, tmp_path / "a.dcm")
    before = pydicom.dcmread(path).pixel_array
    assert np.array_equal(before, frame)
    check(before, pydicom.dcmread(masked(build, parsed, path)).pixel_array)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (31, 2), (8, 9)])
@pytest.mark.parametrize("syntax", ["4.70", "4.80", "4.90", "4.202", "5"])
def test_pictures_of_a_few_pixels(build, parsed, tmp_path, size, syntax):
    frame = np.full(size, 200, np.uint8)
    encoders = {
        "4.70": lambda: imagecodecs.jpeg8_encode(frame, lossless=True, predictor=1),
        "4.80": lambda: imagecodecs.jpegls_encode(frame, 0),
        "4.90": lambda: imagecodecs.jpeg2k_encode(frame, level=0, codecformat="J2K", resolutions=1),
        "4.202": lambda: imagecodecs.htj2k_encode(frame, reversible=True, resolutions=1),
    }
    ds = build.dataset([frame])
    if syntax == "5":
        source = build.saved(ds, tmp_path / "a.dcm")
        path = build.converted("dcmcrle", (), source)
    else:
        ds = build.encapsulated(ds, f"{SYNTAX}.{syntax}", [bytes(encoders[syntax]())])
        path = build.saved(ds, tmp_path / "a.dcm")
    content = mask_boxes(parsed(path), {0: [Box(0, 0, 1, 1)]}, tmp_path)
    result = build.with_content(path, content, tmp_path / "masked.dcm")
    after = Frames(parsed(result)).array(0)
    assert after[0, 0] == 0
    assert int(after.sum(dtype=int)) == 200 * (frame.size - 1)
