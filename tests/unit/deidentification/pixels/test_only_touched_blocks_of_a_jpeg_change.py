"""JPEG with the cosine transform: coefficients of untouched blocks stay, those of others go."""

from __future__ import annotations

import contextlib
import io
import struct

import imagecodecs
import jpeglib
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import generate_frames

from fedpacs.core.errors import DeidentificationError
from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError
from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.jpeg import mask_blocks
from fedpacs.deidentification.pixels.masking import mask_boxes, replace_frames
from fedpacs.deidentification.pixels.streams import segment_of

BASELINE = "1.2.840.10008.1.2.4.50"
BOX = Box(20, 9, 50, 22)
FACTORS = {"444": (1, 1), "422": (2, 1), "420": (2, 2), "411": (4, 1), "440": (1, 2)}


def coefficients(stream: bytes, path) -> list[np.ndarray]:
    file = path / "a.jpg"
    file.write_bytes(stream)
    dct = jpeglib.read_dct(str(file))
    return [plane.copy() for plane in (dct.Y, dct.Cb, dct.Cr) if plane is not None]


def touched(shape: tuple[int, int], factors: tuple[int, int], box: Box) -> np.ndarray:
    """Give the blocks of a component that cover a pixel of the box."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    wide, high = 8 * factors[0], 8 * factors[1]
    return (
        (x * wide < box.x1) & ((x + 1) * wide > box.x0)
        & (y * high < box.y1) & ((y + 1) * high > box.y0)
    )  # fmt: skip


def check(before: bytes, after: bytes, path, box: Box = BOX, factors=(1, 1)) -> None:
    planes = zip(coefficients(before, path), coefficients(after, path), strict=True)
    for number, (old, new) in enumerate(planes):
        inside = touched(old.shape[:2], factors if number else (1, 1), box)
        assert inside.any()
        assert np.array_equal(new[~inside], old[~inside])
        masked = new[inside].reshape(-1, 64)
        assert not masked[:, 1:].any()
        assert (masked[:, 0] == masked[0, 0]).all()
        assert masked[0, 0] < 0 if number == 0 else masked[0, 0] == 0


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("sampling", list(FACTORS))
def test_every_sampling(build, tmp_path, sampling, optimize):
    frame = build.picture("rgb8")
    stream = imagecodecs.jpeg8_encode(frame, 85, subsampling=sampling, optimize=optimize)
    after = mask_blocks(bytes(stream), [BOX], (-1, 0, 0))
    check(stream, after, tmp_path, factors=FACTORS[sampling])
    shown = imagecodecs.jpeg8_decode(after)
    assert shown[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1].max() <= 40  # colours bleed in from the sides
    assert imagecodecs.jpeg8_decode(stream)[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1].max() > 100


@pytest.mark.parametrize("quality", [1, 30, 75, 100])
@pytest.mark.parametrize("optimize", [False, True])
def test_grey_at_every_quality(build, tmp_path, quality, optimize):
    stream = bytes(imagecodecs.jpeg8_encode(build.picture("u8"), quality, optimize=optimize))
    after = mask_blocks(stream, [BOX], (-1,))
    check(stream, after, tmp_path)
    shown = imagecodecs.jpeg8_decode(after)
    assert (shown[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] == 0).all()
    bright = imagecodecs.jpeg8_decode(mask_blocks(stream, [BOX], (1,)))
    assert (bright[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] == 255).all()


@pytest.mark.parametrize("blocks", [1, 3, 7])
@pytest.mark.parametrize("sampling", ["4:4:4", "4:2:0"])
def test_restart_intervals(build, tmp_path, blocks, sampling):
    memory = io.BytesIO()
    Image.fromarray(build.picture("rgb8")).save(
        memory, "JPEG", quality=90, subsampling=sampling, restart_marker_blocks=blocks
    )
    stream = memory.getvalue()
    after = mask_blocks(stream, [BOX], (-1, 0, 0))
    assert after.count(b"\xff\xd1") == stream.count(b"\xff\xd1") > 0
    check(stream, after, tmp_path, factors=(2, 2) if sampling == "4:2:0" else (1, 1))


def test_a_scan_for_each_component(build, tmp_path):
    """Build a stream of three scans out of grey streams, colours of half the size."""
    whole = build.picture("rgb8", 41, 67)
    planes = [whole[:, :, 0], whole[::2, ::2, 1], whole[::2, ::2, 2]]
    parts = {"tables": b"", "scans": b""}
    for number, plane in enumerate(planes, start=1):
        grey = bytes(imagecodecs.jpeg8_encode(np.ascontiguousarray(plane), 90))
        position, marker = 2, 0
        while marker != 0xDA:
            marker, end = segment_of(grey, position)
            segment = bytearray(grey[position:end])
            position = end
            if marker in {0xDB, 0xC4} and number == 1:
                parts["tables"] += segment
            if marker == 0xDA:
                segment[5] = number
                parts["scans"] += segment + grey[position:-2]
    frame = struct.pack(">BHHB", 8, 41, 67, 3) + bytes([1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0])
    head = b"\xff\xc0" + struct.pack(">H", len(frame) + 2) + frame
    stream = b"\xff\xd8" + parts["tables"] + head + parts["scans"] + b"\xff\xd9"
    after = mask_blocks(stream, [BOX], (-1, 0, 0))
    check(stream, after, tmp_path, factors=(2, 2))


def test_a_large_stream_is_walked_in_pieces(tmp_path):
    noise = np.random.default_rng(1).integers(0, 256, (1000, 1200), np.uint8)
    stream = bytes(imagecodecs.jpeg8_encode(noise, 90))
    assert len(stream) > 1 << 18
    box = Box(300, 960, 420, 990)
    check(stream, mask_blocks(stream, [box], (-1,)), tmp_path, box)


def test_extended_streams_of_12_bits_are_read_by_dcmtk(build, parsed, tmp_path):
    source = build.saved(build.dataset([build.picture("u12")], stored=12), tmp_path / "a.dcm")
    path = build.converted("dcmcjpeg", ("+ee", "+q", "95"), source)
    content = mask_boxes(parsed(path), {0: [BOX]}, tmp_path)
    result = build.with_content(path, content, tmp_path / "masked.dcm")
    before = pydicom.dcmread(build.converted("dcmdjpeg", (), path)).pixel_array
    after = pydicom.dcmread(build.converted("dcmdjpeg", (), result)).pixel_array
    assert before.max() > 2000
    inside = np.zeros(before.shape, bool)
    inside[8:24, 16:56] = True
    assert (after[inside] == 0).all()
    assert np.array_equal(after[~inside], before[~inside])


def test_objects_that_dcmtk_makes_are_read_by_dcmtk(build, parsed, tmp_path):
    source = build.saved(build.dataset([build.picture("rgb8")]), tmp_path / "a.dcm")
    path = build.converted("dcmcjpeg", ("+eb", "+cy", "+n1"), source)
    content = mask_boxes(parsed(path), {0: [BOX]}, tmp_path)
    result = build.with_content(path, content, tmp_path / "masked.dcm")
    before = pydicom.dcmread(build.converted("dcmdjpeg", (), path)).pixel_array
    after = pydicom.dcmread(build.converted("dcmdjpeg", (), result)).pixel_array
    far = np.ones(before.shape[:2], bool)
    far[:40, 8:72] = False  # colours bleed into the next block and no further
    assert np.array_equal(after[far], before[far])
    assert after[12:20, 24:46].max() <= 4


def test_inverted_pictures_become_white_in_the_stream(build, parsed, tmp_path):
    ds = build.dataset([build.picture("u8")], photometric="MONOCHROME1")
    stream = bytes(imagecodecs.jpeg8_encode(build.picture("u8"), 90))
    path = build.saved(build.encapsulated(ds, BASELINE, [stream]), tmp_path / "a.dcm")
    content = mask_boxes(parsed(path), {0: [BOX]}, tmp_path)
    result = pydicom.dcmread(build.with_content(path, content, tmp_path / "b.dcm"))
    assert (result.pixel_array[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] == 255).all()


def test_other_frames_keep_their_bytes(build, parsed, tmp_path):
    frames = [build.picture("u8", seed=seed) for seed in range(3)]
    streams = [bytes(imagecodecs.jpeg8_encode(frame, 90)) for frame in frames]
    ds = build.encapsulated(build.dataset(frames), BASELINE, streams)
    path = build.saved(ds, tmp_path / "a.dcm")
    content = mask_boxes(parsed(path), {1: [BOX]}, tmp_path)
    result = pydicom.dcmread(build.with_content(path, content, tmp_path / "b.dcm"))
    after = list(generate_frames(result.PixelData, number_of_frames=3))
    kept = list(generate_frames(ds.PixelData, number_of_frames=3))
    assert [after[0], after[2]] == [kept[0], kept[2]]
    assert after[1] != kept[1]


def test_a_code_that_is_missing_is_added_behind_the_others(tmp_path):
    flat = np.full((64, 64), 128, np.uint8)
    flat[0, 0] = 129  # tables with next to no codes
    stream = bytes(imagecodecs.jpeg8_encode(flat, 100, optimize=True))
    after = mask_blocks(stream, [BOX], (-1,))
    assert len(after) > len(stream)
    check(stream, after, tmp_path)


def test_progressive_streams_are_refused(build):
    memory = io.BytesIO()
    Image.fromarray(build.picture("u8")).save(memory, "JPEG", progressive=True)
    with pytest.raises(UnsupportedObjectError) as refusal:
        mask_blocks(memory.getvalue(), [BOX], (-1,))
    assert refusal.value.code == "deid.pixel-encoding"


def test_whole_frames_of_a_lossy_stream_are_not_replaced(build, parsed, tmp_path):
    frame = build.picture("u8")
    ds = build.dataset([frame])
    stream = bytes(imagecodecs.jpeg8_encode(frame, 90))
    path = build.saved(build.encapsulated(ds, BASELINE, [stream]), tmp_path / "a.dcm")
    with pytest.raises(UnsupportedObjectError):
        replace_frames(parsed(path), {0: frame}, tmp_path)


def test_a_stream_that_ends_early_is_damaged(build):
    stream = bytes(imagecodecs.jpeg8_encode(build.picture("u8"), 90))
    with pytest.raises(DamagedPixelsError):
        mask_blocks(stream[: len(stream) // 2], [BOX], (-1,))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damage_ends_in_an_error_of_ours_or_in_a_masked_stream(build, data):
    stream = bytearray(
        imagecodecs.jpeg8_encode(build.picture("rgb8", 40, 48), 80, subsampling="420")
    )
    for _ in range(data.draw(st.integers(1, 6))):
        stream[data.draw(st.integers(2, len(stream) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(DeidentificationError):
        mask_blocks(bytes(stream), [BOX.within(48, 40)], (-1, 0, 0))
