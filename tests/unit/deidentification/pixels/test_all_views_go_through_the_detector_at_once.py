"""One pass of the detector for a frame: sheets, what was read before, and what stays still."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.pixels import ocr
from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.cleaning import clean_pixels
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.pixels.ocr import Found, Reader
from fedpacs.deidentification.pixels.sheets import Piece, find_in
from fedpacs.deidentification.pixels.steady import steady_picture
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.text.cleaning import IdentityTerms, compile_terms

RICH = load_profile("research-rich").policies
TERMS = compile_terms(IdentityTerms(("Okonkwo^Adaeze",), (), (), ()))
LINES = ("OKONKWO, ADAEZE", "ID: 35016-437", "Dr. Featherstone")


def lettered(lines=LINES, shape=(480, 640), seed=0, size=16):
    noise = np.random.default_rng(seed).normal(40, 6, shape).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(noise)
    for row, line in enumerate(lines):
        at = (10, 10 + 30 * row)
        ImageDraw.Draw(image).text(at, line, fill=250, font=ImageFont.load_default(size))
    return np.asarray(image).copy()


class BrightSpots:
    """A reader that finds the bright pixels of a sheet, one box for each piece of them."""

    def __init__(self):
        self.passes = 0

    def find(self, picture):
        import cv2

        self.passes += 1
        mask = (picture[:, :, 0] > 200).astype(np.uint8)
        _, _, stats, _ = cv2.connectedComponentsWithStats(mask)
        return [Found(Box(int(x), int(y), int(x + w), int(y + h)), 0.9)
                for x, y, w, h, _ in stats[1:]]  # fmt: skip


def spotted(shape, spot, *, left=0, top=0, turned=False):
    plane = np.zeros(shape, np.float32)
    plane[spot.y0 : spot.y1, spot.x0 : spot.x1] = 255
    plane = np.ascontiguousarray(np.rot90(plane)) if turned else plane
    return Piece(plane.astype(np.uint8), plane, None, "full", 1.0, left, top, turned=turned)


def test_what_is_found_on_a_sheet_is_given_back_in_px_of_the_frame():
    spot = Box(8, 12, 30, 20)
    pieces = [
        spotted((40, 60), spot),
        spotted((40, 60), spot, left=100, top=200),
        spotted((60, 40), Box(12, 8, 20, 30), left=7, top=5, turned=True),
    ]
    reader = BrightSpots()
    found = {piece.left: piece.in_frame(one.box) for piece, one in find_in(reader, pieces)}
    assert found == {0: spot, 100: Box(108, 212, 130, 220), 7: Box(19, 13, 27, 35)}
    assert reader.passes == 1


def test_pieces_that_do_not_fit_one_sheet_are_all_looked_at():
    pieces = [spotted((300, 900), Box(5, 5, 25, 15), left=number) for number in range(8)]
    reader = BrightSpots()
    assert {piece.left for piece, _ in find_in(reader, pieces)} == set(range(8))
    assert 1 < reader.passes <= 4


@pytest.fixture
def counted(monkeypatch):
    passes, read = [], []
    find, recognise = Reader.find, Reader._read
    monkeypatch.setattr(
        Reader, "find", lambda self, one: passes.append(one.size) or find(self, one)
    )
    monkeypatch.setattr(Reader, "_read", lambda self, one: read.append(1) or recognise(self, one))
    return passes, read


def test_a_frame_with_a_banner_passes_the_detector_once_second_look_included(
    build, tmp_path, counted
):
    path = build.saved(build.dataset([lettered()], Modality="US"), tmp_path / "in.dcm")
    with parse(path) as parsed:
        outcome = clean_pixels(parsed, TERMS, RICH, tmp_path)
    assert outcome.masked_regions
    assert "second-look" in outcome.steps
    assert len(counted[0]) == 1


def test_what_was_read_is_not_read_again(counted):
    line = lettered(LINES[:1])[5:35, :200]
    reader = Reader()
    assert reader.read([line, line]) == reader.read([line.copy()]) * 2
    assert len(counted[1]) == 1
    assert ocr.Words("", 0.0) not in reader.read([line])


def test_text_over_speckle_that_moves_shows_in_what_stays_still(build, tmp_path):
    frames = []
    for seed in range(10):
        grain = np.random.default_rng(seed).rayleigh(30, (120, 300))
        grain[40:50, 50:250:7] += 25  # too faint for one frame
        if seed == 4:
            grain[90:100, 20:200:7] = 255  # on one frame only
        frames.append(grain.clip(0, 255).astype(np.uint8))
    with parse(build.saved(build.dataset(frames), tmp_path / "loop.dcm")) as parsed:
        still = steady_picture(Frames(parsed), range(10))
        assert steady_picture(Frames(parsed), range(3)) is None
    ground = np.delete(still[40:50, 50:250], np.s_[::7], axis=1)
    assert still[40:50, 50:250:7].mean() - ground.mean() > 2 * ground.std()
    assert still[90:100, 20:200:7].mean() - ground.mean() < ground.std()
