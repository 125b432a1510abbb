"""Identity terms: what of an object's own header says who it is about, who was there and where.

Free text and pictures are searched for it. Only values that have to go are collected: what a
profile keeps, such as an institution under its option, is no secret of the object.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

from fedpacs.core.dictionary import keyword_of
from fedpacs.core.ps315 import Action
from fedpacs.deidentification.dicom.charset import Charset, values_of
from fedpacs.deidentification.dicom.elements import is_private
from fedpacs.deidentification.dicom.syntax import vr_of
from fedpacs.deidentification.errors import DamagedObjectError
from fedpacs.deidentification.structured.content import identifying_values
from fedpacs.deidentification.text.terms import IdentityTerms

if TYPE_CHECKING:
    from fedpacs.deidentification.dicom.elements import Element, Items
    from fedpacs.deidentification.dicom.parsed import ParsedObject, RawElement
    from fedpacs.deidentification.rules import Profile

_IDENTIFIER = re.compile(
    r"(?:ID|IDs|Number|Numbers|Identifier|Locator|Email\w*)$|Telephone|Telecom|Insurance|"
    r"StationName|Serial"
)
_PHRASE = re.compile(
    r"Institution\w*(?:Name|Address)$|Address$|Department|Organization|Facility|Residence$|"
    r"PatientInstitutionResidence|CurrentPatientLocation|Hospital|Sponsor\w*Name|SiteName"
)
_NO_IDENTIFIER = re.compile(
    r"^(?:Series|Instance|Acquisition|Echo|Frame|Segment|ROI|Beam|Region|Stack|Temporal|Item|"
    r"Referenced(?:Frame|ROI|Beam|Segment|FractionGroup)|InStack|Observation|Overlay|Curve|"
    r"Fraction|ControlPoint|Block|Wedge|Trial|Slice|Slot|Image|Window|Energy|Detector|Rotation|"
    r"TimeSlot|RRInterval|Phase|Channel|Multiplex|SourceFrame|Contrast|Context|Mapping|Template)"
)
_CHARSET = 0x00080005
_LISTED_BYTES = 1 << 12
_MEMORY = 4096
_IDENTIFIER_VRS = frozenset({"LO", "SH", "UC", "UT", "ST", "LT", "IS", "UR", "AE"})
NAME, IDENTIFIER, PHRASE, DATE = "name", "identifier", "phrase", "date"
_ROLE_OF_VR = {"PN": NAME, "DA": DATE, "DT": DATE}
_WORTH_CHARACTERS = 3


class TermCollector:
    """Collects the identity terms of objects, and remembers what it saw.

    Parameters
    ----------
    profile
        Says which values have to go.
    """

    __slots__ = ("_known", "_profile")

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._known: dict[tuple[bytes, Charset], tuple[tuple[str, str], ...]] = {}

    def collect(self, parsed: ParsedObject) -> IdentityTerms:
        """Give the terms of an object, at every depth, each once and in a fixed order."""
        found: set[tuple[str, str]] = set()
        for raw in parsed.raw:
            if raw.vr == "SQ" or _role(raw.tag, raw.vr):
                found.update(self._of_element(parsed, raw))
        kinds: dict[str, list[str]] = {NAME: [], IDENTIFIER: [], PHRASE: [], DATE: []}
        for kind, value in sorted(found):
            kinds[kind].append(value)
        return IdentityTerms(
            names=tuple(kinds[NAME]),
            identifiers=tuple(kinds[IDENTIFIER]),
            phrases=tuple(kinds[PHRASE]),
            dates=tuple(kinds[DATE]),
        )

    def _of_element(self, parsed: ParsedObject, raw: RawElement) -> tuple[tuple[str, str], ...]:
        if len(raw.raw) > _LISTED_BYTES or not raw.raw:
            return self._listed(parsed, raw)
        key = (raw.raw, parsed.charset)
        known = self._known.get(key)
        if known is None:
            known = self._listed(parsed, raw)
            if len(self._known) >= _MEMORY:
                self._known.clear()
            self._known[key] = known
        return known

    def _listed(self, parsed: ParsedObject, raw: RawElement) -> tuple[tuple[str, str], ...]:
        try:
            return tuple(self._terms(parsed.element(raw), parsed.charset))
        except DamagedObjectError:
            return ()

    def _terms(self, element: Element, charset: Charset) -> list[tuple[str, str]]:
        if element.items is not None:
            return [term for item in element.items for term in self._in_item(item, charset)]
        role = _role(element.tag, element.vr)
        if not role or self._stays(element):
            return []
        return [
            (role, value)
            for value in values_of(element, charset)
            if len(value) >= _WORTH_CHARACTERS or not value.isascii()
        ]

    def _in_item(self, item: Items, charset: Charset) -> list[tuple[str, str]]:
        own = item.get(_CHARSET)
        if own is not None and own.value:
            charset = Charset.of(own.value)
        found = [(str(kind), value) for kind, value in identifying_values(item, charset)]
        return found + [term for element in item.values() for term in self._terms(element, charset)]

    def _stays(self, element: Element) -> bool:
        rule = self._profile.action_for(element.tag, element.vr, private=False)
        return rule.action is Action.KEEP and element.vr not in {"DA", "DT"}


@cache
def _role(tag: int, vr: str) -> str:
    """Tell what an attribute says of identity; empty when it says nothing."""
    if is_private(tag):
        return ""
    vr = vr_of(tag) if vr == "UN" else vr
    if vr in _ROLE_OF_VR:
        return _ROLE_OF_VR[vr]
    return _role_of_keyword(tag) if vr in _IDENTIFIER_VRS else ""


def _role_of_keyword(tag: int) -> str:
    try:
        keyword = keyword_of(tag)
    except KeyError:
        return ""
    if _PHRASE.search(keyword):
        return PHRASE
    identifies = _IDENTIFIER.search(keyword) and not _NO_IDENTIFIER.match(keyword)
    return IDENTIFIER if identifies else ""
