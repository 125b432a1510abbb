"""Identity terms: what an object says of its patient, and the same made ready to be searched."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import permutations
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.folding import deletions, fold, spellings
from fedpacs.deidentification.text.tokens import EASTERN, NUMBER, WORD, Reading, Token
from fedpacs.deidentification.text.vocabulary import is_known, is_medical

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_GROUPS = re.compile(r"[=\\]")
_ALPHANUMERIC = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d+")
_SHORTEST_NEAR = 5
_SHORTEST_GLUED = 4
_SHORTEST_CODE = 3
_SHORTEST_NUMBER = 4
_SHORTEST_DISTINCTIVE = 4
_SHORTEST_INNER = 5
_DATE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class IdentityTerms:
    """What identifies somebody in one object, as decoded from its elements.

    Parameters
    ----------
    names
        Values of PN elements; carets and `=` groups are understood.
    identifiers
        Patient and accession numbers, serial numbers and the like.
    phrases
        Institutions, departments, addresses.
    dates
        DA values, YYYYMMDD.
    """

    names: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    phrases: tuple[str, ...] = ()
    dates: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Show counts, never values."""
        return (
            f"IdentityTerms({len(self.names)} names, {len(self.identifiers)} identifiers, "
            f"{len(self.phrases)} phrases, {len(self.dates)} dates)"
        )


class CompiledTerms:
    """Identity terms made ready for the search; equal where the terms are equal.

    Attributes
    ----------
    words
        Folded word to whether it is also an ordinary word.
    near
        Folded word less one letter, to the words it may be.
    glued
        Words that are looked for inside longer ones.
    eastern
        Names in kana or ideographs.
    particles
        Folded small words of the names: van, der, de.
    initials
        Folded initials of each name, in both orders, with the particles and without.
    codes
        Identifiers without separators, folded, that are found anywhere.
    alone
        Short identifiers, and dates in digits, that count only where they stand alone.
    sequences
        Phrases as folded words.
    days, years
        Day and month, and year, of each date.
    longest
        Letters of the longest word.
    """

    __slots__ = (
        "_hash", "_terms", "alone", "codes", "days", "eastern", "glued", "initials", "longest",
        "near", "particles", "sequences", "words", "years",
    )  # fmt: skip

    def __init__(self, terms: IdentityTerms) -> None:
        self._terms = terms
        self._hash = hash(terms)
        self.words: dict[str, bool] = {}
        self.particles: set[str] = set()
        self.initials: set[str] = set()
        self.sequences: dict[str, list[tuple[str, ...]]] = {}
        self.codes: set[str] = set()
        self.alone: set[str] = set()
        eastern: set[str] = set()
        for name in terms.names:
            for group in _GROUPS.split(name):
                self._add_name(group, eastern)
        for phrase in terms.phrases:
            self._add_phrase(phrase, eastern)
        for identifier in terms.identifiers:
            self._add_identifier(identifier)
        self.days: set[tuple[int, int]] = set()
        self.years: set[str] = set()
        for year, month, day in _dates(terms.dates):
            self.days.add((day, month))
            self.years.add(f"{year:04d}")
            self.alone.update(_date_codes(year, month, day))
        self.longest = max(map(len, self.words), default=0)
        self.eastern = tuple(sorted(eastern, key=lambda word: (-len(word), word)))
        plain = [word for word, ordinary in self.words.items() if not ordinary]
        self.glued = tuple(word for word in plain if len(word) >= _SHORTEST_GLUED)
        self.near: dict[str, set[str]] = {}
        for word in self.words:
            if len(word) >= _SHORTEST_NEAR:
                for shorter in deletions(word):
                    self.near.setdefault(shorter, set()).add(word)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CompiledTerms) and self._terms == other._terms

    def __repr__(self) -> str:
        """Show counts, never values."""
        return f"CompiledTerms({self._terms!r})"

    def _add_name(self, group: str, eastern: set[str]) -> None:
        plain: list[str] = []
        full: list[str] = []
        heads: list[str] = []
        whole: list[str] = []
        ends: list[str] = []
        odd: list[Token] = []
        for component in group.split("^"):
            tokens = Reading.of(component).tokens
            words = [t for t in tokens if t.kind == WORD and t.folded not in _unspoken()]
            self._add_component(words)
            if not words and len(tokens) == 1:
                odd.append(tokens[0])
            first = [token.folded[0] for token in words]
            full += first
            heads += first[:1]
            ends += [token.text for token in words[:1] if len(token.text) > 1]
            plain += [t.folded[0] for t in words if t.folded not in evidence("particle")]
            whole.extend(token.text for token in tokens if token.kind == EASTERN)
        _add_eastern(whole, eastern)
        for one, other in permutations(ends[:2], 2):
            if len(one) + len(other) >= _SHORTEST_NEAR:
                self._add_word(one + other)
                self.words[fold(one + other)] = False  # violetgreen is no word, though both are
        for token in odd if full else ():  # Case^Charity, Pan^Li: a name all the same
            if token.kind == WORD and len(token.text) > 1 and not _is_role(token):
                self.words.setdefault(token.folded, True)
        for letters in (plain, full, heads):
            self._add_initials(letters)

    def _add_component(self, tokens: list[Token]) -> None:
        for token in tokens:
            if token.folded in evidence("particle"):
                if len(token.text) > 1 and len(tokens) > 1:
                    self.particles.add(token.folded)
            elif len(token.text) > 1:
                self._add_word(token.text)
        if len(tokens) > 1:
            glued = "".join(token.text for token in tokens)
            if len(glued) >= _SHORTEST_GLUED:
                self._add_word(glued)
            self._add_sequence(tuple(token.folded for token in tokens))

    def _add_word(self, word: str) -> None:
        for spelling in spellings(word):
            self.words[spelling] = is_known(spelling) or len(spelling) <= 2  # noqa: PLR2004 - Li, Ng
            reverse = spelling[::-1]
            if len(spelling) >= _SHORTEST_GLUED and not is_known(reverse):
                self.words.setdefault(reverse, False)

    def _add_initials(self, letters: list[str]) -> None:
        if len(letters) > 1:
            family, given = letters[0], letters[1:]
            for middle in range(1, len(given) + 1):
                self.initials.add("".join(given[:middle]) + family)
                self.initials.add(family + "".join(given[:middle]))

    def _add_sequence(self, words: tuple[str, ...]) -> None:
        if len(words) > 1:
            group = self.sequences.setdefault(words[0], [])
            if words not in group:
                group.append(words)
                group.sort(key=lambda sequence: -len(sequence))

    def _add_phrase(self, phrase: str, eastern: set[str]) -> None:
        tokens = Reading.of(phrase).tokens
        self._add_sequence(tuple(token.folded for token in tokens))
        for token in tokens:
            if token.kind == EASTERN:
                eastern.add(token.folded)
            elif token.kind == NUMBER:
                if len(token.text) >= _SHORTEST_NUMBER:
                    self.alone.add(token.folded)
            elif len(token.text) >= _SHORTEST_DISTINCTIVE and _is_distinctive(token.folded):
                self._add_word(token.text)
        capitals = [token.text[0] for token in tokens if token.capital]
        acronym = fold("".join(capitals))
        if len(capitals) >= _SHORTEST_CODE and not is_known(acronym):
            self.words.setdefault(acronym, False)

    def _add_identifier(self, identifier: str) -> None:
        code = fold("".join(_ALPHANUMERIC.findall(identifier)))
        if not any(char.isdigit() for char in code):
            if len(code) >= _SHORTEST_GLUED and not is_known(code):
                self.words.setdefault(code, False)
            return
        if len(code) >= _SHORTEST_INNER:
            self.codes.add(code)
            for digits in _DIGITS.findall(identifier):
                bare = digits.lstrip("0")
                if len(bare) >= _SHORTEST_INNER:
                    self.codes.add(bare)
        elif len(code) >= _SHORTEST_CODE and not (code.isdigit() and len(code) < _SHORTEST_NUMBER):
            self.alone.add(code)


