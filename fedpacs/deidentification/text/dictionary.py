"""The dictionary: where a text holds terms of its own object."""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.days import partial_dates
from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.folding import fold, spellings, within_one_edit
from fedpacs.deidentification.text.sentences import ends_sentence
from fedpacs.deidentification.text.tokens import EASTERN, WORD, Reading, Token
from fedpacs.deidentification.text.vocabulary import is_curated, is_known, is_medical

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fedpacs.deidentification.text.terms import CompiledTerms

Span = tuple[int, int]

_ALPHANUMERIC = re.compile(r"[^\W_]+")
_SPELLED = re.compile(r"(?<![^\W_])(?:[^\W\d_][ .\-_]{1,2}){3,40}[^\W\d_](?![^\W_])")
_JOINS = re.compile(r"^[\s^,._/\-=\\'’&+]{0,3}$")
_INITIAL_JOINS = re.compile(r"^[.\s]{0,2}$")
_CROSSING = 6
_SHORTEST_NEAR = 5
_SHORTEST_GLUED = 4
_LONGEST_INITIALS, _LONGEST_DOTTED = 4, 6
_SIDES = frozenset("lrtcsw")
_SIDE = 2


def own_spans(reading: Reading, terms: CompiledTerms) -> list[Span]:
    """Find every term of the object.

    Parameters
    ----------
    reading
        The text, split.
    terms
        The object's terms.

    Returns
    -------
    list of (int, int)
        Half-open ranges of characters; they may overlap.
    """
    spans = [*_word_spans(reading, terms)]
    if terms.sequences:
        spans += _sequence_spans(reading, terms)
    if terms.eastern:
        spans += _eastern_spans(reading, terms)
    if terms.codes or terms.alone:
        spans += _code_spans(reading, terms)
    if terms.words:
        spans += _spelled_spans(reading, terms)
    return spans


def _word_spans(reading: Reading, terms: CompiledTerms) -> Iterator[Span]:
    tokens = reading.tokens
    sure: set[int] = set()
    maybe: set[int] = set()
    for first, last, whole in reading.runs:
        if any(spelling in terms.words for spelling in spellings(whole)) or _is_near(whole, terms):
            sure.update(range(first, last))
    for index, token in enumerate(tokens):
        if token.kind != WORD or index in sure:
            continue
        verdict = _verdict(token, terms)
        if verdict is not None:
            (sure if verdict or _is_in_label(reading, index, terms) else maybe).add(index)
        elif inner := _glued(token, terms):
            yield inner
            sure.add(index) if inner == (token.start, token.end) else None
    _spread(reading, terms, sure, maybe)
    for index in sure:
        yield tokens[index].start, tokens[index].end
    yield from _dotted_initials(reading, terms)


def _verdict(token: Token, terms: CompiledTerms) -> bool | None:
    """Tell whether a word is surely (True), perhaps (False) or not (None) one of the object's."""
    for spelling in spellings(token.text):
        ordinary = terms.words.get(spelling)
        if ordinary is not None:
            return not ordinary or token.capital
    folded = token.folded
    if len(folded) <= _LONGEST_INITIALS and folded in terms.initials and token.text.isupper():
        return None if is_curated(folded) else False
    if any(_is_near(spelling, terms) for spelling in spellings(token.text)):
        return not is_known(folded)
    return None


def _is_in_label(reading: Reading, index: int, terms: CompiledTerms) -> bool:
    """Tell whether an own word is a part of a label, where capitals say nothing: Lung_L_autumn."""
    token = reading.tokens[index]
    if token.folded not in terms.words or token.folded in evidence("anatomy"):
        return False
    return reading.gap(index) == "_" or (index > 0 and reading.gap(index - 1) == "_")


def _is_near(folded: str, terms: CompiledTerms) -> bool:
    if not _SHORTEST_NEAR - 1 <= len(folded) <= terms.longest + 1:
        return False
    near = terms.near
    candidates = set(near.get(folded, ()))
    for i in range(len(folded)):
        found = near.get(folded[:i] + folded[i + 1 :])
        if found:
            candidates |= found
    return any(within_one_edit(folded, word) for word in candidates)


def _glued(token: Token, terms: CompiledTerms) -> Span | None:
    """Find a name inside a longer word; what is left over stays if it is a word of its own."""
    if len(token.folded) <= _SHORTEST_GLUED or is_known(token.folded):
        return None
    for spelling in spellings(token.text):
        for word in terms.glued:
            at = spelling.find(word)
            if at < 0:
                continue
            if len(spelling) != len(token.text):
                return token.start, token.end
            before, after = spelling[:at], spelling[at + len(word) :]
            start = token.start + (at if _may_stay(before, terms) else 0)
            whole = at + len(word) if _may_stay(after, terms) else len(token.text)
            return start, token.start + whole
    return None


def _may_stay(rest: str, terms: CompiledTerms) -> bool:
    """Tell whether what a name was glued to is a word of medicine, and no other of its names."""
    return bool(rest) and is_medical(rest) and rest not in terms.words


