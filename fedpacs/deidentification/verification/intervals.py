"""Intervals: by how many days each date moved, so that all of a patient's can be held alike."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.finding import finding
from fedpacs.deidentification.verification.standard import PLACEHOLDERS

if TYPE_CHECKING:
    from fedpacs.deidentification.verification.comparison import Comparison

_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})(.*)")


def look_at_dates(result: Comparison, tag: int, now: list[str], then: list[str] | None) -> None:
    """Take down by how much the dates of an element moved, and what is wrong with it.

    Parameters
    ----------
    now, then
        Values of the output and of the original at the same place; None when it has none there,
        and empty when nothing can be said.
    """
    real = [text for text in now if text not in PLACEHOLDERS]
    if not real:
        return
    kept = set(then or ()) - {text for text in real if text.endswith("0101")}
    result.dates.update(text[:8] for text in real if text not in kept)
    if then == []:
        return  # an item moved, or a date was put where none was: see the search for old dates
    if then is None or len(then) != len(now):
        result.findings.add(finding("deid.date-without-origin", tag))
        return
    for new, old in zip(now, then, strict=True):
        new_match, old_match = _DATE.fullmatch(new), _DATE.fullmatch(old.replace(".", ""))
        if new in PLACEHOLDERS or new_match is None or old_match is None:
            continue
        try:
            days = (_day(new_match) - _day(old_match)).days
        except ValueError:
            continue
        year_only = new_match[1] == old_match[1] and new_match[2] + new_match[3] == "0101"
        result.shifts.add((tag, days, year_only))
        if not year_only and new_match[4] and old_match[4][:6] != new_match[4][:6]:
            result.findings.add(finding("deid.time-changed", tag))


def _day(match: re.Match[str]) -> dt.date:
    return dt.date(int(match[1]), int(match[2]), int(match[3]))
