"""Text that fills a small frame, stands on its head or is tilted is text all the same."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fedpacs.deidentification.pixels.search import detector
from fedpacs.deidentification.text.cleaning import IdentityTerms, compile_terms

TERMS = compile_terms(IdentityTerms(("Okonkwo^Adaeze",), (), (), ()))
SEEN = 128


def drawn(size, shape, at, text="OKONKWO"):
    """Draw a text in white on black; it is as good as gone where nothing of it is left."""
    image = Image.new("L", shape[::-1])
    ImageDraw.Draw(image).text(at, text, fill=255, font=ImageFont.load_default(size))
    return image


def left(picture, effort="read"):
    masked = picture.copy()
    for box in detector().look_at_picture(picture, TERMS, effort).boxes:
        masked[box.y0 : box.y1, box.x0 : box.x1] = 0
    return int((masked > SEEN).sum())


@pytest.mark.parametrize(
    ("size", "shape", "at"), [(24, (128, 128), (4, 20)), (90, (120, 440), (8, 8))]
)
@pytest.mark.parametrize("effort", ["strokes", "read"])
def test_large_letters_on_a_small_frame_go(size, shape, at, effort):
    assert left(np.asarray(drawn(size, shape, at)), effort) == 0


@pytest.mark.parametrize("degrees", [180, 25, -40, 155])
def test_text_upside_down_or_tilted_goes(degrees):
    image = drawn(26, (400, 400), (80, 180), "OKONKWO ADAEZE")
    assert left(np.asarray(image.rotate(degrees, Image.Resampling.BICUBIC))) == 0


@pytest.mark.parametrize(
    "text", ["Смирнова^Ольга", "КОВАЛЕВСКАЯ, АННА", "Παπαδόπουλος Γ.", "Дата рожд 12.03"]
)
def test_a_line_in_letters_that_the_reader_does_not_know_goes(text):
    picture = np.random.default_rng(4).normal(40, 4, (200, 400)).astype("u1")
    cv2.putText(picture, text, (30, 80), 250, cv2.FontFace("sans"), 26)
    assert left(picture) == 0


def test_settings_that_are_read_clearly_stay():
    picture = np.random.default_rng(4).normal(40, 4, (200, 400)).astype("u1")
    cv2.putText(picture, "120 kV  50 mAs", (30, 80), 250, cv2.FontFace("sans"), 26)
    assert detector().look_at_picture(picture, TERMS, "read").boxes == ()


def test_a_name_of_two_letters_goes_when_the_object_names_it():
    picture = np.random.default_rng(4).normal(40, 4, (200, 400)).astype("u1")
    cv2.putText(picture, "Xu", (30, 80), 250, cv2.FontFace("sans"), 40)
    named = compile_terms(IdentityTerms(("Xu^Wei",), (), (), ()))
    assert detector().look_at_picture(picture, named, "read").boxes
