"""Words of a description: made comparable, and looked up leftmost and longest first."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from fedpacs.quality.standardisation.vocabulary import rows

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_CAMEL = re.compile(r"(?<=[a-zß-öø-ÿ])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z]{2})")
_SINGLE = re.compile(r"([\u3040-\u30ff\u3400-\u9fff])")
_NOT_A_WORD = re.compile(r"[^\w]+|_")
_SIGNS = (
    (re.compile(r"\+\s*/\s*[-\u2212]|\u00b1"), " plusminus "),
    (re.compile(r"\bt2\s*\*", re.IGNORECASE), " T2 star "),
    (re.compile(r"(?<=[A-Za-z])\s?\+(?=\W|$|_)"), " plus "),
    (re.compile(r"(?<=[A-Za-z])[-\u2212](?=\s|$|_)"), " minus "),
    (re.compile(r"(?<=[A-Za-z])\s[-\u2212](?=\s*$)"), " minus "),
)


@dataclass(frozen=True, slots=True)
class Term:
    """One entry of the vocabulary.

    Attributes
    ----------
    words
        Comparable words; one that ends with a star matches any ending.
    says
        Field to value.
    """

    words: tuple[str, ...]
    says: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Found:
    """One term in a description.

    Attributes
    ----------
    term
        What was found.
    understood
        Whether the words beside it are understood too: a word that nobody knows may turn round
        what its neighbour says.
    """

    term: Term
    understood: bool


def comparable(text: str) -> tuple[str, ...]:
    """Split a description into comparable words: without case, accents and punctuation.

    Chinese characters and kana are a word each, as nothing stands between their words.
    """
    text = unicodedata.normalize("NFKC", text)
    for sign, word in _SIGNS:
        text = sign.sub(word, text)
    text = _CAMEL.sub(" ", text)
    plain = "".join(
        c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c)
    ).casefold()
    return tuple(_NOT_A_WORD.sub(" ", _SINGLE.sub(r" \1 ", plain)).split())


@cache
def _terms() -> tuple[Mapping[str, Sequence[Term]], Sequence[Term]]:
    """Read the vocabulary: terms by their first word, and terms whose first word has a star."""
    together: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for row in rows("terms.csv"):
        says = [(field, value) for field, _, value in (p.partition("=") for p in row[0].split())]
        for written in row[2].split("|"):
            words = tuple(_starred(written))
            known = together.setdefault(words, [])
            known += [pair for pair in says if pair not in known]
    exact: dict[str, list[Term]] = {}
    starred: list[Term] = []
    for words, pairs in sorted(together.items(), key=lambda item: -len(item[0])):
        term = Term(words, tuple(pairs))
        if words[0].endswith("*"):
            starred.append(term)
        else:
            exact.setdefault(words[0], []).append(term)
    return exact, starred


def _starred(written: str) -> list[str]:
    words: list[str] = []
    for part in written.split():
        found = list(comparable(part.rstrip("*")))
        if part.endswith("*") and found:
            found[-1] += "*"
        words += found
    return words


def look_up(text: str) -> tuple[Found, ...]:
    """Find the terms of a description.

    Parameters
    ----------
    text
        A series description or protocol name, in any language.

    Returns
    -------
    tuple of Found
        In the order of the text; the longest at each place, and none inside another.
    """
    words = comparable(text)
    exact, starred = _terms()
    found: list[tuple[int, Term]] = []
    known = [any(c.isdigit() for c in word) or len(word) == 1 for word in words]
    place = 0
    while place < len(words):
        here = [t for t in (*exact.get(words[place], ()), *starred) if _fits(t, words, place)]
        if not here:
            place += 1
            continue
        best = max(here, key=lambda t: (len(t.words), not t.words[0].endswith("*"), t.words))
        found.append((place, best))
        known[place : place + len(best.words)] = [True] * len(best.words)
        place += len(best.words)
    known = [True, *known, True]
    return tuple(Found(term, known[at] and known[at + len(term.words) + 1]) for at, term in found)


def _fits(term: Term, words: Sequence[str], place: int) -> bool:
    part = words[place : place + len(term.words)]
    return len(part) == len(term.words) and all(
        word.startswith(wanted[:-1]) if wanted.endswith("*") else word == wanted
        for wanted, word in zip(term.words, part, strict=True)
    )
