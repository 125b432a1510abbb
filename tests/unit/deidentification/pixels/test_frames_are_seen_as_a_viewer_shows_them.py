"""Frames for detectors, the facts of the header, and the value that shows as black."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.data import get_testdata_file
from pydicom.pixels import apply_color_lut, convert_color_space

from fedpacs.core.errors import DeidentificationError
from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError
from fedpacs.deidentification.pixels import guarded
from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.facts import PictureFacts
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.masking import mask_boxes

BOX = Box(2, 3, 40, 12)
FROM_PYDICOM = [
    "693_J2KI.dcm", "CT_small.dcm", "ExplVR_BigEnd.dcm", "GDCMJ2K_TextGBR.dcm",
    "J2K_pixelrep_mismatch.dcm", "JPEG2000.dcm", "JPEGLSNearLossless_16.dcm", "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm",
    "SC_jpeg_no_color_transform.dcm", "SC_rgb_gdcm_KY.dcm", "SC_rgb_jls_lossy_line.dcm",
    "SC_rgb_jpeg_gdcm.dcm", "SC_rgb_rle_16bit_2frame.dcm", "SC_rgb_rle_32bit.dcm",
    "SC_rgb_small_odd_big_endian.dcm", "examples_jpeg2k.dcm", "examples_overlay.dcm",
    "examples_rgb_color.dcm", "image_dfl.dcm", "liver_1frame.dcm", "liver_expb_1frame.dcm",
    "rtdose_expb.dcm", "rtdose_rle.dcm",
]  # fmt: skip


def after_masking(build, parsed, path, boxes=(BOX,), number=0):
    content = mask_boxes(parsed(path), {number: list(boxes)}, path.parent)
    return parsed(build.with_content(path, content, path.with_name("masked.dcm")))


@pytest.mark.parametrize("name", FROM_PYDICOM)
def test_stored_values_are_those_that_pydicom_reads(parsed, name):
    path = get_testdata_file(name)
    expected = pydicom.dcmread(path).pixel_array
    read = Frames(parsed(path))
    expected = expected if len(read) > 1 else expected[None]
    for number in range(len(read)):
        assert np.array_equal(read.array(number), expected[number])


@pytest.mark.parametrize(
    "name",
    ["SC_rgb_dcmtk_+eb+cy+n1.dcm", "SC_ybr_full_422_uncompressed.dcm", "SC_rgb_jpeg_dcmtk.dcm"],
)
def test_ybr_is_shown_in_the_colours_of_pydicom(parsed, name):
    path = get_testdata_file(name)
    shown = Frames(parsed(path)).display(0)
    ds = pydicom.dcmread(path)
    expected = pydicom.pixels.pixel_array(path)
    if ds.PhotometricInterpretation != "RGB":
        raw = pydicom.pixels.pixel_array(path, raw=True)
        expected = convert_color_space(raw, "YBR_FULL", "RGB")
    assert np.abs(shown.astype(int) - expected).max() <= 1


def test_palettes_are_looked_up(parsed):
    path = get_testdata_file("examples_palette.dcm")
    ds = pydicom.dcmread(path)
    expected = apply_color_lut(ds.pixel_array, ds)
    assert np.array_equal(Frames(parsed(path)).display(0), expected >> 8)


def with_palette(build, tmp_path, **segmented):
    frame = build.picture("u8") // 64 + 10
    ds = build.dataset([frame], photometric="PALETTE COLOR")
    table = [65280, 256, 30000, 512]
    for colour in ("Red", "Green", "Blue"):
        name = f"{colour}PaletteColorLookupTable"
        setattr(ds, f"{name}Descriptor", [4, 10, 16])
        ds[f"{name}Descriptor"].VR = "US"
        content = struct.pack("<4H", *table) if not segmented else segmented[colour]
        prefix = "Segmented" if segmented else ""
        setattr(ds, f"{prefix}{name}Data", content)
    return frame, build.saved(ds, tmp_path / "a.dcm")


def test_the_darkest_entry_of_a_palette_is_what_masks(build, parsed, tmp_path):
    frame, path = with_palette(build, tmp_path)
    masked = Frames(after_masking(build, parsed, path))
    inside = masked.array(0)[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1]
    assert (inside == 11).all()
    assert masked.display(0)[BOX.y0, BOX.x0].tolist() == [1, 1, 1]
    assert np.array_equal(masked.array(0)[BOX.y1 :], frame[BOX.y1 :])


def test_segmented_palettes_are_expanded(build, parsed, tmp_path):
    line = struct.pack("<8H", 0, 1, 256, 1, 3, 256 * 31, 0, 0)[:12]
    _, path = with_palette(build, tmp_path, Red=line, Green=line, Blue=line)
    read = Frames(parsed(path))
    shown, values = read.display(0), read.array(0)
    assert [int(shown[values == value].max()) for value in (10, 11, 12, 13)] == [1, 11, 21, 31]


def test_a_palette_that_is_missing_is_damage(build, parsed, tmp_path):
    ds = build.dataset([build.picture("u8")], photometric="PALETTE COLOR")
    with pytest.raises(DamagedPixelsError):
        Frames(parsed(build.saved(ds, tmp_path / "a.dcm"))).display(0)


@pytest.mark.parametrize("kind", ["u12", "i12"])
@pytest.mark.parametrize("photometric", ["MONOCHROME1", "MONOCHROME2"])
def test_masks_are_the_darkest_there_is(build, parsed, tmp_path, kind, photometric):
    frame = build.picture(kind)
    ds = build.dataset([frame], stored=12, photometric=photometric)
    path = build.saved(ds, tmp_path / "a.dcm")
    masked = Frames(after_masking(build, parsed, path))
    shown = masked.display(0)
    assert (shown[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] == 0).all()
    before = Frames(parsed(path)).display(0, (float(frame.min()), float(frame.max())))
    after = masked.display(0, (float(frame.min()), float(frame.max())))
    assert np.array_equal(before[BOX.y1 :], after[BOX.y1 :])


@pytest.mark.parametrize(
    "given",
    [
        ("MONOCHROME2", -2000, -2000),  # darker than all pixels
        ("MONOCHROME2", 2000, -500),  # brighter: no black
        ("MONOCHROME1", 2000, 2000),
        ("MONOCHROME1", -2000, 500),
    ],
)
def test_padding_is_black_only_where_it_is_dark(build, parsed, tmp_path, given):
    photometric, padding, black = given
    picture = np.linspace(-500, 500, 60 * 100).astype(np.int16).reshape(60, 100)
    frame = np.concatenate([picture, np.full((12, 100), padding, np.int16)])
    ds = build.dataset([frame], photometric=photometric)
    ds.add_new(0x00280120, "SS", padding)
    path = build.saved(ds, tmp_path / "a.dcm")
    masked = Frames(after_masking(build, parsed, path)).array(0)
    assert (masked[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] == black).all()
    shown = Frames(parsed(path)).display(0)
    assert shown[:60].min() <= 1  # padding takes nothing of the range away
    assert shown[:60].max() >= 254


@pytest.mark.parametrize(
    "colour",
    [("RGB", [0, 0, 0]), ("YBR_FULL", [0, 128, 128]), ("YBR_FULL_422", [0, 128, 128])],
)
@pytest.mark.parametrize("planar", [0, 1])
def test_colour_is_masked_with_black(build, parsed, tmp_path, colour, planar):
    photometric, black = colour
    frame = build.picture("rgb8")
    ds = build.dataset([frame], photometric=photometric, PlanarConfiguration=planar)
    if photometric == "YBR_FULL_422":
        frame[:, 1::2, 1:] = frame[:, ::2, 1:]
        pairs = np.empty((72, 50, 4), np.uint8)
        pairs[:, :, :2] = frame[:, :, 0].reshape(72, 50, 2)
        pairs[:, :, 2:] = frame[:, ::2, 1:]
        ds.PixelData = pairs.tobytes()
        ds.PlanarConfiguration = 0
    elif planar:
        ds.PixelData = frame.transpose(2, 0, 1).tobytes()
    path = build.saved(ds, tmp_path / "a.dcm")
    assert np.array_equal(Frames(parsed(path)).array(0), frame)
    masked = Frames(after_masking(build, parsed, path)).array(0)
    inside = masked[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1]
    assert (inside == black).all()
    assert np.array_equal(masked[BOX.y1 :], frame[BOX.y1 :])
    assert np.array_equal(masked[:, BOX.x1 :], frame[:, BOX.x1 :])


def test_an_odd_box_of_halved_colours_keeps_its_neighbours_brightness(build, parsed, tmp_path):
    path = get_testdata_file("SC_ybr_full_422_uncompressed.dcm")
    before = Frames(parsed(path)).array(0)
    target = tmp_path / "a.dcm"
    shutil.copy(path, target)
    masked = Frames(after_masking(build, parsed, target, [Box(3, 3, 6, 6)])).array(0)
    assert (masked[3:6, 2:6] == [0, 128, 128]).all()
    assert np.array_equal(masked[:, 6:], before[:, 6:])


@pytest.mark.parametrize("size", [4, 8])
def test_floating_point_pixels(build, parsed, tmp_path, size):
    frame = build.picture("u12").astype(f"f{size}") / 7 - 100
    frame[50, 50] = np.nan
    ds = build.dataset([build.picture("u12")])
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.BitsAllocated = size * 8
    keyword = "FloatPixelData" if size == 4 else "DoubleFloatPixelData"
    setattr(ds, keyword, frame.tobytes())
    path = build.saved(ds, tmp_path / "a.dcm")
    read = Frames(parsed(path))
    assert np.array_equal(read.array(0), frame, equal_nan=True)
    assert read.display(0).max() == 255
    content = mask_boxes(parsed(path), {0: [BOX]}, tmp_path)
    after = np.frombuffer(content.source, f"<f{size}").reshape(frame.shape)
    assert (after[BOX.y0 : BOX.y1, BOX.x0 : BOX.x1] == np.nanmin(frame)).all()
    assert np.array_equal(after[BOX.y1 :], frame[BOX.y1 :], equal_nan=True)


def test_boxes_are_cut_at_the_edges_of_the_frame(build, parsed, tmp_path):
    frame = build.picture("u8")
    path = build.saved(build.dataset([frame]), tmp_path / "a.dcm")
    masked = Frames(after_masking(build, parsed, path, [Box(-5, -5, 3, 400)])).array(0)
    assert not masked[:, :3].any()
    assert np.array_equal(masked[:, 3:], frame[:, 3:])
    with pytest.raises(DamagedPixelsError):
        mask_boxes(parsed(path), {0: [Box(200, 0, 300, 9)], 5: [BOX]}, tmp_path)


def test_a_count_of_frames_that_is_no_number_is_taken_from_the_length(parsed):
    read = Frames(parsed(get_testdata_file("badVR.dcm")))
    assert len(read) == 15


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Rows", 0), ("Columns", 0), ("BitsAllocated", 12), ("BitsStored", 17), ("HighBit", 3),
        ("HighBit", 16), ("SamplesPerPixel", 2), ("BitsAllocated", None), ("Rows", None),
    ],
)  # fmt: skip
def test_headers_that_do_not_describe_their_pixels(build, parsed, tmp_path, keyword, value):
    ds = build.dataset([build.picture("u12")], stored=12)
    setattr(ds, keyword, value)
    with pytest.raises((DamagedPixelsError, UnsupportedObjectError)):
        Frames(parsed(build.saved(ds, tmp_path / "a.dcm")))


@pytest.mark.parametrize("implicit", [True, False])
def test_the_sign_of_the_padding_is_that_of_the_pixels(build, parsed, tmp_path, implicit):
    ds = build.dataset([build.picture("i12")], stored=16)
    ds.add_new(0x00280120, "SS" if implicit else "US", -2000 if implicit else 63536)
    if implicit:
        ds.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2"
    path = build.saved(ds, tmp_path / "a.dcm", implicit=implicit)
    assert PictureFacts.of(parsed(path)).padding == (-2000, -2000)


def test_two_kinds_of_pixel_data_are_damage(build, parsed, tmp_path):
    ds = build.dataset([build.picture("u12")])
    ds.FloatPixelData = bytes(72 * 100 * 4)
    with pytest.raises(DamagedPixelsError):
        Frames(parsed(build.saved(ds, tmp_path / "a.dcm")))


def test_objects_without_pixels_have_no_facts(build, parsed, tmp_path):
    ds = build.dataset([build.picture("u12")])
    del ds.PixelData
    with pytest.raises(DamagedPixelsError):
        PictureFacts.of(parsed(build.saved(ds, tmp_path / "a.dcm")))


def test_a_decoder_that_never_ends_is_ended(monkeypatch):
    decoder = guarded.GuardedDecoder()
    good = pydicom.dcmread(get_testdata_file("MR_small_jpeg_ls_lossless.dcm"))
    (stream,) = pydicom.encaps.generate_frames(good.PixelData, number_of_frames=1)
    assert np.array_equal(decoder.decode(stream).view(np.int16), good.pixel_array)
    monkeypatch.setattr(guarded, "_SECONDS", 0.5)
    endless = Path(__file__).with_name("endless.jls").read_bytes()
    with pytest.raises(DamagedPixelsError):
        decoder.decode(endless)
    monkeypatch.undo()
    with pytest.raises(DeidentificationError):
        decoder.decode(stream[:60])
    assert decoder.decode(stream).shape == (64, 64)
    decoder.close()
