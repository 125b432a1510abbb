"""Large objects go through in pieces: no frame but the one at hand is in memory."""

from __future__ import annotations

import struct
import tracemalloc

import imagecodecs
import numpy as np
import pytest

from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.masking import clean_content, mask_boxes

FRAMES, ROWS, COLUMNS = 80, 512, 512
LIMIT_BYTES = 24 << 20


def large_native(build, path):
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 4096, (ROWS, COLUMNS), np.uint16)
    ds = build.dataset([frame, frame], stored=12)
    ds.NumberOfFrames = FRAMES
    ds.PixelData = frame.tobytes() * FRAMES
    build.saved(ds, path)
    return frame, path


def large_encapsulated(build, path):
    """Write the items by hand: pydicom would hold all of them."""
    frame, _ = large_native(build, path)
    stream = bytes(imagecodecs.jpeg2k_encode(frame, level=0, codecformat="J2K", reversible=True))
    ds = build.dataset([frame, frame], stored=16)
    ds.NumberOfFrames = FRAMES
    build.saved(build.encapsulated(ds, "1.2.840.10008.1.2.4.90", [stream] * FRAMES), path)
    return frame, path


@pytest.mark.parametrize("make", [large_native, large_encapsulated])
def test_cleaning_and_masking_a_large_object(build, parsed, tmp_path, make):
    frame, path = make(build, tmp_path / "a.dcm")
    assert path.stat().st_size > 30 << 20
    read = parsed(path)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    tracemalloc.start()
    try:
        assert clean_content(read, scratch) is None
        content = mask_boxes(read, {3: [Box(0, 0, 9, 9)], 60: [Box(5, 5, 9, 9)]}, scratch)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < LIMIT_BYTES
    assert content.source.parent == scratch
    assert content.source.stat().st_size == content.length
    result = build.with_content(path, content, tmp_path / "b.dcm")
    after = Frames(parsed(result))
    masked = frame.copy()
    masked[:9, :9] = 0
    assert np.array_equal(after.array(3), masked)
    for number in (0, 2, 4, 59, 61, FRAMES - 1):
        assert after.raw(number) == Frames(read).raw(number)


def test_nothing_is_left_behind_when_masking_fails(build, parsed, tmp_path):
    _, path = large_encapsulated(build, tmp_path / "a.dcm")
    content = path.read_bytes()
    last = content.rindex(b"\xff\x4f\xff\x51")
    damaged = bytearray(content)
    struct.pack_into(">L", damaged, last + 8, 511)  # another width
    path.write_bytes(damaged)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with pytest.raises(Exception, match="size"):
        mask_boxes(parsed(path), {FRAMES - 1: [Box(0, 0, 9, 9)]}, scratch)
    assert not list(scratch.iterdir())


def test_a_folder_that_cannot_be_written_is_told(build, parsed, tmp_path):
    from fedpacs.deidentification.errors import UnwritableOutputError

    _, path = large_native(build, tmp_path / "a.dcm")
    with pytest.raises(UnwritableOutputError):
        mask_boxes(parsed(path), {0: [Box(0, 0, 9, 9)]}, tmp_path / "missing")
