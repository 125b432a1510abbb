"""Nothing stands beside the picture in compressed pixel data but what encoders write."""

from __future__ import annotations

import struct
from pathlib import Path

import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames

from fedpacs.core.errors import DeidentificationError
from fedpacs.deidentification.codestream import admit_codestreams

FILES = Path(pydicom.__file__).parent / "data" / "test_files"
NAMES = ("MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm", "MR_small_RLE.dcm")
SECRET = b"Bartholomew, ward 7"


def picture(name):
    ds = pydicom.dcmread(FILES / name)
    return next(generate_frames(ds.PixelData, number_of_frames=1))


def segment(marker, content):
    return b"\xff" + bytes([marker]) + struct.pack(">H", len(content) + 2) + content


def with_segment(name, marker, content):
    frame = picture(name)
    head = frame[:2]
    if frame[2:4] == b"\xff\x51":  # JPEG 2000: its SIZ segment must stay first
        (length,) = struct.unpack(">H", frame[4:6])
        head = frame[: 4 + length]
    return head + segment(marker, content) + frame[len(head) :]


def code(*frames, count=1):
    with pytest.raises(DeidentificationError) as caught:
        admit_codestreams(encapsulate(list(frames)), count)
    return caught.value.code


@pytest.mark.parametrize("name", NAMES)
def test_what_encoders_write_is_let_in(name):
    admit_codestreams(encapsulate([picture(name)]), 1)
    admit_codestreams(encapsulate([picture(name), picture(name)]), 2)
    admit_codestreams(encapsulate([picture(name)], fragments_per_frame=1, has_bot=False), 1)


@pytest.mark.parametrize(
    "frame",
    [
        with_segment(NAMES[1], 0xFE, SECRET),
        with_segment(NAMES[1], 0xE1, b"Exif\0\0" + SECRET),
        with_segment(NAMES[1], 0xE0, b"JFIF\0" + SECRET),
        with_segment(NAMES[0], 0x64, b"\0\1" + SECRET),
        with_segment(NAMES[0], 0x64, b"\0\1Kakadu-2.2 " + SECRET),
        picture(NAMES[0]) + SECRET,
        picture(NAMES[1]) + SECRET,
    ],
)
def test_text_beside_the_picture_is_refused(frame):
    assert code(frame) == "deid.text-beside-picture"


@pytest.mark.parametrize("name", NAMES)
def test_a_picture_too_many_is_refused(name):
    assert code(picture(name), picture(name)) == "deid.damaged-pixels"


def test_a_picture_in_several_fragments_is_one_picture():
    frame = picture(NAMES[0])
    admit_codestreams(encapsulate([frame], fragments_per_frame=3), 1)


def test_the_engine_refuses_it(engine, tmp_path):
    ds = pydicom.dcmread(FILES / NAMES[1])
    ds.PixelData = encapsulate([with_segment(NAMES[1], 0xFE, SECRET)])
    source = tmp_path / "s.dcm"
    ds.save_as(source)
    with pytest.raises(DeidentificationError) as caught:
        engine.deidentify_file(source, tmp_path / "out")
    assert caught.value.code == "deid.text-beside-picture"
