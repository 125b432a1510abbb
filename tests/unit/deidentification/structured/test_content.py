from __future__ import annotations

import re
import time

import pytest

from fedpacs.core.ps315 import Action
from fedpacs.deidentification.dicom.charset import UTF_8
from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.profile import load_profile
from fedpacs.deidentification.structured.content import identifying_values, item_rules

TEXT, NOTE, PERSON, UID, DATE = 0x0040A160, 0x00700006, 0x0040A123, 0x0040A124, 0x0040A121
CODE, MEASURED, NUMBER = 0x0040A168, 0x0040A300, 0x0040A30A


@pytest.fixture(scope="module")
def basic():
    return load_profile("basic")


@pytest.fixture(scope="module")
def rich():
    return load_profile("research-rich")


def _rule(items, tag, profile):
    return item_rules(items, UTF_8, profile).get(tag)


def test_a_finding_goes_by_the_rules_of_its_attributes(content, basic, rich):
    finding = content("TEXT", ("121071", "DCM", "Finding"), "Baker's cyst")
    local = content("TEXT", ("F1", "99LOCAL", "Befund"), "Bakerzyste")
    size = content("NUM", ("410668003", "SCT", "Length"), ("12.5", "mm"))
    for items in (finding, local, size):
        for profile in (basic, rich):
            assert item_rules(items, UTF_8, profile) == {}


@pytest.fixture(scope="module")
def profiles(basic, rich):
    return basic, rich


@pytest.mark.parametrize(
    "named",
    [
        (("121009", "DCM", "Person Observer's Organization Name"), "St. Elsewhere"),
        (("121008", "DCM", "Person Observer Name"), "Grabowska"),
        (("N", "99LOCAL", "Referring physician"), "Dr. Grabowska"),
        (("N", "99LOCAL", "患者氏名"), "山田太郎"),
    ],
)
@pytest.mark.parametrize(("kind", "tag"), [("TEXT", TEXT), ("NOTE", NOTE)])
def test_text_about_a_person_or_place_becomes_a_dummy(content, profiles, kind, tag, named):
    for profile in profiles:
        rule = _rule(content(kind, *named), tag, profile)
        assert rule.action is Action.DUMMY
        assert rule.generator in {"", "patient"}


def test_the_subject_gets_the_pseudonym_of_the_patient(content, basic):
    name = content("PNAME", ("121029", "DCM", "Subject Name"), "Łukasiewicz^Zbigniew")
    number = content("TEXT", ("121030", "DCM", "Subject ID"), "PAT-0815")
    assert _rule(name, PERSON, basic).generator == "patient"
    assert _rule(number, TEXT, basic).generator == "patient"
    observer = content("PNAME", ("121008", "DCM", "Person Observer Name"), "Grabowska^Ewa")
    assert _rule(observer, PERSON, basic).action is Action.DUMMY
    assert _rule(observer, PERSON, basic).generator == ""


def test_a_name_is_a_dummy_whatever_the_profile_keeps(content, rich):
    for concept in (("121015", "DCM", "Device Observer Model Name"), ("121032", "DCM", "Sex")):
        assert _rule(content("PNAME", concept, "A^B"), PERSON, rich).action is Action.DUMMY


def test_an_accession_number_gets_the_code_that_it_gets_in_the_header(content, basic):
    items = content("TEXT", ("121022", "DCM", "Accession Number"), "ACC-77")
    assert _rule(items, TEXT, basic).generator == "identifier:00080050"


def test_the_birth_date_is_never_shifted(content, rich):
    items = content("DATE", ("121031", "DCM", "Subject Birth Date"), "19610317")
    assert _rule(items, DATE, rich).action is Action.DUMMY
    study = content("DATE", ("111060", "DCM", "Study Date"), "20230214")
    assert _rule(study, DATE, rich) is None


def test_sex_and_age_go_with_the_option_that_keeps_them(content, basic, rich):
    sex = content("CODE", ("121032", "DCM", "Subject Sex"), ("F", "DCM", "Female"))
    age = content("NUM", ("121033", "DCM", "Subject Age"), ("61", "a"))
    assert _rule(sex, CODE, basic).action is Action.DUMMY
    assert _rule(age, MEASURED, basic).action is Action.ZERO
    assert item_rules(sex, UTF_8, rich) == {}
    assert item_rules(age, UTF_8, rich) == {}


