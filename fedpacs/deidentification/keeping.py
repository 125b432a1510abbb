"""What is kept: a value stays only when it is plainly what its value representation says."""

from __future__ import annotations

import math
import re
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from fedpacs.core.dictionary import DATA_ELEMENTS, vm_of
from fedpacs.deidentification.ages import age
from fedpacs.deidentification.code_strings import is_known_code
from fedpacs.deidentification.dicom.charset import values_of
from fedpacs.deidentification.dicom.elements import SIZE_OF, TEXT_LIKE, Element
from fedpacs.deidentification.temporal import dated, shifted

if TYPE_CHECKING:
    from fedpacs.deidentification.rules import Rule
    from fedpacs.deidentification.setting import Setting

_TEMPORAL = frozenset({"DA", "DT", "TM"})
_FORMS = MappingProxyType(
    {
        "CS": re.compile(r"[A-Z0-9_ ]{0,16}"),
        "DS": re.compile(r" *(?:[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)? *)?"),
        "IS": re.compile(r" *(?:[+-]?\d{1,12} *)?"),
        "UI": re.compile(r"[0-9.]{0,64}"),
    }
)
"""How a kept value must be written."""


def kept(element: Element, rule: Rule, setting: Setting) -> Element | None:
    """Give an element as it stays; None when its value is not what it should be."""
    vr = element.vr
    if vr in _TEMPORAL:
        return dated(element, setting, lambda vr, text, _days: shifted(vr, text, 0))
    if vr in SIZE_OF:
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
    if rule.generator == "device":
        from fedpacs.deidentification.text.devices import device_text  # only who keeps devices

        values = [device_text(value) for value in values]
        if not any(values):
            return None
    forms = [_FORMS[element.vr]] if element.vr in _FORMS else []
    forms += [re.compile(rule.pattern)] if rule.pattern else []
    if not all(form.fullmatch(value) for form in forms for value in values if value):
        return None
    if element.vr in _FORMS:
        return element
    if element.vr not in TEXT_LIKE:
        return None
    if any(_mentions(value, setting) for value in values):
        return None
    return element.with_text(values)


def _mentions(value: str, setting: Setting) -> bool:
    if setting.terms is None:
        return False
    from fedpacs.deidentification.text.cleaning import mentions  # only who cleans pays for it

    return mentions(value, setting.terms)


def _kept_age(element: Element, values: list[str], setting: Setting) -> Element | None:
    profile = setting.profile
    new = age(values, profile.maximum_age_years, profile.policies.age_band_years)
    return None if new is None else Element.of_text(element.tag, "AS", new)


def _is_plain_binary(element: Element, setting: Setting) -> bool:
    """Tell whether binary numbers are as many as the standard allows, and tags those of it."""
    size = SIZE_OF[element.vr]
    count, rest = divmod(len(element.value), size)
    if rest or count > maximum_multiplicity(element.tag):
        return False
    if element.vr != "AT":
        return True
    order = "little" if setting.encoding.little else "big"
    words = [int.from_bytes(element.value[i : i + 2], order) for i in range(0, count * size, 2)]  # type: ignore[arg-type]  # mypy widens the literal
    tags = [group << 16 | number for group, number in zip(words[::2], words[1::2], strict=True)]
    return all(tag in DATA_ELEMENTS for tag in tags)


@cache
def maximum_multiplicity(tag: int) -> float:
    """Give how many values the standard allows an attribute; infinity where it sets no end.

    Fewer than it asks for are let through: real scanners leave values out.
    """
    try:
        highest = vm_of(tag).split("-")[-1]
    except KeyError:
        return math.inf  # of the safe private list, or newer than the dictionary
    return int(highest) if highest.isdigit() else math.inf
