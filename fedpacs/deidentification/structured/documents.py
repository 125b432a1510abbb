"""Encapsulated documents: refused, or replaced by an empty document of the same kind.

What a PDF, a CDA document or a model of a surface says about the patient cannot be taken out of it
with certainty. Where the profile has documents removed, the object keeps its place in the study and
its references, and in the document's place stands one that says it was removed.

References
----------
PS3.3 A.45 (encapsulated documents), C.24.2 (Encapsulated Document Module); PS3.15 Table E.1-1,
(0042,0011): D.
"""

from __future__ import annotations

import struct
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.errors import UnsupportedObjectError

if TYPE_CHECKING:
    from collections.abc import Mapping

DOCUMENT, DOCUMENT_TITLE, DOCUMENT_LENGTH = 0x00420011, 0x00420010, 0x00420015
_MIME_TYPE, _MIME_TYPES, _HL7_IDENTIFIER = 0x00420012, 0x00420014, 0x0040E001
_BURNED_IN = 0x00280301
_PDF, _CDA, _STL, _OBJ, _MTL = (f"1.2.840.10008.5.1.4.1.1.104.{number}" for number in range(1, 6))
_TYPES: Mapping[str, str] = MappingProxyType(
    {
        _PDF: "application/pdf",
        _CDA: "text/XML",
        _STL: "model/stl",
        _OBJ: "model/obj",
        _MTL: "model/mtl",
    }
)
TITLE = "Removed by de-identification"
_WORDS = ("This document was removed", "by de-identification.")
_STL_HEADER_BYTES = 80


def replacement_document(sop_class_uid: str, sop_instance_uid: str = "") -> bytes | None:
    """Give an empty document of the kind that a SOP class encapsulates.

    Parameters
    ----------
    sop_class_uid
        SOP class of the object.
    sop_instance_uid
        Its new SOP Instance UID, which a CDA document gets as its identifier.

    Returns
    -------
    bytes | None
        The document, unpadded; None for a SOP class that encapsulates none.
    """
    if sop_class_uid == _PDF:
        return _pdf()
    if sop_class_uid == _CDA:
        return _cda(sop_instance_uid or "2.25.0")
    if sop_class_uid == _STL:
        return TITLE.encode().ljust(_STL_HEADER_BYTES, b" ") + struct.pack("<L", 0)
    return f"# {TITLE}\n".encode() if sop_class_uid in {_OBJ, _MTL} else None


def document_elements(
    sop_class_uid: str,
    policy: Literal["refuse", "remove"],
    *,
    little: bool,
    sop_instance_uid: str = "",
) -> Mapping[int, Element | None]:
    """Give what takes the place of the document and of the attributes that describe it.

    Parameters
    ----------
    sop_class_uid
        SOP class of an object with Encapsulated Document (0042,0011).
    policy
        What the profile does with documents.
    little
        Byte order of the object.
    sop_instance_uid
        Its new SOP Instance UID.

    Returns
    -------
    Mapping[int, Element | None]
        Elements of the top level by tag; None for one that must go.

    Raises
    ------
    UnsupportedObjectError
        If the profile refuses documents (``deid.unsupported-document``), or if there is no empty
        document of the kind.
    """
    content = replacement_document(sop_class_uid, sop_instance_uid)
    if policy == "refuse" or content is None:
        raise UnsupportedObjectError(
            "Refused: an encapsulated document may hold anything.", code="deid.unsupported-document"
        )
    length = struct.pack("<L" if little else ">L", len(content))
    identifier = Element.of_text(_HL7_IDENTIFIER, "ST", sop_instance_uid or "2.25.0")
    return {
        _BURNED_IN: Element.of_text(_BURNED_IN, "CS", "NO"),
        _HL7_IDENTIFIER: identifier if sop_class_uid == _CDA else None,
        DOCUMENT_TITLE: Element.of_text(DOCUMENT_TITLE, "ST", TITLE),
        DOCUMENT: Element(DOCUMENT, "OB", content + bytes(len(content) % 2)),
        _MIME_TYPE: Element.of_text(_MIME_TYPE, "LO", _TYPES[sop_class_uid]),
        _MIME_TYPES: None,
        DOCUMENT_LENGTH: Element(DOCUMENT_LENGTH, "UL", length),
    }


def _pdf() -> bytes:
    """Write one page with two lines, its cross-reference table in place."""
    lines = b" T* ".join(f"({line}) Tj".encode() for line in _WORDS)
    text = b"BT /F1 18 Tf 24 TL 72 720 Td " + lines + b" ET"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R /Resources 6 0 R >>",
        b"<< /Length " + str(len(text)).encode() + b" >>\nstream\n" + text + b"\nendstream",
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
        b"<< /Font << /F1 5 0 R >> >>",
    )
    content, places = b"%PDF-1.4\n", []
    for number, one in enumerate(objects, 1):
        places.append(len(content))
        content += f"{number} 0 obj\n".encode() + one + b"\nendobj\n"
    entries = "".join(f"{place:010d} 00000 n \n" for place in places)
    count = len(objects) + 1
    table = f"xref\n0 {count}\n0000000000 65535 f \n{entries}"
    trailer = f"trailer\n<< /Size {count} /Root 1 0 R >>\nstartxref\n{len(content)}\n%%EOF\n"
    return content + table.encode() + trailer.encode()


def _cda(identifier: str) -> bytes:
    """Write a CDA header with everything it must have and nobody in it."""
    nobody = '<id nullFlavor="MSK"/>'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<ClinicalDocument xmlns="urn:hl7-org:v3">'
        '<typeId root="2.16.840.1.113883.1.3" extension="POCD_HD000040"/>'
        f'<id root="{identifier}"/><code nullFlavor="MSK"/><title>{TITLE}</title>'
        '<effectiveTime nullFlavor="MSK"/><confidentialityCode nullFlavor="MSK"/>'
        f"<recordTarget><patientRole>{nobody}</patientRole></recordTarget>"
        f'<author><time nullFlavor="MSK"/><assignedAuthor>{nobody}</assignedAuthor></author>'
        "<custodian><assignedCustodian><representedCustodianOrganization>"
        f"{nobody}</representedCustodianOrganization></assignedCustodian></custodian>"
        f'<component><nonXMLBody><text mediaType="text/plain">{" ".join(_WORDS)}</text>'
        "</nonXMLBody></component></ClinicalDocument>\n"
    ).encode()
