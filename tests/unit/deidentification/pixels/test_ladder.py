"""The ladder: what is looked at, how closely, what becomes of it, and what is said of it."""

from __future__ import annotations

import hashlib

import numpy as np
import pydicom
import pytest
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from scipy.ndimage import gaussian_filter

from fedpacs.core.errors import DeidentificationError
from fedpacs.crypto.pseudonyms import Pseudonymiser
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.engine import Engine
from fedpacs.deidentification.pixels import ocr, second_look
from fedpacs.deidentification.pixels.box import Box
from fedpacs.deidentification.pixels.cleaning import clean_pixels
from fedpacs.deidentification.pixels.devices import device_boxes
from fedpacs.deidentification.pixels.policy import inspection_of
from fedpacs.deidentification.pixels.regions import ultrasound_regions, whole_lines
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.text.cleaning import IdentityTerms, compile_terms

US = "1.2.840.10008.5.1.4.1.1.6.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
DOSE = "1.2.840.10008.5.1.4.1.1.481.2"
RICH = load_profile("research-rich")
TERMS = compile_terms(IdentityTerms(("Okonkwo^Adaeze",), ("P1",), (), ()))
NAME = "OKONKWO, ADAEZE"


def drawn(*texts, size=20, shape=(240, 400), seed=1):
    """Draw lines of text, (text, x, y) each, over noise."""
    noise = np.random.default_rng(seed).normal(60, 8, shape).clip(0, 255).astype("u1")
    image = Image.fromarray(noise)
    for text, x, y in texts:
        ImageDraw.Draw(image).text((x, y), text, fill=250, font=ImageFont.load_default(size))
    return np.asarray(image).copy()


@pytest.fixture
def file(build, tmp_path):
    """Write an object of frames."""

    def write(frames, **more):
        return build.saved(build.dataset(frames, **more), tmp_path / "in.dcm")

    return write


@pytest.fixture
def opened(file, parsed):
    return lambda frames, **more: parsed(file(frames, **more))


@pytest.fixture
def cleaned(file, tmp_path):
    """Write an object of frames and clean its pictures."""

    def clean(frames, profile=RICH, **more):
        with parse(file(frames, **more)) as parsed:
            return clean_pixels(parsed, TERMS, profile.policies, tmp_path)

    return clean


@pytest.fixture
def deidentified(file, tmp_path):
    engine = Engine(RICH, Pseudonymiser(hashlib.sha256(b"ladder").digest()), lenient=True)

    def through(frames, **more):
        return pydicom.dcmread(engine.deidentify_file(file(frames, **more), tmp_path / "out").path)

    return through


def test_a_name_goes_and_a_side_marker_stays(deidentified):
    frame = drawn((NAME, 10, 10), ("R", 370, 200))
    after = deidentified([frame], SOPClassUID=US, Modality="US", PatientName="Okonkwo^Adaeze")
    pixels = after.pixel_array
    assert pixels[10:32, 12:180].max() == pixels[10:32, 12:180].min() == 0
    assert np.array_equal(pixels[100:], frame[100:])
    assert after.BurnedInAnnotation == "NO"
    assert "113101" in {item.CodeValue for item in after.DeidentificationMethodCodeSequence}


def test_a_name_in_one_frame_of_a_loop_goes_and_the_other_frames_stay(deidentified):
    frames = [drawn(seed=seed) for seed in (1, 2, 3)]
    frames[1] = drawn((NAME, 10, 10), seed=2)
    after = deidentified(frames, Modality="US", PatientName="Okonkwo^Adaeze").pixel_array
    assert after[1][12:30, 12:180].max() == 0
    assert np.array_equal(after[0], frames[0])
    assert np.array_equal(after[2], frames[2])


