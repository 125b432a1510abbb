"""Judgement: whether a line of text in a picture must go, may stay, or is no text at all.

Everything goes that is not plainly a marker: a side, an orientation, a scale, a setting with its
unit, a word of medicine. What resembles the object's own terms goes in any case, also where the
reader took one letter for another.
"""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import resources
from typing import TYPE_CHECKING, Literal

from fedpacs.deidentification.text.cleaning import clean_text, mentions
from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.folding import fold
from fedpacs.deidentification.text.vocabulary import is_medical, may_be_name

if TYPE_CHECKING:
    from fedpacs.deidentification.text.cleaning import CompiledTerms

Verdict = Literal["goes", "stays", "nothing"]

_WORD_CHARACTER = re.compile(r"[^\W_]")
_LETTERS = re.compile(r"[^\W\d_]+")
_DIGITS = re.compile(r"\d")
_AS_DIGITS = str.maketrans("OoQDIli|!SsBZzG", "000011111558226")
_AS_LETTERS = str.maketrans("0158|!26", "OISBIIZG")
_DATE = re.compile(r"(?<!\d)(?:\d{1,4}[./\-]){2}\d{1,4}(?!\d)")
_CLOCK = re.compile(r"(?<!\d)\d{1,2}:\d{2}(?::\d{2})?(?!\d)")
_NUMBER = re.compile(r"\d+")
_LONG_NUMBER = 6
_LONGEST_BARE = 3
_SHORTEST_WORD = 3
_TELLING = ("label", "weak-id", "id", "title", "phone", "institution", "weak-institution")
_NUMBER_LIKE = re.compile(r"[\dOoQDIl|SsBZzG](?:[ .\-/]?[\dOoQDIl|SsBZzG]){5,}")


def judged(text: str, confidence: float, terms: CompiledTerms) -> Verdict:
    """Judge a line of text.

    Parameters
    ----------
    text
        As read.
    confidence
        Of the reader, 0 to 1.
    terms
        What the object says of its patient and staff.
    """
    characters = _WORD_CHARACTER.findall(text)
    if not characters:
        return "nothing"
    if resembles_identity(text, terms):
        return "goes"
    if len(characters) == 1:
        return "stays"
    return "stays" if confidence >= 0.5 and is_marker(text, terms) else "goes"  # noqa: PLR2004 - an even chance


def resembles_identity(text: str, terms: CompiledTerms) -> bool:
    """Tell whether a text holds a date, a long number or something like the object's own terms.

    Parameters
    ----------
    text
        As read; letters may be mistaken.
    terms
        What the object says of its patient and staff.
    """
    if _DATE.search(text) or any(
        len(_DIGITS.findall(match.translate(_AS_DIGITS))) >= _LONG_NUMBER
        and len(_DIGITS.findall(match)) >= _LONG_NUMBER // 2
        for match in _NUMBER_LIKE.findall(text)
    ):
        return True
    return any(mentions(spelling, terms) for spelling in _spellings(text))


def _spellings(text: str) -> set[str]:
    """Give a text as read, with its digits read as letters, and with its letters read as digits."""
    spellings = {text, text.translate(_AS_LETTERS)}
    spellings.add(" ".join(_as_number(word) for word in text.split()))
    return spellings


def _as_number(word: str) -> str:
    digits = len(_DIGITS.findall(word))
    return word.translate(_AS_DIGITS) if 2 * digits >= len(word) else word


@lru_cache(maxsize=8192)
def is_marker(text: str, terms: CompiledTerms) -> bool:
    """Tell whether a text is plainly of the picture and not of a person.

    Parameters
    ----------
    text
        As read.
    terms
        What the object says of its patient and staff.
    """
    if _CLOCK.search(text):
        return False
    words = [fold(word) for word in _LETTERS.findall(text)]
    if not all(_is_harmless(word) for word in words):
        return False
    if len(words) > 1 and words[0] in evidence("title") | evidence("unclear-title"):
        return False
    measures = _listed("unit") | _listed("setting")
    if any(len(number) > _LONGEST_BARE for number in _NUMBER.findall(text)) and not any(
        word in measures for word in words
    ):
        return False
    long_words = [word for word in words if word not in _all_listed()]
    if not long_words:
        return True
    kept = clean_text(text, terms, "vocabulary")
    return _WORD_CHARACTER.findall(kept) == _WORD_CHARACTER.findall(text)


@lru_cache(maxsize=1)
def _lists() -> dict[str, frozenset[str]]:
    source = resources.files("fedpacs.deidentification") / "data" / "picture_words.txt"
    lists: dict[str, set[str]] = {}
    kind = ""
    for line in source.read_text("utf-8").splitlines():
        if line.startswith("["):
            kind = line.strip("[]")
        elif not line.startswith("#"):
            lists.setdefault(kind, set()).update(line.split())
    return {kind: frozenset(words) for kind, words in lists.items()}


def _listed(kind: str) -> frozenset[str]:
    return _lists()[kind]


@lru_cache(maxsize=1)
def _all_listed() -> frozenset[str]:
    return frozenset().union(*_lists().values())


def _is_harmless(word: str) -> bool:
    """Tell whether a word says nothing of a person, and not that something of one follows."""
    if word in _all_listed():
        return True
    if len(word) < _SHORTEST_WORD or any(word in evidence(kind) for kind in _TELLING):
        return False
    return is_medical(word) and not may_be_name(word)
