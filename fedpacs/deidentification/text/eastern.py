"""Japanese text: words without blanks, told apart by the vocabulary; names, institutions."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.folding import fold
from fedpacs.deidentification.text.lists import read_lines, word_lists
from fedpacs.deidentification.text.tokens import EASTERN, Reading, Token

if TYPE_CHECKING:
    from collections.abc import Iterator

Span = tuple[int, int]
Segment = tuple[int, int, bool]

_LONGEST, _LABEL_GAP = 12, 3
_LONGEST_NAME = 8
_HIRAGANA_KEPT = 2


@lru_cache(maxsize=1)
def _words() -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for line in read_lines("text_eastern.csv"):
        kind, _, words = line.partition(";")
        found[kind] = frozenset(fold(word) for word in words.split())
    return found


@lru_cache(maxsize=8192)
def segments(run: str) -> tuple[Segment, ...]:
    """Split a run of kana and ideographs into known words and what is left between them.

    Parameters
    ----------
    run
        As written.

    Returns
    -------
    tuple of (int, int, bool)
        Start, end and whether the vocabulary knows it.
    """
    folded = fold(run)
    if len(folded) != len(run):
        return ((0, len(run), folded in word_lists().eastern),)
    known = word_lists().eastern | _words()["title"] | _words()["institution"]
    # the split that leaves the fewest characters over, then the one of the fewest words
    best: list[tuple[int, int, int]] = [(0, 0, 0)]
    for end in range(1, len(folded) + 1):
        left, words, _ = best[end - 1]
        choice = (left + 1, words + 1, -(end - 1) - 1)
        for start in range(max(0, end - _LONGEST), end):
            if folded[start:end] in known:
                left, words, _ = best[start]
                choice = min(choice, (left, words + 1, start), key=lambda c: c[:2])
        best.append(choice)
    return _joined(best)


def _joined(best: list[tuple[int, int, int]]) -> tuple[Segment, ...]:
    cuts: list[Segment] = []
    end = len(best) - 1
    while end:
        back = best[end][2]
        start, known = (back, True) if back >= 0 else (-back - 1, False)
        if cuts and not known and not cuts[-1][2]:
            cuts[-1] = (start, cuts[-1][1], False)
        else:
            cuts.append((start, end, known))
        end = start
    return tuple(reversed(cuts))


def eastern_spans(reading: Reading) -> list[Span]:
    """Find names and institutions in Japanese text.

    Parameters
    ----------
    reading
        The text, split.
    """
    spans: list[Span] = []
    previous: Token | None = None
    for token in reading.tokens:
        if token.kind == EASTERN:
            labelled = (
                previous is not None
                and _is_label(previous)
                and token.start - previous.end <= _LABEL_GAP
            )
            spans += _of_run(token, labelled=labelled, given=_is_surname(previous, token))
        previous = token
    return spans


def _is_surname(previous: Token | None, token: Token) -> bool:
    """Tell whether the run before is a listed name, one blank away."""
    return (
        previous is not None
        and previous.kind == EASTERN
        and token.start - previous.end == 1
        and any(
            _is_name(previous.folded[a:b])
            for a, b, known in segments(previous.text)[-1:]
            if not known
        )
    )


def _is_label(token: Token) -> bool:
    return token.kind == EASTERN and token.folded.endswith(tuple(_words()["label"]))


def _of_run(token: Token, *, labelled: bool, given: bool) -> Iterator[Span]:
    parts = segments(token.text)
    labels, titles, houses = _words()["label"], _words()["title"], _words()["institution"]
    for index, (start, end, known) in enumerate(parts):
        word = token.folded[start:end] if len(token.folded) == len(token.text) else token.folded
        before = parts[index - 1] if index else None
        if word in houses and before is not None:
            first = _house_start(token, parts, index)
            if first < start:
                yield token.start + first, token.start + end
        if known:
            continue
        prior = token.folded[before[0] : before[1]] if before else ""
        following = (
            token.folded[parts[index + 1][0] : parts[index + 1][1]]
            if index + 1 < len(parts)
            else ""
        )
        evident = (
            (labelled and index == 0)
            or prior in labels
            or following in titles
            or (given and index == 0)
        )
        if (evident and end - start <= _LONGEST_NAME) or _is_name(word):
            yield (
                token.start + start,
                token.start + end + (len(following) if following in titles else 0),
            )


def _house_start(token: Token, parts: tuple[Segment, ...], index: int) -> int:
    """Go back from 病院 to where the name of the institution begins."""
    affixes = _words()["affix"]
    start = parts[index][0]
    while index:
        index -= 1
        first, last, known = parts[index]
        if known and token.folded[first:last] not in affixes:
            break
        start = first
    return start


def _is_name(word: str) -> bool:
    names = word_lists().names
    if word in names or word in word_lists().places:
        return True
    return any(word[:cut] in names and len(word) - cut <= 3 for cut in (2, 3) if len(word) > cut)  # noqa: PLR2004


def unknown_spans(token: Token) -> Iterator[Span]:
    """Give what the vocabulary does not know of one run; short hiragana endings pass."""
    for start, end, known in segments(token.text):
        word = token.text[start:end]
        ending = end - start <= _HIRAGANA_KEPT and all("ぁ" <= char <= "ゖ" for char in word)
        if not known and not (ending and start):
            yield token.start + start, token.start + end
