"""Text beside the picture in compressed frames goes; the picture stays bit by bit."""

from __future__ import annotations

import struct

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.data import get_testdata_file
from pydicom.encaps import encapsulate, generate_fragments, generate_frames

from fedpacs.core.errors import DeidentificationError
from fedpacs.deidentification.errors import DamagedPixelsError, UnsupportedObjectError
from fedpacs.deidentification.pixels.codestream import strip_fragment
from fedpacs.deidentification.pixels.encapsulation import EXTENDED_LENGTHS, EXTENDED_OFFSETS
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.masking import clean_content
from fedpacs.deidentification.pixels.streams import header_of

NAME = b"DOE^JOHN"
SYNTAX = "1.2.840.10008.1.2"


def segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


def encoders(build) -> dict[str, tuple[bytes, object]]:
    grey, colour = build.picture("u8"), build.picture("rgb8")
    return {
        "baseline": (imagecodecs.jpeg8_encode(colour, 90), imagecodecs.jpeg8_decode),
        "lossless": (
            imagecodecs.jpeg8_encode(grey, lossless=True, predictor=1),
            imagecodecs.jpeg8_decode,
        ),
        "jpeg-ls": (imagecodecs.jpegls_encode(grey, 0), imagecodecs.jpegls_decode),
        "jpeg-2000": (
            imagecodecs.jpeg2k_encode(colour, level=0, codecformat="J2K", reversible=True),
            imagecodecs.jpeg2k_decode,
        ),
        "htj2k": (
            imagecodecs.htj2k_encode(grey, reversible=True, tlm=True),
            imagecodecs.htj2k_decode,
        ),
    }


@pytest.fixture(params=["baseline", "lossless", "jpeg-ls", "jpeg-2000", "htj2k"])
def stream(request, build):
    encoded, decoder = encoders(build)[request.param]
    return strip_fragment(bytes(encoded)), decoder


def test_a_clean_stream_is_given_back_itself(stream):
    content, _ = stream
    assert strip_fragment(content) is content
    padded = content + b"\0"
    assert strip_fragment(padded) is padded


@pytest.mark.parametrize("filling", [b"", b"\xff\xff"])
def test_comments_go_and_the_rest_is_what_it_was(stream, filling):
    content, decoder = stream
    jpeg_2000 = header_of(content).jpeg_2000
    marker, text = (0x64, b"\0\1" + NAME) if jpeg_2000 else (0xFE, NAME)
    place = content.index(b"\xff\x5c" if jpeg_2000 else b"\xff\xda")
    planted = content[:place] + filling + segment(marker, text) + content[place:]
    stripped = strip_fragment(planted)
    assert NAME not in stripped
    assert stripped == content
    assert np.array_equal(decoder(stripped), decoder(content))


@pytest.mark.parametrize("number", range(16))
@pytest.mark.parametrize("kind", ["baseline", "lossless", "jpeg-ls"])
def test_application_segments_go_from_every_jpeg(build, kind, number):
    content = strip_fragment(bytes(encoders(build)[kind][0]))
    planted = content[:2] + segment(0xE0 + number, b"Exif\0\0" + NAME) + content[2:]
    assert strip_fragment(planted) == content


@pytest.mark.parametrize(
    ("marker", "text"),
    [
        (0xE0, b"JFIF\0" + NAME + b"\0"),
        (0xE0, b"JFIF\0\1\1\0\0\1\0\1\2\2" + b"thumbnail!!!"),
        (0xE8, b"SPIFF\0" + NAME + bytes(16)),
        (0xFE, b"LEAD Technologies Inc. V1.01 DOE"),
        (0xFE, b"Created by " + NAME),
        (0xF0, NAME),
        (0x02, NAME),
    ],
)
def test_names_that_dress_up_as_an_encoder_go(build, marker, text):
    content = strip_fragment(bytes(encoders(build)["baseline"][0]))
    planted = content[:2] + segment(marker, text) + content[2:]
    assert strip_fragment(planted) == content


def test_a_mark_that_decides_over_colours_stays_without_its_text(build):
    colour = build.picture("rgb8")
    content = bytes(imagecodecs.jpeg8_encode(colour, 95, colorspace="RGB", outcolorspace="RGB"))
    assert b"Adobe" in content
    assert strip_fragment(content) is content
    planted = content.replace(b"Adobe\0\x64\0\0\0\0", b"Adobe\0\x64DOE!")
    assert planted != content
    assert strip_fragment(planted) == content


