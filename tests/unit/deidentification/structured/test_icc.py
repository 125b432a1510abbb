from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms
from pydicom.data import get_palette_files

from fedpacs.deidentification.structured.icc import cleaned_profile

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _lab(profile):
    pixels = np.random.default_rng(0).integers(0, 255, (16, 16, 3), dtype=np.uint8)
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    transform = ImageCms.buildTransform(opened, ImageCms.createProfile("LAB"), "RGB", "LAB")
    return np.asarray(ImageCms.applyTransform(Image.fromarray(pixels), transform))


def _with_tag(profile, name, data):
    """Add a tag: entries move the data behind them."""
    (count,) = struct.unpack_from(">L", profile, 128)
    table = bytearray(profile[132 : 132 + 12 * count])
    for number in range(count):
        (offset,) = struct.unpack_from(">L", table, 12 * number + 4)
        struct.pack_into(">L", table, 12 * number + 4, offset + 12)
    size = len(profile) + 12 + len(data)
    table += struct.pack(">4sLL", name, len(profile) + 12, len(data))
    body = profile[132 + 12 * count :]
    header = struct.pack(">L", size) + profile[4:128] + struct.pack(">L", count + 1)
    return header + bytes(table) + body + data


@pytest.mark.parametrize(
    "profile", [SRGB, *(Path(path).read_bytes() for path in get_palette_files("*.icc"))]
)
def test_colours_stay_and_words_go(profile):
    cleaned = cleaned_profile(profile)
    np.testing.assert_array_equal(_lab(profile), _lab(cleaned))
    opened = ImageCms.ImageCmsProfile(io.BytesIO(cleaned))
    assert ImageCms.getProfileDescription(opened).strip() == "Colour profile"
    assert ImageCms.getProfileCopyright(opened).strip() == "Colour profile"
    assert cleaned_profile(cleaned) == cleaned
    assert len(cleaned) % 2 == 0


def test_what_a_maker_put_in_goes():
    hidden = b"text\0\0\0\0Lukasiewicz Zbigniew"
    profile = _with_tag(SRGB, b"priv", hidden)
    _lab(profile)
    assert b"Lukasiewicz" in profile
    assert cleaned_profile(profile) == cleaned_profile(SRGB)
    as_curve = _with_tag(SRGB, b"kTRC", b"curv\0\0\0\0\0\0\0\0Lukasiewicz Zbigniew")
    assert b"Lukasiewicz" not in cleaned_profile(as_curve)


def test_what_is_no_profile_is_none():
    for content in (b"", b"Lukasiewicz", SRGB[:100], SRGB + b"Lukasiewicz", SRGB[:-40]):
        assert cleaned_profile(content) is None
    assert cleaned_profile(SRGB + bytes(len(SRGB) % 2)) is not None


@given(st.binary(max_size=300), st.integers(0, len(SRGB)))
def test_damage_never_raises(noise, place):
    cleaned_profile(SRGB[:place] + noise + SRGB[place + len(noise) :])
    cleaned_profile(noise)
