"""New values: dummies by VR, pseudonyms, shifted dates, and the check of what is kept."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from pydicom._uid_dict import UID_dictionary
from pydicom.datadict import dictionary_has_tag, dictionary_VM
from pydicom.multival import MultiValue
from pydicom.valuerep import PersonName

from fedpacs.core.ps315 import Action
from fedpacs.deidentification.dates import (
    check_offset,
    check_time,
    shift_date,
    shift_datetime,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pydicom.dataelem import DataElement

    from fedpacs.crypto.pseudonyms import Pseudonymiser
    from fedpacs.deidentification.rules import Rule

DUMMY_TEXT = "REMOVED"
_CODE_STRING = re.compile(r"[A-Z0-9_ ]{0,16}")
_AGE = re.compile(r"(\d{3})([DWMY])")
_MAXIMUM_AGE = 999
_TEXT_VRS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UT"})
_NUMBER_VRS = frozenset({"AT", "DS", "FD", "FL", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
_BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
_DUMMIES: Mapping[str, Any] = MappingProxyType(
    {
        "AS": "000Y", "AT": 0, "CS": DUMMY_TEXT, "DA": "19000101", "DS": "0",
        "DT": "19000101000000", "FD": 0.0, "FL": 0.0, "IS": "0", "SL": 0, "SS": 0, "SV": 0,
        "TM": "000000", "UL": 0, "UR": "urn:removed", "US": 0, "UV": 0,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True, repr=False)
class Identity:
    """What the new values of one object are made from. Identified; has no ``repr``.

    Attributes
    ----------
    days
        Days to add to every date of the patient.
    """

    pseudonyms: Pseudonymiser
    patient_id: str
    days: int
    maximum_age_years: int

    def __repr__(self) -> str:
        return "Identity()"


def values_of(element: DataElement) -> list[Any]:
    """Give the values of an element as a list, empty when it has none."""
    value = element.value
    if value is None or (isinstance(value, str | bytes | PersonName) and not value):
        return []
    return list(value) if isinstance(value, MultiValue | list) else [value]


def new_value(element: DataElement, rule: Rule, identity: Identity) -> Any | None:  # noqa: ANN401 - a DICOM value has one of many types
    """Give the new value of an element that is no sequence.

    Returns
    -------
    Any | None
        None when the element must be removed after all. An empty value stays empty whatever the
        rule, except that a dummy must not be empty.
    """
    return _MAKERS[rule.action](element, rule, identity)


def _removed(_element: DataElement, _rule: Rule, _identity: Identity) -> None:
    return None


def _emptied(element: DataElement, _rule: Rule, _identity: Identity) -> object:
    return b"" if element.VR in _BULK_VRS else ""


def _uid(element: DataElement, _rule: Rule, identity: Identity) -> object:
    if element.VR != "UI":
        return dummy(element.VR)
    new = [
        str(uid) if str(uid) in UID_dictionary else identity.pseudonyms.uid(str(uid))
        for uid in values_of(element)
        if str(uid).strip(" \0")
    ]
    return new[0] if len(new) == 1 else new or ""


def _dummy(element: DataElement, rule: Rule, identity: Identity) -> object:
    if element.VR == "UI":
        return _uid(element, rule, identity)
    old = " ".join(str(value) for value in values_of(element)).strip(" \0")
    if rule.generator == "patient":
        return identity.pseudonyms.patient(identity.patient_id)
    if rule.generator == "identifier":
        name = f"{int(element.tag):08x}"
        return identity.pseudonyms.identifier(name, old) if old else ""
    return dummy(element.VR)


def dummy(vr: str) -> object:
    """Give a value that says nothing."""
    if vr in _BULK_VRS:
        return b"\0\0\0\0\0\0\0\0"
    return DUMMY_TEXT if vr in _TEXT_VRS else _DUMMIES.get(vr)


def _shifted(element: DataElement, _rule: Rule, identity: Identity) -> object:
    new = []
    for value in values_of(element):
        text = str(getattr(value, "original_string", value)).strip(" \0")
        shifted = _shift(element.VR, text, identity.days)
        if shifted is None:
            return _not_a_date(element)
        new.append(shifted)
    return new[0] if len(new) == 1 else new or ""


def _shift(vr: str, text: str, days: int) -> str | None:
    if vr == "DA":
        return shift_date(text, days)
    if vr == "DT":
        return shift_datetime(text, days)
    return check_time(text) if vr == "TM" else check_offset(text)


def _not_a_date(element: DataElement) -> object:
    """Answer for what is not a date and may be anything: a dummy keeps the object conformant."""
    return None if element.VR == "SH" else dummy(element.VR)


def _kept(element: DataElement, rule: Rule, identity: Identity) -> object:
    values = values_of(element)
    if element.VR == "AS":
        return _age(values, identity.maximum_age_years)
    if not _is_plain(element, values):
        return None
    if rule.pattern and not all(re.fullmatch(rule.pattern, str(value)) for value in values):
        return dummy(element.VR) if element.VR in _TEXT_VRS else None
    return element.value


def _is_plain(element: DataElement, values: list[Any]) -> bool:
    """Tell whether the values are what their VR says, and nothing else in its disguise."""
    if element.VR == "UN" or len(values) > maximum_multiplicity(int(element.tag)):
        return False  # what cannot be decoded, or has values to spare, may hold anything
    if element.VR.startswith("US or SS"):
        return _is_short(element)
    if element.VR == "CS":
        return all(_CODE_STRING.fullmatch(str(value)) for value in values)
    if element.VR == "AT":
        return all(dictionary_has_tag(int(value)) for value in values)
    # pydicom reads text where a number should be as text
    return element.VR not in _NUMBER_VRS or all(isinstance(v, int | float) for v in values)


def _is_short(element: DataElement) -> bool:
    """Tell whether what may be US or SS, still encoded, has no more bytes than its numbers."""
    if not isinstance(element.value, bytes):
        return True
    return len(element.value) <= 2 * maximum_multiplicity(int(element.tag))


def maximum_multiplicity(tag: int) -> float:
    """Give how many values the standard allows an attribute; infinity where it sets no end.

    Fewer than it asks for are let through: real scanners leave values out.
    """
    highest = dictionary_VM(tag).split("-")[-1]
    return int(highest) if highest.isdigit() else math.inf


def _age(values: list[Any], maximum_years: int) -> object:
    if len(values) != 1:
        return "" if not values else None
    match = _AGE.fullmatch(str(values[0]))
    if match is None:
        return None
    years = int(match[1]) if match[2] == "Y" else 0
    return f"{min(maximum_years + 1, _MAXIMUM_AGE):03d}Y" if years > maximum_years else match[0]


_MAKERS: Mapping[Action, Callable[[DataElement, Rule, Identity], object]] = MappingProxyType(
    {
        Action.REMOVE: _removed,
        Action.ZERO: _emptied,
        Action.UID: _uid,
        Action.DUMMY: _dummy,
        Action.CLEAN: _shifted,
        Action.KEEP: _kept,
    }
)
