"""Neighbours: which words beside a name belong to it - other names, initials, particles, titles."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.sentences import ends_sentence
from fedpacs.deidentification.text.vocabulary import (
    NAME,
    UNKNOWN,
    is_curated,
    is_head,
    is_known,
    is_medical,
    kind_beside_name,
    may_be_name,
)

if TYPE_CHECKING:
    from fedpacs.deidentification.text.tokens import Reading, Token

_SENTENCE_END = re.compile(r"[.!?:;\n]")
_TWO = 2
_SHORTEST_UNKNOWN, _LONGEST_ACRONYM = 4, 4


def begins_sentence(reading: Reading, index: int) -> bool:
    """Tell whether a token is the first one of a sentence, or stands behind a colon."""
    return index == 0 or _SENTENCE_END.search(reading.gap(index - 1)) is not None


class Neighbours:
    """The words of a text as neighbours of names.

    Parameters
    ----------
    reading
        The text, split.
    prose
        Whether most of its words begin small.
    """

    __slots__ = ("_prose", "_reading", "_tokens")

    def __init__(self, reading: Reading, *, prose: bool) -> None:
        self._reading = reading
        self._tokens = reading.tokens
        self._prose = prose

    def precedes(self, index: int, token: Token, gap: str) -> bool:
        """Tell whether a word belongs to the name behind it.

        Parameters
        ----------
        index, token
            The word.
        gap
            What stands between the two.
        """
        if len(token.text) == 1:
            return token.text.isupper() and ("^" in gap or "." in gap)
        if token.folded in evidence("title") and token.folded not in evidence("weak-title"):
            return not token.text.isupper() or "." in gap or "^" in gap
        if token.folded in evidence("particle"):
            return self._is_particle(index, token)
        if self._hangs_on(index, token, gap):
            return True
        curated = is_curated(token.folded) and gap != "^"
        if self._is_other_name(token, gap) and (not curated or self._is_given(index, token)):
            return True
        return self._is_small_name(token, index + 1, gap)

    def _is_given(self, index: int, token: Token) -> bool:
        """Tell whether a word with a capital inside a sentence is the name before a name."""
        inside = self._prose and not begins_sentence(self._reading, index)
        return inside and token.text.istitle() and token.folded not in evidence("anatomy")

    def _hangs_on(self, index: int, token: Token, gap: str) -> bool:
        """Tell whether a short word belongs to a name by a hyphen or a capital: Al-Qahtani."""
        if gap == "-" and token.text.istitle() and token.folded in evidence("particle"):
            return True
        return self._is_hyphened(token, gap) or self._is_short_part(index, token, gap)

    def _is_short_part(self, index: int, token: Token, gap: str) -> bool:
        """Tell whether two letters are a part of a name beside it: Li, Ha, Lo Presti."""
        if len(token.text) != _TWO or not token.text.istitle() or gap != " ":
            return False
        if token.folded in evidence("title") | evidence("article"):
            return False
        return not token.text.isascii() or (
            self._prose and not begins_sentence(self._reading, index)
        )

    @staticmethod
    def _is_hyphened(token: Token, gap: str) -> bool:
        """Tell whether a small word hangs on a name by a hyphen: Seo-yeon, Jeong-ho."""
        if gap != "-" or not token.text.islower():
            return False
        return len(token.text) < _LONGEST_ACRONYM or not is_known(token.folded)

    def follows(self, index: int, token: Token, gap: str) -> bool:
        """Tell whether a word belongs to the name before it; as for `precedes`."""
        return not ends_sentence(self._reading, index - 1) and self._continues(index, token, gap)

    def _continues(self, index: int, token: Token, gap: str) -> bool:
        if len(token.text) == 1:
            dotted = self._reading.text[token.end : token.end + 1] == "."
            return token.text.isupper() and ("^" in gap or dotted)
        if token.folded in evidence("suffix"):
            return token.capital or token.folded in {"jr", "sr"}
        if "^" in gap and token.folded in evidence("title") | evidence("credential"):
            return True
        if self._hangs_on(index, token, gap) or self._is_small_name(token, index - 1, gap):
            return True
        return self._is_other_name(token, gap) and self._is_plain_part(index, token, gap)

    def _is_plain_part(self, index: int, token: Token, gap: str) -> bool:
        """Tell whether a word behind a name belongs to it, though medicine may use it, too."""
        if not is_curated(token.folded) or "^" in gap or self._is_first_name(index, gap):
            return True
        written = self._tokens[index - 1].text.istitle() and token.text.istitle()
        plain = token.folded not in evidence("anatomy") or self._is_last_part(index)
        return gap == " " and written and plain

    def _is_first_name(self, index: int, gap: str) -> bool:
        """Tell whether a word stands behind the comma of a name that begins a text: Long, Rose."""
        token = self._tokens[index]
        written = token.text.istitle() and token.folded not in evidence("anatomy")
        return index == 1 and gap in {", ", ","} and written and may_be_name(token.folded)

    def _is_last_part(self, index: int) -> bool:
        """Tell whether small letters or a stop behind a word say that a name ends with it."""
        if not self._prose or index < _TWO:
            return False
        last = index + 1 == len(self._tokens)
        return last or self._tokens[index + 1].text.islower() or self._reading.gap(index) != " "

    def _is_particle(self, index: int, token: Token) -> bool:
        """Tell whether a small word before a name belongs to it: van, von, and der after van."""
        if not is_medical(token.folded) or token.folded in evidence("strong-particle"):
            return True
        before = self._tokens[index - 1].folded if index else ""
        return before in evidence("strong-particle")

    def _is_other_name(self, token: Token, gap: str) -> bool:
        if not token.capital or is_head(token.folded):
            return False
        written = token.text.istitle() or "^" in gap
        return may_be_name(token.folded) or (written and kind_beside_name(token.folded) == UNKNOWN)

    def _is_small_name(self, token: Token, other: int, gap: str) -> bool:
        """Tell whether an unknown small word belongs to a name in small letters beside it."""
        if gap != " " or len(token.text) < _SHORTEST_UNKNOWN or not token.text.islower():
            return False
        beside = self._tokens[other]
        return beside.text.islower() and kind_beside_name(token.folded) in {NAME, UNKNOWN}
