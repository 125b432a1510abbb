"""Tokens: a text as words, numbers and ideographic runs, with glued and camel-case words split."""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from functools import lru_cache

from fedpacs.deidentification.text.folding import fold

WORD, NUMBER, EASTERN = "word", "number", "eastern"
_RUNS = re.compile(r"\d+|[぀-ヿ㐀-鿿\uf900-\ufaffｦ-ﾟ々〆]+|[^\W\d_぀-ヿ㐀-鿿\uf900-\ufaffｦ-ﾟ々〆]+")


class Token:
    """One run of letters, digits or Japanese characters.

    Attributes
    ----------
    start, end
        Its place in the text, characters, `end` exclusive.
    text
        As written.
    folded
        As `fold` gives it.
    kind
        WORD, NUMBER or EASTERN.
    capital
        Whether it begins like a name: with a capital letter.
    """

    __slots__ = ("capital", "end", "folded", "kind", "start", "text")

    def __init__(self, start: int, text: str, kind: str) -> None:
        self.start = start
        self.end = start + len(text)
        self.text = text
        self.kind = kind
        self.folded = fold(text)
        self.capital = kind == WORD and (text[0].isupper() or text[0].istitle())


@dataclass(frozen=True, slots=True)
class Reading:
    """A text and its tokens.

    Parameters
    ----------
    text
        The text, in Unicode normal form C.
    tokens
        All runs in order; a camel-case word is several tokens.
    runs
        For each glued word the half-open range of its tokens and its folded whole.
    all_capitals
        Whether no letter of it is small, so that capitals say nothing.
    flat
        The text in small letters without accents, character for character as long as the text.
    """

    text: str
    tokens: list[Token]
    runs: list[tuple[int, int, str]]
    all_capitals: bool
    flat: str

    @classmethod
    def of(cls, text: str) -> Reading:
        """Split a text.

        Parameters
        ----------
        text
            Any text in Unicode normal form C.
        """
        tokens: list[Token] = []
        runs: list[tuple[int, int, str]] = []
        for match in _RUNS.finditer(text):
            run, start = match[0], match.start()
            if run[0].isdecimal():
                tokens.append(Token(start, run, NUMBER))
            elif is_eastern(run[0]):
                tokens.append(Token(start, run, EASTERN))
            else:
                first = len(tokens)
                for offset, piece in camel_pieces(run):
                    tokens.append(Token(start + offset, piece, WORD))
                if len(tokens) - first > 1:
                    runs.append((first, len(tokens), fold(run)))
        return cls(text, tokens, runs, text.upper() == text, flatten(text))

    def gap(self, index: int) -> str:
        """Give what stands between a token and the next one ("" at the end)."""
        if index + 1 >= len(self.tokens):
            return ""
        return self.text[self.tokens[index].end : self.tokens[index + 1].start]

    def at(self, start: int, end: int) -> range:
        """Give the indices of the tokens that a stretch of the text touches."""
        first = bisect_left(self.tokens, start + 1, key=lambda token: token.end)
        last = first
        while last < len(self.tokens) and self.tokens[last].start < end:
            last += 1
        return range(first, last)


def flatten(text: str) -> str:
    """Write a text in small letters without accents, each character in its place."""
    if text.isascii():
        return text.lower()
    return "".join(map(_flat_char, text))


@lru_cache(maxsize=8192)
def _flat_char(char: str) -> str:
    folded = fold(char)
    return folded if len(folded) == 1 else char.lower() if len(char.lower()) == 1 else char


def is_eastern(char: str) -> bool:
    """Tell whether a character is kana or an ideograph, written without blanks between words."""
    return (
        "぀" <= char <= "ヿ"
        or "㐀" <= char <= "鿿"
        or "\uf900" <= char <= "\ufaff"
        or "ｦ" <= char <= "ﾟ"
    )


@lru_cache(maxsize=65536)
def camel_pieces(run: str) -> tuple[tuple[int, str], ...]:
    """Split `JohnSmith`, `mDIXON` and `CTChest` where the case changes.

    Parameters
    ----------
    run
        Letters only.

    Returns
    -------
    tuple
        Offset and text of each piece.
    """
    if run.islower() or run.isupper() or run[1:].islower():
        return ((0, run),)
    cuts = [0]
    for i in range(1, len(run)):
        rises = run[i].isupper() and not run[i - 1].isupper()
        leaves = (
            run[i].islower() and run[i - 1].isupper() and i - 1 > cuts[-1] and run[i - 2].isupper()
        )
        if rises:
            cuts.append(i)
        elif leaves:
            cuts.append(i - 1)
    ends = [*cuts[1:], len(run)]
    return tuple((cut, run[cut:end]) for cut, end in zip(cuts, ends, strict=True))