@pytest.mark.parametrize(
    "name", ["SC_rgb_jls_lossy_line.dcm", "SC_rgb_jpeg.dcm", "J2K_pixelrep_mismatch.dcm"]
)
def test_frames_with_nothing_but_an_encoders_marks_stay_byte_by_byte(parsed, tmp_path, name):
    assert clean_content(parsed(get_testdata_file(name)), tmp_path) is None


@pytest.mark.parametrize("text", [b"Created by OpenJPEG version 2.5.0", b"Kakadu-v7.8"])
def test_what_an_encoder_says_of_itself_stays(build, text):
    content = strip_fragment(bytes(encoders(build)["jpeg-2000"][0]))
    signed = content.replace(b"\xff\x90", segment(0x64, b"\0\1" + text) + b"\xff\x90", 1)
    assert strip_fragment(signed) is signed
    number = content.replace(
        b"\xff\x90", segment(0x64, b"\0\1Created by OpenJPEG version 4711081") + b"\xff\x90", 1
    )
    assert strip_fragment(number) == content


def test_comments_in_tile_headers_go_and_the_tile_says_its_new_length(build):
    content = strip_fragment(bytes(encoders(build)["jpeg-2000"][0]))
    tile, data = content.index(b"\xff\x90"), content.index(b"\xff\x93")
    comment = segment(0x64, b"\0\1" + NAME)
    planted = bytearray(content[:data] + comment + content[data:])
    (size,) = struct.unpack_from(">L", planted, tile + 6)
    struct.pack_into(">L", planted, tile + 6, size + len(comment))
    assert np.array_equal(
        imagecodecs.jpeg2k_decode(bytes(planted)), imagecodecs.jpeg2k_decode(content)
    )
    assert strip_fragment(bytes(planted)) == content


def test_a_table_of_tile_lengths_goes_with_a_tile_comment(build):
    content = strip_fragment(bytes(encoders(build)["htj2k"][0]))
    assert b"\xff\x55" in content[: content.index(b"\xff\x90")]
    tile, data = content.index(b"\xff\x90"), content.index(b"\xff\x93")
    comment = segment(0x64, b"\0\1" + NAME)
    planted = bytearray(content[:data] + comment + content[data:])
    (size,) = struct.unpack_from(">L", planted, tile + 6)
    struct.pack_into(">L", planted, tile + 6, size + len(comment))
    stripped = strip_fragment(bytes(planted))
    assert NAME not in stripped
    assert b"\xff\x55" not in stripped[: stripped.index(b"\xff\x90")]
    assert np.array_equal(imagecodecs.htj2k_decode(stripped), build.picture("u8"))


def test_bytes_after_the_end_go(stream):
    content, _ = stream
    assert strip_fragment(content + NAME) == content
    assert strip_fragment(content + b"\0\0" + NAME) == content


def test_segments_behind_a_scan_are_found(build):
    content = strip_fragment(bytes(encoders(build)["baseline"][0]))
    planted = content[:-2] + segment(0xFE, NAME) + content[-2:]
    assert strip_fragment(planted) == content


def test_bytes_between_segments_go(build):
    content = strip_fragment(bytes(encoders(build)["baseline"][0]))
    place = content.index(b"\xff\xda")
    assert strip_fragment(content[:place] + NAME + content[place:]) == content


def test_a_second_picture_behind_the_first_is_not_cut_off(build):
    content = strip_fragment(bytes(encoders(build)["baseline"][0]))
    for between in (b"", b"\0", NAME):
        with pytest.raises(DamagedPixelsError):
            strip_fragment(content + between + content)


def test_boxes_of_the_jpeg_2000_file_format_go_and_its_profile(build):
    stream = bytes(imagecodecs.jpeg2k_encode(build.picture("rgb8"), level=0, codecformat="JP2"))
    assert strip_fragment(stream) is stream
    box = struct.pack(">L4s", 8 + len(NAME), b"xml ") + NAME
    place = stream.index(b"jp2c") - 4
    assert strip_fragment(stream[:place] + box + stream[place:]) == stream
    profile = pydicom.dcmread(get_testdata_file("GDCMJ2K_TextGBR.dcm"))
    (frame,) = generate_frames(profile.PixelData, number_of_frames=1)
    stripped = strip_fragment(frame)
    assert b"Copyright" in frame
    assert b"Copyright" not in stripped
    assert np.array_equal(imagecodecs.jpeg2k_decode(stripped), profile.pixel_array)


