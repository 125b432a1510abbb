from __future__ import annotations

import pytest
from pydicom.sr._concepts_dict import concepts

from fedpacs.deidentification.codes import (
    OWN_SCHEME,
    UNLISTED,
    Wording,
    holds_code,
    removed_code,
    rewritten_code,
)
from fedpacs.deidentification.dicom.charset import UTF_8, text_of
from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.structured.schemes import is_well_formed


def _texts(items):
    return tuple(text_of(items[tag], UTF_8) for tag in sorted(items))


@pytest.fixture
def dropping(pseudonyms):
    return Wording(pseudonyms)


@pytest.fixture(params=["clean", "vocabulary"])
def cleaning(pseudonyms, request):
    cleaner = pytest.importorskip("fedpacs.deidentification.text.cleaning")
    terms = cleaner.IdentityTerms(
        names=("Łukasiewicz^Zbigniew",), identifiers=("4711081",), phrases=(), dates=()
    )
    return Wording(pseudonyms, cleaner.compile_terms(terms), request.param)


def test_a_code_of_the_dictionary_stays_with_its_words(code, dropping):
    item = code("T-A0100", "SRT", "Brain of Grabowska")
    assert _texts(rewritten_code(item, UTF_8, dropping)) == ("T-A0100", "SRT", "Brain")
    item = code("389081007", "SCT", "Gray Matter")
    assert _texts(rewritten_code(item, UTF_8, dropping)) == ("389081007", "SCT", "Gray Matter")


def test_a_local_code_becomes_a_keyed_one(code, dropping):
    one = _texts(rewritten_code(code("GRABOWSKA", "99LOCAL", "Dr. Grabowska"), UTF_8, dropping))
    two = _texts(rewritten_code(code("GRABOWSKA", "99LOCAL", "Ewa"), UTF_8, dropping))
    other = _texts(rewritten_code(code("GRABOWSKA", "99OTHER", "Ewa"), UTF_8, dropping))
    assert one == two
    assert one[0] != other[0]
    assert one[1:] == (OWN_SCHEME, UNLISTED)
    assert len(one[0]) == 16


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("LN", "2160-0"), ("SCT", "44054006"), ("I10", "C34.1"), ("RADLEX", "RID1301"),
        ("UCUM", "mL/min"), ("DCM", "133123"), ("C4", "71260"), ("SRT", "T-D9999"),
    ],
)  # fmt: skip
def test_a_well_formed_code_of_a_public_scheme_stays(code, dropping, scheme, value):
    written = _texts(rewritten_code(code(value, scheme, "x of Grabowska"), UTF_8, dropping))
    assert written == (value, scheme, UNLISTED)


@pytest.mark.parametrize(
    ("scheme", "value"),
    [
        ("LN", "18748-5"), ("SCT", "80891008"), ("SCT", "GRABOWSKA"), ("UCUM", "{Grabowska}"),
        ("UCUM", "Grabowska"), ("DCM", "471108"), ("RADLEX", "4711"), ("I10", "PAT-0815"),
        ("SRT", "Grabowska"), ("", "4711"), ("99UCUM", "mm"),
    ],
)  # fmt: skip
def test_what_only_claims_a_public_scheme_does_not(code, dropping, scheme, value):
    written = _texts(rewritten_code(code(value, scheme, "x"), UTF_8, dropping))
    assert value not in written
    assert written[1:] == (OWN_SCHEME, UNLISTED)


def test_the_forms_of_the_schemes_hold_for_the_codes_of_the_dictionary():
    faulty = {  # written with a check digit that is none, in the dictionary itself
        "SCT": {"115347700"}, "LN": {"11524-0"},
    }  # fmt: skip
    for scheme in ("SCT", "NCIt", "RADLEX", "UMLS", "FMA", "MDC", "MSH", "NDC", "IBSI", "BARI"):
        values = {value for by_value in concepts[scheme].values() for value in by_value}
        wrong = {value for value in values if not is_well_formed(scheme, value)}
        assert wrong <= faulty.get(scheme, set()), scheme


def test_words_of_a_local_code_stay_when_they_are_medical(code, cleaning):
    item = code("CTCHEST7", "99LOCAL", "CT chest with contrast")
    value, scheme, meaning = _texts(rewritten_code(item, UTF_8, cleaning))
    assert (scheme, meaning) == (OWN_SCHEME, "CT chest with contrast")
    assert value != "CTCHEST7"


def test_names_in_the_words_of_a_code_go(code, cleaning):
    item = code("X7", "99LOCAL", "CT chest Łukasiewicz")
    meaning = _texts(rewritten_code(item, UTF_8, cleaning))[2]
    assert "ukasiewicz" not in meaning
    assert "chest" in meaning


def test_a_patients_number_under_a_public_scheme_goes(code, cleaning):
    assert is_well_formed("RXNORM", "4711081")
    written = _texts(rewritten_code(code("4711081", "RXNORM", "x"), UTF_8, cleaning))
    assert "4711081" not in written


def test_a_long_value_and_an_urn_are_read(code, pseudonyms, dropping):
    long = code("a value of a hospital that is long", "99LOCAL", "x")
    assert 0x00080119 in long
    written = rewritten_code(long, UTF_8, dropping)
    assert sorted(written) == [0x00080100, 0x00080102, 0x00080104]
    urn = {0x00080120: Element.of_text(0x00080120, "UR", "urn:oid:1.2.3.4")}
    assert holds_code(urn)
    value = _texts(rewritten_code(urn, UTF_8, dropping))[0]
    assert value == pseudonyms.identifier("code", "\0urn:oid:1.2.3.4")


def test_a_coding_scheme_is_named_only_when_it_is_public(dropping):
    def designator(name):
        items = {0x00080102: Element.of_text(0x00080102, "SH", name)}
        return _texts(rewritten_code(items, UTF_8, dropping))

    assert designator("SCT") == ("SCT",)
    assert designator("99ELSEWHERE") == (OWN_SCHEME,)


def test_a_removed_code_says_nothing():
    assert _texts(removed_code()) == ("0", OWN_SCHEME, "Removed")


def test_what_codes_are_rewritten_with_is_not_printed(dropping):
    assert repr(dropping) == "Wording()"
    assert not holds_code({0x0040A160: Element.of_text(0x0040A160, "UT", "x")})
