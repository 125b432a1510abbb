"""Overlays in unused bits and remains behind the last pixel go; values stay what they were."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.deidentification.errors import DamagedPixelsError
from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.masking import clean_content, mask_boxes, replace_frames
from fedpacs.deidentification.pixels.stray_bits import UnusedBits

SYNTAX = "1.2.840.10008.1.2"


def overlay(frame: np.ndarray, bit: int) -> np.ndarray:
    drawn = np.zeros(frame.shape, np.uint16)
    drawn[10:20, 30:60] = 1 << bit
    return (frame.view(np.uint16) ^ drawn).view(frame.dtype)


def written(build, tmp_path, frame, *, little=True, **more):
    ds = build.dataset([frame], **more)
    if not little:
        ds.file_meta.TransferSyntaxUID = f"{SYNTAX}.2"
        ds.PixelData = frame.astype(frame.dtype.newbyteorder(">")).tobytes()
    return build.saved(ds, tmp_path / "a.dcm", little=little)


@pytest.mark.parametrize("kind", ["u12", "i12"])
@pytest.mark.parametrize("place", [(12, True), (15, True), (13, False)])
def test_an_overlay_in_the_high_bits(build, parsed, tmp_path, kind, place):
    bit, little = place
    frame = build.picture(kind)
    path = written(build, tmp_path, frame, little=little, stored=12)
    assert clean_content(parsed(path), tmp_path) is None
    path = written(build, tmp_path, overlay(frame, bit), little=little, stored=12)
    content = clean_content(parsed(path), tmp_path)
    assert content is not None
    result = build.with_content(path, content, tmp_path / "b.dcm")
    assert np.array_equal(pydicom.dcmread(result).pixel_array, frame)
    assert np.array_equal(Frames(parsed(result)).array(0), frame)


def test_signs_that_reach_into_the_unused_bits_or_not_are_both_left_alone(build, parsed, tmp_path):
    frame = build.picture("i12")
    short = (frame.view(np.uint16) & 0x0FFF).view(np.int16)
    path = written(build, tmp_path, short, stored=12)
    assert clean_content(parsed(path), tmp_path) is None
    assert np.array_equal(Frames(parsed(path)).array(0), frame)


def test_an_overlay_drawn_in_signs_alone(build, parsed, tmp_path):
    """Write half of the negative numbers with their sign extended, and half without."""
    frame = build.picture("i12")
    mixed = frame.view(np.uint16).copy()
    mixed[10:20] &= 0x0FFF
    assert (frame[10:20] < 0).any()
    path = written(build, tmp_path, mixed.view(np.int16), stored=12)
    content = clean_content(parsed(path), tmp_path)
    result = pydicom.dcmread(build.with_content(path, content, tmp_path / "b.dcm"))
    assert result.PixelData == frame.tobytes()


def test_an_overlay_in_the_low_bits(build, parsed, tmp_path):
    frame = build.picture("u12")
    path = written(build, tmp_path, overlay(frame << 4, 0), stored=12, HighBit=15)
    assert np.array_equal(Frames(parsed(path)).array(0), frame)
    content = clean_content(parsed(path), tmp_path)
    result = pydicom.dcmread(build.with_content(path, content, tmp_path / "b.dcm"))
    assert result.PixelData == (frame << 4).tobytes()


def test_masking_clears_them_as_well(build, parsed, tmp_path):
    frame = build.picture("u12")
    path = written(build, tmp_path, overlay(frame, 13), stored=12)
    content = mask_boxes(parsed(path), {0: [Box(0, 0, 5, 5)]}, tmp_path)
    result = pydicom.dcmread(build.with_content(path, content, tmp_path / "b.dcm"))
    frame[:5, :5] = 0
    assert result.PixelData == frame.tobytes()


@pytest.mark.parametrize("encoding", ["rle", "lossless", "jpeg-2000", "jpeg-ls"])
@pytest.mark.parametrize("kind", ["u12", "i12"])
def test_an_overlay_in_compressed_frames(build, parsed, tmp_path, encoding, kind):
    frames = [build.picture(kind, seed=1), build.picture(kind, seed=2)]
    drawn = [frames[0], overlay(frames[1], 14)]
    ds = build.dataset(drawn, stored=12)
    encoders = {
        "lossless": ("70", lambda f: imagecodecs.jpeg8_encode(
            f.view(np.uint16), lossless=True, predictor=1, bitspersample=16)),
        "jpeg-2000": ("90", lambda f: imagecodecs.jpeg2k_encode(
            f, level=0, codecformat="J2K", reversible=True)),
        "jpeg-ls": ("80", lambda f: imagecodecs.jpegls_encode(f.view(np.uint16), 0)),
    }  # fmt: skip
    if encoding == "rle":
        path = build.converted("dcmcrle", (), build.saved(ds, tmp_path / "a.dcm"))
    else:
        number, encoder = encoders[encoding]
        streams = [bytes(encoder(frame)) for frame in drawn]
        ds = build.encapsulated(ds, f"{SYNTAX}.4.{number}", streams)
        path = build.saved(ds, tmp_path / "a.dcm")
    content = clean_content(parsed(path), tmp_path)
    result = build.with_content(path, content, tmp_path / "b.dcm")
    read = Frames(parsed(result))
    assert np.array_equal(read.array(0), frames[0])
    assert np.array_equal(read.array(1), frames[1])
    assert clean_content(parsed(result), tmp_path) is None
    if encoding != "jpeg-ls":  # which says of itself what it was made with
        assert bytes(read.raw(0)) == bytes(Frames(parsed(path)).raw(0))


def test_remains_behind_the_last_pixel_go(build, parsed, tmp_path):
    frame = build.picture("u8", 7, 9)
    ds = build.dataset([frame])
    assert clean_content(parsed(build.saved(ds, tmp_path / "a.dcm")), tmp_path) is None
    for remains in (b"\x01", b"\0DOE^JOHN1", bytes(200) + b"DOE^JOHN1"):
        ds.PixelData = frame.tobytes() + remains
        path = build.saved(ds, tmp_path / "a.dcm")
        content = clean_content(parsed(path), tmp_path)
        assert content.source == frame.tobytes() + b"\0"
    ds.PixelData = frame.tobytes() + bytes(31)
    assert clean_content(parsed(build.saved(ds, tmp_path / "a.dcm")), tmp_path) is None


def test_pixel_data_that_are_cut_short_are_damaged(build, parsed, tmp_path):
    ds = build.dataset([build.picture("u8")])
    ds.PixelData = ds.PixelData[:-2]
    path = build.saved(ds, tmp_path / "a.dcm")
    with pytest.raises(DamagedPixelsError):
        clean_content(parsed(path), tmp_path)


def segmentation(build, frames):
    ds = build.dataset([frame.astype(np.uint8) for frame in frames])
    ds.BitsAllocated = ds.BitsStored = 1
    ds.HighBit = 0
    bits = np.concatenate([frame.reshape(-1) for frame in frames])
    content = np.packbits(bits, bitorder="little").tobytes()
    ds.PixelData = content + b"\0" * (len(content) % 2)
    return ds


def test_frames_of_single_bits_that_start_in_the_middle_of_a_byte(build, parsed, tmp_path):
    rng = np.random.default_rng(3)
    frames = [rng.integers(0, 2, (5, 7), np.uint8) for _ in range(6)]
    path = build.saved(segmentation(build, frames), tmp_path / "a.dcm")
    read = Frames(parsed(path))
    assert all(np.array_equal(read.array(n), frame) for n, frame in enumerate(frames))
    assert clean_content(parsed(path), tmp_path) is None
    content = mask_boxes(parsed(path), {1: [Box(0, 0, 7, 5)], 2: [Box(1, 1, 3, 3)]}, tmp_path)
    result = build.with_content(path, content, tmp_path / "b.dcm")
    frames[1][:] = 0
    frames[2][1:3, 1:3] = 0
    assert np.array_equal(pydicom.dcmread(result).pixel_array, np.stack(frames))


def test_equal_frames_of_single_bits_have_equal_bytes(build, parsed, tmp_path):
    frame = np.random.default_rng(3).integers(0, 2, (5, 7), np.uint8)
    read = Frames(parsed(build.saved(segmentation(build, [frame] * 3), tmp_path / "a.dcm")))
    assert read.raw(0) == read.raw(1) == read.raw(2)


def test_bits_behind_the_last_pixel_of_a_segmentation_go(build, parsed, tmp_path):
    ds = segmentation(build, [np.zeros((5, 7), np.uint8)])
    ds.PixelData = ds.PixelData[:4] + b"\xf8\0"
    content = clean_content(parsed(build.saved(ds, tmp_path / "a.dcm")), tmp_path)
    assert content.source == bytes(6)


def test_bytes_in_big_endian_words(build, parsed, tmp_path):
    frame = build.picture("u8", 5, 5)
    ds = build.dataset([frame, frame.T.copy(), frame])
    ds.file_meta.TransferSyntaxUID = f"{SYNTAX}.2"
    content = b"".join(f.tobytes() for f in (frame, frame.T, frame)) + b"\0"
    ds.PixelData = np.frombuffer(content, np.uint16).byteswap().tobytes()
    ds["PixelData"].VR = "OW"
    path = build.saved(ds, tmp_path / "a.dcm", little=False)
    read = Frames(parsed(path))
    assert np.array_equal(read.array(1), frame.T)
    assert clean_content(parsed(path), tmp_path) is None
    content = mask_boxes(parsed(path), {1: [Box(1, 1, 4, 4)]}, tmp_path)
    result = build.with_content(path, content, tmp_path / "b.dcm")
    after = pydicom.dcmread(result).pixel_array
    masked = frame.T.copy()
    masked[1:4, 1:4] = 0
    assert np.array_equal(after, np.stack([frame, masked, frame]))


def test_pixels_that_are_big_endian_in_a_little_endian_file(build, parsed, tmp_path):
    frame = build.picture("u12")
    ds = build.dataset([frame], stored=12)
    ds.PixelData = frame.astype(">u2").tobytes()
    path = build.saved(ds, tmp_path / "a.dcm", implicit=False)
    syntax = b"1.2.840.10008.1.2.1\0"
    private = b"1.2.840.113619.5.2\0\0"
    assert len(private) == len(syntax)
    path.write_bytes(path.read_bytes().replace(syntax, private, 1))
    read = parsed(path)
    assert np.array_equal(Frames(read).array(0), frame)
    assert clean_content(read, tmp_path) is None


def test_replaced_frames_hold_the_values_that_were_given(build, parsed, tmp_path):
    frames = [build.picture("i12", seed=seed) for seed in range(3)]
    path = build.saved(build.dataset(frames, stored=12), tmp_path / "a.dcm")
    new = np.full_like(frames[1], -7)
    content = replace_frames(parsed(path), {1: new}, tmp_path)
    after = pydicom.dcmread(build.with_content(path, content, tmp_path / "b.dcm")).pixel_array
    assert np.array_equal(after, np.stack([frames[0], new, frames[2]]))


@given(st.integers(2, 15), st.booleans(), st.integers(0, 2**32 - 1), st.integers(0, 4))
def test_cleared_samples_are_clean_and_mean_the_same(stored, signed, seed, below):
    stored = min(stored, 16 - below)
    unused = UnusedBits(16, stored, stored + below - 1, signed=signed)
    samples = np.random.default_rng(seed).integers(0, 1 << 16, 50, np.uint16)
    cleared = unused.cleared(samples)
    unused.learn(cleared)
    assert unused.clean
    used = (1 << (stored + below)) - (1 << below)
    assert np.array_equal(cleared & used, samples & used)
