"""Ages inside measurements: a number with a unit of time never tells an age above the limit.

A report gives the patient's age as a number of years, and nothing in the measured value itself
says that it is an age. Hardly anything else that is measured in years exceeds 89 of them, so every
such number is capped, whatever its concept.

References
----------
45 CFR 164.514(b)(2)(i)(C); PS3.16 TID 1007 (subject context).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core.ps315 import Action
from fedpacs.deidentification.codes import CODE_VALUE
from fedpacs.deidentification.dicom.charset import text_of
from fedpacs.deidentification.rules import Rule
from fedpacs.deidentification.structured.annotations import SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.deidentification.dicom.charset import Charset
    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.rules import Profile

AGE = 0x00101010
_UNITS = 0x004008EA
_NUMERIC_VALUE, _OTHER_FORMS = 0x0040A30A, (0x0040A161, 0x0040A162, 0x0040A163)
_PER_YEAR = {
    "a": 1.0, "a_j": 1.0, "Y": 1.0, "y": 1.0, "yr": 1.0, "mo": 12.0, "mo_j": 12.0, "M": 12.0,
    "wk": 52.18, "W": 52.18, "d": 365.25, "D": 365.25,
}  # fmt: skip
_UNITS_IN_WORDS = (
    r"(?i:y|m|w|d|a|yrs?|years?(?: old)?|months?|weeks?|days?|jahre?|ans?|años?|lat|лет|歳)?"
)
_NOTHING: Mapping[int, Rule] = {}
_TEN, _HUNDRED = 10, 100


def age_rules(items: Items, charset: Charset, profile: Profile) -> Mapping[int, Rule]:
    """Give the rules for an item with a number, when it may be an age that must not be told.

    Parameters
    ----------
    items
        An item with Numeric Value (0040,A30A) and, as far as it goes, its units.
    charset
        Character set of the item.
    profile
        Says the highest age in years, and the width of age bands.
    """
    units = items.get(_UNITS)
    if units is None or not units.items:
        return _NOTHING
    per_year = _PER_YEAR.get(text_of(units.items[0].get(CODE_VALUE), charset))
    if per_year is None:
        return _NOTHING
    text = text_of(items[_NUMERIC_VALUE], charset)
    try:
        years = float(text) / per_year
    except ValueError:
        return _NOTHING
    told = _told(years, profile)
    if told is None:
        return _NOTHING
    literal = f"literal:{int(told * per_year)}"
    rules = {_NUMERIC_VALUE: Rule(Action.DUMMY, SOURCE, "ages are capped", literal)}
    rules.update(
        (tag, Rule(Action.REMOVE, SOURCE, "ages are capped"))
        for tag in _OTHER_FORMS
        if tag in items
    )
    return rules


def _told(years: float, profile: Profile) -> float | None:
    """Give the age to be told instead, in years; None when it may be told as it is."""
    if not years <= profile.maximum_age_years + 1:
        return profile.maximum_age_years + 1
    if years == profile.maximum_age_years + 1:
        return None
    if years > profile.maximum_age_years:
        return profile.maximum_age_years
    band = profile.policies.age_band_years
    return float(years // band * band) if band and years % band else None


def pattern_within(maximum_years: int) -> str:
    """Give the pattern of an age in words that may be told.

    Parameters
    ----------
    maximum_years
        Highest age, below 100.
    """
    tens, ones = divmod(min(maximum_years, _HUNDRED - 1), _TEN)
    below = f"[1-{tens - 1}]?[0-9]|" if tens > 1 else "[0-9]|"
    return rf"0{{0,2}}(?:{below}{tens}[0-{ones}]) ?{_UNITS_IN_WORDS}"
