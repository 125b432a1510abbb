"""Temporal values: each value of an element changed alike, or none of them stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.dates import (
    check_offset,
    check_time,
    shift_date,
    shift_datetime,
    year_of,
)
from fedpacs.deidentification.dicom.charset import values_of
from fedpacs.deidentification.dicom.elements import Element

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.deidentification.setting import Setting


def dated(
    element: Element, setting: Setting, change: Callable[[str, str, int], str | None]
) -> Element | None:
    """Give an element with each value changed; None when one of them is no date or time.

    Parameters
    ----------
    change
        Gives the new value of a VR, an old value and the days to add; None for what is none.
    """
    new = []
    for value in values_of(element, setting.charset):
        changed = change(element.vr, value, setting.identity.days) if value else ""
        if changed is None:
            return None
        new.append(changed)
    return Element.of_text(element.tag, element.vr, *new)


def shifted(vr: str, text: str, days: int) -> str | None:
    """Give a value of DA, DT, TM or an offset from UTC, shifted by days; None for what is none."""
    if vr == "DA":
        return shift_date(text, days)
    if vr == "DT":
        return shift_datetime(text, days)
    return check_time(text) if vr == "TM" else check_offset(text)


def year(vr: str, text: str, _days: int) -> str | None:
    """Give the year of a value of DA or DT; None for what has none."""
    return year_of(vr, text)
