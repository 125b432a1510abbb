"""Dates and times: shifted by whole days, or recognised as not being dates at all.

References
----------
PS3.5 6.2 (DA, DT, TM); PS3.15 E.3.6.
"""

from __future__ import annotations

import datetime as dt
import re

_DATE = re.compile(r"(\d{4})([.-]?)(\d{2})\2(\d{2})")
_DATETIME = re.compile(r"(\d{8})((?:\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)?)((?:[+-]\d{4})?)")
_YEAR = re.compile(r"(?:1[89]|20)\d\d")
_TIME = re.compile(r"([01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?")
_OLD_TIME = re.compile(r"\d\d:\d\d(?::\d\d(?:\.\d+)?)?")
_FRACTION_DIGITS = 6
_OFFSET = re.compile(r"[+-](?:0\d|1[0-4])[0-5]\d")
_TIME_OF_DAY = re.compile(r"(?:(?:[01]\d|2[0-3])(?:[0-5]\d(?:(?:[0-5]\d|60)(?:\.\d{1,6})?)?)?)?")


def shift_date(value: str, days: int) -> str | None:
    """Shift a DA value.

    Parameters
    ----------
    value
        ``YYYYMMDD``, or as ACR-NEMA wrote it, with dots.
    days
        Days to add.

    Returns
    -------
    str | None
        The shifted date; None when the value is not a date or would leave the calendar.
    """
    match = _DATE.fullmatch(value)
    if match is None:
        return None
    try:
        day = dt.date(int(match[1]), int(match[3]), int(match[4]))
        shifted = day + dt.timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return f"{shifted.year:04d}{shifted.month:02d}{shifted.day:02d}"


def shift_datetime(value: str, days: int) -> str | None:
    """Shift a DT value; time of day, fraction and offset from UTC stay as written.

    A value without month or day cannot be shifted by days: None.
    """
    match = _DATETIME.fullmatch(value)
    if match is None or not _TIME_OF_DAY.fullmatch(match[2]):
        return None
    if match[3] and not _OFFSET.fullmatch(match[3]):
        return None
    day = shift_date(match[1], days)
    return None if day is None else f"{day}{match[2]}{match[3]}"


def check_time(value: str) -> str | None:
    """Give a TM value back when it is one: whole days do not change the time of day.

    Colons, as ACR-NEMA wrote them, and digits beyond microseconds are left out.
    """
    if _OLD_TIME.fullmatch(value):
        value = value.replace(":", "")
    whole, dot, fraction = value.partition(".")
    value = whole + dot + fraction[:_FRACTION_DIGITS] if fraction.isdigit() else value
    return value if _TIME.fullmatch(value) else None


def check_offset(value: str) -> str | None:
    """Give a timezone offset from UTC back when it is one."""
    return value if _OFFSET.fullmatch(value) else None


def year_of(vr: str, value: str) -> str | None:
    """Give the year of a DA or DT value, and nothing finer.

    DA cannot hold a bare year: the first of January is written (PS3.5 6.2).

    Returns
    -------
    str | None
        None when the value is no date, or has no year.
    """
    if vr == "DA":
        day = shift_date(value, 0)
        return None if day is None else f"{day[:4]}0101"
    if vr == "DT":
        match = _YEAR.match(value)
        return None if match is None else match[0]
    return None
