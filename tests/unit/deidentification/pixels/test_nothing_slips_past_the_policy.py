"""What an object calls itself does not keep its picture from being searched."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from fedpacs.core.errors import DeidentificationError
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.pixels.cleaning import clean_pixels
from fedpacs.deidentification.pixels.policy import inspection_of
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.text.cleaning import IdentityTerms, compile_terms

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
SINGLE_BIT = "1.2.840.10008.5.1.4.1.1.7.1"
ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"
ANGIOGRAPHY = "1.2.840.10008.5.1.4.1.1.12.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
RICH = load_profile("research-rich").policies
UNREAD = replace(RICH, ocr="never")
TERMS = compile_terms(IdentityTerms(("Okonkwo^Adaeze",), (), (), ()))


def fax():
    """Draw a name in black and white, as a scanner sends it."""
    image = Image.new("1", (320, 160))
    ImageDraw.Draw(image).text((20, 60), "OKONKWO, ADAEZE", fill=1, font=ImageFont.load_default(24))
    return np.asarray(image)


@pytest.fixture
def written(build, tmp_path):
    """Write an object that shows a name."""

    def write(**more):
        ds = build.dataset([fax().astype("u1") * 255], **more)
        if ds.SOPClassUID == SINGLE_BIT:
            ds.BitsAllocated = ds.BitsStored = 1
            ds.HighBit, ds.NumberOfFrames = 0, 1
            ds.PixelData = np.packbits(fax().ravel(), bitorder="little").tobytes()
        return build.saved(ds, tmp_path / "in.dcm")

    return write


@pytest.fixture
def cleaned(written, tmp_path):
    def clean(policies=RICH, **more):
        with parse(written(**more)) as parsed:
            return clean_pixels(parsed, TERMS, policies, tmp_path)

    return clean


@pytest.fixture
def effort(written):
    def decided(policies=RICH, **more):
        with parse(written(**more)) as parsed:
            return inspection_of(parsed, policies).effort

    return decided


def test_a_scanned_name_of_one_bit_is_masked(cleaned):
    outcome = cleaned(SOPClassUID=SINGLE_BIT, Modality="OT")
    assert outcome.masked_regions
    assert outcome.text_free


@pytest.mark.parametrize("modality", ["SEG", "RTDOSE", "REG", "RWV", "SMR"])
def test_a_modality_exempts_no_picture(effort, modality):
    assert effort(Modality=modality, SOPClassUID=SECONDARY_CAPTURE) == "read"
    assert effort(Modality=modality, SOPClassUID=CT) == "strokes"


def test_segments_in_the_header_exempt_no_picture(effort):
    assert effort(Modality="CT", SOPClassUID=CT, SegmentSequence=[]) == "strokes"


def test_a_segmentation_is_exempt_whatever_its_modality_says(effort):
    assert effort(Modality="OT", SOPClassUID=SEGMENTATION) == "none"


def test_a_class_that_stands_in_the_file_meta_alone_counts(build, tmp_path):
    ds = build.dataset([fax().astype("u1") * 255], Modality="CT")
    ds.file_meta.MediaStorageSOPClassUID = SECONDARY_CAPTURE
    del ds.SOPClassUID
    with parse(build.saved(ds, tmp_path / "in.dcm")) as parsed:
        assert inspection_of(parsed, RICH).effort == "read"


@pytest.mark.parametrize(
    ("sop_class_uid", "more", "code"),
    [
        (ULTRASOUND, {}, "deid.unsupported-ultrasound"),
        (ULTRASOUND, {"BurnedInAnnotation": "NO"}, "deid.unsupported-ultrasound"),
        (SECONDARY_CAPTURE, {}, "deid.unsupported-secondary-capture"),
        (ANGIOGRAPHY, {}, "deid.burned-in-unknown"),
        (ANGIOGRAPHY, {"BurnedInAnnotation": "YES"}, "deid.burned-in"),
        (CT, {"BurnedInAnnotation": "YES"}, "deid.burned-in"),
    ],
)
def test_what_nobody_reads_is_held_back_where_text_is_usual(cleaned, sop_class_uid, more, code):
    with pytest.raises(DeidentificationError) as caught:
        cleaned(UNREAD, SOPClassUID=sop_class_uid, Modality="OT", **more)
    assert caught.value.code == code


def test_what_nobody_reads_passes_where_text_is_rare_and_nothing_is_claimed(cleaned):
    for more in ({"SOPClassUID": CT}, {"SOPClassUID": ANGIOGRAPHY, "BurnedInAnnotation": "NO"}):
        assert not cleaned(UNREAD, Modality="OT", **more).text_free