@pytest.mark.parametrize(
    ("number", "unit", "told"),
    [
        ("61", "a", None), ("89", "a", None), ("90", "a", None), ("91", "a", "90"),
        ("103.5", "a", "90"), ("89.5", "a", "89"), ("1100", "mo", "1080"), ("1000", "mo", None),
        ("40000", "d", "32872"), ("120", "mm", None), ("nan", "a", "90"), ("x", "a", None),
        ("inf", "a", "90"),
    ],
)  # fmt: skip
def test_no_measurement_tells_an_age_above_the_limit(measured, rich, number, unit, told):
    items = measured(number, unit)
    items[0x0040A161] = Element(0x0040A161, "FD", b"\0" * 8)
    rules = item_rules(items, UTF_8, rich)
    assert rules.get(NUMBER) is None if told is None else rules[NUMBER].generator
    if told is not None:
        assert rules[NUMBER].generator == f"literal:{told}"
        assert rules[0x0040A161].action is Action.REMOVE


@pytest.mark.parametrize(
    ("text", "stays"),
    [("61", True), ("089Y", True), ("61 Jahre", True), ("90", False), ("101Y", False),
     ("61 born in Łódź", False)],
)  # fmt: skip
def test_an_age_in_words_stays_when_it_is_one_and_low_enough(content, rich, text, stays):
    rule = _rule(content("TEXT", ("121033", "DCM", "Subject Age"), text), TEXT, rich)
    assert rule.action is Action.KEEP
    assert (re.fullmatch(rule.pattern, text) is not None) is stays
    assert rule.otherwise is Action.DUMMY


@pytest.mark.parametrize(
    "text",
    [
        '<?xml version="1.0"?><ClinicalDocument><name>Lukas</name></ClinicalDocument>',
        "Report: <patient id='12'>Lukas</patient> end",
        "MSH|^~\\&|RIS|HOSP\rPID|1||4711||Lukas",
        "{\\rtf1 Lukas}",
        "data:application/pdf;base64,QUJD",
        "see QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWZnaGlqa2xtbm9wcXJzdHV2d3h5ejAxMjM0NTY3ODk=",
    ],
)
def test_a_document_inside_a_text_value_goes_as_a_whole(content, rich, text):
    items = content("TEXT", ("121071", "DCM", "Finding"), text)
    assert _rule(items, TEXT, rich).action is Action.DUMMY


@pytest.mark.parametrize(
    "text",
    ["Lesion < 5 mm and > 2 mm", "<5 mm", "Signal T1 < T2; R&D; 3/4 <1.5>", "a | b | c",
     "pT2N0M0/G2 R0 & L0", "Fat " * 60, "Befund:\n" + "-" * 120 + "\nunauffällig",
     "<5mm> nodule, <<faint>>", "PID is not suspected"],
)  # fmt: skip
def test_clinical_signs_are_no_document(content, rich, text):
    assert item_rules(content("TEXT", ("121071", "DCM", "Finding"), text), UTF_8, rich) == {}


def test_what_a_report_says_of_persons_is_looked_for_elsewhere(content):
    observer = content("PNAME", ("121008", "DCM", "Person Observer Name"), "Grabowska^Ewa")
    place = content("TEXT", ("X", "99LOCAL", "Krankenhaus"), "St. Elsewhere")
    finding = content("TEXT", ("121071", "DCM", "Finding"), "Baker's cyst")
    assert identifying_values(observer, UTF_8) == (("name", "Grabowska^Ewa"),)
    assert identifying_values(place, UTF_8) == (("phrase", "St. Elsewhere"),)
    assert identifying_values(finding, UTF_8) == ()
    assert identifying_values({}, UTF_8) == ()


def test_items_that_are_not_content_cost_next_to_nothing(basic):
    items = {tag: Element(tag, "DS", b"1 ") for tag in range(0x00180010, 0x00180030)}
    started = time.process_time()
    for _ in range(10_000):
        item_rules(items, UTF_8, basic)
    assert time.process_time() - started < 0.2


def test_a_concept_name_without_an_item_is_no_concept(basic):
    items = {0x0040A043: Element.of_items(0x0040A043, []), TEXT: Element.of_text(TEXT, "UT", "x")}
    assert item_rules(items, UTF_8, basic) == {}
    assert identifying_values(items, UTF_8) == ()
