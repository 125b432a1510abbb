from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ImageCms
from pydicom.datadict import dictionary_VR

from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.syntax import LITTLE_EXPLICIT, Encoding
from fedpacs.deidentification.structured.bulk import BULK_VRS, admits_bulk, is_bulk, kept_bulk
from fedpacs.deidentification.structured.icc import cleaned_profile
from fedpacs.deidentification.structured.schemes import read_lines

BIG = Encoding(implicit=False, little=False)


def _items(*elements):
    return {element.tag: element for element in elements}


def _us(tag, *numbers, order="<"):
    return Element(tag, "US", struct.pack(f"{order}{len(numbers)}H", *numbers))


def _ul(tag, *numbers):
    return Element(tag, "UL", struct.pack(f"<{len(numbers)}L", *numbers))


def _admits(element, *siblings, encoding=LITTLE_EXPLICIT):
    return admits_bulk(element, _items(element, *siblings), encoding)


def _waveform(channels, samples, bits, length, vr="OW"):
    element = Element(0x54001010, vr, np.arange(length, dtype=np.uint8).tobytes())
    siblings = (_us(0x003A0005, channels), _ul(0x003A0010, samples), _us(0x54001004, bits))
    return _admits(element, *siblings)


@given(st.integers(1, 12), st.integers(1, 500), st.sampled_from([8, 16, 32]), st.integers(-4, 4))
def test_a_recording_is_as_long_as_its_channels_samples_and_bits(channels, samples, bits, more):
    length = channels * samples * bits // 8
    padding = length % 2
    assert _waveform(channels, samples, bits, max(length + more, 1)) is (
        more in {0, padding} or length + more < 1 == length
    )


def test_a_recording_that_nothing_describes_is_not_admitted():
    assert not _admits(Element(0x54001010, "OW", bytes(range(32))))


@pytest.mark.parametrize(
    ("entries", "bits", "length", "admitted"),
    [
        (256, 16, 512, True), (256, 8, 256, True), (256, 8, 512, True), (255, 8, 256, True),
        (256, 16, 514, False), (256, 16, 256, False), (0, 16, 131072, True), (256, 8, 300, False),
    ],
)  # fmt: skip
def test_a_lookup_table_has_the_entries_of_its_descriptor(entries, bits, length, admitted):
    for tag, descriptor in ((0x00281201, 0x00281101), (0x00283006, 0x00283002)):
        table = Element(tag, "OW", np.arange(length).astype(np.uint8).tobytes())
        assert _admits(table, _us(descriptor, entries, 0, bits)) is admitted
        assert not _admits(table)


def test_the_byte_order_of_the_file_is_heeded():
    table = Element(0x00281201, "OW", bytes(512))
    assert _admits(table, _us(0x00281101, 256, 0, 16, order=">"), encoding=BIG)
    assert not _admits(table, _us(0x00281101, 256, 0, 16, order=">"))


@pytest.mark.parametrize(
    ("words", "admitted"),
    [
        ([0, 4, 1, 2, 3, 4], True),
        ([0, 2, 1, 2, 1, 2, 9], True),
        ([0, 2, 1, 2, 2, 1, 0, 0], True),
        ([0, 4, 1, 2, 3, 4, 7, 7], False),
        ([0, 3, 1, 2, 3], False),
        ([9, 4, 1, 2, 3, 4], False),
        ([0, 40, 1, 2, 3, 4], False),
    ],
)
def test_the_segments_of_a_palette_make_its_entries(words, admitted):
    palette = Element(0x00281221, "OW", struct.pack(f"<{len(words)}H", *words))
    assert _admits(palette, _us(0x00281101, 4, 0, 16)) is admitted


def test_points_are_triples_of_finite_numbers():
    points = np.arange(30, dtype="<f4")
    assert _admits(Element(0x00660016, "OF", points.tobytes()), _ul(0x00660015, 10))
    assert not _admits(Element(0x00660016, "OF", points.tobytes()), _ul(0x00660015, 9))
    assert _admits(Element(0x00660016, "OF", points.tobytes()))
    assert not _admits(Element(0x00660016, "OF", points[:29].tobytes()))
    points[3] = np.nan
    assert not _admits(Element(0x00660016, "OF", points.tobytes()), _ul(0x00660015, 10))


def test_a_deformation_grid_has_its_dimensions():
    grid = Element(0x00640009, "OF", np.zeros(3 * 24, "<f4").tobytes())
    assert _admits(grid, _ul(0x00640007, 2, 3, 4))
    assert not _admits(grid, _ul(0x00640007, 2, 3, 3))


def test_indices_are_small_numbers():
    assert _admits(Element(0x00660041, "OL", np.arange(9, dtype="<u4").tobytes()))
    assert not _admits(Element(0x00660041, "OL", b"\x01\0\0\0Luka"))


@pytest.mark.parametrize("line", read_lines("bulk"), ids=lambda line: line["name"])
def test_text_from_end_to_end_is_no_bulk_data(line):
    tag = int(line["tag"], 16)
    text = b"Lukasiewicz Zbigniew 1961"[:24]
    siblings = [_us(0x00281101, 12, 0, 16), _us(0x00283002, 12, 0, 16), _us(0x54001004, 192)]
    vr = dictionary_VR(tag).split(" or ")[-1]
    assert vr in BULK_VRS
    assert is_bulk(tag, vr)
    assert not _admits(Element(tag, vr, text), *siblings)


@pytest.mark.parametrize(
    ("tag", "vr"),
    [(0x0016002B, "OB"), (0x0072006D, "UN"), (0x00281200, "OW"), (0x00420011, "OB"),
     (0xFFFCFFFC, "OB"), (0x00686300, "OB")],
)  # fmt: skip
def test_bulk_data_that_no_table_describes_are_not_admitted(tag, vr):
    assert is_bulk(tag, vr)
    assert not _admits(Element(tag, vr, bytes(64)))


def test_an_offset_table_has_an_entry_for_each_frame():
    table = Element(0x7FE00001, "OV", bytes(16))
    assert _admits(table, Element.of_text(0x00280008, "IS", "2"))
    assert not _admits(table)
    assert _admits(Element(0x7FE00002, "OV", bytes(8)))


def test_a_silent_recording_is_one():
    silence = Element(0x54001010, "OB", b"\x20" * 64)
    siblings = (_us(0x003A0005, 1), _ul(0x003A0010, 64), _us(0x54001004, 8))
    assert _admits(silence, *siblings)
    assert _admits(Element(0x54001010, "OB", b""), *siblings)
    assert not is_bulk(0x00100010, "PN")


def test_what_stays_of_bulk_data_is_itself_or_nothing_and_a_colour_profile_is_cleaned():
    table = Element(0x00281201, "OW", bytes(512))
    siblings = _items(_us(0x00281101, 256, 0, 16))
    assert kept_bulk(table, siblings, LITTLE_EXPLICIT) is table
    assert kept_bulk(table, {}, LITTLE_EXPLICIT) is None
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    profile = Element(0x00282000, "OB", srgb)
    assert kept_bulk(profile, {}, LITTLE_EXPLICIT).value == cleaned_profile(srgb)
    assert kept_bulk(Element(0x00282000, "OB", b"Zbigniew"), {}, LITTLE_EXPLICIT) is None
