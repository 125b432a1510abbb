"""Dates, times and ages over 89, in digits and in words of several languages."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.tokens import NUMBER, WORD, Reading, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

_UNIT = r"(?!\s*(?:mm|cm|ml|hz|khz|ms|msec|kv|ma|hu|%|x\s?\d))"
_NUMERIC = re.compile(
    rf"(?<![\d.])(?<!\d[-/])(\d{{1,4}})([-/._])\s?(\d{{1,2}})\2\s?(\d{{1,4}})(?![\d]|[./-]\d){_UNIT}"
)
_SPACED = re.compile(
    r"(?<![\d.])(?:(?:19|20)\d\d\s(?:0[1-9]|1[0-2])\s(?:0[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|[12]\d|3[01])\.?\s(?:0?[1-9]|1[0-2])\.?\s(?:19|20)\d\d)(?![\d.])"
)
_MONTH_YEAR = re.compile(
    r"(?<![\d./-])(?:0?[1-9]|1[0-2])[/.-](?:19|20)\d\d(?![\d./-])|(?<![\d./-])(?:19|20)\d\d[/-](?:0[1-9]|1[0-2])(?![\d/-])"
)
_COMPACT = re.compile(
    r"(?<!\d)(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:\d{2,6}(?:\.\d{1,6})?)?(?!\d)"
)
_EASTERN = re.compile(
    r"(?:(?:令和|平成|昭和|大正|明治|西暦|(?<![^\W_])[rhst])\s?)?(?:\d{1,4}|元|[〇零一二三四五六七八九十]{1,5})\s?[年년]\s?"
    r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})\s?[月월](?:\s?(?:\d{1,2}|[一二三四五六七八九十]{1,3})\s?[日일]?)?生?"
    r"|(?:令和|平成|昭和|大正|明治)\s?(?:\d{1,2}|元)\s?[年.]?(?:\s?\d{1,2}[./]\d{1,2})?(?:生まれ|生)?"
    r"|(?<![^\W_])[rhs]\d{1,2}[./]\d{1,2}[./]\d{1,2}(?!\d)"
    r"|(?:19|20)\d\d\s?年(?:度|生まれ|生)?"
    r"|(?:\d{1,2}|[一二三四五六七八九十]{1,3})\s?月\s?(?:\d{1,2}|[一二三四五六七八九十]{1,3})\s?日"
    r"|\d{4}[年년]|\d{1,2}월\s?\d{1,2}일"
)
_TIME = re.compile(
    r"(?<![\d.:])(?:[01]?\d|2[0-3])(?::[0-5]\d){1,2}(?:\.\d{1,6})?(?:\s?(?:am|pm|uhr|hrs|h)\b|z|\s?[+-]\d\d:?\d\d)?(?![\d:])"
    r"|(?<![\d.:])(?:[01]?\d|2[0-3])\s?h\s?[0-5]\d(?!\d)"
    r"|(?<![\d.:])(?:0?\d|1[0-2])\s?(?:a\.?m\.?|p\.?m\.?)(?!\w)"
    r"|(?<![\d.:])(?:[01]?\d|2[0-3])[.:]?[0-5]\d\s?(?:uhr|hrs|hours)\b"
    r"|(?:午前|午後)?\d{1,2}時(?:\d{1,2}分|半)?(?!間)"
)
_CLOCK = re.compile(r"(?:\bat|@|\bum|\bà|\ba|\ba las|\bв|\btime:?|\buhrzeit:?|t)\s?$")
_AGE = re.compile(
    r"(?<![\d.,])0?(?:9\d|1[0-2]\d)[\s-]{0,2}(?:years?|yrs?|yo|y/o|y\.o\.?|year-old|jahre|jahr(?:e|en)?|jahrige[rnms]?|jahrig|ans|anos|anni|let|lat|jaar|jarige|ar gammal|ar|vuotta|vuotias|yasinda|yas|eves|ani|ετων|лет|года?|г\.|歳|才|세|岁)(?!\w)(?:[\s-]{0,2}(?:old|alt))?"  # noqa: E501 - a pattern
    r"|(?<![\d.,])0?(?:9\d|1[0-2]\d)y(?:o|/o)?(?!\w)"
    r"|(?:\bage[d]?|\balter|\bage|\bedad|\bidade|\bleeftijd|\bwiek|\blat|\balder|\byas|\bвозраст|年齢)[\s:=]{0,3}(0?(?:9\d|1[0-2]\d)(?:\s?y(?:o|/o)?)?)(?!\w)"
)
_OVER_NINETY = re.compile(
    r"(?:(?:aged?|alter)[\s:]{1,2}(?:ninety|neunzig)[\s-]?\w{0,7}|quatre-vingt-(?:dix|onze|douze|treize|quatorze|quinze|seize)[\w-]{0,6}\sans|nonagenarian|centenarian|(?:ninety|neunzig|quatre-vingt-dix|noventa)[\s-]{0,2}\w{0,7}[\s-]{0,2}(?:years?|year-old|jahre|ans|anos)(?:[\s-]old)?)"
)
_QUARTER = re.compile(
    r"(?<![^\W_])(?:q[1-4][\s/-]?(?:19|20)\d\d|(?:kw|cw|week)\s?\d{1,2}[\s/-](?:19|20)\d\d|(?:19|20)\d\d-?w\d\d(?:-\d)?|(?<!\d)\d{1,2}\.\s?(?:i{1,3}|i?v|vi{1,3}|i?x|xi{1,2})\.\s?(?:19|20)?\d\d)(?!\d)"
)
_BORN = re.compile(
    r"(?:\b(?:born|b\.|geb\.?|geboren|nee?|nacid[oa]|dob|birth|jg\.?|jahrgang|year of birth|рожд\.?|г\.р\.?)(?:\s(?:in|am|le|en|el|im)(?:\sthe\s\w{4,8}\sof)?)?[\s:.*]{0,3})((?:19|20)?\d\d)(?!\d|\s?(?:mm|cm|ml))"  # noqa: E501 - a pattern
    r"|((?:19|20)\d\d)\s?(?:г\.?\s?р\.?|года рождения|г\.)"
)
_SINCE = re.compile(
    r"(?:\b(?:in|since|from|seit|von|vom|im|jahr|depuis|en|de|desde|del|prior|previous|dated|year|с|в|от|to|vs\.?|exam|study)|/|,)\s((?:19|20)\d\d)(?![\d.,]\d|\d|\s?(?:mm|cm|ml|ms|hz|x\b|x\d|slices|images|frames|u\b|hu\b|s\b))"
)
_NAMED_DAY = re.compile(
    r"(?:\b(?:on|dated|seen|vom|am|le|el|dia|em|op|dnia|lmp|edd|dob|due|от|lnmp|ur|ddr)[\s:]{1,2})"
    r"((?:0?[1-9]|[12]\d|3[01])[/.](?:0[1-9]|1[0-2])\.?)(?![\d/.]\d|\d|\s?(?:mm|cm|ml|%|x))"
)
_MONTHS, _DAYS = 12, 31
_FIRST_YEAR, _LAST_YEAR = 1880, 2100
_TIME_REACH = 14
_ANCHOR_WORDS = 7


def date_spans(reading: Reading) -> list[Span]:
    """Find dates, times beside dates and ages over 89.

    Parameters
    ----------
    reading
        The text, split.

    Returns
    -------
    list of (int, int)
        Half-open ranges of characters.

    References
    ----------
    45 CFR 164.514(b)(2)(i)(C): all elements of dates, and ages over 89.
    """
    spans = [*_worded(reading)]
    if any(char.isdigit() for char in reading.flat):
        spans += _digits(reading.flat)
        spans += _times(reading.flat, spans)
    spans += [match.span() for match in _OVER_NINETY.finditer(reading.flat)]
    spans += _weekdays(reading, spans)
    spans += _feasts(reading)
    return spans


def _feasts(reading: Reading) -> Iterator[Span]:
    """Find a feast or a season with its year: Christmas 2019."""
    for index, token in enumerate(reading.tokens[1:]):
        before = reading.tokens[index]
        if before.folded in evidence("feast") and reading.gap(index) == " " and _is_year(token):
            yield before.start, token.end


def _weekdays(reading: Reading, dates: list[Span]) -> Iterator[Span]:
    """Find the names of days beside dates."""
    edges = {edge for span in dates for edge in span}
    for token in reading.tokens:
        short = token.folded in evidence("short-weekday") and token.text.istitle()
        if short or token.folded in evidence("weekday"):
            reach = (*range(token.end, token.end + 5), *range(token.start - 3, token.start + 1))
            if any(place in edges for place in reach):
                yield token.start, token.end


def _digits(flat: str) -> Iterator[Span]:
    for match in _NUMERIC.finditer(flat):
        if _is_date(match[1], match[3], match[4], match[2]):
            yield match.span()
    for pattern in (_SPACED, _MONTH_YEAR, _COMPACT, _EASTERN, _QUARTER):
        for match in pattern.finditer(flat):
            yield match.span()
    for pattern in (_BORN, _SINCE, _AGE, _NAMED_DAY):
        for match in pattern.finditer(flat):
            yield match.span(match.lastindex or 0)


def _is_date(one: str, two: str, three: str, joint: str) -> bool:
    a, b, c = int(one), int(two), int(three)
    if len(one) == 4:  # noqa: PLR2004 - a year in front
        return _FIRST_YEAR <= a <= _LAST_YEAR and 1 <= b <= _MONTHS and 1 <= c <= _DAYS
    if len(one) > 2 or len(three) not in {2, 4}:  # noqa: PLR2004 - neither day nor year
        return False
    if len(three) == 4 and not _FIRST_YEAR <= c <= _LAST_YEAR:  # noqa: PLR2004 - a year
        return False
    if joint == "." and len(three) == 2 and not len(one) == len(two) == 2:  # noqa: PLR2004
        return False
    return (1 <= a <= _DAYS and 1 <= b <= _MONTHS) or (1 <= a <= _MONTHS and 1 <= b <= _DAYS)


def _times(flat: str, dates: list[Span]) -> Iterator[Span]:
    for match in _TIME.finditer(flat):
        start, end = match.span()
        marked = not match[0][-1].isdigit() or match[0].count(":") > 1 or "." in match[0]
        beside = any(
            0 <= start - date_end <= _TIME_REACH or 0 <= date_start - end <= _TIME_REACH
            for date_start, date_end in dates
        )
        if marked or beside or _CLOCK.search(flat[max(0, start - 10) : start]):
            yield start, end


def _worded(reading: Reading) -> Iterator[Span]:
    """Find a month by its name, with all numbers and number words around it."""
    strong, weak = evidence("month"), evidence("weak-month")
    for index, token in enumerate(reading.tokens):
        if token.kind != WORD or (token.folded not in strong and token.folded not in weak):
            continue
        first, last = _reach(reading, index, -1), _reach(reading, index, 1)
        around = [t for t in reading.tokens[first : last + 1] if _is_number(t)]
        if around and (token.folded in strong or _is_plain_date(reading, index, first, last)):
            end = reading.tokens[last].end
            yield reading.tokens[first].start, end + _ordinal_tail(reading.text[end : end + 4])
        elif not around and token.folded in strong and token.capital | (not token.text.isascii()):
            yield token.start, token.end


def _ordinal_tail(text: str) -> int:
    match = re.match(r"(?:st|nd|rd|th)(?!\w)|\s?г\.", text)
    return match.end() if match else 0


def _is_plain_date(reading: Reading, index: int, first: int, last: int) -> bool:
    """Tell whether a month that is also another word (May, Oct, dec) is one here."""
    token = reading.tokens[index]
    around = reading.tokens[first : last + 1]
    if any(_is_year(t) for t in around):
        return True
    before = reading.tokens[index - 1] if index > first else None
    if before is not None and before.kind == NUMBER and 1 <= int(before.text) <= _DAYS:
        return token.text.istitle() or (
            token.text.isupper() and reading.gap(index - 1) in {"-", ""}
        )
    after = reading.tokens[index + 1] if index < last else None
    following = reading.flat[after.end : after.end + 4] if after else ""
    return (
        after is not None
        and token.text.istitle()
        and after.kind == NUMBER
        and 1 <= int(after.text) <= _DAYS
        and not re.match(r"\s?(?:mm|cm|ml|%|x)", following)
    )


def _is_year(token: Token) -> bool:
    return (
        token.kind == NUMBER
        and len(token.text) == 4  # noqa: PLR2004 - a year
        and _FIRST_YEAR <= int(token.text) <= _LAST_YEAR
    )


def _is_number(token: Token) -> bool:
    if token.kind == NUMBER:
        return len(token.text) <= 4  # noqa: PLR2004 - a day or a year
    return token.folded in evidence("number-word") or _is_german_year(token.folded)


def _is_german_year(folded: str) -> bool:
    return folded.startswith(("zweitausend", "neunzehnhundert", "dosmil"))


def _reach(reading: Reading, index: int, step: int) -> int:
    """Go from a month to the farthest number that belongs to it."""
    best = index
    joints = evidence("date-joint")
    tokens = reading.tokens
    position, words = index + step, 0
    while 0 <= position < len(tokens) and words < _ANCHOR_WORDS:
        gap = reading.gap(min(position, position - step))
        if len(gap) > 3 or "\n" in gap or ";" in gap:  # noqa: PLR2004 - another sentence
            break
        token = tokens[position]
        if _is_number(token):
            if (
                token.kind == NUMBER
                and best != index
                and tokens[best].kind == NUMBER
                and _complete(tokens, index, best)
            ):
                break
            best = position
        elif token.folded not in joints and token.folded not in {
            "st",
            "nd",
            "rd",
            "th",
            "er",
            "го",
            "e",
        }:
            break
        elif (
            token.folded in {"r", "г", "год", "года", "th", "st", "nd", "rd"}
        ) and best == position - step:
            best = position
        position += step
        words += 1
    return best


def _complete(tokens: list[Token], index: int, best: int) -> bool:
    """Tell whether what was found on one side already ends with a year, or is a lone day before."""
    return best < index or _is_year(tokens[best])
