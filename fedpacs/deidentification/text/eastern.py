"""Japanese text: words without blanks, told apart by the vocabulary; names and institutions."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.folding import fold
from fedpacs.deidentification.text.lists import read_lines, word_lists
from fedpacs.deidentification.text.tokens import EASTERN, Reading, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]
Segment = tuple[int, int, str]

KNOWN, NAMED, LEFT = "known", "named", "left"

_LONGEST, _LABEL_GAP = 12, 3
_LONGEST_NAME, _LONGEST_GIVEN = 8, 4
_HIRAGANA_KEPT = 2
_NAME_COST = 2
_LONGEST_CHINESE = 2


@cache
def _words(kind: str) -> frozenset[str]:
    """Give the folded words of one kind of ``data/text_eastern.csv``."""
    found: set[str] = set()
    for line in read_lines("text_eastern.csv"):
        name, _, words = line.partition(";")
        if name == kind:
            found.update(fold(word) for word in words.split())
    return frozenset(found)


@cache
def _known_words() -> frozenset[str]:
    return word_lists().eastern | _words("title") | _words("institution") | _words("label")


@cache
def _name_words() -> frozenset[str]:
    lists = word_lists()
    both = lists.names | lists.places | _words("town")
    return (
        frozenset(word for word in both if len(word) > 1 and not word[0].isascii()) - _known_words()
    )


@lru_cache(maxsize=8192)
def segments(run: str) -> tuple[Segment, ...]:
    """Split a run of kana and ideographs into known words, listed names and what is left.

    Parameters
    ----------
    run
        As written.

    Returns
    -------
    tuple of (int, int, str)
        Start, end and KNOWN, NAMED or LEFT.

    Notes
    -----
    Of all splits, the one that leaves the fewest characters over, then the one of the fewest
    words; a name counts for several, so that words of medicine are read as such.
    """
    folded = fold(run)
    if len(folded) != len(run):
        return ((0, len(run), KNOWN if folded in _known_words() else LEFT),)
    best: list[tuple[int, int, int, str]] = [(0, 0, 0, LEFT)]
    for end in range(1, len(folded) + 1):
        left, words, *_ = best[end - 1]
        choice = (left + 1, words + 1, end - 1, LEFT)
        for start in range(max(0, end - _LONGEST), end):
            kind = _kind(folded[start:end])
            if kind != LEFT:
                left, words, *_ = best[start]
                cost = 1 if kind == KNOWN else 1 + _NAME_COST
                choice = min(choice, (left, words + cost, start, kind), key=lambda c: c[:2])
        best.append(choice)
    return _read_back(best)


def _kind(word: str) -> str:
    if word in _known_words():
        return KNOWN
    return NAMED if word in _name_words() else LEFT


def _read_back(best: list[tuple[int, int, int, str]]) -> tuple[Segment, ...]:
    cuts: list[Segment] = []
    end = len(best) - 1
    while end:
        *_, start, kind = best[end]
        if cuts and kind == LEFT == cuts[-1][2]:
            cuts[-1] = (start, cuts[-1][1], LEFT)
        else:
            cuts.append((start, end, kind))
        end = start
    return tuple(reversed(cuts))


def eastern_spans(reading: Reading) -> list[Span]:
    """Find names and institutions in Japanese text.

    Parameters
    ----------
    reading
        The text, split.

    Returns
    -------
    list of (int, int)
        Half-open ranges of characters.
    """
    spans: list[Span] = []
    previous: Token | None = None
    for token in reading.tokens:
        if token.kind == EASTERN:
            run = _Run(token)
            if previous is not None and token.start - previous.end <= _LABEL_GAP:
                run.is_said = previous.kind == EASTERN and _Run(previous).announces()
            spans += [run.whole()] if run.is_chinese_name() else run.spans()
        previous = token
    return spans


class _Run:
    """One run of Japanese characters and its segments."""

    __slots__ = ("is_said", "parts", "token")

    def __init__(self, token: Token) -> None:
        self.token = token
        self.parts = segments(token.text)
        self.is_said = False

    def announces(self) -> bool:
        """Tell whether the run ends with a label or a listed name, so that a name may follow."""
        start, end, kind = self.parts[-1]
        return kind == NAMED or self.token.text[start:end] in _words("label")

    def word(self, index: int) -> str:
        """Give the folded text of a segment, "" outside."""
        if not 0 <= index < len(self.parts):
            return ""
        start, end, _ = self.parts[index]
        return fold(self.token.text[start:end])

    def is_chinese_name(self) -> bool:
        """Tell whether the run is a Chinese surname and one or two characters that say nothing."""
        text = self.token.text
        surname = text[:2] if text[:2] in _words("surname") else text[:1]
        given = len(text) - len(surname)
        said = any(kind == KNOWN and end - start > 1 for start, end, kind in self.parts)
        return surname in _words("surname") and 0 < given <= _LONGEST_CHINESE and not said

    def whole(self) -> Span:
        """Give the place of the run."""
        return self.token.start, self.token.end

    def spans(self) -> Iterator[Span]:
        """Find the names and institutions of the run."""
        for index, (start, end, kind) in enumerate(self.parts):
            if kind == NAMED:
                yield self._whole(index, index)
            elif kind == LEFT and end - start <= _LONGEST_NAME:
                first, last = self._single(index, -1), self._single(index, 1)
                said = (self.is_said and first == 0) or self.word(first - 1) in _words("label")
                if said or self.word(index + 1) in _words("title"):
                    yield self._whole(first, index)
                elif self.word(last + 1) in _words("title"):
                    yield self._whole(first, last)
            elif self.word(index) in _words("institution"):
                first = self._house_start(index)
                if first < index:
                    yield self._place(first, index)

    def _single(self, index: int, step: int) -> int:
        """Go on over known ideographs of one character, which may belong to a name."""
        while (
            0 <= index + step < len(self.parts)
            and self.parts[index + step][2] == KNOWN
            and len(self.word(index + step)) == 1
            and not "ぁ" <= self.word(index + step) <= "ゖ"
            and self.word(index + step) not in _words("label") | _words("title")
        ):
            index += step
        return index

    def _whole(self, first: int, last: int) -> Span:
        """Add the given name and the title that follow."""
        while last + 1 < len(self.parts):
            start, end, kind = self.parts[last + 1]
            if kind == KNOWN and self.word(last + 1) not in _words("title"):
                break
            if kind == LEFT and end - start > _LONGEST_GIVEN:
                break
            last += 1
        return self._place(first, last)

    def _place(self, first: int, last: int) -> Span:
        start = self.token.start
        return start + self.parts[first][0], start + self.parts[last][1]

    def _house_start(self, index: int) -> int:
        """Go back from 病院 to where the name of the institution begins."""
        while index:
            before = self._single(index, -1)
            if before == index:
                known = self.parts[index - 1][2] == KNOWN
                if known and self.word(index - 1) not in _words("affix"):
                    break
                before -= 1
            index = before
        return index


def unknown_spans(token: Token) -> Iterator[Span]:
    """Give what the vocabulary does not know of one run; short hiragana endings pass."""
    for start, end, kind in segments(token.text):
        word = token.text[start:end]
        ending = end - start <= _HIRAGANA_KEPT and all("ぁ" <= char <= "ゖ" for char in word)
        if kind != KNOWN and not (kind == LEFT and ending and start):
            yield token.start + start, token.start + end
