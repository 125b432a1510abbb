"""People: titled, labelled, signed and listed names, and the eponyms that are none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from fedpacs.deidentification.text.evidence import evidence, phrases
from fedpacs.deidentification.text.tokens import NUMBER, WORD, Reading, Token
from fedpacs.deidentification.text.vocabulary import (
    COMMON,
    MEDICAL,
    NAME,
    UNKNOWN,
    is_curated,
    is_eponym,
    is_head,
    is_medical,
    kind_of,
    may_be_name,
)

Span = tuple[int, int]

_NAME_JOIN = re.compile(r"^(?:[ \t.'’_^=-]{1,3}|, ?|)$")
_LABEL_JOIN = re.compile(r"^\s?[:=.#>(\[_-]{0,3}\s?[:(\[\"'-]{0,2}\s{0,2}$")
_EXPLICIT = re.compile(r"[:=_]")
_TITLE_JOIN = re.compile(r"^[ .,_^:-]{0,3}$")
_SIGNATURE = re.compile(
    r"(?<![\w.])[A-ZÀ-ÞА-ЯЁ]\.\s?(?:[A-ZÀ-ÞА-ЯЁ]\.\s?){1,2}(?=\W|$|[A-ZА-ЯЁ][a-zа-яё])"
)
_PATRONYMIC = re.compile(r"(?:[оеё]вич|[оеё]вн)(?:а|у|ем|ом|е|ы|ой|)$")
_SLAVIC = re.compile(
    r"(?:ов|ев|ёв|ин|ын|ский|ской|цкий|енко|чук|юк|швили|дзе|ян)(?:а|у|ым|ом|е|ой|ого|ому|ая|ую|)$"
)
_DOTTED = frozenset(
    {
        "ap",
        "pa",
        "iv",
        "im",
        "us",
        "uk",
        "po",
        "sc",
        "ct",
        "mr",
        "lv",
        "rv",
        "ed",
        "er",
        "or",
        "ir",
        "nm",
        "va",
        "zn",
        "dd",
        "cm",
        "ti",
        "te",
        "tr",
        "lr",
        "md",
        "do",
        "np",
        "rn",
        "ml",
        "am",
        "pm",
        "st",
        "no",
    }
)
_MODALITIES = frozenset(
    {
        "ct",
        "mr",
        "us",
        "pet",
        "mri",
        "nm",
        "xr",
        "cr",
        "dr",
        "iv",
        "ap",
        "pa",
        "lt",
        "rt",
        "gp",
        "er",
        "ed",
        "icu",
        "or",
        "ir",
        "no",
        "id",
        "md",
    }
)
_LONGEST_NAME = 4
_SHORTEST_LISTED, _SHORTEST_UNKNOWN, _LONGEST_ACRONYM = 3, 4, 4
_INITIALS = 3
_GERMAN_BEFORE = frozenset({"der", "die", "das", "den", "dem", "des", "ein", "eine", "einen", "einem", "einer", "eines", "kein", "keine", "keinen", "keiner", "im", "am", "zur", "zum", "vom", "beim", "ohne", "ins", "ans"})  # fmt: skip
_ADJECTIVE = ("e", "en", "er", "es", "em", "er")
_GRADES = re.compile(r"^(?:\d+|[ivx]{1,4}[a-f]?|[a-d])$")


class NameMarks:
    """Which tokens of a text are names, and which eponyms must stay.

    Parameters
    ----------
    reading
        The text, split.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._tokens = reading.tokens
        self.names: set[int] = set()
        self.kept: set[int] = set()

    def spans(self, already: Iterable[Span]) -> list[Span]:
        """Find names.

        Parameters
        ----------
        already
            What is known to go; neighbours of names in it are looked at.

        Returns
        -------
        list of (int, int)
            Half-open ranges of characters.
        """
        self._keep_eponyms()
        gone = self._indices(already)
        for index in range(len(self._tokens)):
            if self._tokens[index].kind == WORD:
                self._after_title(index)
                self._after_label(index)
                self._before_credential(index)
                self._with_comma(index)
                if index not in self.names and index not in self.kept:
                    self._listed(index)
        signatures = [*self._signatures()]
        self._spread(gone | self._indices(signatures))
        return [*signatures, *((self._tokens[i].start, self._tokens[i].end) for i in self.names)]

    def _indices(self, spans: Iterable[Span]) -> set[int]:
        return {index for start, end in spans for index in self._reading.at(start, end)}

    def _keep_eponyms(self) -> None:
        for index, token in enumerate(self._tokens):
            if token.kind == WORD and is_eponym(token.folded):
                if is_eponym(token.folded, alone=True) or self._has_head(index):
                    self.kept.add(index)

    def _has_head(self, index: int) -> bool:
        """Tell whether a head noun or a grade stands beside an eponym."""
        tokens = self._tokens
        for step, reach in ((1, 4), (-1, 3)):
            position = index + step
            for _ in range(reach):
                if not 0 <= position < len(tokens):
                    break
                word = tokens[position].folded
                if is_head(word) or (
                    step > 0 and position == index + 1 and self._is_grade(position)
                ):
                    return True
                if not (
                    is_eponym(word)
                    or word
                    in {
                        "s",
                        "de",
                        "del",
                        "der",
                        "von",
                        "la",
                        "type",
                        "typ",
                        "nach",
                        "du",
                        "and",
                        "a",
                    }
                ):
                    break
                position += step
        return False

    def _is_grade(self, position: int) -> bool:
        token = self._tokens[position]
        plain = self._reading.gap(position - 1) == " "
        return (
            plain
            and _GRADES.match(token.folded) is not None
            and not token.text.islower()
            and len(token.text) <= 4
            and (token.kind == NUMBER or len(token.text) > 1 or token.text in {"A", "B", "C"})
        )  # noqa: PLR2004

    def _after_title(self, index: int) -> None:
        token = self._tokens[index]
        if token.folded not in evidence("title"):
            return
        weak = token.folded in evidence("weak-title") or len(token.text) == 1
        gap = self._reading.gap(index)
        if weak and not (token.capital and "." in gap):
            return
        if index in self.names or not _TITLE_JOIN.match(gap):
            return
        if self._take(index + 1, sure=not (self._reading.all_capitals or token.text.islower())):
            self.names.add(index)

    def _after_label(self, index: int) -> None:
        for words in phrases("label").get(self._tokens[index].folded, ()):
            last = index + len(words) - 1
            if last >= len(self._tokens) or any(
                self._tokens[index + k].folded != word for k, word in enumerate(words)
            ):
                continue
            gap = self._reading.gap(last)
            if not _LABEL_JOIN.match(gap):
                return
            explicit = _EXPLICIT.search(gap) is not None
            weak = " ".join(words) in evidence("weak-label") and not explicit
            begin = self._skip_titles(last + 1)
            if not self._take(begin, sure=not weak and not self._reading.all_capitals):
                self._take_initials(begin, explicit=explicit or not weak)
            return

    def _skip_titles(self, index: int) -> int:
        while (
            index < len(self._tokens)
            and self._tokens[index].folded in evidence("title")
            and index + 1 < len(self._tokens)
        ):
            index += 1
        return index

    def _take(self, index: int, *, sure: bool) -> bool:
        """Take the name that begins at a token, up to four words; tell whether there is one."""
        taken: list[int] = []
        position = self._skip_titles(index)
        while position < len(self._tokens) and len(taken) < _LONGEST_NAME:
            token = self._tokens[position]
            if position > index and not self._joins(position - 1, taken):
                break
            if self._is_part(position, sure=sure, first=not taken):
                taken.append(position)
            elif not (
                token.folded in evidence("particle") and self._follows_particle(position, sure=sure)
            ):
                break
            else:
                taken.append(position)
            position += 1
        if not any(len(self._tokens[i].text) > 1 for i in taken):
            return False
        self.names.update(taken)
        return True

    def _joins(self, index: int, taken: list[int]) -> bool:
        gap = self._reading.gap(index)
        if "." in gap and taken and len(self._tokens[index].text) > 3:  # noqa: PLR2004 - a sentence ends
            return False
        return (
            _NAME_JOIN.match(gap) is not None
            and "," not in gap
            or (gap == ", " and len(taken) == 1 and self._is_name(index + 1))
        )

    def _is_name(self, index: int) -> bool:
        token = self._tokens[index]
        return token.kind == WORD and may_be_name(token.folded) and not is_curated(token.folded)

    def _follows_particle(self, index: int, *, sure: bool) -> bool:
        following = index + 1
        while following < len(self._tokens) and self._tokens[following].folded in evidence(
            "particle"
        ):
            following += 1
        return (
            following < len(self._tokens)
            and following - index <= 2
            and self._is_part(following, sure=sure, first=True)
        )  # noqa: PLR2004

    def _is_part(self, index: int, *, sure: bool, first: bool) -> bool:
        """Tell whether a word beside a title or a label belongs to a name."""
        token = self._tokens[index]
        if token.kind != WORD:
            return False
        if len(token.text) == 1:
            return (
                token.text.isupper()
                and "."
                in self._reading.gap(index)[:1] + self._reading.text[token.end : token.end + 1]
            )
        kind = kind_of(token.folded)
        if kind in {NAME, UNKNOWN}:
            return token.capital or kind == NAME or (first and sure)
        if not token.capital or is_head(token.folded):
            return False
        listed = may_be_name(token.folded)
        if kind == MEDICAL:
            return listed and sure and not token.text.isupper() and not self._begins_phrase(index)
        return listed or (
            sure
            and first
            and not token.text.isupper()
            and token.folded not in evidence("date-joint")
            and kind == COMMON
            and self._odd(token)
        )

    def _begins_phrase(self, index: int) -> bool:
        following = index + 1
        return (
            following < len(self._tokens)
            and is_medical(self._tokens[following].folded)
            and not self._tokens[following].capital
        )

    def _odd(self, token: Token) -> bool:
        return len(token.text) > 3  # noqa: PLR2004

    def _take_initials(self, index: int, *, explicit: bool) -> None:
        if index >= len(self._tokens) or not explicit:
            return
        token = self._tokens[index]
        if (
            token.kind == WORD
            and 2 <= len(token.text) <= _INITIALS
            and token.text.isupper()
            and token.folded not in _MODALITIES
        ):  # noqa: PLR2004
            if not is_curated(token.folded) or len(token.text) == 2:  # noqa: PLR2004
                self.names.add(index)

    def _before_credential(self, index: int) -> None:
        token = self._tokens[index]
        if token.folded not in evidence("credential") or not token.text[-1].isupper() or index == 0:
            return
        gap = self._reading.gap(index - 1)
        if not re.match(r"^(?:,? |_|\.,? ?|, ?)$", gap):
            return
        position, taken = index - 1, []
        while (
            position >= 0
            and len(taken) < _LONGEST_NAME
            and self._credited(position, comma="," in gap)
        ):
            taken.append(position)
            if position and not re.match(
                r"^(?: |\. ?|-|, |['’])$", self._reading.gap(position - 1)
            ):
                break
            position -= 1
        if any(kind_of(self._tokens[i].folded) in {NAME, UNKNOWN} for i in taken) or (
            len(taken) > 1 and "," in gap
        ):
            self.names.update((*taken, index))

    def _credited(self, index: int, *, comma: bool) -> bool:
        token = self._tokens[index]
        if token.kind != WORD or not token.capital:
            return False
        kind = kind_of(token.folded)
        return (
            kind in {NAME, UNKNOWN}
            or len(token.text) == 1
            or (comma and may_be_name(token.folded))
            or token.folded in evidence("credential")
        )

    def _with_comma(self, index: int) -> None:
        """Find SMITH, JOHN: two capitalised words that a comma parts, both of which are names."""
        if index + 1 >= len(self._tokens) or self._reading.gap(index) not in {", ", ","}:
            return
        one, other = self._tokens[index], self._tokens[index + 1]
        if not (one.capital and other.capital) or len(one.text) == 1:
            return
        both = may_be_name(one.folded) and may_be_name(other.folded)
        if both and not (is_curated(one.folded) or is_curated(other.folded)):
            self.names.update((index, index + 1))

    def _listed(self, index: int) -> None:
        token = self._tokens[index]
        kind = kind_of(token.folded)
        if kind == NAME:
            long_enough = len(token.text) > _SHORTEST_LISTED or token.capital
            if (
                len(token.text) >= _SHORTEST_LISTED
                and long_enough
                and not self._in_known_run(index)
            ):
                self.names.add(index)
        elif kind == UNKNOWN and token.capital and len(token.text) >= _SHORTEST_UNKNOWN:
            if self._is_strange(index) and not self._in_known_run(index):
                self.names.add(index)
        elif kind == UNKNOWN and _PATRONYMIC.search(token.folded):
            self.names.add(index)

    def _in_known_run(self, index: int) -> bool:
        for first, last, whole in self._reading.runs:
            if first <= index < last and is_medical(whole):
                return True
        return False

    def _is_strange(self, index: int) -> bool:
        """Tell whether an unknown capitalised word is more likely a name than a rare word."""
        token = self._tokens[index]
        if token.text.isupper():
            return self._reading.all_capitals or len(token.text) > _LONGEST_ACRONYM
        if is_eponym(token.folded):
            return True
        if "а" <= token.folded[0] <= "я":
            return not self._begins_sentence(index) or _SLAVIC.search(token.folded) is not None
        return not self._is_german_noun(index)

    def _begins_sentence(self, index: int) -> bool:
        return index == 0 or re.search(r"[.!?:;\n]", self._reading.gap(index - 1)) is not None

    def _is_german_noun(self, index: int) -> bool:
        """Tell whether an article or an adjective stands before a word: names seldom have one."""
        if index == 0 or self._reading.gap(index - 1) != " ":
            return False
        before = self._tokens[index - 1]
        if before.folded in _GERMAN_BEFORE:
            return True
        return (
            before.text.islower()
            and is_curated(before.folded)
            and before.folded.endswith(_ADJECTIVE)
            and len(before.text) > 5
        )  # noqa: PLR2004

    def _signatures(self) -> Iterator[Span]:
        for match in _SIGNATURE.finditer(self._reading.text):
            letters = "".join(char for char in match[0].lower() if char.isalpha())
            if letters not in _DOTTED:
                yield match.start(), match.start() + len(match[0].rstrip())

    def _spread(self, gone: set[int]) -> None:
        """Let a name draw its neighbours in: other names, initials, particles, suffixes."""
        waiting = sorted(self.names | {i for i in gone if self._tokens[i].kind == WORD})
        while waiting:
            index = waiting.pop()
            for other, gap in ((index - 1, index - 1), (index + 1, index)):
                if not 0 <= other < len(self._tokens) or other in self.names or other in gone:
                    continue
                if other not in self.kept and self._is_neighbour(
                    other, self._reading.gap(gap), before=other < index
                ):
                    self.names.add(other)
                    waiting.append(other)

    def _is_neighbour(self, index: int, gap: str, *, before: bool) -> bool:
        token = self._tokens[index]
        if (
            token.kind != WORD
            or not _NAME_JOIN.match(gap)
            or (gap.startswith(".") and len(gap) > 1 and not before)
        ):
            return False
        if len(token.text) == 1:
            return token.text.isupper() and (
                "^" in gap or self._reading.text[token.end : token.end + 1] == "."
            )
        if token.folded in evidence("suffix"):
            return not before and (token.capital or token.folded in {"jr", "sr"})
        if (
            before
            and token.folded in evidence("title")
            and token.folded not in evidence("weak-title")
        ):
            return True
        if before and token.folded in evidence("particle"):
            return (
                not is_medical(token.folded)
                or token.folded in {"von", "van", "der", "den", "del", "di", "da"}
                and token.text.islower()
            )
        if (
            not token.capital
            or not may_be_name(token.folded)
            or is_curated(token.folded)
            and (self._reading.all_capitals or before)
        ):
            return False
        return (
            not is_curated(token.folded)
            or gap == " "
            and not is_head(token.folded)
            and not self._begins_phrase(index)
        )
