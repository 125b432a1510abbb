"""The output held against Table E.1-1, attribute by attribute, with a reading of its own.

An attribute that neither the table nor the package's short list knows may hold no bulk data, and
text only where descriptors are cleaned or every word of it is public. An attribute that the table
protects may not hold the value that it held before.

References
----------
PS3.15 E.1.1, E.3 and Tables E.1-1, E.3.10-1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.leaves import PIXELS
from fedpacs.deidentification.verification.standard import (
    BINARY_NUMBER_VRS,
    BULK_VRS,
    COLUMN_OF,
    DATE_VRS,
    OWN_SCHEME,
    PLACEHOLDERS,
    TEXT_VRS,
    WORD,
    WRITTEN_NUMBER_VRS,
    codes,
    has_safe_elements,
    is_known,
    is_safe_private,
    is_standard_uid,
    own_lists,
    table,
    tags_of,
    vocabulary,
)
from fedpacs.deidentification.verification.words import is_pseudonym

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fedpacs.deidentification.verification.leaves import Leaf

_SAFE_PRIVATE = "113111"
_GRAPHICS = "113103"
_DESCRIPTORS = "113105"
_FULL_DATES = "113106"
_STRUCTURED = "113104"
_WITHOUT_COLUMNS = frozenset({"2026c"})
_NUMERIC_BULK_VRS = frozenset({"OD", "OF", "OL", "OV"})
_OLDEST_YEARS = 90
_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]*(?:[eE][+-]?[0-9]+)?")
_AGE_FORM = re.compile(r"(\d{3})([DWMY])")
_STRAY_GROUPS = frozenset({0x0000, 0x0002, 0x0004, 0xFFFC, 0xFFFE})
_GRAPHIC_GROUPS = (0x5000, 0x6000)
_OVERLAY = 0x6000
_CLEAN_OVERLAY = frozenset(
    {0x0010, 0x0011, 0x0012, 0x0015, 0x0022, 0x0040, 0x0045, 0x0050, 0x0051, 0x0100, 0x0102,
     0x1500, 0x3000}
)  # fmt: skip
_CREATORS = range(0x10, 0x100)
_ICC_PROFILE, _ICC_SIGNATURE_AT = 0x00282000, 36
_SCHEME, _MEANING = 0x00080102, 0x00080104
_CODE_VALUES = (0x00080100, 0x00080119, 0x00080120)
_CODE = re.compile(r"[A-Za-z0-9.:/^*%_{}()\[\]' -]{1,64}")
_CODE_LETTERS = 8
_OWN_MEANINGS = frozenset({"code not listed", "removed"})


def attribute_findings(
    leaf: Leaf, now: list[str], before: list[str] | None, options: frozenset[str]
) -> Iterator[str]:
    """Check one attribute of the output, at any depth.

    Parameters
    ----------
    leaf
        The attribute; private ones with their creator.
    now
        Its values.
    before
        Values at the same place in the original; None when there was no such place.
    options
        Codes of CID 7050 that the profile carries out.
    """
    tag, group = leaf.tag, leaf.tag >> 16
    if group & 1:
        yield from _private_findings(leaf, options)
        return
    if group & 0xFF00 in _GRAPHIC_GROUPS:
        clean = group & 0xFF00 == _OVERLAY and tag & 0xFFFF in _CLEAN_OVERLAY
        if not clean or _GRAPHICS not in options:
            yield "deid.graphics"
        return
    if group in _STRAY_GROUPS or not tag & 0xFFFF:
        yield "deid.stray-group"
    row = table().get(tag)
    if row is None:
        if _is_unlisted(leaf, now, options):
            yield "deid.unlisted-attribute"
    elif _keeps_value(leaf, now, before, row, options):
        yield "deid.value-kept"
    yield from _form_findings(leaf, now, options)


def _form_findings(leaf: Leaf, now: list[str], options: frozenset[str]) -> Iterator[str]:
    if leaf.vr in WRITTEN_NUMBER_VRS and not all(_NUMBER.fullmatch(text) for text in now):
        yield "deid.not-a-number"
    if leaf.vr == "AS" and _FULL_DATES not in options and any(map(_is_too_old, now)):
        yield "deid.age"


def _private_findings(leaf: Leaf, options: frozenset[str]) -> Iterator[str]:
    if _SAFE_PRIVATE in options:
        number = leaf.tag & 0xFFFF
        if number in _CREATORS:
            if has_safe_elements(leaf.value.decode("latin-1").strip(" \0"), leaf.tag >> 16):
                return
        elif is_safe_private(leaf.creator.decode("latin-1").strip(" \0"), leaf.tag):
            return
    yield "deid.private-element"


def _is_unlisted(leaf: Leaf, now: list[str], options: frozenset[str]) -> bool:
    tag = leaf.tag
    if leaf.vr in BULK_VRS:
        if tag == _ICC_PROFILE:
            return leaf.value[_ICC_SIGNATURE_AT : _ICC_SIGNATURE_AT + 4] != b"acsp"
        numbers = leaf.vr in _NUMERIC_BULK_VRS and is_known(tag)
        return not numbers and tag not in tags_of("bulk") and tag not in PIXELS
    if leaf.vr not in TEXT_VRS or not now or tag in tags_of("text"):
        return False
    if not is_known(tag):
        return True
    if options & {_DESCRIPTORS, _STRUCTURED}:
        return False  # cleaned word by word: the search for what had to go decides
    return not all(is_harmless(text) for text in now)


def is_harmless(text: str) -> bool:
    """Tell whether a text is a placeholder, a keyed code or made of public words only."""
    folded = text.casefold()
    if folded in PLACEHOLDERS or is_pseudonym(text):
        return True
    words = WORD.findall(folded)
    return bool(words) and not any(c.isdigit() for c in text) and vocabulary().issuperset(words)


def _keeps_value(
    leaf: Leaf,
    now: list[str],
    before: list[str] | None,
    row: Mapping[str, str],
    options: frozenset[str],
) -> bool:
    kept = any(row[COLUMN_OF[code]] for code in options if code in COLUMN_OF)
    if row["edition"] in _WITHOUT_COLUMNS and leaf.vr in TEXT_VRS:
        kept = bool(options & {_DESCRIPTORS, _STRUCTURED, _GRAPHICS})  # the source has Basic only
    if leaf.vr == "SQ":
        return row["basic"] == "X" and not kept and leaf.value not in {b"", b"0"}
    shiftable = leaf.vr in DATE_VRS and row["modified_dates"]
    if kept and not (shiftable and _FULL_DATES not in options):
        return False
    if before is None or all(text.casefold() in PLACEHOLDERS or text == "0" for text in now):
        return False
    if leaf.vr == "UI":
        return any(uid in before and not is_standard_uid(uid) for uid in now)
    # a year alone, as Safe Harbor allows it; the intervals tell it from a date that was kept
    only_year = leaf.vr == "DA" and all(text.endswith("0101") for text in now)
    return now == before and not only_year


def is_unlisted_code(item: Mapping[int, str], options: frozenset[str]) -> bool:
    """Tell whether an item holds a code that is nobody's but a hospital's: it may hold anything.

    Parameters
    ----------
    item
        Text of the item's elements, by tag.
    options
        Codes of CID 7050 that the profile carries out; where text is cleaned, a meaning is a text
        like any other.
    """
    values = [item[tag] for tag in _CODE_VALUES if item.get(tag)]
    if not values and _MEANING not in item:
        return False
    meaning = item.get(_MEANING, "")
    scheme = item.get(_SCHEME, "")
    known = codes().get(scheme, {})
    if len(values) == 1 and meaning in known.get(values[0], ()):
        return False
    cleaned = bool(options & {_DESCRIPTORS, _STRUCTURED})
    if not (cleaned or meaning.casefold() in _OWN_MEANINGS or is_harmless(meaning)):
        return True
    if scheme == OWN_SCHEME:
        return False
    return len(values) != 1 or not (values[0] in known or _is_public(scheme, values[0]))


def _is_public(scheme: str, value: str) -> bool:
    """Tell whether a code of a published scheme is written as codes are: no word of a language."""
    if scheme not in own_lists()["scheme"] or not _CODE.fullmatch(value):
        return False
    if any(character.isdigit() for character in value):
        return sum(character.isalpha() for character in value) <= _CODE_LETTERS
    return scheme in own_lists()["letters"]


def _is_too_old(text: str) -> bool:
    match = _AGE_FORM.fullmatch(text)
    return match is None or (match[2] == "Y" and int(match[1]) > _OLDEST_YEARS)


def is_number_vr(vr: str) -> bool:
    """Tell whether a VR holds whole numbers, written or binary."""
    return vr in WRITTEN_NUMBER_VRS or vr in BINARY_NUMBER_VRS
