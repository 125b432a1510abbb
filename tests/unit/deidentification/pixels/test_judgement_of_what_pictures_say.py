"""What is plainly a marker may stay in a picture; everything else that is written goes."""

from __future__ import annotations

import pytest

from fedpacs.deidentification.pixels.judgement import judged
from fedpacs.deidentification.text.cleaning import IdentityTerms, compile_terms

TERMS = compile_terms(
    IdentityTerms(
        names=("Smith^John", "Liver^Anna"),
        identifiers=("PID84712",),
        phrases=("Saint Mary Hospital",),
        dates=("19560312",),
    )
)
NOBODY = compile_terms(IdentityTerms())


@pytest.mark.parametrize(
    "text",
    ["L", "R", "AP", "R CC", "L MLO", "ERECT", "SUPINE", "PORTABLE", "MI 1.2", "TIS 0.4 TIB 0.4",
     "12 cm", "120 kV 200 mA", "W:400 L:40", "W 1500 L 450", "TR 4500 TE 90", "FR 32Hz", "Gn 52",
     "Im: 12/120", "DR 60", "10", "15.3", "KIDNEY", "Left breast", "CHEST PA",
     "No pleural effusion", "Findings: normal liver and spleen"],
)  # fmt: skip
def test_markers_scales_settings_and_medical_words_stay(text):
    assert judged(text, 0.95, NOBODY) == "stays"


@pytest.mark.parametrize(
    "text",
    ["Smith", "SM1TH", "5M1TH", "Smithy", "JOHN", "P1D847I2", "LIVER", "St Mary Hospital"],
)  # fmt: skip
def test_what_resembles_the_objects_own_terms_goes_even_misread(text):
    assert judged(text, 0.95, TERMS) == "goes"


@pytest.mark.parametrize(
    "text",
    ["12.03.1956", "1956-03-12", "3/12/56", "12:30:11", "PORTABLE 14:30", "123456", "12 34 56 78",
     "I23456", "MRN", "ID: 12", "Acc 1234", "2011", "No 1234", "Dr. Miller", "Dr. Li", "Mr L",
     "Pat. Name", "Baker", "Zhang Wei", "JS", "Klinikum", "Sonographer", "Kowalsk",
     "May 2011", "山田太郎", "Иванова"],
)  # fmt: skip
def test_dates_numbers_labels_and_unknown_words_go(text):
    assert judged(text, 0.95, NOBODY) == "goes"


def test_what_is_hardly_legible_goes_rather_than_stays():
    assert judged("LIVER", 0.3, NOBODY) == "goes"


@pytest.mark.parametrize("text", ["", " ", "--", "+", "°"])
def test_what_holds_no_letter_or_digit_is_nothing(text):
    assert judged(text, 0.9, NOBODY) == "nothing"
