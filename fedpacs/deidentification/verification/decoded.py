"""The search through the decoded values of the output."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from fedpacs.deidentification.verification.finding import Finding, finding
from fedpacs.deidentification.verification.standard import common_words, own_lists, vocabulary
from fedpacs.deidentification.verification.words import stands_alone

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fedpacs.deidentification.verification.comparison import Text
    from fedpacs.deidentification.verification.evidence import Evidence

_FRACTION = re.compile(r"\.0*$")
_MINIMUM_DIGITS = 6
_SEPARATORS = re.compile(r"[\W_]+")


def text_findings(texts: Iterable[Text], evidence: Evidence) -> Iterator[Finding]:
    """Find names, numbers, dates and cut words in texts."""
    dense = _dense(evidence.numbers)
    for text in texts:
        for code in _codes(text, evidence, dense):
            yield finding(code, text.tag)


class TextIndex:
    """Texts, and what they hold all together: most searches through them can end there."""

    __slots__ = ("_dates", "_dense", "_neighbours", "_whole", "_words", "texts")

    def __init__(self, texts: Iterable[Text]) -> None:
        self.texts = tuple(texts)
        seen = [text.shown for text in self.texts]
        self._words = frozenset(word for one in seen for word in one.words)
        self._neighbours = frozenset(pair for one in seen for pair in one.neighbours)
        self._dates = frozenset(date for one in seen for date in one.dates)
        self._whole = "\n".join({one.text for one in seen})
        self._dense = "\n".join({one.dense for one in seen})

    def findings(self, evidence: Evidence) -> Iterator[Finding]:
        """Find what `text_findings` finds in the texts."""
        if (
            self._words.isdisjoint(evidence.names)
            and self._words.isdisjoint(evidence.cut)
            and self._neighbours.isdisjoint(evidence.neighbours)
            and self._dates.isdisjoint(evidence.dates)
            and not any(name in self._whole for name in evidence.substrings)
            and not any(number.casefold() in self._whole for number in evidence.numbers)
            and not any(number in self._dense for number in _dense(evidence.numbers))
        ):
            return
        yield from text_findings(self.texts, evidence)


def _codes(text: Text, evidence: Evidence, dense: frozenset[str]) -> Iterator[str]:
    shown = text.shown
    names = evidence.names & shown.words
    if names and text.from_dictionary:
        names = names - vocabulary()
    if names and not names.isdisjoint(shown.small):
        names = names - (shown.small & (vocabulary() | common_words()))
    if names and text.of_a_maker:
        names = names - own_lists()["maker"]
    if (
        names
        or not evidence.neighbours.isdisjoint(shown.neighbours)
        or any(name in shown.text for name in evidence.substrings)
    ):
        yield "deid.leak-name"
    if any(stands_alone(number.casefold(), shown.text) for number in evidence.numbers) or any(
        number in shown.dense for number in dense
    ):
        yield "deid.leak-number"
    if not evidence.dates.isdisjoint(shown.dates):
        yield "deid.leak-date"
    cut = evidence.cut & shown.words
    if cut and not text.from_dictionary:
        yield "deid.leak-text"


def _dense(numbers: Iterable[str]) -> frozenset[str]:
    """Give the identifiers with letters or many digits, without their separators."""
    found = (_SEPARATORS.sub("", number).casefold() for number in numbers)
    return frozenset(
        number
        for number in found
        if len(number) >= _MINIMUM_DIGITS + 2 and any(c.isdigit() for c in number)
    )


class Wanted(NamedTuple):
    """Numbers and dates that may stand nowhere as numbers."""

    numbers: frozenset[str]
    dates: frozenset[str]


def wanted_numbers(evidence: Evidence) -> Wanted:
    """Prepare the search through numbers."""
    numbers = frozenset(_plain(number) for number in evidence.numbers)
    return Wanted(numbers, frozenset(evidence.dates))


def number_findings(numbers: Iterable[tuple[int, str]], wanted: Wanted) -> Iterator[Finding]:
    """Find a number of the patient, or a date, that is written as a number of its own."""
    if not wanted.numbers and not wanted.dates:
        return
    for tag, text in numbers:
        if len(text) < _MINIMUM_DIGITS:
            continue
        written = _plain(text)
        if len(written) < _MINIMUM_DIGITS:
            continue
        if written in wanted.numbers:
            yield finding("deid.leak-number", tag)
        if written in wanted.dates:
            yield finding("deid.leak-date", tag)


def _plain(number: str) -> str:
    return _FRACTION.sub("", number.strip().lstrip("+-0"))
