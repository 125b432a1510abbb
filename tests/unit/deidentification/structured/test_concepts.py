from __future__ import annotations

import pytest
from pydicom.datadict import dictionary_has_tag
from pydicom.sr._concepts_dict import concepts

from fedpacs.deidentification.codes import meaning_of
from fedpacs.deidentification.structured.concepts import concept_of
from fedpacs.deidentification.structured.schemes import read_lines

NAME, PATIENT_NAME, BIRTH_DATE, ACCESSION = 0x00081070, 0x00100010, 0x00100030, 0x00080050


@pytest.mark.parametrize(
    ("value", "meaning", "attribute"),
    [
        ("121008", "Person Observer Name", NAME),
        ("121022", "Accession Number", ACCESSION),
        ("121029", "Subject Name", PATIENT_NAME),
        ("121031", "Subject Birth Date", BIRTH_DATE),
        ("121031", "written otherwise", BIRTH_DATE),
    ],
)
def test_a_code_of_dicom_stands_for_an_attribute_of_the_header(value, meaning, attribute):
    assert concept_of("DCM", value, meaning).attribute == attribute


@pytest.mark.parametrize(
    ("meaning", "kind"),
    [
        ("Patient's MRN", "identifier"),
        ("Name of the patient", "name"),
        ("Referring Physician", "name"),
        ("Recording Observer's Name", "name"),
        ("Reported by", "name"),
        ("Accession no.", "identifier"),
        ("Mobile number", "identifier"),
        ("Home address", "phrase"),
        ("Hospital Name", "phrase"),
        ("Befunder", "name"),
        ("Geburtsdatum", "date"),
        ("Krankenhaus", "phrase"),
        ("Médecin prescripteur", "name"),
        ("Date de naissance", "date"),
        ("Fecha de nacimiento", "date"),
        ("Dirección", "phrase"),
        ("Медсестра", "name"),
        ("Дата рождения", "date"),
        ("患者氏名", "name"),
        ("読影者", "name"),
        ("病院", "phrase"),
        ("  serial  NUMBER ", "identifier"),
    ],
)
def test_the_words_of_a_local_concept_tell_what_it_is_about(meaning, kind):
    assert concept_of("99LOCAL", "X1", meaning).kind == kind


@pytest.mark.parametrize(
    "meaning",
    [
        "Findings", "Impression", "Befund", "Beurteilung", "Conclusion", "Conclusión", "所見",
        "Заключение", "Location of lesion", "Number of nodules", "Hospital course",
        "History of present illness", "Clinical indication", "Organ name of interest", "Technique",
        "Comparison", "Patient position", "Lesion diameter", "Addressed findings",
        "Order of the derivative", "Study quality", "Name of contrast agent", "Tumor site",
    ],
)  # fmt: skip
def test_clinical_concepts_identify_nobody(meaning):
    assert concept_of("99LOCAL", "X1", meaning) is None


def test_a_code_of_the_dictionary_is_not_judged_by_its_words():
    assert concept_of("DCM", "121173", "Physician Note") is None
    assert concept_of("DCM", "121173", "Physician Note of patient name") is not None


def test_every_listed_concept_is_in_the_dictionary_and_stands_for_an_attribute():
    known = {(s, v) for s, by in concepts.items() for values in by.values() for v in values}
    for line in read_lines("concepts"):
        assert dictionary_has_tag(int(line["attribute"], 16)), line
        if line["scheme"] == "DCM":
            assert ("DCM", line["value"]) in known, line
            meaning = meaning_of("DCM", line["value"], line["meaning"])
            assert meaning.casefold() == line["meaning"].casefold(), line


def test_no_concept_of_the_dictionary_that_names_a_person_is_missing_from_the_list():
    """What the words would catch in DICOM's own concepts is listed, or known to be harmless."""
    harmless = {
        "110031": "what an audit message identifies by",
        "111187": "faults of a film's label", "111189": "", "111190": "",
        "113002": "reasons to select an object", "113112": "an option of de-identification",
        "121081": "roles, which are values", "121082": "", "121083": "", "121084": "", "121090": "",
        "121091": "", "121093": "", "128674": "",
        "128754": "a mark on the patient", "130154": "a reason to stop", "WSD": "a modality",
    }  # fmt: skip
    listed = {line["value"] for line in read_lines("concepts")}
    missing = {
        value: meaning
        for by_value in concepts["DCM"].values()
        for value, (meaning, _) in by_value.items()
        if value not in listed | set(harmless) and concept_of("99LOCAL", value, meaning) is not None
    }
    assert sorted(missing.items()) == []
