"""Strangers: names of people whom the object does not know, told by how they are written.

Two words of everyday language with capitals inside a sentence, a name in camel case or with digits
for letters, an unknown small word in a label of few words, the initials of who typed a report.
"""

from __future__ import annotations

import re
from itertools import product
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.folding import fold
from fedpacs.deidentification.text.tokens import WORD, Reading, Token
from fedpacs.deidentification.text.vocabulary import (
    NAME,
    UNKNOWN,
    is_eponym,
    is_everyday,
    is_head,
    is_known,
    kind_of,
    may_be_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_DISGUISED = re.compile(r"(?<![^\W_])[^\W\d_]+(?:[013457][^\W\d_]*)+(?![^\W_])")
_MEANT = {"0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t"}
_MOST_DIGITS = 3
_SHORTEST_DISGUISED, _SHORTEST_SMALL, _LONGEST_TYPIST = 4, 5, 3
_LABEL_WORDS = 7
_LATIN = re.compile(r"[a-zß-ÿāăąćčďđēęěğīįıłńňőœřśşšţťūůűźżžș'’]+")


def strange_names(reading: Reading, *, prose: bool) -> set[int]:
    """Find the tokens that are names by the way they are written.

    Parameters
    ----------
    reading
        The text, split.
    prose
        Whether most of its words begin small, so that a capital says something.

    Returns
    -------
    set of int
        Indices of tokens.
    """
    found = {*_camel(reading), *_disguised(reading), *_typist(reading), *_small(reading)}
    if prose or _is_label(reading):
        found.update(_pairs(reading, prose=prose))
    found.update(_agents(reading))
    return found


def _is_label(reading: Reading) -> bool:
    """Tell whether a text is a few words, not all of which begin with a capital."""
    words = [token for token in reading.tokens if token.kind == WORD and len(token.text) > 1]
    return len(words) <= _LABEL_WORDS and any(token.text.islower() for token in words)


def _agents(reading: Reading) -> Iterator[int]:
    """Find who did something, at the end of a text or clause: read by Small."""
    for index, token in enumerate(reading.tokens[1:], 1):
        if (
            reading.tokens[index - 1].folded == "by"
            and reading.gap(index - 1) == " "
            and token.text.istitle()
            and may_be_name(token.folded)
            and (index + 1 == len(reading.tokens) or reading.gap(index).strip() != "")
        ):
            yield index


def _camel(reading: Reading) -> Iterator[int]:
    """Find a listed name whose capitals are wrong: gArCiA."""
    for first, last, whole in reading.runs:
        pieces = reading.tokens[first:last]
        plain = all(
            len(piece.text) > _LONGEST_TYPIST and is_known(piece.folded) for piece in pieces
        )
        if kind_of(whole) == NAME and not plain and not is_eponym(whole):
            yield from range(first, last)


def _disguised(reading: Reading) -> Iterator[int]:
    """Find a listed name with digits for letters, as a poor reader of pictures writes: Jam3s."""
    if not any(char.isdigit() for char in reading.text):
        return
    for match in _DISGUISED.finditer(reading.text):
        word = match[0]
        digits = [char for char in word if char.isdigit()]
        letters = len(word) - len(digits)
        if len(digits) > _MOST_DIGITS or letters < _SHORTEST_DISGUISED - 1:
            continue
        if any(kind_of(fold(meant)) == NAME for meant in _meant(word)):
            yield from reading.at(*match.span())


def _meant(word: str) -> Iterator[str]:
    for letters in product(*(_MEANT.get(char, char) for char in word)):
        yield "".join(letters)


def _typist(reading: Reading) -> Iterator[int]:
    """Find the small initials behind a stroke at the end of a text: `.../mj`."""
    if len(reading.tokens) <= 1:
        return
    last = len(reading.tokens) - 1
    token = reading.tokens[last]
    if (
        token.kind == WORD
        and 1 < len(token.text) <= _LONGEST_TYPIST
        and token.text.islower()
        and reading.gap(last - 1) in {"/", " /", "/ "}
        and kind_of(token.folded) in {UNKNOWN, NAME}
    ):
        yield last


def _small(reading: Reading) -> Iterator[int]:
    """Find unknown small words in a label of few words: nothing there says that they are words."""
    words = [token for token in reading.tokens if token.kind == WORD and len(token.text) > 1]
    if len(words) > _LABEL_WORDS:
        return
    for index, token in enumerate(reading.tokens):
        if token.kind != WORD or not _LATIN.fullmatch(token.text):
            continue
        strange = len(token.text) >= _SHORTEST_SMALL and kind_of(token.folded) == UNKNOWN
        glued = index > 0 and reading.gap(index - 1) == "_" and is_everyday(token.folded)
        if strange or glued:
            yield index


def _pairs(reading: Reading, *, prose: bool) -> Iterator[int]:
    """Find two words with capitals that are everyday words and names both: Will Young."""
    tokens = reading.tokens
    for index in range(len(tokens) - 1):
        one, other = tokens[index], tokens[index + 1]
        if reading.gap(index) != " " or not (_may_be_part(one) and _may_be_part(other)):
            continue
        eponyms = is_eponym(one.folded, alone=True) or is_eponym(other.folded, alone=True)
        if eponyms or is_head(other.folded):
            continue
        if not prose and NAME in {kind_of(one.folded), kind_of(other.folded)}:
            continue  # Knie Mueller: the name goes by itself
        if not (_stands_out(reading, index - 1) and _stands_out(reading, index + 2)):
            continue
        yield from (index, index + 1)


def _may_be_part(token: Token) -> bool:
    return (
        token.kind == WORD
        and token.text.istitle()
        and len(token.text) > 1
        and may_be_name(token.folded)
        and token.folded not in evidence("anatomy")
    )


def _stands_out(reading: Reading, index: int) -> bool:
    """Tell whether a neighbour of two capitalised words has none itself, or is not there."""
    if not 0 <= index < len(reading.tokens):
        return True
    return not reading.tokens[index].text.istitle()
