from __future__ import annotations

import pytest

from fedpacs.deidentification.code_strings import code_words, is_known_code
from fedpacs.deidentification.generate_code_words import generate, words_of_program


@pytest.mark.parametrize(
    "value",
    [
        "", "ORIGINAL", "PRIMARY", "CT_SOM5 SPI", "DIS2D", "T2_MAP", "FAST_GEMS", "HELICAL MODE",
        "ACC_GEMS", "HFS", "CHEST", "ABDOMEN", "MONOCHROME2", "YBR_FULL_422", "ISO_10918_1",
        "M_FFE", "PHASE MAP", "CSA 3D EDITOR", "SCREEN SAVE", "LEFT LATERAL", "SK", "ADC",
        "RECON TOMO", "RTDOSE", "Chest", "ABD/PELVIS", "CLOSED_PLANAR", "GY", "UNAPPROVED",
    ],
)  # fmt: skip
def test_terms_of_the_standard_and_of_scanners_are_known(value):
    assert is_known_code(value)


@pytest.mark.parametrize(
    "value",
    [
        "DOE JOHN", "SMITH", "JOHN", "MUELLER_HANS", "PT1234567", "12345678", "MRN 00123456",
        "19570312", "Smith", "CHEST^", "HFS DOE", "TANAKA TARO", "ABCDEFGHIJKLMNOPQ", "DOE1",
        "KOWALSKI 3", "SMITH2D", "NG", "LI", "XU WU", "NG2",
    ],
)  # fmt: skip
def test_names_and_numbers_in_the_disguise_of_a_code_string_are_not(value):
    assert not is_known_code(value)


def test_no_usual_short_name_is_among_the_words():
    assert not {"NG", "LI", "WU", "XU", "LE", "HO", "YU", "HE", "OH", "LEE", "KIM", "DOE"} & (
        code_words()
    )


def test_no_usual_family_name_is_among_the_words():
    usual = {
        "SMITH", "JOHNSON", "WILLIAMS", "JONES", "GARCIA", "MILLER", "DAVIS", "RODRIGUEZ",
        "MARTINEZ", "HERNANDEZ", "LOPEZ", "GONZALEZ", "WILSON", "ANDERSON", "THOMAS", "TAYLOR",
        "MUELLER", "SCHMIDT", "SCHNEIDER", "FISCHER", "WEBER", "MARTIN", "BERNARD", "DUBOIS",
        "TANAKA", "SUZUKI", "SATO", "IVANOV", "PETROV", "NGUYEN", "WANG", "ZHANG", "KUMAR", "SINGH",
    }  # fmt: skip
    assert not usual & code_words()


def test_the_generator_takes_only_what_is_written_like_a_term(tmp_path):
    program = tmp_path / "dciodvfy"
    program.write_bytes(b"\0HEAD_FIRST\0not a term\0A1\0Error in %s\0PRONE\0")
    assert words_of_program(program.read_bytes()) == {"HEAD", "FIRST", "PRONE"}
    words = generate(program).splitlines()
    assert {"HEAD", "PRONE", "ABDOMEN", "PATIENT"} <= set(words)
    assert words == sorted(words)
