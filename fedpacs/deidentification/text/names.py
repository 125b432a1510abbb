"""Names: words of the list of names, unknown capitalised words, and what belongs to either."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.eponyms import kept_eponyms
from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.labelled import NAME_JOIN, LabelledNames
from fedpacs.deidentification.text.neighbours import Neighbours, begins_sentence
from fedpacs.deidentification.text.strangers import strange_names
from fedpacs.deidentification.text.tokens import WORD, Reading, Token
from fedpacs.deidentification.text.vocabulary import (
    COMMON,
    MEDICAL,
    NAME,
    UNKNOWN,
    is_curated,
    is_eponym,
    is_known,
    is_listed,
    is_lone,
    is_medical,
    kind_beside_name,
    kind_of,
    may_be_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Span = tuple[int, int]

_SIGNATURE = re.compile(
    r"(?<![\w.])[A-ZÀ-ÞА-ЯЁ]\.\s?(?:[A-ZÀ-ÞА-ЯЁ]\.\s?){1,2}(?=\W|$|[A-ZА-ЯЁ][a-zа-яё])"
)
_PATRONYMIC = re.compile(r"(?:[ое]вич|[ое]вн)(?:а|у|ем|ом|е|ы|ои|)$")
_SLAVIC = re.compile(
    r"(?:ов|ев|ин|ын|скии|скои|цкии|енко|чук|юк|швили|дзе|ян)(?:а|у|ым|ом|е|ои|ого|ому|ая|ую|)$"
)
_SENTENCE_END = re.compile(r"[.!?:;\n]")
_SHORTEST_NAME, _SHORTEST_UNKNOWN, _LONGEST_ACRONYM = 3, 4, 4
_SHORTEST_ADJECTIVE = 6
_PROSE = 0.5
_TWO = 2
_LONGEST_BRIDGE = 3


class NameMarks:
    """The tokens of a text that are names, and the eponyms among them that stay.

    Parameters
    ----------
    reading
        The text, split.
    already
        Ranges that are known to go; neighbours of names in them are looked at.
    """

    __slots__ = (
        "_gone",
        "_known_runs",
        "_neighbours",
        "_prose",
        "_reading",
        "_tokens",
        "kept",
        "names",
    )

    def __init__(self, reading: Reading, already: Iterable[Span]) -> None:
        self._reading = reading
        self._tokens = reading.tokens
        self._gone = self._indices(already)
        self._known_runs = {
            index
            for first, last, whole in reading.runs
            if is_known(whole)
            for index in range(first, last)
        }
        words = [token for token in self._tokens if token.kind == WORD and len(token.text) > 1]
        small = sum(not token.capital for token in words)
        self._prose = small > _PROSE * len(words)
        self.kept = kept_eponyms(reading)
        self._neighbours = Neighbours(reading, prose=self._prose)
        self.names: set[int] = set()

    def spans(self) -> list[Span]:
        """Find all names.

        Returns
        -------
        list of (int, int)
            Half-open ranges of characters.
        """
        self.names = LabelledNames(self._reading).find()
        self.names |= strange_names(self._reading, prose=self._prose) - self.kept - self._gone
        for index, token in enumerate(self._tokens):
            settled = index in self.names or index in self.kept or index in self._known_runs
            if token.kind != WORD or settled:
                continue
            if self._is_listed(index, token):
                self.names.add(index)
            elif self._is_elided(index, token):
                self.names.update((index - 1, index))
        signatures = [*self._signatures()]
        signed = self._indices(signatures)
        self._beside_signature(signed)
        self._spread(self._gone | signed)
        self._bridge(signed)
        self._trail()
        self.kept -= self.names
        return [*signatures, *self._ranges()]

    def _ranges(self) -> Iterator[Span]:
        """Give the ranges of the names; a title's full stop goes with the title."""
        going = self.names | self._gone
        for index in self.names:
            token = self._tokens[index]
            titled = token.folded in evidence("title") or len(token.text) == 1
            gap = self._reading.gap(index)
            if titled and index + 1 in going and gap.strip() == ".":
                yield token.start, token.end + len(gap)
            else:
                yield token.start, token.end

    def _indices(self, spans: Iterable[Span]) -> set[int]:
        return {index for start, end in spans for index in self._reading.at(start, end)}

    def _is_listed(self, index: int, token: Token) -> bool:
        """Tell whether a word is a name by the lists, or for want of being any other word."""
        kind = kind_of(token.folded)
        if kind in {NAME, UNKNOWN} and token.text.lower() == token.text.upper():
            return len(token.text) > 1  # a script without case, and nothing known that it says
        if kind == NAME:
            return len(token.text) >= _SHORTEST_NAME + (not token.capital)
        if not token.capital or len(token.text) < _SHORTEST_UNKNOWN:
            return kind == UNKNOWN and _PATRONYMIC.search(token.folded) is not None
        return self._is_strange(index, token) if kind == UNKNOWN else self._is_used(index, token)

    def _is_used(self, index: int, token: Token) -> bool:
        """Tell whether a capitalised word of medicine or everyday language is used as a name."""
        if self._has_initial(index) and kind_beside_name(token.folded) == UNKNOWN:
            return True
        if kind_of(token.folded) == MEDICAL:
            return self._is_signed(index, token)
        if kind_of(token.folded) != COMMON:
            return False
        if not may_be_name(token.folded):
            opens = self._prose and begins_sentence(self._reading, index)
            return not opens and is_lone(token.folded)
        plain = self._prose and (begins_sentence(self._reading, index) or token.text.isupper())
        return self._has_initial(index) or not plain

    def _is_signed(self, index: int, token: Token) -> bool:
        """Tell whether a word of medicine is a name behind an initial: `by K. Sharp`."""
        if not self._has_initial(index) or token.folded in evidence("anatomy"):
            return False
        before = self._tokens[index - 2].folded if index > 1 else ""
        opens = index == 1 or before in evidence("before-name")
        return opens and token.text.istitle() and may_be_name(token.folded)

    def _has_initial(self, index: int) -> bool:
        """Tell whether an initial with its full stop stands before a word: K. Marsh."""
        return (
            index > 0
            and len(self._tokens[index - 1].text) == 1
            and self._tokens[index - 1].text.isupper()
            and self._reading.gap(index - 1) in {".", ". "}
        )

    def _is_elided(self, index: int, token: Token) -> bool:
        """Tell whether a word is the rest of D'Alembert or O'Sullivan."""
        return (
            index > 0
            and (token.text.istitle() or (token.text.isupper() and not is_listed(token.folded)))
            and len(token.text) > 1
            and self._tokens[index - 1].text in {"D", "O"}
            and self._reading.gap(index - 1) in {"'", "’"}
            and not is_curated(token.folded)
        )

    def _is_strange(self, index: int, token: Token) -> bool:
        """Tell whether an unknown capitalised word is more likely a name than a rare word."""
        if token.text.isupper():
            return self._reading.all_capitals or len(token.text) > _LONGEST_ACRONYM
        if is_eponym(token.folded):
            return True
        if "а" <= token.folded[0] <= "я":
            return (
                not begins_sentence(self._reading, index)
                or _SLAVIC.search(token.folded) is not None
            )
        return not self._is_german_noun(index)

    def _is_german_noun(self, index: int) -> bool:
        """Tell whether an article or an adjective stands before a word: names seldom have one."""
        if index == 0 or self._reading.gap(index - 1) != " ":
            return False
        before = self._tokens[index - 1]
        if before.folded in evidence("article"):
            return True
        return (
            before.text.islower()
            and len(before.text) >= _SHORTEST_ADJECTIVE
            and is_curated(before.folded)
            and _is_german_adjective(before.folded)
        )

    def _signatures(self) -> Iterator[Span]:
        """Find initials with full stops that are no abbreviation of medicine."""
        for match in _SIGNATURE.finditer(self._reading.text):
            letters = "".join(char for char in match[0].lower() if char.isalpha())
            if letters not in evidence("dotted"):
                yield match.start(), match.start() + len(match[0].rstrip())

    def _beside_signature(self, signed: set[int]) -> None:
        for index in signed:
            for other, gap in ((index - 1, index - 1), (index + 1, index)):
                if 0 <= other < len(self._tokens) and other not in signed:
                    token = self._tokens[other]
                    joint = self._reading.gap(gap)
                    near = joint.strip() in ({""} if other < index else {"", "."})
                    if near and token.capital and not is_medical(token.folded):
                        self.names.add(other)

    def _spread(self, gone: set[int]) -> None:
        """Let a name draw its neighbours in: other names, initials, particles, suffixes."""
        waiting = sorted(self.names | {i for i in gone if self._tokens[i].kind == WORD})
        while waiting:
            index = waiting.pop()
            for other, gap in ((index - 1, index - 1), (index + 1, index)):
                if not 0 <= other < len(self._tokens) or other in self.names or other in gone:
                    continue
                token, between = self._tokens[other], self._reading.gap(gap)
                if other in self.kept or token.kind != WORD or not NAME_JOIN.match(between):
                    continue
                if (
                    self._neighbours.precedes(other, token, between)
                    if other < index
                    else self._neighbours.follows(other, token, between)
                ):
                    self.names.add(other)
                    waiting.append(other)

    def _bridge(self, signed: set[int]) -> None:
        """Take a particle, an initial or a short word that stands between two names."""
        known = self.names | signed
        settled = known | self._gone
        for start in sorted(known):
            index = start + 1
            while index - start <= _LONGEST_BRIDGE and self._is_bridge(index, settled):
                index += 1
            joined = index < len(self._tokens) and NAME_JOIN.match(self._reading.gap(index - 1))
            if index > start + 1 and joined and index in known:
                self.names.update(range(start + 1, index))

    def _trail(self) -> None:
        """Take the particles behind a name that begins with the family's: Broek, Jan van den."""
        for index in sorted(self.names):
            commas = any("," in self._reading.gap(i) for i in range(max(0, index - 4), index))
            position = index + 1
            while (
                commas
                and index - position >= -_LONGEST_BRIDGE
                and position < len(self._tokens)
                and position not in self.names
                and self._reading.gap(position - 1) == " "
                and self._tokens[position].folded in evidence("particle")
            ):
                position += 1
            if self._tokens[position - 1].folded not in {"y", "e", "i"}:
                self.names.update(range(index + 1, position))

    def _is_bridge(self, index: int, settled: set[int]) -> bool:
        if index + 1 >= len(self._tokens) or index in settled:
            return False
        token = self._tokens[index]
        short = len(token.text) == 1 and token.text.isupper()
        part = token.kind == WORD and (short or token.folded in evidence("particle"))
        return part and NAME_JOIN.match(self._reading.gap(index - 1)) is not None


def _is_german_adjective(folded: str) -> bool:
    """Tell whether a word is declined: kleine, kleinen, but not liver, abdomen or spleen."""
    for ending in ("en", "er", "es", "em", "e"):
        stem = folded.removesuffix(ending)
        if stem != folded:
            return is_listed(f"{stem}en" if ending == "e" else f"{stem}e")
    return False
