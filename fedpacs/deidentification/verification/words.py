"""Text as what can be compared: words without case and accents, neighbours, dates in any format."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

_WORDS = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")
_PARTS = re.compile(r"[^\W_]+")
_CAPITALISED = re.compile(r"[^\W_a-z][^\W_]*")
_PSEUDONYM = re.compile(r"(?:P-)?[A-Z2-7]{16}|2\.25\.\d{1,39}")
_MONTHS = {
    "jan": 1, "feb": 2, "mar": 3, "mär": 3, "fév": 2, "fev": 2, "apr": 4, "avr": 4, "abr": 4,
    "may": 5, "mai": 5, "jun": 6, "juin": 6, "jul": 7, "juil": 7, "aug": 8, "aoû": 8, "ago": 8,
    "ene": 1, "sep": 9, "set": 9, "oct": 10, "okt": 10, "nov": 11, "dec": 12, "déc": 12,
    "dez": 12, "dic": 12,
}  # fmt: skip
_YEAR_FIRST = re.compile(r"(?<!\d)((?:18|19|20)\d\d)([-/. ]?)(\d\d?)\2(\d\d?)(?!\d)")
_YEAR_LAST = re.compile(
    r"(?<![\d.])(\d\d?)[-/. ]{1,2}(\d\d?)[-/. ]{1,2}((?:18|19|20)?\d\d)(?![\d.])"
)
_DAY_MONTH = re.compile(
    r"(?<!\d)(\d\d?)(?:st|nd|rd|th|\.)?[ -]?([^\W\d_]{3,10})\.?,?[ -]?(?:de )?(\d{4})"
)
_MONTH_DAY = re.compile(r"([^\W\d_]{3,10})\.?[ -]?(\d\d?)(?:st|nd|rd|th)?,?[ -]+(\d{4})(?!\d)")
_JAPANESE = re.compile(r"((?:18|19|20)\d\d)\u5e74(\d\d?)\u6708(\d\d?)\u65e5")
_CENTURY = 50
_LAST_MONTH = 12
_LAST_DAY = 31


class Shown(NamedTuple):
    """A text of the output, ready to be searched.

    Attributes
    ----------
    words
        Its words, without case; with and without accents.
    neighbours
        Pairs of parts that stand side by side.
    dates
        Dates in it as ``YYYYMMDD``.
    dense
        Letters and digits only, without case.
    small
        Words that are written in small letters wherever they stand: no name is.
    """

    text: str
    words: frozenset[str]
    neighbours: frozenset[tuple[str, str]]
    dates: frozenset[str]
    dense: str
    small: frozenset[str]


@lru_cache(maxsize=8192)
def shown(text: str) -> Shown:
    """Prepare a text."""
    folded = text.casefold()
    parts = _PARTS.findall(folded)
    words = {*parts, *_WORDS.findall(folded)}
    words |= {plain(word) for word in words}
    return Shown(
        text=folded,
        words=frozenset(words),
        neighbours=frozenset(pairwise(parts)),
        dates=frozenset(dates_in(text)) if any(c.isdigit() for c in text) else frozenset(),
        dense="".join(parts),
        small=frozenset(words) - {word.casefold() for word in _CAPITALISED.findall(text)},
    )


def plain(word: str) -> str:
    """Give a word without accents."""
    if word.isascii():
        return word
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return bare.replace("\u0142", "l").replace("\u00f8", "o").replace("\u0111", "d")


def is_pseudonym(text: str) -> bool:
    """Tell whether a text is a keyed code."""
    return _PSEUDONYM.fullmatch(text) is not None


def dates_in(text: str) -> set[str]:
    """Give every date in a text as ``YYYYMMDD``, in both orders where day and month are unclear."""
    found = set()
    for pattern in (_YEAR_FIRST, _JAPANESE):
        for match in pattern.finditer(text):
            groups = match.groups()
            if pattern is _YEAR_FIRST and not groups[1] and len(groups[2] + groups[3]) != 4:  # noqa: PLR2004 - MMDD
                continue
            found.add(_date(groups[0], groups[-2], groups[-1]))
    for day, month, year in _YEAR_LAST.findall(text):
        found |= {_date(year, month, day), _date(year, day, month)}
    for day, name, year in _DAY_MONTH.findall(text):
        found.add(_date(year, _month(name), day))
    for name, day, year in _MONTH_DAY.findall(text):
        found.add(_date(year, _month(name), day))
    return found - {""}


def _month(name: str) -> str:
    folded = name.casefold()
    return str(_MONTHS.get(folded[:4], _MONTHS.get(folded[:3], 0)))


def _date(year: str, month: str, day: str) -> str:
    if len(year) == 2:  # noqa: PLR2004 - a year without its century
        year = f"{19 if int(year) > _CENTURY else 20}{year}"
    if not (1 <= int(month) <= _LAST_MONTH and 1 <= int(day) <= _LAST_DAY):
        return ""
    return f"{year}{int(month):02d}{int(day):02d}"


def stands_alone(needle: str, text: str) -> bool:
    """Tell whether a text holds a needle as a word of its own."""
    start = text.find(needle)
    while start >= 0:
        end = start + len(needle)
        before = start > 0 and text[start - 1].isalnum()
        after = end < len(text) and text[end].isalnum()
        if not before and not after:
            return True
        start = text.find(needle, start + 1)
    return False