def test_a_ct_without_text_never_pays_for_reading(cleaned, monkeypatch):
    def never(*_args):
        msg = "it was read"
        raise AssertionError(msg)

    monkeypatch.setattr(ocr.Reader, "find", never)
    monkeypatch.setattr(ocr.Reader, "read", never)
    y, x = np.mgrid[:256, :256]
    disc = gaussian_filter(np.where(np.hypot(y - 128, x - 128) < 90, 1040.0, 24.0), 1.2)
    noise = gaussian_filter(np.random.default_rng(3).normal(0, 30, disc.shape), 0.8)
    outcome = cleaned([(disc + noise).clip(0).astype("u2")], SOPClassUID=CT, Modality="CT")
    assert outcome.content is None
    assert outcome.text_free
    assert "ocr" not in outcome.steps


def test_a_name_on_a_ct_is_found_though_nobody_expects_it(cleaned):
    frame = drawn((NAME, 10, 10)).astype("u2") * 8
    outcome = cleaned([frame], SOPClassUID=CT, Modality="CT")
    assert outcome.masked_regions
    assert {"strokes", "ocr", "second-look"} <= outcome.steps


def test_burned_in_said_and_not_found_is_held_back(cleaned):
    with pytest.raises(DeidentificationError) as caught:
        cleaned([drawn()], BurnedInAnnotation="YES", Modality="CT")
    assert caught.value.code == "deid.burned-in"


def test_not_burned_in_is_not_believed_of_an_ultrasound(cleaned):
    outcome = cleaned([drawn((NAME, 10, 10))], BurnedInAnnotation="NO", Modality="US")
    assert outcome.masked_regions


@pytest.mark.parametrize("profile", ["basic", "gdpr-pseudonymised"])
def test_a_profile_that_does_not_search_holds_back_and_claims_nothing(cleaned, profile):
    holding = load_profile(profile)
    with pytest.raises(DeidentificationError) as caught:
        cleaned([drawn()], holding, BurnedInAnnotation="YES", Modality="CT", SOPClassUID=CT)
    assert caught.value.code == "deid.burned-in"
    outcome = cleaned([drawn()], holding, Modality="CT", SOPClassUID=CT)
    assert not outcome.text_free


def test_what_stays_legible_after_the_masks_is_refused(cleaned, monkeypatch):
    monkeypatch.setattr(second_look, "text_left", lambda *_args: {0: (Box(0, 0, 8, 8),)})
    with pytest.raises(DeidentificationError) as caught:
        cleaned([drawn((NAME, 10, 10))], Modality="US")
    assert caught.value.code == "deid.text-remains"


def test_a_device_that_is_known_to_write_is_read_closely(opened):
    writing = opened([drawn()], Modality="US", Manufacturer="GE Healthcare",
                     ManufacturerModelName="LOGIQ E9")  # fmt: skip
    assert device_boxes(writing)
    dose = opened([drawn()], Modality="CT", Manufacturer="GE MEDICAL SYSTEMS",
                  ManufacturerModelName="LightSpeed VCT",
                  ImageType=["DERIVED", "SECONDARY", "SCREEN SAVE"])  # fmt: skip
    assert Box(0, 0, 512, 121) in device_boxes(dose)  # of the deid package
    assert inspection_of(dose, RICH.policies).effort == "read"
    plain = opened([drawn()], Modality="MR", Manufacturer="SIEMENS", SOPClassUID=CT)
    assert device_boxes(plain) == ()
    assert inspection_of(plain, RICH.policies).effort == "strokes"


def test_labels_and_doses_are_not_searched_and_nothing_is_claimed(cleaned):
    assert not cleaned([drawn()], Modality="RTDOSE", SOPClassUID=DOSE).text_free


def test_a_line_outside_of_the_ultrasound_region_goes_as_a_whole(opened):
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 40, 50
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 360, 230
    found = ultrasound_regions(opened([drawn()], SequenceOfUltrasoundRegions=[region]))
    assert found == (Box(40, 50, 361, 231),)
    above, inside = Box(10, 10, 90, 30), Box(60, 60, 120, 80)
    assert whole_lines([above, inside], found, 400) == [Box(0, 10, 400, 30), inside]
    assert whole_lines([above], (), 400) == [above]
