"""Eponyms: names that are medical words where a head noun, a grade or custom makes them so."""

from __future__ import annotations

import re

from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.tokens import NUMBER, WORD, Reading
from fedpacs.deidentification.text.vocabulary import is_eponym, is_head

_GRADE = re.compile(r"^(?:\d{1,2}|[ivx]{1,4}[a-f]?|[abc])$")
_WORDS_AFTER, _WORDS_BEFORE = 4, 3


def kept_eponyms(reading: Reading) -> set[int]:
    """Find the eponyms that stay, unless they are names of the object's own or titled.

    Parameters
    ----------
    reading
        The text, split.

    Returns
    -------
    set of int
        Indices of tokens.
    """
    kept = {
        index
        for index, token in enumerate(reading.tokens)
        if token.kind == WORD
        and is_eponym(token.folded)
        and (_stands_alone(reading, index) or _has_head(reading, index))
    }
    for first, last, whole in reading.runs:
        if is_eponym(whole, alone=True) or (is_eponym(whole) and _has_head(reading, last - 1)):
            kept.update(range(first, last))  # DeBakey, McBurney
    return kept


def _stands_alone(reading: Reading, index: int) -> bool:
    """Tell whether a name is a word of medicine without a head: not in `read by Child`."""
    by = index > 0 and reading.tokens[index - 1].folded == "by"
    return not by and is_eponym(reading.tokens[index].folded, alone=True)


def _has_head(reading: Reading, index: int) -> bool:
    """Tell whether a head noun or a grade stands beside an eponym: Wilson's disease, Garden III."""
    if _is_grade(reading, index + 1):
        return True
    after = range(index + 1, min(index + 1 + _WORDS_AFTER, len(reading.tokens)))
    before = range(index - 1, max(index - 1 - _WORDS_BEFORE, -1), -1)
    return _reaches_head(reading, after) or _reaches_head(reading, before)


def _reaches_head(reading: Reading, positions: range) -> bool:
    for position in positions:
        word = reading.tokens[position].folded
        if is_head(word):
            return True
        if not is_eponym(word) and word not in evidence("eponym-joint"):
            return False
    return False


def _is_grade(reading: Reading, index: int) -> bool:
    if index >= len(reading.tokens) or reading.gap(index - 1) != " ":
        return False
    token = reading.tokens[index]
    if not _GRADE.match(token.folded):
        return False
    return token.kind == NUMBER or token.text.isupper()
