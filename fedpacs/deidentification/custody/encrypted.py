"""Encrypted Attributes: the originals of an object inside it, for a custodian's key alone.

They are the only part of an output that is not the same in every run, for their content key is
random; their length is. So an output that is there already and differs in nothing else is the same
(`same_but_for_envelope`).

Beside the Modified Attributes Sequence the sealed data set holds the new SOP Instance UID and a
digest over both: AES in CBC mode, which the standard wants, would not show that an envelope was
changed or moved to another object.

References
----------
PS3.15 E.1.1 and E.1.2; PS3.3 C.12.1.1.4 (Encrypted Attributes Sequence, Table C.12-7); RFC 5652.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from fedpacs.core.errors import DeidentificationError
from fedpacs.crypto.envelope import open_envelope, seal_envelope
from fedpacs.crypto.errors import NotRecipientError
from fedpacs.deidentification.custody.errors import (
    EnvelopeContentError,
    EnvelopeMisplacedError,
    NoEnvelopeError,
)
from fedpacs.deidentification.dicom.charset import DEFAULT, text_of
from fedpacs.deidentification.dicom.elements import TEXT_VRS, Element
from fedpacs.deidentification.dicom.encoding import encode_items
from fedpacs.deidentification.dicom.nested import element_of
from fedpacs.deidentification.dicom.parsing import parse
from fedpacs.deidentification.dicom.syntax import EXPLICIT_LITTLE, LITTLE_EXPLICIT, UNDEFINED
from fedpacs.deidentification.errors import DamagedObjectError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fedpacs.crypto.custodians import Custodian, CustodianKey
    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.dicom.parsed import ParsedObject

ENCRYPTED_ATTRIBUTES = 0x04000500
_TRANSFER_SYNTAX = 0x04000510
_CONTENT = 0x04000520
_MODIFIED_ATTRIBUTES = 0x04000550
_SOP_INSTANCE_UID = 0x00080018
_CREATOR_TAG, _DIGEST_TAG = 0x04010010, 0x04011001
_CREATOR = "FEDPACS SEALED"
_BEGINS = (b"\x08\x00\x18\x00UI", b"\x00\x04\x50\x05SQ")
_PLAIN_VRS = TEXT_VRS | {"AE", "AS", "CS", "DA", "DT", "TM", "UI"}
_MAXIMUM_ENVELOPE_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 20


@cache
def sealed_tags() -> frozenset[int]:
    """Tags of the top level whose original values are sealed."""
    text = resources.files("fedpacs.deidentification").joinpath("data", "sealed_attributes.csv")
    lines = text.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    return frozenset(int(row["tag"], 16) for row in rows)


def originals_of(parsed: ParsedObject) -> Items:
    """Take from an identified object what is to be sealed, as its bytes have it.

    Values in text only, which no byte order changes; with the character set they are written in.
    """
    found = ((tag, parsed.get(tag)) for tag in parsed.tags() if tag in sealed_tags())
    return {
        tag: element for tag, element in found if element is not None and element.vr in _PLAIN_VRS
    }


def encrypted_attributes(
    originals: Items, recipients: Sequence[Custodian], new_sop_instance_uid: str = ""
) -> Element:
    """Seal original attributes to custodians.

    Parameters
    ----------
    originals
        As `originals_of` gives them.
    recipients
        Each of whom can open them alone; all of them in one envelope.
    new_sop_instance_uid
        Of the object that will hold the element: there, and only there, it opens.

    Returns
    -------
    Element
        Encrypted Attributes Sequence (0400,0500) for the top level of the output.

    Raises
    ------
    CertificateError
        If there is no recipient.
    """
    modified = Element.of_items(_MODIFIED_ATTRIBUTES, [dict(originals)])
    carrier = Element.of_text(_SOP_INSTANCE_UID, "UI", new_sop_instance_uid)
    digest = _digest(carrier, modified)
    sealed = [carrier] if new_sop_instance_uid else []
    sealed += [
        modified,
        Element.of_text(_CREATOR_TAG, "LO", _CREATOR),
        Element(_DIGEST_TAG, "OB", digest),
    ]
    envelope = seal_envelope(encode_items(sealed, LITTLE_EXPLICIT), recipients)
    item = {
        _TRANSFER_SYNTAX: Element.of_text(_TRANSFER_SYNTAX, "UI", EXPLICIT_LITTLE),
        _CONTENT: Element(_CONTENT, "OB", envelope + b"\0" * (len(envelope) % 2)),
    }
    return Element.of_items(ENCRYPTED_ATTRIBUTES, [item])


def open_encrypted_attributes(parsed: ParsedObject, key: CustodianKey) -> Items:
    """Open the original attributes of a de-identified object.

    Parameters
    ----------
    parsed
        The de-identified object.
    key
        Private key of one of the custodians.

    Returns
    -------
    Items
        The original elements, in Explicit VR Little Endian. Identified.

    Raises
    ------
    NoEnvelopeError
        If the object has none.
    NotRecipientError, EnvelopeMalformedError
        If it was sealed to somebody else, or in another way.
    EnvelopeContentError, EnvelopeMisplacedError
        If it was changed, or sealed for another object.
    """
    error: Exception | None = None
    for envelope in _envelopes(parsed):
        for begins in _BEGINS:
            try:
                content = open_envelope(envelope, key, begins)
            except NotRecipientError as refused:
                error = refused
            else:
                return _originals(content, parsed.text(_SOP_INSTANCE_UID))
    raise error or NoEnvelopeError("The object holds no encrypted attributes.")


def same_but_for_envelope(one: Path, other: Path) -> bool:
    """Tell whether two outputs differ in nothing but what is sealed in their envelopes.

    Parameters
    ----------
    one, other
        De-identified files of the engine.

    Returns
    -------
    bool
        False also if one of them has no envelope, or cannot be read.
    """
    try:
        first, second = _extent(one), _extent(other)
    except DeidentificationError:
        return False
    if first is None or first != second or one.stat().st_size != other.stat().st_size:
        return False
    start, end = first
    with one.open("rb") as left, other.open("rb") as right:
        while chunk := left.read(_CHUNK_BYTES):
            at = left.tell() - len(chunk)
            if _masked(chunk, at, start, end) != _masked(right.read(len(chunk)), at, start, end):
                return False
    return True


def _envelopes(parsed: ParsedObject) -> Iterator[bytes]:
    sequence = parsed.get(ENCRYPTED_ATTRIBUTES)
    for item in (sequence.items if sequence is not None else None) or ():
        syntax, content = item.get(_TRANSFER_SYNTAX), item.get(_CONTENT)
        if content is None or len(content.value) > _MAXIMUM_ENVELOPE_BYTES:
            continue
        if text_of(syntax, DEFAULT) == EXPLICIT_LITTLE:
            yield content.value


def _originals(content: bytes, sop_instance_uid: str) -> Items:
    elements = _read(content)
    sequence = elements.get(_MODIFIED_ATTRIBUTES)
    if sequence is None or sequence.items is None or len(sequence.items) != 1:
        raise EnvelopeContentError("The envelope does not hold one item of attributes.")
    carrier, digest = elements.get(_SOP_INSTANCE_UID), elements.get(_DIGEST_TAG)
    if digest is not None:
        expected = _digest(carrier or Element(_SOP_INSTANCE_UID, "UI"), sequence)
        if not hmac.compare_digest(digest.value, expected):
            raise EnvelopeContentError("The content of the envelope was changed.")
    if carrier is not None and text_of(carrier, DEFAULT) != sop_instance_uid:
        raise EnvelopeMisplacedError("The envelope belongs to another object.")
    return sequence.items[0]


def _read(content: bytes) -> Items:
    """Read the sealed data set, by the reader of nested items: as one item of a sequence."""
    length = len(content).to_bytes(4, "little")
    item = b"\xfe\xff\x00\xe0" + length + content
    try:
        sequence = element_of(item, "SQ", 0, (0, len(item)), LITTLE_EXPLICIT)
    except DamagedObjectError:
        raise EnvelopeContentError("The content of the envelope cannot be read.") from None
    return sequence.items[0] if sequence.items else {}


def _digest(carrier: Element, modified: Element) -> bytes:
    return hashlib.sha256(encode_items([carrier, modified], LITTLE_EXPLICIT)).digest()


def _extent(path: Path) -> tuple[int, int] | None:
    """Find where the envelope's element stands in the file."""
    with parse(path) as parsed:
        if parsed.deflated:
            return None
        for raw in parsed.raw:
            if raw.tag == ENCRYPTED_ATTRIBUTES and raw.length != UNDEFINED:
                return raw.start, raw.start + raw.size
    return None


def _masked(chunk: bytes, at: int, start: int, end: int) -> bytes:
    low, high = max(start - at, 0), min(end - at, len(chunk))
    if low >= high:
        return chunk
    return chunk[:low] + b"\0" * (high - low) + chunk[high:]
