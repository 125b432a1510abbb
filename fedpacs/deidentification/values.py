"""New values: dummies, pseudonyms, shifted dates, cleaned text, and the check of what is kept.

Every maker gives the new element, or None when nothing of the old value may stay; then the rule's
`otherwise` decides. A kept value stands in the output byte for byte, except that text becomes
UTF-8.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from fedpacs.core.dictionary import UIDS
from fedpacs.core.ps315 import Action
from fedpacs.deidentification.dicom.charset import values_of
from fedpacs.deidentification.dicom.elements import BULK_VRS, SIZE_OF, TEXT_LIKE, Element
from fedpacs.deidentification.keeping import kept
from fedpacs.deidentification.structured.embedded import holds_document
from fedpacs.deidentification.temporal import dated, shifted, year

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fedpacs.deidentification.rules import Rule
    from fedpacs.deidentification.setting import Setting

DUMMY_TEXT = "REMOVED"
_PATIENT_ID = 0x00100020
_DUMMY_TEXTS = MappingProxyType(
    {
        "AS": "000Y", "CS": DUMMY_TEXT, "DA": "19000101", "DS": "0", "DT": "19000101000000",
        "IS": "0", "TM": "000000", "UR": "urn:removed",
    }
)  # fmt: skip


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
    if element.vr in SIZE_OF or element.vr in BULK_VRS:
        return not element.value
    return not element.value.strip(b" \0")


def dummy(tag: int, vr: str) -> Element | None:
    """Give an element that says nothing, but is not empty; None when its VR has no such value."""
    if vr in SIZE_OF:
        return Element(tag, vr, b"\0" * SIZE_OF[vr])
    if vr in BULK_VRS:
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
        uid if uid in UIDS else setting.identity.pseudonyms.uid(uid)
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
    change = year if rule.generator == "year" else shifted
    return dated(element, setting, change)


def cleaned_text(element: Element, setting: Setting) -> Element | None:
    """Give an element of text without what identifies somebody; None when nothing may stay."""
    if setting.terms is None or element.vr not in TEXT_LIKE:
        return None
    from fedpacs.deidentification.text.cleaning import clean_text  # only who cleans pays for it

    wanted = setting.profile.policies.text
    mode: Literal["clean", "vocabulary"] = "vocabulary" if wanted == "vocabulary" else "clean"
    values = values_of(element, setting.charset)
    if any(map(holds_document, values)):
        return None
    new = [clean_text(value, setting.terms, mode) if value else "" for value in values]
    if not any(new):
        return None
    return element.with_text(new)


_MAKERS: Mapping[Action, Callable[[Element, Rule, Setting], Element | None]] = MappingProxyType(
    {
        Action.ZERO: _emptied,
        Action.UID: _uid,
        Action.DUMMY: _dummy,
        Action.CLEAN: _cleaned,
        Action.KEEP: kept,
    }
)
