"""Labelled names: what a title, a label, a credential or a comma says outright is a name."""

from __future__ import annotations

import re

from fedpacs.deidentification.text.evidence import evidence, phrases
from fedpacs.deidentification.text.sentences import ends_sentence
from fedpacs.deidentification.text.tokens import WORD, Reading, Token
from fedpacs.deidentification.text.vocabulary import (
    COMMON,
    MEDICAL,
    NAME,
    UNKNOWN,
    is_curated,
    is_eponym,
    is_head,
    is_medical,
    kind_beside_name,
    kind_of,
    may_be_name,
)

NAME_JOIN = re.compile(r"^(?:[ \t.'’_^=-]{1,3}|, ?|)$")
_LABEL_JOIN = re.compile(r"^\s?[:=.#>(\[_-]{0,3}\s?[:(\[\"'-]{0,2}\s{0,2}$")
_TITLE_JOIN = re.compile(r"^[ .,_^:-]{0,3}$")
_CREDENTIAL_JOIN = re.compile(r"^(?:,? ?|_|\.,? ?)$")
_BACK_JOIN = re.compile(r"^(?: |\. ?|-|, |['’])$")
_EXPLICIT = re.compile(r"[:=_]")
_LONGEST_NAME = 4
_PARTICLES = 2
_TITLES = 4
_LONGEST_INITIALS = 3
_FOUR = 4


