"""Text burned into a picture is found wherever and however it is written; anatomy is left alone."""

from __future__ import annotations

import socket
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.pixels.detection import Detector, is_plain
from fedpacs.deidentification.pixels.frames import Frames
from fedpacs.deidentification.text.cleaning import IdentityTerms, compile_terms

TERMS = compile_terms(IdentityTerms(names=("Kowalski^Anna",)))
NAME = "KOWALSKI, ANNA 12.03.1956"


@cache
def detector():
    return Detector()


@pytest.fixture(autouse=True)
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("the detector opened a socket")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


def anatomy(seed=0, shape=(320, 400)):
    """A body with organs and grain, 12 bits."""
    y, x = np.mgrid[: shape[0], : shape[1]] / np.array(shape).reshape(2, 1, 1) - 0.5
    rng = np.random.default_rng(seed)
    picture = np.where((y / 0.4) ** 2 + (x / 0.45) ** 2 < 1, 0.45, 0.0)
    for _ in range(12):
        cy, cx, r = rng.uniform(-0.25, 0.25), rng.uniform(-0.3, 0.3), rng.uniform(0.02, 0.1)
        picture[((y - cy) / r) ** 2 + ((x - cx) / r) ** 2 < 1] = rng.uniform(0.1, 0.8)
    smooth = gaussian_filter(picture, 1)
    return ((smooth + rng.normal(0, 0.01, shape)).clip(0, 1) * 4000).astype(np.uint16)


def cover(text, at, size, shape):
    canvas = Image.new("L", shape[::-1])
    ImageDraw.Draw(canvas).text(at, text, fill=255, font=ImageFont.load_default(size))
    return np.asarray(canvas, np.float32) / 255


def write(picture, text, at=(30, 40), size=18, ink=4000):
    """Write over a picture, and give the pixels that changed."""
    over = cover(text, at, size, picture.shape[:2])
    if picture.ndim == 3:
        over = over[:, :, None]
    before = picture.copy()
    picture[...] = (picture * (1 - over) + np.asarray(ink) * over).astype(picture.dtype)
    changed = picture != before
    return changed.any(axis=2) if picture.ndim == 3 else changed


def masked(found, shape):
    mask = np.zeros(shape[:2], bool)
    for box in found.boxes:
        mask[box.y0 : box.y1, box.x0 : box.x1] = True
    return mask


def look(picture, effort):
    return detector().look_at_picture(picture, TERMS, effort)


@pytest.mark.parametrize("effort", ["strokes", "read"])
@pytest.mark.parametrize(
    ("at", "size", "ink"),
    [((10, 8), 12, 4000), ((60, 150), 20, 4095), ((90, 290), 14, 600), ((60, 150), 22, 0)],
    ids=["small in the air", "bright over organs", "grey below", "black over organs"],
)
def test_every_pixel_of_a_name_is_covered(effort, at, size, ink):
    picture = anatomy()
    changed = write(picture, NAME, at, size, ink)
    found = look(picture, effort)
    mask = masked(found, picture.shape)
    assert found.read
    assert mask[changed].all()
    assert mask.mean() < 0.15


def test_names_that_run_up_and_down_are_covered():
    picture = np.ascontiguousarray(np.rot90(anatomy(1)))
    changed = write(picture, NAME, (40, 20))
    for turned in (1, 3):
        upright = np.ascontiguousarray(np.rot90(picture, turned))
        mask = masked(look(upright, "strokes"), upright.shape)
        assert mask[np.rot90(changed, turned)].all()


def test_coloured_text_on_colour_of_the_same_brightness_is_covered():
    picture = np.full((160, 420, 3), (90, 90, 90), np.uint8)
    changed = write(picture, NAME, ink=(200, 35, 85))
    assert masked(look(picture, "read"), picture.shape)[changed].all()


def test_markers_stay_beside_a_name_that_goes():
    picture = anatomy(2)
    name = write(picture, NAME, (20, 10))
    marker = write(picture, "R", (360, 250), 34)
    setting = write(picture, "120 kV", (20, 280))
    mask = masked(look(picture, "read"), picture.shape)
    assert mask[name].all()
    assert not mask[marker].any()
    assert not mask[setting].any()


@pytest.mark.parametrize("effort", ["strokes", "read"])
def test_anatomy_without_text_is_left_alone(effort):
    for seed in range(4):
        found = look(anatomy(seed), effort)
        assert found.boxes == ()
        assert found.read == (effort == "read")


@pytest.mark.parametrize(
    ("photometric", "bits"), [("MONOCHROME1", 12), ("MONOCHROME2", 12), ("MONOCHROME2", 16)]
)
def test_a_frame_of_an_object_is_looked_at_in_its_stored_values(tmp_path, build, photometric, bits):
    even, picture = np.full((320, 400), 3, np.uint16), anatomy(5)
    changed = write(picture, NAME)
    ds = build.dataset([even, picture], stored=bits, photometric=photometric)
    with parse(build.saved(ds, tmp_path / "object.dcm")) as parsed:
        frames = Frames(parsed)
        assert is_plain(frames, 0)
        assert not is_plain(frames, 1)
        assert detector().look(frames, 0, TERMS, "strokes").boxes == ()
        found = detector().look(frames, 1, TERMS, "strokes")
    assert masked(found, picture.shape)[changed].all()


def test_an_even_picture_costs_nothing():
    found = look(np.zeros((200, 200), np.uint8), "read")
    assert found.boxes == ()
    assert not found.read


@pytest.mark.parametrize("shape", [(1, 1), (3, 200), (200, 3), (9, 9), (31, 40, 3)])
def test_pictures_of_any_size_are_looked_at(shape):
    picture = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    assert look(picture, "read").boxes == ()


def test_nothing_shown_by_repr_says_what_was_read():
    picture = anatomy()
    write(picture, NAME)
    assert "KOWALSKI" not in repr(look(picture, "read")).upper()


def test_importing_the_detector_is_cheap():
    code = (
        "import sys, fedpacs.deidentification.pixels.detection;"
        "heavy = {'cv2', 'onnxruntime', 'rapidocr', 'scipy'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
