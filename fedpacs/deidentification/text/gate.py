"""The vocabulary gate of strict profiles: only words of medicine and small numbers stay."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.deidentification.text.eastern import unknown_spans
from fedpacs.deidentification.text.numbers import PARAMETERS, UNIT
from fedpacs.deidentification.text.tokens import EASTERN, NUMBER, Reading, Token
from fedpacs.deidentification.text.vocabulary import is_everyday, is_medical

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]

_SMALL = 3
_LONGEST = 4
_FIRST_YEAR, _LAST_YEAR = 1900, 2100


def gate_spans(reading: Reading, kept: set[int]) -> Iterator[Span]:
    """Find every word and number that is not of the medical vocabulary.

    Parameters
    ----------
    reading
        The text, split.
    kept
        Tokens that are eponyms here.
    """
    runs = {
        index: (first, last)
        for first, last, whole in reading.runs
        if is_medical(whole)
        for index in range(first, last)
    }
    for index, token in enumerate(reading.tokens):
        if token.kind == EASTERN:
            yield from unknown_spans(token)
        elif token.kind == NUMBER:
            if not _is_small(token, reading):
                yield token.start, token.end
        elif index not in kept and index not in runs and not _may_stay(token):
            yield token.start, token.end


def _may_stay(token: Token) -> bool:
    """Tell whether a word is of medicine; one that is as often a name, only in small letters."""
    return is_medical(token.folded) or (token.text.islower() and is_everyday(token.folded))


def _is_small(token: Token, reading: Reading) -> bool:
    if len(token.text) <= _SMALL or reading.text[max(0, token.start - 1) : token.start] == ".":
        return len(token.text) <= _LONGEST + _SMALL
    if len(token.text) > _LONGEST:
        return UNIT.match(reading.flat, token.end) is not None
    if not _FIRST_YEAR <= int(token.text) <= _LAST_YEAR or UNIT.match(reading.flat, token.end):
        return True
    before = reading.at(max(0, token.start - 2), token.start)
    return any(reading.tokens[index].folded in PARAMETERS for index in before)
