"""PNG data URIs, read back by another library, and label overlays."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image  # comes with highdicom

from fedpacs.simulation.report_pictures import (
    DIFFERENCE_COLOUR,
    LABEL_COLOURS,
    PictureError,
    data_uri,
    differences,
    encode_png,
    overlay,
)

sides = st.integers(1, 9)
pictures = st.one_of(
    arrays(np.uint8, st.tuples(sides, sides)), arrays(np.uint8, st.tuples(sides, sides, st.just(3)))
)


@given(pictures)
def test_another_library_reads_the_same_pixels(pixels):
    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_view_with_strides_is_written_as_it_looks():
    pixels = np.arange(48, dtype=np.uint8).reshape(6, 8)[::-1, ::2]
    with Image.open(io.BytesIO(encode_png(pixels))) as image:
        np.testing.assert_array_equal(np.asarray(image), pixels)


def test_the_uri_holds_the_png():
    pixels = np.eye(4, dtype=np.uint8)
    head, _, body = data_uri(pixels).partition(",")
    assert head == "data:image/png;base64"
    assert base64.b64decode(body, validate=True) == encode_png(pixels)


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((4, 4), np.uint16),
        np.zeros((4, 4), np.float32),
        np.zeros(4, np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((1, 4, 4, 3), np.uint8),
        np.zeros((0, 4), np.uint8),
    ],
)
def test_what_is_no_picture_is_refused(pixels):
    with pytest.raises(PictureError):
        encode_png(pixels)


def test_the_overlay_colours_labels_and_leaves_the_rest():
    image = np.full((1, 4), 100, np.uint8)
    labels = np.array([[0, 1, 2, 6]], np.uint8)
    picture = overlay(image, labels, opacity=1.0)
    assert picture[0, 0].tolist() == [100, 100, 100]
    assert tuple(picture[0, 1]) == LABEL_COLOURS[0]
    assert tuple(picture[0, 2]) == LABEL_COLOURS[1]
    assert tuple(picture[0, 3]) == LABEL_COLOURS[0]  # the sixth label starts over


def test_the_overlay_lets_the_image_through():
    image = np.array([[0, 255]], np.uint8)
    picture = overlay(image, np.ones((1, 2), np.uint8), opacity=0.5)
    assert (picture[0, 1] > picture[0, 0]).all()


def test_only_pixels_that_differ_are_marked():
    image = np.full((1, 3), 200, np.uint8)
    picture = differences(image, np.array([[0, 1, 1]], np.uint8), np.array([[0, 1, 2]], np.uint8))
    assert picture[0, :2].tolist() == [[100] * 3] * 2
    assert tuple(picture[0, 2]) == DIFFERENCE_COLOUR


def test_labels_of_another_shape_are_refused():
    image = np.zeros((3, 3), np.uint8)
    with pytest.raises(PictureError):
        overlay(image, np.zeros((3, 4), np.uint8))
    with pytest.raises(PictureError):
        differences(image, np.zeros((3, 3), np.uint8), np.zeros((2, 3), np.uint8))
