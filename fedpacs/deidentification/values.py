"""New values: dummies, pseudonyms, shifted dates, cleaned text, and the check of what is kept.

Every maker gives the new element, or None when nothing of the old value may stay; then the rule's
`otherwise` decides. A kept value stands in the output byte for byte, except that text becomes
UTF-8.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_has_tag, dictionary_VM

from fedpacs.core.ps315 import Action
from fedpacs.deidentification.ages import age
from fedpacs.deidentification.code_strings import is_known_code
from fedpacs.deidentification.dates import (
    check_offset,
    check_time,
    shift_date,
    shift_datetime,
    year_of,
)
from fedpacs.deidentification.dicom.charset import values_of
from fedpacs.deidentification.dicom.elements import TEXT_VRS, Element
from fedpacs.deidentification.structured.embedded import holds_document
from fedpacs.deidentification.text.cleaning import clean_text, mentions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fedpacs.deidentification.dicom.charset import Charset
    from fedpacs.deidentification.dicom.syntax import Encoding
    from fedpacs.deidentification.identity import Identity
    from fedpacs.deidentification.rules import Profile, Rule
    from fedpacs.deidentification.text.cleaning import CompiledTerms

DUMMY_TEXT = "REMOVED"
_PATIENT_ID = 0x00100020
_FORMS = MappingProxyType(
    {
        "CS": re.compile(r"[A-Z0-9_ ]{0,16}"),
        "DS": re.compile(r" *(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? *)?"),
        "IS": re.compile(r" *(?:[+-]?\d{1,12} *)?"),
        "UI": re.compile(r"[0-9.]{0,64}"),
    }
)
"""How a kept value must be written."""
_MAXIMUM_TEXT = MappingProxyType({"LO": 64, "PN": 64, "SH": 16, "ST": 1024, "LT": 10240, "AE": 16})
_TEXT_LIKE = frozenset({*TEXT_VRS, "AE", "UR"})
_SIZE_OF = MappingProxyType(
    {"AT": 4, "FD": 8, "FL": 4, "SL": 4, "SS": 2, "SV": 8, "UL": 4, "US": 2, "UV": 8}
)
_BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_TEMPORAL = frozenset({"DA", "DT", "TM"})
_DUMMY_TEXTS = MappingProxyType(
    {
        "AS": "000Y", "CS": DUMMY_TEXT, "DA": "19000101", "DS": "0", "DT": "19000101000000",
        "IS": "0", "TM": "000000", "UR": "urn:removed",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Setting:
    """What an element stands in: whose it is, and how it is written. Identified.

    Attributes
    ----------
    charset
        Character set of the level where the element stands.
    terms
        What the text of this object must not mention; None when no text is cleaned.
    """

    profile: Profile
    identity: Identity
    encoding: Encoding
    charset: Charset
    terms: CompiledTerms | None

    def __repr__(self) -> str:
        return "Setting()"


def new_element(element: Element, rule: Rule, setting: Setting) -> Element | None:
    """Give the new element of one that is no sequence.

    Returns
    -------
    Element | None
        None when it must be removed. An empty value stays empty whatever the rule, except that a
        dummy must not be empty.
    """
    if rule.action is Action.REMOVE:
        return None
    if rule.action is not Action.DUMMY and _is_empty(element):
        return Element(element.tag, element.vr)
    made = _MAKERS[rule.action](element, rule, setting)
    if made is not None:
        return made
    if rule.otherwise is Action.ZERO:
        return Element(element.tag, element.vr)
    return dummy(element.tag, element.vr) if rule.otherwise is Action.DUMMY else None


def _is_empty(element: Element) -> bool:
    if element.vr in _SIZE_OF or element.vr in _BULK_VRS:
        return not element.value
    return not element.value.strip(b" \0")


def dummy(tag: int, vr: str) -> Element | None:
    """Give an element that says nothing, but is not empty; None when its VR has no such value."""
    if vr in _SIZE_OF:
        return Element(tag, vr, b"\0" * _SIZE_OF[vr])
    if vr in _BULK_VRS:
        return Element(tag, vr, b"\0" * 8)
    if vr == "UI":
        return None
    return Element.of_text(tag, vr, _DUMMY_TEXTS.get(vr, DUMMY_TEXT))


def _emptied(element: Element, _rule: Rule, _setting: Setting) -> Element:
    return Element(element.tag, element.vr)


def _uid(element: Element, _rule: Rule, setting: Setting) -> Element | None:
    if element.vr != "UI":
        return dummy(element.tag, element.vr)
    new = [
        uid if uid in UID_dictionary else setting.identity.pseudonyms.uid(uid)
        for uid in values_of(element, setting.charset)
        if uid
    ]
    return Element.of_text(element.tag, "UI", *new)


def _dummy(element: Element, rule: Rule, setting: Setting) -> Element | None:
    if element.vr == "UI":
        return _uid(element, rule, setting)
    identity = setting.identity
    if rule.generator == "patient":
        return Element.of_text(element.tag, element.vr, _patient(element, setting))
    name, _, argument = rule.generator.partition(":")
    if name == "identifier":
        old = "\\".join(values_of(element, setting.charset))
        purpose = argument.lower() or f"{element.tag:08x}"
        new = [identity.pseudonyms.identifier(purpose, old)] if old else []
        return Element.of_text(element.tag, element.vr, *new)
    if name == "literal":
        return Element.of_text(element.tag, element.vr, argument)
    return dummy(element.tag, element.vr)


def _patient(element: Element, setting: Setting) -> str:
    """Give the patient's pseudonym; another Patient ID further down is another patient's."""
    identity = setting.identity
    if element.tag == _PATIENT_ID:
        written = "\\".join(values_of(element, setting.charset))
        return identity.pseudonyms.patient(written or identity.patient_id)
    return identity.pseudonyms.patient(identity.patient_id)


def _cleaned(element: Element, rule: Rule, setting: Setting) -> Element | None:
    if rule.generator == "text":
        return cleaned_text(element, setting)
    change = _year if rule.generator == "year" else _shifted
    return _dated(element, setting, change)


def cleaned_text(element: Element, setting: Setting) -> Element | None:
    """Give an element of text without what identifies somebody; None when nothing may stay."""
    if setting.terms is None or element.vr not in _TEXT_LIKE:
        return None
    wanted = setting.profile.policies.text
    mode: Literal["clean", "vocabulary"] = "vocabulary" if wanted == "vocabulary" else "clean"
    values = values_of(element, setting.charset)
    if any(map(holds_document, values)):
        return None
    new = [clean_text(value, setting.terms, mode) if value else "" for value in values]
    if not any(new):
        return None
    return _of_text(element, new)


def _of_text(element: Element, values: list[str]) -> Element:
    """Give an element of text, no value longer than its VR allows (PS3.5 6.2)."""
    limit = _MAXIMUM_TEXT.get(element.vr)
    return Element.of_text(element.tag, element.vr, *(value[:limit].rstrip() for value in values))


def _dated(
    element: Element, setting: Setting, change: Callable[[str, str, int], str | None]
) -> Element | None:
    new = []
    for value in values_of(element, setting.charset):
        changed = change(element.vr, value, setting.identity.days) if value else ""
        if changed is None:
            return None
        new.append(changed)
    return Element.of_text(element.tag, element.vr, *new)


def _shifted(vr: str, text: str, days: int) -> str | None:
    if vr == "DA":
        return shift_date(text, days)
    if vr == "DT":
        return shift_datetime(text, days)
    return check_time(text) if vr == "TM" else check_offset(text)


def _year(vr: str, text: str, _days: int) -> str | None:
    return year_of(vr, text)


def _kept(element: Element, rule: Rule, setting: Setting) -> Element | None:
    vr = element.vr
    if vr in _TEMPORAL:
        return _dated(element, setting, lambda vr, text, _days: _shifted(vr, text, 0))
    if vr in _SIZE_OF:
        return element if _is_plain_binary(element, setting) else None
    values = values_of(element, setting.charset)
    if len(values) > maximum_multiplicity(element.tag):
        return None  # values to spare may hold anything
    if vr == "AS":
        return _kept_age(element, values, setting)
    if rule.generator == "term":
        return _kept_terms(element, values, setting)
    return _kept_text(element, values, rule, setting)


def _kept_terms(element: Element, values: list[str], setting: Setting) -> Element | None:
    known = [
        value if is_known_code(value) and not _mentions(value, setting) else "" for value in values
    ]
    return Element.of_text(element.tag, element.vr, *known) if any(known) else None


def _kept_text(element: Element, values: list[str], rule: Rule, setting: Setting) -> Element | None:
    forms = [_FORMS[element.vr]] if element.vr in _FORMS else []
    forms += [re.compile(rule.pattern)] if rule.pattern else []
    if not all(form.fullmatch(value) for form in forms for value in values if value):
        return None
    if element.vr in _FORMS:
        return element
    if element.vr not in _TEXT_LIKE:
        return None
    if any(_mentions(value, setting) for value in values):
        return None
    return _of_text(element, values)


def _mentions(value: str, setting: Setting) -> bool:
    return setting.terms is not None and mentions(value, setting.terms)


def _kept_age(element: Element, values: list[str], setting: Setting) -> Element | None:
    profile = setting.profile
    new = age(values, profile.maximum_age_years, profile.policies.age_band_years)
    return None if new is None else Element.of_text(element.tag, "AS", new)


def _is_plain_binary(element: Element, setting: Setting) -> bool:
    """Tell whether binary numbers are as many as the standard allows, and tags those of it."""
    size = _SIZE_OF[element.vr]
    count, rest = divmod(len(element.value), size)
    if rest or count > maximum_multiplicity(element.tag):
        return False
    if element.vr != "AT":
        return True
    order = "little" if setting.encoding.little else "big"
    words = [int.from_bytes(element.value[i : i + 2], order) for i in range(0, count * size, 2)]  # type: ignore[arg-type]  # mypy widens the literal
    tags = [group << 16 | number for group, number in zip(words[::2], words[1::2], strict=True)]
    return all(dictionary_has_tag(tag) for tag in tags)


@cache
def maximum_multiplicity(tag: int) -> float:
    """Give how many values the standard allows an attribute; infinity where it sets no end.

    Fewer than it asks for are let through: real scanners leave values out.
    """
    try:
        highest = dictionary_VM(tag).split("-")[-1]
    except KeyError:
        return math.inf  # of the safe private list, or newer than the dictionary
    return int(highest) if highest.isdigit() else math.inf


_MAKERS: Mapping[Action, Callable[[Element, Rule, Setting], Element | None]] = MappingProxyType(
    {
        Action.ZERO: _emptied,
        Action.UID: _uid,
        Action.DUMMY: _dummy,
        Action.CLEAN: _cleaned,
        Action.KEEP: _kept,
    }
)
