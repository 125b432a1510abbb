"""The writer: what a reader must be able to tell again."""

from __future__ import annotations

from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.dicom.encoding import encode_element
from fedpacs.deidentification.dicom.nested import element_of
from fedpacs.deidentification.dicom.syntax import UNDEFINED, Encoding

IMPLICIT = Encoding(implicit=True, little=True)
EXPLICIT = Encoding(implicit=False, little=True)


def test_a_private_sequence_in_implicit_vr_can_be_told_from_bytes():
    inner = Element.of_text(0x00091002, "LO", "inside")
    content = encode_element(Element.of_items(0x00091001, [{inner.tag: inner}]), IMPLICIT)
    again = element_of(content, "UN", 0x00091001, (8, UNDEFINED), IMPLICIT)
    assert again.items[0][0x00091002].value == b"inside"


def test_a_value_too_long_for_its_vr_is_written_as_unknown():
    content = encode_element(Element(0x00204000, "LT", b"x" * 70_000), EXPLICIT)
    assert content[4:6] == b"UN"
    assert len(content) == 12 + 70_000


def test_every_length_is_even():
    assert len(encode_element(Element(0x00080018, "UI", b"1.2"), EXPLICIT)) == 12
