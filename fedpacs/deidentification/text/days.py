"""Days: parts of the object's own dates in a text, the bare year or the day and month alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.text.evidence import months
from fedpacs.deidentification.text.tokens import NUMBER, Reading, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.deidentification.text.terms import CompiledTerms

Span = tuple[int, int]


def partial_dates(reading: Reading, terms: CompiledTerms) -> Iterator[Span]:
    """Find day and month without a year, and the bare year, of the object's own dates.

    Parameters
    ----------
    reading
        The text, split.
    terms
        The object's terms.

    Yields
    ------
    (int, int)
        Half-open ranges of characters.
    """
    tokens = reading.tokens
    days, years = terms.days, terms.years
    for index, token in enumerate(tokens):
        if token.kind == NUMBER and token.text in years and _is_year(reading, index):
            yield token.start, token.end
        if index + 1 == len(tokens):
            continue
        one, other = token, tokens[index + 1]
        if reading.gap(index) in {"/", ".", "-"} and len(one.text) == len(other.text) == 2:  # noqa: PLR2004
            if one.kind == other.kind == NUMBER:
                pair = int(one.text), int(other.text)
                if pair in days or pair[::-1] in days:
                    yield one.start, other.end
        elif _named_day(one, other) in days or _named_day(other, one) in days:
            yield one.start, other.end


def _is_year(reading: Reading, index: int) -> bool:
    before = reading.tokens[index - 1].folded if index else ""
    after = reading.tokens[index + 1].folded if index + 1 < len(reading.tokens) else ""
    return before not in {"b", "tr", "te", "ti", "td", "x"} and after not in {
        "ms",
        "msec",
        "mm",
        "x",
    }


def _named_day(day: Token, month: Token) -> tuple[int, int] | None:
    number = months().get(month.folded)
    if day.kind != NUMBER or number is None or len(day.text) > 2:  # noqa: PLR2004 - a day
        return None
    return int(day.text), number