@pytest.mark.parametrize("table", ["basic", "extended", "none"])
def test_offset_tables_stay_true(build, parsed, tmp_path, table):
    frames = [build.picture("u8", seed=seed) for seed in range(4)]
    streams = [bytes(imagecodecs.jpeg8_encode(frame, 90)) for frame in frames]
    planted = [*streams]
    planted[1] = streams[1][:2] + segment(0xFE, NAME) + streams[1][2:]
    ds = build.encapsulated(build.dataset(frames), f"{SYNTAX}.4.50", planted, table=table)
    path = build.saved(ds, tmp_path / "a.dcm")
    content = clean_content(parsed(path), tmp_path)
    assert content is not None
    assert (EXTENDED_OFFSETS in content.attributes) == (table == "extended")
    assert (EXTENDED_LENGTHS in content.attributes) == (table == "extended")
    result = build.with_content(path, content, tmp_path / "b.dcm")
    assert NAME not in result.read_bytes()
    again = pydicom.dcmread(result)
    offsets = (
        (again.ExtendedOffsetTable, again.ExtendedOffsetTableLengths)
        if table == "extended"
        else None
    )
    after = list(generate_frames(again.PixelData, number_of_frames=4, extended_offsets=offsets))
    assert [frame.rstrip(b"\0") for frame in after] == streams
    read = Frames(parsed(result))
    assert [bytes(read.raw(n)).rstrip(b"\0") for n in range(4)] == streams
    assert clean_content(parsed(result), tmp_path) is None


@pytest.mark.parametrize("table", [NAME, b"DOE!", NAME + b"!?", NAME + bytes(8)])
def test_an_offset_table_that_holds_something_else_is_written_anew(build, parsed, tmp_path, table):
    frames = [build.picture("u8", seed=seed) for seed in range(2)]
    streams = [bytes(imagecodecs.jpeg8_encode(frame, 90)) for frame in frames]
    ds = build.encapsulated(build.dataset(frames), f"{SYNTAX}.4.50", streams, table="none")
    good = build.encapsulated(build.dataset(frames), f"{SYNTAX}.4.50", streams).PixelData
    ds.PixelData = b"\xfe\xff\0\xe0" + struct.pack("<L", len(table)) + table + ds.PixelData[8:]
    path = build.saved(ds, tmp_path / "a.dcm")
    assert table in path.read_bytes()
    content = clean_content(parsed(path), tmp_path)
    assert content.source == good


def test_an_extended_offset_table_that_holds_something_else_is_written_anew(
    build, parsed, tmp_path
):
    frames = [build.picture("u8", seed=seed) for seed in range(2)]
    streams = [bytes(imagecodecs.jpeg8_encode(frame, 90)) for frame in frames]
    ds = build.encapsulated(build.dataset(frames), f"{SYNTAX}.4.50", streams, table="extended")
    good = ds.ExtendedOffsetTable
    assert clean_content(parsed(build.saved(ds, tmp_path / "a.dcm")), tmp_path) is None
    ds.ExtendedOffsetTable = NAME + bytes(8)
    content = clean_content(parsed(build.saved(ds, tmp_path / "a.dcm")), tmp_path)
    assert content.attributes[EXTENDED_OFFSETS].value == good
    assert content.source == ds.PixelData


def test_a_frame_that_is_no_stream_is_damage(build, parsed, tmp_path):
    ds = build.encapsulated(build.dataset([build.picture("u8")]), f"{SYNTAX}.4.50", [NAME])
    with pytest.raises(DamagedPixelsError):
        clean_content(parsed(build.saved(ds, tmp_path / "a.dcm")), tmp_path)