class LabelledNames:
    """The tokens of a text that are names by what stands beside them.

    Parameters
    ----------
    reading
        The text, split.
    """

    __slots__ = ("_reading", "_tokens", "names")

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._tokens = reading.tokens
        self.names: set[int] = set()

    def find(self) -> set[int]:
        """Give the indices of all tokens that are names, with their titles."""
        for index, token in enumerate(self._tokens):
            if token.kind == WORD:
                self._after_title(index, token)
                self._after_label(index)
                self._before_credential(index, token)
                self._with_comma(index, token)
        return self.names

    def _after_title(self, index: int, token: Token) -> None:
        folded = token.folded
        if folded not in evidence("title") or index in self.names:
            return
        gap = self._reading.gap(index)
        needs_dot = folded in evidence("dotted-title") or len(folded) == 1
        if not _TITLE_JOIN.match(gap) or (needs_dot and not (token.capital and "." in gap)):
            return
        if folded in evidence("weak-title") and not token.text.istitle() and "." not in gap:
            return
        unclear = folded in evidence("unclear-title") and "." not in gap
        if self._take(index + 1, sure=token.text.istitle() or (token.capital and not unclear)):
            self.names.add(index)
        elif token.text.islower() and not unclear | self._reading.all_capitals:
            self._take_small(index + 1)

    def _take_small(self, index: int) -> None:
        if index < len(self._tokens) and may_be_name(self._tokens[index].folded):
            self.names.add(index)

    def _after_label(self, index: int) -> None:
        for words in phrases("label").get(self._tokens[index].folded, ()):
            last = index + len(words) - 1
            if not self._spells(index, words):
                continue
            gap = self._reading.gap(last)
            if not _LABEL_JOIN.match(gap):
                return
            explicit = _EXPLICIT.search(gap) is not None
            label = " ".join(words)
            weak = label in evidence("weak-label") and not explicit
            related = label in evidence("relation") and self._is_written_name(last + 1)
            sure = (related or not weak) and not self._reading.all_capitals
            if not self._take(last + 1, sure=sure):
                self._take_initials(last + 1, said=explicit or not weak)
                self._take_account(last + 1, label)
            return

    def _is_written_name(self, index: int) -> bool:
        """Tell whether a word behind a relation is written like a name: wife Petra, son Young."""
        if index >= len(self._tokens) or self._tokens[index - 1].text.isupper():
            return False
        token = self._tokens[index]
        return token.text.istitle() and may_be_name(token.folded)

    def _spells(self, index: int, words: tuple[str, ...]) -> bool:
        following = self._tokens[index : index + len(words)]
        return len(following) == len(words) and all(
            token.folded == word for token, word in zip(following, words, strict=True)
        )

    def _take(self, index: int, *, sure: bool) -> bool:
        """Take the name that begins at a token, up to four words; tell whether there is one."""
        start = index
        farthest = min(index + _TITLES, len(self._tokens) - 1)
        while start < farthest and self._tokens[start].folded in evidence("title"):
            start += 1
        taken: list[int] = []
        position = start
        while position < len(self._tokens) and len(taken) < _LONGEST_NAME:
            if taken and not self._joins(position - 1, taken):
                break
            if not self._is_part(position, taken, sure=sure) and not self._is_particle(
                position, sure=sure
            ):
                break
            taken.append(position)
            position += 1
        if not any(len(self._tokens[i].text) > 1 for i in taken):
            return False
        self.names.update(range(index, start), taken)
        return True

    def _joins(self, index: int, taken: list[int]) -> bool:
        gap = self._reading.gap(index)
        if "." in gap and ends_sentence(self._reading, index):
            return False
        if "," in gap:
            return gap == ", " and len(taken) == 1 and self._is_name(index + 1)
        return NAME_JOIN.match(gap) is not None

    def _is_name(self, index: int) -> bool:
        token = self._tokens[index]
        return token.kind == WORD and may_be_name(token.folded) and not is_curated(token.folded)

    def _is_particle(self, index: int, *, sure: bool) -> bool:
        following = index
        farthest = min(index + _PARTICLES + 1, len(self._tokens))
        while following < farthest and self._tokens[following].folded in evidence("particle"):
            following += 1
        return (
            0 < following - index <= _PARTICLES
            and following < len(self._tokens)
            and self._is_part(following, [], sure=sure)
        )

    def _is_part(self, index: int, taken: list[int], *, sure: bool) -> bool:
        """Tell whether a word beside a title or a label belongs to a name."""
        token = self._tokens[index]
        if token.kind != WORD:
            return False
        if len(token.text) == 1:
            return token.text.isupper() and self._reading.text[token.end : token.end + 1] == "."
        kind = kind_beside_name(token.folded)
        if kind in {NAME, UNKNOWN}:
            long = len(token.text) >= _FOUR and token.text.islower()
            return token.capital or kind == NAME or long or (sure and not taken)
        if not token.capital:
            named = kind == COMMON and may_be_name(token.folded)
            return named if taken else self._opens_small_name(index)
        return self._is_ordinary_name(index, taken, sure=sure)

    def _opens_small_name(self, index: int) -> bool:
        """Tell whether a small word that may be a name is one before another: pt will kowalski."""
        if not may_be_name(self._tokens[index].folded) or self._reading.gap(index) != " ":
            return False
        other = self._tokens[index + 1]
        unlike = kind_beside_name(other.folded) in {NAME, UNKNOWN} and len(other.text) >= _FOUR - 1
        return other.kind == WORD and other.text.islower() and unlike

    def _is_ordinary_name(self, index: int, taken: list[int], *, sure: bool) -> bool:
        """Tell whether a capitalised word of medicine or everyday language is a name here."""
        token = self._tokens[index]
        if not taken and sure and self._is_addressed(index):
            return True
        listed = may_be_name(token.folded)
        if kind_beside_name(token.folded) == MEDICAL or is_head(token.folded):
            return listed and sure and self._is_titled(index, taken)
        following = self._tokens[index + 1].text if index + 1 < len(self._tokens) else ""
        plain = sure or following.islower()  # a capital inside a sentence says something
        return listed or (plain and not taken and token.text.istitle() and len(token.text) >= _FOUR)

    def _is_addressed(self, index: int) -> bool:
        """Tell whether a word stands behind a title so that it can only be a name: Mrs Bees."""
        token, before = self._tokens[index], self._tokens[index - 1]
        if index and before.folded in evidence("maiden") and not self._reading.all_capitals:
            return token.text.istitle()
        if not index or before.folded not in evidence("title"):
            return False
        written = token.text.istitle() or (token.capital and "." in self._reading.gap(index - 1))
        named = before.folded in evidence("address") or not is_curated(token.folded)
        return written and named and before.capital

    def _is_titled(self, index: int, taken: list[int]) -> bool:
        """Tell whether a medical word that may be a name (Long, Young, Hand) is one here."""
        before = self._tokens[index - 1].folded if index else ""
        if taken or before in evidence("title"):
            return self._tokens[index].text.istitle() or not taken
        following = self._tokens[index + 1] if index + 1 < len(self._tokens) else None
        return self._tokens[index].text.istitle() and (
            following is None or following.capital or not is_medical(following.folded)
        )

    def _take_initials(self, index: int, *, said: bool) -> None:
        if index >= len(self._tokens) or not said:
            return
        token = self._tokens[index]
        if (
            token.kind == WORD
            and 1 < len(token.text) <= _LONGEST_INITIALS
            and token.text.isupper()
            and token.folded not in evidence("modality")
            and (len(token.text) < _LONGEST_INITIALS or not is_curated(token.folded))
        ):
            self.names.add(index)

    def _take_account(self, index: int, label: str) -> None:
        """Take an unknown small word behind a role as the name of an account: operator jdoe."""
        if index < len(self._tokens) and label in evidence("account"):
            token = self._tokens[index]
            long = len(token.text) >= _LONGEST_INITIALS
            if long and token.text.islower() and kind_of(token.folded) == UNKNOWN:
                self.names.add(index)

    def _before_credential(self, index: int, token: Token) -> None:
        if token.folded not in evidence("credential") or not token.text[-1].isupper() or not index:
            return
        gap = self._reading.gap(index - 1)
        if not _CREDENTIAL_JOIN.match(gap):
            return
        taken: list[int] = []
        position = index - 1
        while (
            position >= 0
            and len(taken) < _LONGEST_NAME
            and self._is_credited(self._tokens[position], comma="," in gap)
        ):
            taken.append(position)
            if not position or not _BACK_JOIN.match(self._reading.gap(position - 1)):
                break
            position -= 1
        known = all(kind_of(self._tokens[i].folded) not in {NAME, UNKNOWN} for i in taken)
        if taken and (not known or (len(taken) > 1 and "," in gap)):
            self.names.update((*taken, index))

    def _is_credited(self, token: Token, *, comma: bool) -> bool:
        if token.kind != WORD or not token.capital:
            return False
        return (
            kind_beside_name(token.folded) in {NAME, UNKNOWN}
            or len(token.text) == 1
            or (comma and may_be_name(token.folded))
            or token.folded in evidence("credential")
        )

    def _opens_text(self, index: int) -> bool:
        """Tell whether two words with a comma begin a text as a name does: Green, Violet CT."""
        other = self._tokens[index + 1]
        written = self._tokens[index].text.istitle() and other.text.istitle()
        follower = self._tokens[index + 2].text if index + 2 < len(self._tokens) else ""
        return not index and written and not follower.islower() and "," not in self._reading.gap(1)

    def _with_comma(self, index: int, token: Token) -> None:
        """Find SMITH, JOHN: two capitalised words that a comma parts, both of which are names."""
        if self._reading.gap(index) not in {", ", ","} or len(token.text) == 1:
            return
        if is_eponym(token.folded, alone=True):
            return
        other = self._tokens[index + 1]
        both = may_be_name(token.folded) and may_be_name(other.folded)
        plain = self._is_name(index) or self._is_name(index + 1) or self._opens_text(index)
        anatomy = evidence("anatomy") & {token.folded, other.folded}
        if token.capital and other.capital and both and plain and not anatomy:
            self.names.update((index, index + 1))
