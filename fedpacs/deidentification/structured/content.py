"""Content items: what is done to the value of one, by what its concept name says it is about.

The rules here stand above those of the single attributes, inside the one item only. They are few:
a concept that stands for an attribute of the header (see the module `concepts`) makes the item's
value go the way of that attribute, a text value that is a document in disguise goes as a whole, and
no measurement in years tells an age above the profile's limit.

References
----------
PS3.3 10.2 (Content Item Macro), C.17.3 (SR document content), C.10.10 (waveform annotations);
PS3.15 E.3.4 (Clean Structured Content Option).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core import dictionary
from fedpacs.core.ps315 import Action
from fedpacs.deidentification.codes import CODE_MEANING, CODING_SCHEME, value_of
from fedpacs.deidentification.dicom.charset import text_of
from fedpacs.deidentification.rules import Rule
from fedpacs.deidentification.structured.ages import AGE, age_rules, pattern_within
from fedpacs.deidentification.structured.annotations import (
    ANNOTATION_TAGS,
    SOURCE,
    UNFORMATTED_TEXT,
    annotation_rules,
)
from fedpacs.deidentification.structured.concepts import Concept, concept_of
from fedpacs.deidentification.structured.embedded import holds_document

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.dicom.charset import Charset
    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.rules import Profile
    from fedpacs.deidentification.structured.concepts import Kind

CONCEPT_NAME, CONCEPT_CODE = 0x0040A043, 0x0040A168
TEXT_VALUE = 0x0040A160
PERSON_NAME, UID_VALUE = 0x0040A123, 0x0040A124
DATE_TIME, DATE, TIME = 0x0040A120, 0x0040A121, 0x0040A122
MEASURED_VALUES, NUMERIC_VALUE = 0x0040A300, 0x0040A30A
FLOATING_POINT, NUMERATOR, DENOMINATOR = 0x0040A161, 0x0040A162, 0x0040A163
_TEXTS = (TEXT_VALUE, UNFORMATTED_TEXT)
_VALUES = (
    TEXT_VALUE, UNFORMATTED_TEXT, PERSON_NAME, UID_VALUE, DATE_TIME, DATE, TIME, CONCEPT_CODE,
    MEASURED_VALUES, NUMERIC_VALUE, FLOATING_POINT, NUMERATOR, DENOMINATOR,
)  # fmt: skip
_SHOWN = (*_TEXTS, PERSON_NAME, DATE_TIME, DATE)
_TRIGGERS = frozenset({CONCEPT_NAME, NUMERIC_VALUE, TEXT_VALUE, *ANNOTATION_TAGS})
_SEX = 0x00100040
_PATTERNS = {
    _SEX: r"(?i:male|female|other|unknown|[MFOU])",
    0x00101020: r"\d{1,3}(?:[.,]\d{1,3})? ?(?:m|cm|in)?",
    0x00101030: r"\d{1,3}(?:[.,]\d{1,3})? ?(?:kg|lb|lbs)?",
}
_ACTIONS = {
    MEASURED_VALUES: Action.ZERO,
    UID_VALUE: Action.UID,
    FLOATING_POINT: Action.REMOVE,
    NUMERATOR: Action.REMOVE,
    DENOMINATOR: Action.REMOVE,
}
_NOTHING: Mapping[int, Rule] = {}


def item_rules(items: Items, charset: Charset, profile: Profile) -> Mapping[int, Rule]:
    """Give the rules that hold inside one item of a sequence, above those by attribute.

    Parameters
    ----------
    items
        The item; it is only read.
    charset
        Character set of the item.
    profile
        The profile that is carried out.

    Returns
    -------
    Mapping[int, Rule]
        Rule by tag, for attributes that the item has; empty for nearly every item.

    Notes
    -----
    Two generators are used that rules by attribute have no need of: ``identifier:GGGGEEEE`` makes
    the code that the same value gets in attribute (GGGG,EEEE), so that a report and the header of
    its study still agree, and ``literal:TEXT`` writes TEXT.
    """
    if _TRIGGERS.isdisjoint(items):
        return _NOTHING
    found = annotation_rules(items, charset, profile)
    if NUMERIC_VALUE in items:
        found.update(age_rules(items, charset, profile))
    if CONCEPT_NAME in items:
        found.update(_concept_rules(items, charset, profile))
    for tag in _TEXTS:
        if tag in items and holds_document(text_of(items[tag], charset)):
            found[tag] = Rule(Action.DUMMY, SOURCE, "a document inside a text value")
    return found


def identifying_values(items: Items, charset: Charset) -> tuple[tuple[Kind, str], ...]:
    """Give what a content item says of persons and places, to be looked for elsewhere.

    Parameters
    ----------
    items
        An item of a sequence.
    charset
        Character set of the item.

    Returns
    -------
    tuple[tuple[Kind, str], ...]
        Kind (``name``, ``identifier``, ``phrase`` or ``date``) and value.
    """
    if CONCEPT_NAME not in items:
        return ()
    concept = _concept(items, charset)
    if concept is None or not concept.kind:
        return ()
    texts = (text_of(items.get(tag), charset) for tag in _SHOWN)
    return tuple((concept.kind, text) for text in texts if text)


def _concept(items: Items, charset: Charset) -> Concept | None:
    names = items[CONCEPT_NAME].items
    if not names:
        return None
    name = names[0]
    scheme, meaning = (text_of(name.get(tag), charset) for tag in (CODING_SCHEME, CODE_MEANING))
    return concept_of(scheme, value_of(name, charset), meaning)


def _concept_rules(items: Items, charset: Charset, profile: Profile) -> Mapping[int, Rule]:
    concept = _concept(items, charset)
    if concept is None:
        return _NOTHING
    tag = concept.attribute
    header = profile.action_for(tag, dictionary.vr_of(tag).split(" or ")[0], private=False)
    rules = {value: _like(header, tag, value, profile) for value in _VALUES if value in items}
    return {value: rule for value, rule in rules.items() if rule is not None}


def _like(header: Rule, attribute: int, value: int, profile: Profile) -> Rule | None:
    """Carry the header's rule over to a value attribute; None where that one's own rule holds."""
    clause = f"like ({attribute >> 16:04x},{attribute & 0xFFFF:04x})"
    if value == PERSON_NAME:
        generator = "patient" if header.generator == "patient" else ""
        return Rule(Action.DUMMY, SOURCE, clause, generator)
    if value in _TEXTS:
        return _text_rule(header, attribute, clause, profile)
    if header.action in (Action.KEEP, Action.CLEAN):
        return None
    return Rule(_ACTIONS.get(value, Action.DUMMY), SOURCE, clause)


def _text_rule(header: Rule, attribute: int, clause: str, profile: Profile) -> Rule | None:
    if header.action is Action.CLEAN:
        return None
    if header.action is Action.KEEP:
        pattern = header.pattern or _PATTERNS.get(attribute, "")
        if attribute == AGE:
            pattern = pattern_within(profile.maximum_age_years)
        return Rule(Action.KEEP, SOURCE, clause, "", pattern, Action.DUMMY)
    generator = {"patient": "patient", "identifier": f"identifier:{attribute:08x}"}
    return Rule(Action.DUMMY, SOURCE, clause, generator.get(header.generator, ""))