@pytest.mark.parametrize("with_table", [True, False])
def test_frames_of_several_fragments_keep_them(build, parsed, tmp_path, with_table):
    frames = [build.picture("u8", seed=seed) for seed in range(3)]
    streams = [bytes(imagecodecs.jpeg8_encode(frame, 90)) for frame in frames]
    planted = [*streams[:2], streams[2][:2] + segment(0xFE, NAME) + streams[2][2:]]
    ds = build.encapsulated(build.dataset(frames), f"{SYNTAX}.4.50", streams)
    ds.PixelData = encapsulate(planted, fragments_per_frame=3, has_bot=with_table)
    path = build.saved(ds, tmp_path / "a.dcm")
    content = clean_content(parsed(path), tmp_path)
    result = build.with_content(path, content, tmp_path / "b.dcm")
    before = list(generate_fragments(ds.PixelData))
    now = list(generate_fragments(content.source))
    assert now[:-1] == before[:-3]  # two frames in three fragments each, and the table
    after = Frames(parsed(result))
    assert [bytes(after.raw(n)).rstrip(b"\0") for n in range(3)] == streams


def test_a_comment_across_two_fragments_is_found(build, parsed, tmp_path):
    stream = bytes(imagecodecs.jpeg8_encode(build.picture("u8"), 90))
    planted = stream[:2] + segment(0xFE, NAME) + stream[2:]
    ds = build.encapsulated(build.dataset([build.picture("u8")]), f"{SYNTAX}.4.50", [stream])
    parts = [planted[:10], planted[10:] + b"\0" * (len(planted) % 2)]
    items = b"".join(b"\xfe\xff\0\xe0" + struct.pack("<L", len(part)) + part for part in parts)
    ds.PixelData = b"\xfe\xff\0\xe0\0\0\0\0" + items
    content = clean_content(parsed(build.saved(ds, tmp_path / "a.dcm")), tmp_path)
    assert content.source[16:].rstrip(b"\0") == stream


def test_run_length_frames_hold_nothing_behind_their_last_pixel(build, parsed, tmp_path):
    source = build.saved(build.dataset([build.picture("u16")]), tmp_path / "a.dcm")
    path = build.converted("dcmcrle", (), source)
    assert clean_content(parsed(path), tmp_path) is None
    ds = pydicom.dcmread(path)
    before = ds.pixel_array.copy()
    (stream,) = generate_frames(ds.PixelData, number_of_frames=1)
    hidden = stream + bytes([len(NAME) - 1]) + NAME + b"\0"
    ds = build.encapsulated(ds, f"{SYNTAX}.5", [hidden])
    path = build.saved(ds, tmp_path / "b.dcm")
    content = clean_content(parsed(path), tmp_path)
    assert NAME not in content.source
    after = build.with_content(path, content, tmp_path / "c.dcm")
    assert np.array_equal(pydicom.dcmread(after).pixel_array, before)


def test_more_pictures_than_frames_and_fewer_are_damaged(build, parsed, tmp_path):
    frames = [build.picture("u8", seed=seed) for seed in range(3)]
    streams = [bytes(imagecodecs.jpeg8_encode(frame, 90)) for frame in frames]
    for number in (1, 2, 4):
        ds = build.encapsulated(build.dataset(frames), f"{SYNTAX}.4.50", streams)
        ds.NumberOfFrames = number
        path = build.saved(ds, tmp_path / f"{number}.dcm")
        with pytest.raises(DamagedPixelsError):
            clean_content(parsed(path), tmp_path)


def test_video_is_refused(build, parsed, tmp_path):
    ds = build.encapsulated(
        build.dataset([build.picture("u8")]), f"{SYNTAX}.4.102", [b"\0\0\1\xb3" + NAME]
    )
    with pytest.raises(UnsupportedObjectError) as refusal:
        clean_content(parsed(build.saved(ds, tmp_path / "a.dcm")), tmp_path)
    assert refusal.value.code == "deid.pixel-encoding"


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_damaged_streams_end_in_an_error_of_ours_or_are_clean(stream, data):
    content = bytearray(stream[0])
    for _ in range(data.draw(st.integers(1, 5))):
        content[data.draw(st.integers(2, min(200, len(content) - 1)))] = data.draw(
            st.integers(0, 255)
        )
    try:
        once = strip_fragment(bytes(content))
    except DeidentificationError:
        return
    assert strip_fragment(once) is once or strip_fragment(once) == once
