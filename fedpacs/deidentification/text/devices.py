"""Devices: the name of a maker, a model or a program, without people who were written into it."""

from __future__ import annotations

from functools import cache

from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.folding import fold
from fedpacs.deidentification.text.labelled import LabelledNames
from fedpacs.deidentification.text.lists import read_lines
from fedpacs.deidentification.text.numbers import mail_spans
from fedpacs.deidentification.text.removal import remove
from fedpacs.deidentification.text.tokens import WORD, Reading, Token
from fedpacs.deidentification.text.vocabulary import NAME, UNKNOWN, kind_of, may_be_name

Span = tuple[int, int]

_JOINS = frozenset({" ", ", ", ",", "^", "_", "-", ". ", "."})
_SHORTEST = 3


@cache
def _device_words() -> frozenset[str]:
    return frozenset(fold(word) for line in read_lines("text_devices.txt") for word in line.split())


def device_text(text: str) -> str:
    """Take people out of what says which device or program made an object.

    Parameters
    ----------
    text
        The value of an attribute such as Manufacturer (0008,0070).

    Returns
    -------
    str
        The text; without what a label or a title says is a name, without two neighbours that are
        names, and without a name beside words of makers and models. A single unknown word stays: it
        is the name of a maker.
    """
    reading = Reading.of(text)
    going = LabelledNames(reading).find() | _pairs(reading) | _beside_device(reading)
    going = {index for index in going if not _is_device(reading.tokens[index])}
    spans: list[Span] = [(reading.tokens[i].start, reading.tokens[i].end) for i in going]
    if going:
        spans += [(t.start, t.end) for t in reading.tokens if _is_strange(t)]
        spans += [(t.start, t.end) for t in reading.tokens if _is_trace(t)]
    return remove(text, [*spans, *mail_spans(reading)])


def _is_device(token: Token) -> bool:
    return token.kind == WORD and token.folded in _device_words()


def _is_trace(token: Token) -> bool:
    """Tell whether a word says nothing without the name that goes: operator, by, Dr."""
    return token.kind == WORD and any(
        token.folded in evidence(kind) for kind in ("label", "before-name", "title", "particle")
    )


def _is_strange(token: Token) -> bool:
    """Tell whether a word beside a name is hardly one of a device."""
    if _may_be_part(token):
        return kind_of(token.folded) in {NAME, UNKNOWN}
    return token.text.istitle() and 1 < len(token.text) < _SHORTEST and not _is_device(token)


def _may_be_part(token: Token) -> bool:
    return (
        token.kind == WORD
        and token.capital
        and len(token.text) >= _SHORTEST
        and not _is_device(token)
    )


def _pairs(reading: Reading) -> set[int]:
    """Find neighbours that are both names, or one of which is nothing but a name."""
    found: set[int] = set()
    for index in range(len(reading.tokens) - 1):
        one, other = reading.tokens[index], reading.tokens[index + 1]
        if reading.gap(index) not in _JOINS or not (_may_be_part(one) and _may_be_part(other)):
            continue
        both = may_be_name(one.folded) and may_be_name(other.folded)
        if both or NAME in {kind_of(one.folded), kind_of(other.folded)}:
            found.update((index, index + 1))
    return found


def _beside_device(reading: Reading) -> set[int]:
    """Find words that are nothing but names, beside the words of a maker."""
    if not any(_is_device(token) and len(token.text) >= _SHORTEST for token in reading.tokens[:1]):
        return set()
    strange = {
        index: kind_of(token.folded)
        for index, token in enumerate(reading.tokens)
        if _may_be_part(token) and token.text.istitle()
    }
    return {
        index
        for index, kind in strange.items()
        if kind == NAME
        or (kind == UNKNOWN and UNKNOWN in {strange.get(index - 1), strange.get(index + 1)})
    }
