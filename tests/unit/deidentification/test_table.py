from __future__ import annotations

import re
from collections import Counter

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_VR

from fedpacs.core.ps315 import Action
from fedpacs.deidentification.generate_table import merge, rows_of_json, rows_of_lists
from fedpacs.deidentification.generate_types import generate
from fedpacs.deidentification.rules import GENERATORS
from fedpacs.deidentification.table import (
    CONFORMANT,
    attribute_types,
    closed_groups,
    extras,
    rows,
    vr_rules,
)

MODULES = """{"general": [
 {"keyword": "Manufacturer", "type": "2", "path": []},
 {"keyword": "StudyDescription", "type": "3", "path": []}],
 "enhanced": [{"keyword": "Manufacturer", "type": "1", "path": []},
 {"keyword": "StudyDescription", "type": "2", "path": ["SomeSequence"]},
 {"keyword": "ImageComments", "type": "None", "path": []}]}"""
TABLE_JSON = """[{"name": "Acquisition Date", "tag": "(0008,0022)", "stdCompIOD": "Y",
  "basicProfile": "X/Z", "rtnLongFullDatesOpt": "K", "rtnLongModifDatesOpt": "C", "id": "00080022"},
 {"name": "Private Attributes", "tag": "", "basicProfile": "X", "rtnSafePrivOpt": "C",
  "id": "ggggeeee-where-gggg-is-odd"}]"""
LATER = """
X_TAGS = [
    (0x0010, 0x0012),  # Name to Use
    (0x0008, 0x0022),  # Acquisition Date
]
ALL_TAGS = [
    (0x0010, 0x0099),  # not a rule
]
"""


def test_the_table_is_whole():
    editions = Counter(row.edition for row in rows())
    assert editions == {"2024b": 621, "2026c": 35}
    assert len({row.tag for row in rows()}) == 656


def test_every_code_of_the_table_is_understood():
    assert {row.basic for row in rows()} <= set(CONFORMANT)
    assert {code for row in rows() for code in row.options.values()} == {"K", "C"}


def test_the_generator_adds_only_rows_that_the_older_edition_lacks():
    merged = merge(rows_of_json(TABLE_JSON), rows_of_lists(LATER))
    assert [row[:3] for row in merged] == [
        ("00080022", "Acquisition Date", "X/Z"),
        ("00100012", "Name to Use", "X"),
        ("private", "Private Attributes", "X"),
    ]
    assert merged[0][8:10] == ("K", "C")
    assert merged[1][-2] == "2026c"


def test_no_rule_of_ours_is_looser_than_the_table():
    allowed = {
        "X": {Action.REMOVE},
        "Z": {Action.REMOVE, Action.ZERO, Action.DUMMY},  # Table E.1-1a: zero length or a dummy
        "D": {Action.REMOVE, Action.ZERO, Action.DUMMY},
        "U": {Action.REMOVE, Action.UID},
    }
    basic = {int(row.tag, 16): row.basic for row in rows() if re.fullmatch("[0-9a-f]{8}", row.tag)}
    for tag, (extra, *_) in extras().items():
        if tag in basic and extra.option is None:
            codes = set().union(*(allowed[code] for code in basic[tag].split("/")))
            assert extra.action in codes, extra.name


def test_rules_of_ours_are_about_attributes_of_the_standard():
    for tag, several in extras().items():
        assert dictionary_VR(tag)
        for extra in several:
            re.compile(extra.pattern)
            assert extra.reason
            assert extra.generator in GENERATORS


def test_text_is_never_kept_for_its_vr_alone():
    assert not {"LO", "SH", "ST", "LT", "UT", "UC", "PN", "AE", "UR", "UN", "OB"} & {
        vr for vr, several in vr_rules().items() for rule in several if rule.action is Action.KEEP
    }
    assert {0x0000, 0x0002, 0x0010} <= set(closed_groups())


def test_every_vr_of_the_standard_has_a_rule():
    of_dictionary = {vr for entry in DicomDictionary.values() for vr in entry[0].split(" or ")}
    assert of_dictionary - {"NONE"} <= set(vr_rules())
    assert all(several[-1].option is None for several in vr_rules().values())


def test_types_are_those_of_the_strictest_module(tmp_path):
    source = tmp_path / "modules.json"
    source.write_text(MODULES, "utf-8")
    assert generate(source).splitlines() == ["tag,type", "00080070,1", "00081030,2"]
    assert attribute_types()[0x00080070] == "1"
    assert attribute_types()[0x00100010] == "2"
    assert 0x00204000 not in attribute_types()
