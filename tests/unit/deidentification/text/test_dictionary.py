"""The dictionary finds the object's own terms however they are written."""

from __future__ import annotations

import pytest

from fedpacs.deidentification.text.cleaning import (
    IdentityTerms,
    clean_text,
    compile_terms,
    mentions,
)


def _of(*names: str, identifiers=(), phrases=(), dates=()):
    return compile_terms(IdentityTerms(names, tuple(identifiers), tuple(phrases), tuple(dates)))


@pytest.mark.parametrize(
    ("name", "text", "cleaned"),
    [
        ("Kowalczyk^Jan", "knee Kowalczyk left", "knee left"),
        ("Kowalczyk^Jan", "knee kowalczyk left", "knee left"),
        ("Kowalczyk^Jan", "knee kyzclawok left", "knee left"),
        ("Kowalczyk^Jan", "knee JAN KOWALCZYK left", "knee left"),
        ("Kowalczyk^Jan", "knee Kowalcyzk left", "knee left"),
        ("Kowalczyk^Jan", "knee Kowalczy left", "knee left"),
        ("Kowalczyk^Jan", "knee Kowallczyk left", "knee left"),
        ("Kowalczyk^Jan", "knee Kovalczyk left", "knee left"),
        ("Kowalczyk^Jan", "knee J.K. left", "knee left"),
        ("Kowalczyk^Jan", "knee K. J. left", "knee left"),
        ("Kowalczyk^Jan", "KowalczykJan knee", "knee"),
        ("Kowalczyk^Jan", "kowalczykknee left", "knee left"),
        ("Brandão^Inês", "abdomen inêsbrandão", "abdomen"),
        ("Green^Violet", "abdomen violetgreen", "abdomen"),
        ("Case^Charity", "abdomen_Case", "abdomen"),
        ("Gold^Autumn", "Lung_L_autumn", "Lung_L"),
        ("Brandão^Inês", '"Brand\\u00e3o^In\\u00eas" pneumonia', "pneumonia"),
        ("Brandão^Inês", "Brand&atilde;o pneumonia", "pneumonia"),
        ("Brandão^Inês", "Brand%C3%A3o pneumonia", "pneumonia"),
        ("Kowalczyk^Jan", "K O W A L C Z Y K knee", "knee"),
        ("Müller^Jörg", "Knie Mueller links", "Knie links"),
        ("Müller^Jörg", "Knie MULLER links", "Knie links"),
        ("Müller^Jörg", "Knie Mu\u0308ller links", "Knie links"),
        ("Mueller^Joerg", "Knie Müller links", "Knie links"),
        ("Łukasiewicz^Zoë", "knee Lukasiewicz left", "knee left"),
        ("O'Brien^Mary", "knee OBrien left", "knee left"),
        ("Иванов^Иван", "knee Ivanov left", "knee left"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "胸部CT 山田太郎", "胸部CT"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "胸部CT ヤマダ タロウ", "胸部CT"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "chest YAMADA", "chest"),
        ("Ng^Wei", "coil NG", "coil"),
        ("Ng^Wei", "5 ng/ml", "5 ng/ml"),
        ("van der Meer^Piet", "knee P.v. left", "knee left"),
        ("van der Meer^Piet", "knee van edr Meer left", "knee left"),
        ("Taylor^Lisa", "KNEE LT TAYLOR", "KNEE LT"),
    ],
)  # fmt: skip
def test_a_name_goes_and_the_words_around_it_stay(name, text, cleaned):
    terms = _of(name)
    assert clean_text(text, terms, "clean") == cleaned
    assert mentions(text, terms) == (text != cleaned)


@pytest.mark.parametrize(
    "text",
    ["MR-0048-213 knee", "mr0048213 knee", "0048213 knee", "48213 knee", "xMR0048213y knee"],
)
def test_an_identifier_goes_with_and_without_its_separators(text):
    assert clean_text(text, _of(identifiers=["MR-0048-213"]), "clean") == "knee"


@pytest.mark.parametrize(
    "written", ["19610317", "17.03.1961", "03/17/61", "17 March 1961", "610317", "17.03.", "1961"]
)
def test_a_date_of_the_object_goes_however_it_is_written(written):
    cleaned = clean_text(f"knee {written} left", _of(dates=["19610317"]), "clean")
    assert not any(part in cleaned for part in ("1961", "61", "17", "03", "March"))
    assert cleaned.startswith("knee")


def test_a_name_that_is_a_word_goes_only_where_it_is_written_as_a_name():
    terms = _of("Long^Young")
    assert clean_text("a long segment, seen by Long", terms, "clean") == "a long segment, seen by"


def test_no_term_is_shown_by_a_representation():
    shown = repr(_of("Kowalczyk^Jan", identifiers=["MR-0048-213"], dates=["19610317"]))
    assert not any(value in shown for value in ("Kowalczyk", "0048", "1961"))


def test_equal_terms_are_compiled_once():
    assert _of("Kowalczyk^Jan") is _of("Kowalczyk^Jan")
