"""Suspicion: what the cheap layers leave that a recognizer of Presidio may know."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.numbers import UNIT
from fedpacs.deidentification.text.presidio import presidio_spans
from fedpacs.deidentification.text.removal import merge
from fedpacs.deidentification.text.tokens import NUMBER, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Span = tuple[int, int]

_TELLING = re.compile(r"@|://|\w\.[a-z]{2,6}/")
_LONG_NUMBER = 5
_CHAIN, _CHAIN_DIGITS = 6, 8
_SHORT_WORD = 2
_AROUND = 40
_MOST_CHARACTERS = 2000


def suspected_spans(reading: Reading, known: Iterable[Span]) -> list[Span]:
    """Ask Presidio about the neighbourhood of everything that is not plainly vocabulary.

    Parameters
    ----------
    reading
        The text, split.
    known
        What goes already.

    Returns
    -------
    list of (int, int)
        Half-open ranges of characters.

    Notes
    -----
    All recognizers of Presidio that need no model look for digits, an at sign or a link: a text of
    words and small numbers with units never pays for them. Where a text holds more suspicious
    places than Presidio can be asked about, they go unasked.
    """
    known = merge(known)
    suspects = [*_suspects(reading, known)]
    if not suspects:
        return []
    length = len(reading.text)
    found: list[Span] = []
    asked = 0
    for start, end in merge((max(0, a - _AROUND), min(length, b + _AROUND)) for a, b in suspects):
        asked += end - start
        if asked > _MOST_CHARACTERS:
            found += [span for span in suspects if span[0] >= start]
            break
        inside = [
            (max(a, start) - start, min(b, end) - start) for a, b in known if a < end and b > start
        ]
        spans = presidio_spans(reading.text[start:end], inside)
        found += [(start + a, start + b) for a, b in spans]
    return found


def _suspects(reading: Reading, known: list[Span]) -> Iterator[Span]:
    gone = bytearray(len(reading.text) + 1)
    for start, end in known:
        gone[start:end] = b"\x01" * (end - start)
    for match in _TELLING.finditer(reading.flat):
        if not gone[match.start()]:
            yield match.span()
    for index, token in enumerate(reading.tokens):
        if token.kind == NUMBER and not gone[token.start]:
            end = _chain(index, reading)
            if end:
                yield token.start, end


def _chain(index: int, reading: Reading) -> int:
    """Give where a long number, or a chain of numbers like that of a card, ends; 0 if none."""
    token = reading.tokens[index]
    if len(token.text) >= _LONG_NUMBER:
        return 0 if UNIT.match(reading.flat, token.end) else token.end
    digits = 0
    for follower in range(index, min(index + _CHAIN, len(reading.tokens))):
        part = reading.tokens[follower]
        if part.kind == NUMBER:
            digits += len(part.text)
        elif len(part.text) > _SHORT_WORD:
            break
        if digits >= _CHAIN_DIGITS:
            return part.end
        if reading.gap(follower) not in {"", " ", "-"}:
            break
    return 0