def _spread(reading: Reading, terms: CompiledTerms, sure: set[int], maybe: set[int]) -> None:
    """Let a sure word make its neighbours sure: another part, a particle, an initial, a suffix."""
    near_only = {index for index in maybe if index + 1 in maybe and _joined(reading, index)}
    for index in near_only:
        if not _are_initials(reading.tokens[index], terms):
            sure.update((index, index + 1))
    waiting = sorted(sure)
    while waiting:
        index = waiting.pop()
        for other, gap in ((index - 1, index - 1), (index + 1, index)):
            if not 0 <= other < len(reading.tokens) or other in sure:
                continue
            if _joined(reading, gap) and (
                other in maybe or _belongs(reading.tokens[other], reading.gap(gap), terms)
            ):
                sure.add(other)
                waiting.append(other)


def _joined(reading: Reading, index: int) -> bool:
    return _JOINS.match(reading.gap(index)) is not None and not ends_sentence(reading, index)


def _are_initials(token: Token, terms: CompiledTerms) -> bool:
    return token.folded in terms.initials and token.folded not in terms.words


def _belongs(token: Token, gap: str, terms: CompiledTerms) -> bool:
    folded = token.folded
    if token.kind != WORD:
        return False
    if len(token.text) == 1:
        own = any(folded in initials for initials in terms.initials)
        return token.text.isupper() and ("^" in gap or (own and folded not in _SIDES))
    return (
        folded in evidence("suffix")
        or folded in terms.particles
        or (folded in evidence("particle") and len(folded) > _SIDE and not is_medical(folded))
        or (not is_known(folded) and any(within_one_edit(folded, own) for own in terms.particles))
    )


def _dotted_initials(reading: Reading, terms: CompiledTerms) -> Iterator[Span]:
    tokens = reading.tokens
    for index, token in enumerate(tokens):
        if len(token.text) != 1 or token.kind != WORD:
            continue
        letters, last = token.folded, index
        while (
            last + 1 < min(len(tokens), index + _LONGEST_DOTTED)
            and len(tokens[last + 1].text) == 1
            and "." in reading.gap(last)
            and _INITIAL_JOINS.match(reading.gap(last))
        ):
            last += 1
            letters += tokens[last].folded
        capital = any(part.capital for part in tokens[index : last + 1])
        if last > index and capital and letters in terms.initials:
            end = tokens[last].end
            yield token.start, end + (reading.text[end : end + 1] == ".")


def _sequence_spans(reading: Reading, terms: CompiledTerms) -> Iterator[Span]:
    tokens = reading.tokens
    for index, token in enumerate(tokens):
        for words in terms.sequences.get(token.folded, ()):
            last = index + len(words) - 1
            if last < len(tokens) and all(
                tokens[index + k].folded == word for k, word in enumerate(words)
            ):
                yield token.start, tokens[last].end
                break


def _eastern_spans(reading: Reading, terms: CompiledTerms) -> Iterator[Span]:
    for token in reading.tokens:
        if token.kind != EASTERN:
            continue
        same_length = len(token.folded) == len(token.text)
        for word in terms.eastern:
            at = token.folded.find(word)
            while at >= 0:
                if not same_length:
                    yield token.start, token.end
                    break
                yield token.start + at, token.start + at + len(word)
                at = token.folded.find(word, at + 1)


def _code_spans(reading: Reading, terms: CompiledTerms) -> Iterator[Span]:
    runs = [(match.start(), fold(match[0])) for match in _ALPHANUMERIC.finditer(reading.text)]
    offsets: list[int] = []
    total = 0
    for _, run in runs:
        offsets.append(total)
        total += len(run)
    squeezed = "".join(run for _, run in runs)
    ends = set(offsets) | {total}
    for code in terms.codes:
        for at in _occurrences(squeezed, code):
            first, last = (
                bisect_right(offsets, at) - 1,
                bisect_right(offsets, at + len(code) - 1) - 1,
            )
            if first == last or len(code) >= _CROSSING:
                yield runs[first][0], runs[last][0] + len(runs[last][1])
    for code in terms.alone:
        for at in _occurrences(squeezed, code):
            if _stands_alone(squeezed, at, at + len(code), ends):
                first = bisect_right(offsets, at) - 1
                last = bisect_right(offsets, at + len(code) - 1) - 1
                start = runs[first][0] + at - offsets[first]
                yield start, runs[last][0] + at + len(code) - offsets[last]
    if terms.days:
        yield from partial_dates(reading, terms)


def _occurrences(text: str, part: str) -> Iterator[int]:
    at = text.find(part)
    while at >= 0:
        yield at
        at = text.find(part, at + 1)


def _stands_alone(squeezed: str, start: int, end: int, ends: set[int]) -> bool:
    """Tell whether neither neighbour is of the same sort: a digit beside a digit."""
    before = start in ends or squeezed[start - 1].isdigit() != squeezed[start].isdigit()
    after = end in ends or squeezed[end].isdigit() != squeezed[end - 1].isdigit()
    return before and after


def _spelled_spans(reading: Reading, terms: CompiledTerms) -> Iterator[Span]:
    for match in _SPELLED.finditer(reading.text):
        letters = fold("".join(_ALPHANUMERIC.findall(match[0])))
        if any(word in letters for word in terms.words if len(word) >= _SHORTEST_GLUED):
            yield match.span()
