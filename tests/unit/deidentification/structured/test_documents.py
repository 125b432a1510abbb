from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET

import pytest

from fedpacs.deidentification.errors import UnsupportedObjectError
from fedpacs.deidentification.structured.documents import document_elements, replacement_document

PDF, CDA, STL, OBJ, MTL = (f"1.2.840.10008.5.1.4.1.1.104.{number}" for number in range(1, 6))
CT = "1.2.840.10008.5.1.4.1.1.2"


def test_the_pdf_is_a_whole_one():
    content = replacement_document(PDF)
    assert content.startswith(b"%PDF-1.4\n")
    assert content.endswith(b"%%EOF\n")
    (start,) = re.findall(rb"startxref\n(\d+)\n", content)
    assert content[int(start) :].startswith(b"xref\n")
    places = re.findall(rb"(\d{10}) 00000 n \n", content)
    for number, place in enumerate(places, 1):
        assert content[int(place) :].startswith(b"%d 0 obj" % number)
    (length,) = re.findall(rb"/Length (\d+)", content)
    stream = content.split(b"stream\n")[1].removesuffix(b"\nend")
    assert len(stream) == int(length)
    assert b"removed" in stream


def test_the_cda_document_has_nobody_in_it():
    root = ET.fromstring(replacement_document(CDA, "2.25.77"))  # noqa: S314 - our own document
    space = "{urn:hl7-org:v3}"
    assert root.tag == f"{space}ClinicalDocument"
    assert root.find(f"{space}id").get("root") == "2.25.77"
    names = [child.tag.removeprefix(space) for child in root]
    assert names == [
        "typeId", "id", "code", "title", "effectiveTime", "confidentialityCode", "recordTarget",
        "author", "custodian", "component",
    ]  # fmt: skip
    assert not root.findall(f".//{space}name")


def test_the_surface_is_empty():
    content = replacement_document(STL)
    assert len(content) == 84
    assert struct.unpack("<L", content[80:]) == (0,)
    assert replacement_document(OBJ).startswith(b"# ")
    assert replacement_document(MTL).startswith(b"# ")
    assert replacement_document(CT) is None


@pytest.mark.parametrize("sop_class", [PDF, CDA, STL, OBJ, MTL])
@pytest.mark.parametrize("little", [True, False])
def test_the_attributes_describe_the_new_document(sop_class, little):
    elements = document_elements(sop_class, "remove", little=little, sop_instance_uid="2.25.77")
    (length,) = struct.unpack("<L" if little else ">L", elements[0x00420015].value)
    content = elements[0x00420011].value
    assert len(content) % 2 == 0
    assert content[:length] == replacement_document(sop_class, "2.25.77")
    assert len(content) - length in {0, 1}
    assert list(elements) == sorted(elements)
    assert (elements[0x0040E001] is not None) is (sop_class == CDA)


@pytest.mark.parametrize(("sop_class", "policy"), [(PDF, "refuse"), (CT, "remove")])
def test_a_document_is_refused_unless_it_can_be_replaced(sop_class, policy):
    with pytest.raises(UnsupportedObjectError) as refusal:
        document_elements(sop_class, policy, little=True)
    assert refusal.value.code == "deid.unsupported-document"