@lru_cache(maxsize=1)
def _unspoken() -> frozenset[str]:
    return evidence("placeholder") | evidence("title") | evidence("suffix")


def _is_role(token: Token) -> bool:
    """Tell whether a word stands in names that are none: BABY BOY^SMITH, Smith^John^^Dr."""
    return token.folded in evidence("name-role")


def _is_distinctive(folded: str) -> bool:
    generic = ("institution", "institution-word", "street", "weak-street", "particle", "date-joint")
    return not is_medical(folded) and not any(folded in evidence(kind) for kind in generic)


def _add_eastern(words: list[str], eastern: set[str]) -> None:
    folded = [fold(word) for word in words]
    eastern.update(word for word in folded if len(word) > 1)
    if len(folded) > 1:
        eastern.add("".join(folded))
        eastern.add("".join(reversed(folded)))


def _dates(values: Iterable[str]) -> Iterator[tuple[int, int, int]]:
    for value in values:
        digits = "".join(_DIGITS.findall(value))[:_DATE_DIGITS]
        if len(digits) == _DATE_DIGITS and digits.isascii():
            yield int(digits[:4]), int(digits[4:6]), int(digits[6:8])


def _date_codes(year: int, month: int, day: int) -> tuple[str, ...]:
    y, m, d, short = f"{year:04d}", f"{month:02d}", f"{day:02d}", f"{year % 100:02d}"
    return y + m + d, d + m + y, m + d + y, short + m + d, d + m + short, m + d + short


@lru_cache(maxsize=4096)
def compile_terms(terms: IdentityTerms) -> CompiledTerms:
    """Make the terms ready for the search.

    Parameters
    ----------
    terms
        What one object says of its patient.

    Returns
    -------
    CompiledTerms
        The same object for equal terms, as long as it is remembered.
    """
    return CompiledTerms(terms)
