"""Items of sequences, made by hand."""

from __future__ import annotations

import pytest

from fedpacs.deidentification.dicom.elements import Element

_VALUE_TYPES = {
    "TEXT": (0x0040A160, "UT"),
    "NOTE": (0x00700006, "ST"),
    "PNAME": (0x0040A123, "PN"),
    "UIDREF": (0x0040A124, "UI"),
    "DATE": (0x0040A121, "DA"),
    "DATETIME": (0x0040A120, "DT"),
}


def code_items(value, scheme, meaning):
    tag, vr = (0x00080100, "SH") if len(value) <= 16 else (0x00080119, "UC")
    elements = (
        Element.of_text(tag, vr, value),
        Element.of_text(0x00080102, "SH", scheme),
        Element.of_text(0x00080104, "LO", meaning),
    )
    return {element.tag: element for element in elements}


def measured_items(number, unit):
    return {
        0x004008EA: Element.of_items(0x004008EA, [code_items(unit, "UCUM", unit)]),
        0x0040A30A: Element.of_text(0x0040A30A, "DS", number),
    }


@pytest.fixture
def code():
    """Make the item of a code."""
    return code_items


@pytest.fixture
def measured():
    """Make an item of Measured Value Sequence."""
    return measured_items


@pytest.fixture
def content():
    """Make a content item: a value type, a concept name as a code, and a value."""

    def _make(value_type, concept, value):
        name = Element.of_items(0x0040A043, [code_items(*concept)])
        items = {0x0040A040: Element.of_text(0x0040A040, "CS", value_type), name.tag: name}
        if value_type == "CODE":
            items[0x0040A168] = Element.of_items(0x0040A168, [code_items(*value)])
        elif value_type == "NUM":
            items[0x0040A300] = Element.of_items(0x0040A300, [measured_items(*value)])
        else:
            tag, vr = _VALUE_TYPES[value_type]
            items[tag] = Element.of_text(tag, vr, value)
        return items

    return _make
