"""The search through a de-identified file: every byte, and every decoded value."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.source import NUMBER_VRS, TEXT_VRS, texts, vocabulary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom.dataelem import DataElement

    from fedpacs.deidentification.verification.source import Evidence, Path

_UNICODE = ("utf-8", "utf-16-le", "utf-16-be")
_WORDS = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*", re.UNICODE)
_DICTIONARY_TEXT = frozenset({0x00080104, 0x00620005})
_PARTS = re.compile(r"[^\W_]+")
_FRACTION = re.compile(r"\.0*$")
_MINIMUM_DIGITS = 6
_UID_CHARACTERS = b"0123456789."


def found_in_bytes(content: bytes, evidence: Evidence) -> Iterator[str]:
    """Give the code of each kind of value that stands anywhere in the bytes.

    Text is looked for in UTF-8, UTF-16 and the character sets of the original, as written, in lower
    and in upper case; UIDs as a whole, not as part of a longer number.
    """
    lower = content.lower()
    codecs = tuple(dict.fromkeys((*_UNICODE, *evidence.charset)))
    if any(needle in lower for text in evidence.strings for needle in _forms(text, codecs)):
        yield "deid.leak-in-bytes"
    if any(_has_uid(content, uid.encode("ascii", "replace")) for uid in evidence.uids):
        yield "deid.leak-uid"


def _forms(text: str, codecs: Iterable[str]) -> set[bytes]:
    forms: set[bytes] = set()
    for codec in codecs:
        try:
            forms.update(form.encode(codec).lower() for form in (text, text.lower(), text.upper()))
        except (UnicodeEncodeError, LookupError):
            continue  # a character set that cannot hold the text cannot leak it
    return forms


def _has_uid(content: bytes, uid: bytes) -> bool:
    start = content.find(uid)
    while start >= 0:
        before = content[start - 1 : start] if start else b""
        after = content[start + len(uid) : start + len(uid) + 1]
        if not _continues(before) and not _continues(after):
            return True
        start = content.find(uid, start + 1)
    return False


def _continues(neighbour: bytes) -> bool:
    return neighbour != b"" and neighbour in _UID_CHARACTERS


def found_in_element(where: Path, element: DataElement, evidence: Evidence) -> Iterator[str]:
    """Give the code of each kind of value that stands in the decoded text of an element."""
    if element.VR in NUMBER_VRS:
        yield from _found_in_numbers(element, evidence)
    if element.VR not in TEXT_VRS and element.VR != "CS":
        return
    from_dictionary = element.VR == "CS" or where[-1] in _DICTIONARY_TEXT
    for text in texts(element):
        words = _words(text)
        names = words & evidence.names
        side_by_side = evidence.pairs.intersection(pairwise(_PARTS.findall(text.casefold())))
        if side_by_side or (names - vocabulary() if from_dictionary else names):
            yield "deid.leak-name"
        if any(_stands_alone(number, text) for number in evidence.numbers):
            yield "deid.leak-number"
        if any(_stands_alone(date, text) for date in evidence.dates):
            yield "deid.leak-date"


def _found_in_numbers(element: DataElement, evidence: Evidence) -> Iterator[str]:
    """Find a number of the patient, or a date, written as a number of its own."""
    written = {_plain(text) for text in texts(element)}
    written = {text for text in written if len(text) >= _MINIMUM_DIGITS}
    if written & {_plain(number) for number in evidence.numbers}:
        yield "deid.leak-number"
    if written & evidence.dates:
        yield "deid.leak-date"


def _plain(number: str) -> str:
    return _FRACTION.sub("", number.strip().lstrip("+-0"))


def _words(text: str) -> set[str]:
    whole = _WORDS.findall(text.casefold())
    parts = _PARTS.findall(text.casefold())
    return {*whole, *parts}


def _stands_alone(needle: str, text: str) -> bool:
    start = text.find(needle)
    while start >= 0:
        end = start + len(needle)
        before = start > 0 and text[start - 1].isalnum()
        after = end < len(text) and text[end].isalnum()
        if not before and not after:
            return True
        start = text.find(needle, start + 1)
    return False
