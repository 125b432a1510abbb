"""Codes of a series: physics before words, conflicts and doubts to a person, answers for good."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from pydicom import Dataset
from pydicom.sequence import Sequence

from fedpacs.quality.errors import (
    BadAnswerError,
    BadMappingError,
    RegisterError,
    UnknownQuestionError,
)
from fedpacs.quality.standardisation.drift import jumps_of, months_of
from fedpacs.quality.standardisation.mapping import Mapping, Rule, load_mapping
from fedpacs.quality.standardisation.register import Register
from fedpacs.quality.standardisation.review import answer
from fedpacs.quality.standardisation.standardise import standardise


def header(**values):
    ds = Dataset()
    for keyword, value in {"Modality": "MR", "BodyPartExamined": "BRAIN", **values}.items():
        setattr(ds, keyword, value)
    return ds


def value(field, **values):
    return getattr(standardise(header(**values)), field).value


def doubts(**values):
    return dict(standardise(header(**values)).in_doubt)


@pytest.fixture
def register(tmp_path):
    return Register(tmp_path / "data" / "series.db")


@pytest.mark.parametrize(
    ("physics", "expected"),
    [
        ({"ScanningSequence": "SE", "RepetitionTime": 550, "EchoTime": 12}, "t1"),
        ({"ScanningSequence": "SE", "RepetitionTime": 4500, "EchoTime": 95}, "t2"),
        ({"ScanningSequence": "SE", "RepetitionTime": 3000, "EchoTime": 30}, "pd"),
        (
            {
                "ScanningSequence": ["SE", "IR"],
                "RepetitionTime": 9000,
                "EchoTime": 110,
                "InversionTime": 2500,
            },
            "flair",
        ),
        (
            {
                "ScanningSequence": ["SE", "IR"],
                "RepetitionTime": 4000,
                "EchoTime": 50,
                "InversionTime": 160,
            },
            "stir",
        ),
        (
            {
                "ScanningSequence": ["GR", "IR"],
                "SequenceVariant": ["SK", "SP", "MP"],
                "RepetitionTime": 2300,
                "EchoTime": 3,
                "InversionTime": 900,
            },
            "t1",
        ),
        ({"ImageType": ["DERIVED", "PRIMARY", "DIFFUSION", "ADC"]}, "adc"),
        ({"DiffusionBValue": 1000.0}, "dwi"),
        ({"ScanningSequence": "EP", "RepetitionTime": 3000, "EchoTime": 90}, "unknown"),
    ],
)
def test_the_sequence_is_known_by_its_physics(physics, expected):
    assert value("sequence", **physics) == expected


@pytest.mark.parametrize(
    ("kernel", "expected"),
    [
        ("B30f", "ct-soft"),
        ("STANDARD", "ct-soft"),
        ("FC08", "ct-soft"),
        ("Br40d", "ct-soft"),
        ("LUNG", "ct-lung"),
        ("FC51", "ct-lung"),
        ("BONEPLUS", "ct-bone"),
        ("B70f", "ct-bone"),
        ("FC30", "ct-bone"),
        ("own kernel 7", "unknown"),
    ],
)
def test_a_convolution_kernel_has_a_class_or_is_unknown(kernel, expected):
    assert value("sequence", Modality="CT", ConvolutionKernel=kernel) == expected


@pytest.mark.parametrize(
    ("orientation", "expected"),
    [
        ([1, 0, 0, 0, 1, 0], "axial"),
        ([1, 0, 0, 0, 0, -1], "coronal"),
        ([0, 1, 0, 0, 0, -1], "sagittal"),
        ([1, 0, 0, 0, 0.7071, 0.7071], "oblique"),
    ],
)
def test_the_plane_is_measured(orientation, expected):
    assert value("plane", ImageOrientationPatient=orientation) == expected


def test_the_body_part_has_its_snomed_code():
    assert standardise(header()).snomed == ("12738006", "SCT", "Brain")


def test_a_coded_region_counts_as_well():
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "10200004", "SCT", "Liver"
    ds = header(AnatomicRegionSequence=Sequence([item]))
    del ds.BodyPartExamined
    assert standardise(ds).body_part.value == "Liver"


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("body_part", {"SeriesDescription": "Knie sag T2"}),
        ("plane", {"SeriesDescription": "cor T2", "ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}),
        ("contrast", {"SeriesDescription": "T1 nativ", "ContrastBolusAgent": "Gadovist"}),
        (
            "sequence",
            {
                "SeriesDescription": "T1 tra",
                "ScanningSequence": "SE",
                "RepetitionTime": 4500,
                "EchoTime": 95,
            },
        ),
    ],
)
def test_a_conflict_is_unknown_and_goes_to_a_person(field, values):
    assert value(field, **values) == "unknown"
    assert doubts(**values)[field] == "conflict"


def test_agreement_raises_the_confidence():
    once = standardise(header()).body_part.confidence
    twice = standardise(header(SeriesDescription="Hirn T2")).body_part.confidence
    assert once < twice < 1


def test_no_word_of_the_header_is_in_the_codes():
    ds = header(SeriesDescription="T2 tra Mosthaler", ProtocolName="Wiederkehr", PatientName="X")
    told = json.dumps(standardise(ds).as_dict())
    assert "osthaler" not in told
    assert "iederkehr" not in told


def test_names_of_people_are_in_no_question(register):
    ds = header(
        SeriesDescription="Spezial_Mosthaler 4711-B",
        ProtocolName="Prog fuer Mosthaler",
        PatientName="Mosthaler^Anna",
        PatientID="4711-B",
    )
    register.note("2.25.1", "2026-01", ds, standardise(ds))
    (question,) = register.questions()
    assert question.series == "Spezial"
    assert "osthaler" not in json.dumps([question.series, question.protocol, question.study])
    assert "osthaler" not in repr(question)
    for file in register.path.parent.iterdir():
        assert b"osthaler" not in file.read_bytes()


def strange(n=1, **values):
    return header(SeriesDescription=f"Sonderprogramm {n}", BodyPartExamined="", **values)


ANSWER = {"body_part": "Brain", "contrast": "without", "sequence": "t1"}


def test_an_answer_becomes_a_rule_and_reaches_all_series_of_the_name(register, tmp_path):
    rules = tmp_path / "mapping.toml"
    for n in range(3):
        register.note(f"2.25.{n}", "2026-01", strange(n), standardise(strange(n)))
    (question,) = register.questions()
    assert question.count == 3
    done = answer(register, rules, question.number, ANSWER)
    assert (done.series, done.open_questions) == (3, 0)
    assert register.codes("2.25.2")["body_part"]["code"]["value"] == "12738006"
    coded = standardise(strange(9), load_mapping(rules))
    assert coded.in_doubt == ()
    assert coded.body_part.value == "Brain"
    assert coded.body_part.sources == ("rule",)
    assert rules.stat().st_mode & 0o077 == 0
    assert register.path.stat().st_mode & 0o077 == 0


def test_unknown_is_an_answer_and_stays_unknown(register, tmp_path):
    rules = tmp_path / "mapping.toml"
    register.note("2.25.1", "2026-01", strange(), standardise(strange()))
    (question,) = register.questions()
    answer(register, rules, question.number, dict.fromkeys(question.fields, "unknown"))
    coded = standardise(strange(), load_mapping(rules))
    assert coded.in_doubt == ()
    assert coded.body_part.value == "unknown"


def test_a_half_or_wrong_answer_is_refused_and_changes_nothing(register, tmp_path):
    register.note("2.25.1", "2026-01", strange(), standardise(strange()))
    (question,) = register.questions()
    for said in ({"body_part": "Brain"}, {**ANSWER, "contrast": "perhaps"}):
        with pytest.raises(BadAnswerError):
            answer(register, tmp_path / "m.toml", question.number, said)
    with pytest.raises(UnknownQuestionError):
        answer(register, tmp_path / "m.toml", "none", ANSWER)
    assert not (tmp_path / "m.toml").exists()
    assert register.questions() == (question,)


def test_the_same_series_twice_is_one(register):
    for _ in range(2):
        register.note("2.25.1", "2026-01", strange(), standardise(strange()))
    assert register.questions()[0].count == 1
    assert len(list(register.by_month())) == 1


def test_many_writers_lose_nothing(register):
    def write(n):
        register.note(f"2.25.{n}", "2026-01", strange(), standardise(strange()))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))
    assert register.questions()[0].count == 40


def test_a_forgotten_patient_leaves_no_word(register):
    register.note("2.25.1", "2026-01", strange(), standardise(strange()), "P-1")
    assert register.forget("P-2") == 0
    assert register.forget("P-1") == 1
    assert register.questions() == ()
    assert register.codes("2.25.1") is None
    assert b"Sonderprogramm" not in register.path.read_bytes()


def test_a_damaged_register_is_an_error_without_its_content(tmp_path):
    (tmp_path / "series.db").write_bytes(b"Mosthaler" * 200)
    with pytest.raises(RegisterError) as error:
        Register(tmp_path / "series.db").questions()
    assert "osthaler" not in str(error.value)


def test_the_higher_priority_wins_and_equal_ones_are_a_conflict():
    low = Rule(regex="sonder", body_part="Knee", priority=10)
    high = Rule(series="SONDERPROGRAMM", body_part="Hip", priority=20)
    same = Rule(regex="programm", body_part="Foot", priority=20)
    assert standardise(strange(), Mapping((low, high))).body_part.value == "Hip"
    coded = standardise(strange(), Mapping((low, high, same)))
    assert coded.body_part.value == "unknown"
    assert dict(coded.in_doubt)["body_part"] == "conflict"


@pytest.mark.parametrize(
    "text",
    [
        "not toml",
        "[[rule]]\nseries = 'a'",
        "[[rule]]\nbody_part = 'Knee'",
        "[[rule]]\nseries = 'a'\nbody_part = 'Nowhere'",
        "[[rule]]\nregex = '('\nbody_part = 'Knee'",
        "[[rule]]\nseries = 'a'\nbody_part = 'Knee'\nother = 1",
    ],
)
def test_a_faulty_mapping_is_refused_whole(tmp_path, text):
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(BadMappingError):
        load_mapping(tmp_path / "m.toml")


def fill(register, month, number, name, start=0):
    for n in range(number):
        ds = header(SeriesDescription=name)
        register.note(f"2.25.{month[-2:]}{start + n}", month, ds, standardise(ds))


def test_a_changed_protocol_stands_out_and_a_steady_site_does_not(register):
    for month in ("2026-01", "2026-02", "2026-03"):
        fill(register, month, 20, "Hirn T2 tra")
        fill(register, month, 20, "Hirn FLAIR", 100)
    assert jumps_of(months_of(register.by_month())) == ()
    fill(register, "2026-04", 20, "Hirn T2 tra")
    fill(register, "2026-04", 20, "Programm neu", 100)
    found = {(j.month, j.field, j.value) for j in jumps_of(months_of(register.by_month()))}
    assert ("2026-04", "sequence", "unknown") in found
    assert ("2026-04", "sequence", "flair") in found
    assert ("2026-04", "protocol", "new") in found
