"""The vocabulary gate of strict profiles, and the question whether Presidio has work to do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fedpacs.deidentification.text.eastern import unknown_spans
from fedpacs.deidentification.text.tokens import EASTERN, NUMBER, Reading, Token
from fedpacs.deidentification.text.vocabulary import is_medical

Span = tuple[int, int]

_UNIT = re.compile(
    r"^\s?(?:mm|cm|ml|cc|ms|msec|us|hz|khz|mhz|kv|kvp|ma|mas|hu|gy|cgy|mgy|mbq|kbq|bq|mg|kg|g|s|sec|%|x)(?![^\W\d_])"
)
_SMALL = 3
_LONGEST = 4
_FIRST_YEAR, _LAST_YEAR = 1900, 2100
_SUSPECT = 4


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
        elif index not in kept and index not in runs and not is_medical(token.folded):
            yield token.start, token.end


def _is_small(token: Token, reading: Reading) -> bool:
    if len(token.text) <= _SMALL or reading.text[max(0, token.start - 1) : token.start] == ".":
        return len(token.text) <= _LONGEST + _SMALL
    if len(token.text) > _LONGEST:
        return _UNIT.match(reading.flat, token.end) is not None
    return not _FIRST_YEAR <= int(token.text) <= _LAST_YEAR or (
        _UNIT.match(reading.flat, token.end) is not None
    )


def needs_presidio(reading: Reading, spans: Iterable[Span]) -> bool:
    """Tell whether something is left that a pattern recognizer may know.

    Parameters
    ----------
    reading
        The text, split.
    spans
        What goes already.

    Notes
    -----
    All of Presidio's recognizers that need no model look for digits, an at sign or a link; a text
    of words and small numbers with units never pays for them.
    """
    gone = bytearray(len(reading.text) + 1)
    for start, end in spans:
        gone[start:end] = b"\x01" * (end - start)
    if any(not gone[match.start()] for match in re.finditer(r"@|://|\w\.[a-z]{2,}/", reading.flat)):
        return True
    return any(
        token.kind == NUMBER and not gone[token.start] and _is_suspect(index, reading)
        for index, token in enumerate(reading.tokens)
    )


def _is_suspect(index: int, reading: Reading) -> bool:
    """Tell whether a number is long, or one of a chain that may be a number of a card."""
    token = reading.tokens[index]
    if len(token.text) > _SUSPECT:
        return _UNIT.match(reading.flat, token.end) is None
    digits = 0
    for follower in range(index, min(index + 6, len(reading.tokens))):
        part = reading.tokens[follower]
        if part.kind == NUMBER or len(part.text) <= 2:  # noqa: PLR2004 - country codes, check letters
            digits += len(part.text) if part.kind == NUMBER else 0
        else:
            break
        if reading.gap(follower) not in {"", " ", "-"}:
            break
    return digits >= 2 * _SUSPECT
