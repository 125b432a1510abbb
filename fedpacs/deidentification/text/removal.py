"""Removal: spans cut out of a text, and what their absence leaves tidied up."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

Span = tuple[int, int]

_MARK = "\x00"
_AROUND = re.compile(r"[ \t_^=,;:/\\&+|'’\"-]*\x00[ \t_^=,;:/\\&+|'’\"\x00-]*")
_GENITIVE = re.compile(r"\x00['’]s\b")
_STOPS = re.compile(r"\.[ \t]*\x00\.(?=\s|$)")
_EMPTY = re.compile(r"[(\[{<][\s.,;:_-]*[)\]}>]")
_DOTS = re.compile(r"[ \t]+([.,;:!?](?:\s|$))")
_BLANKS = re.compile(r"[ \t]{2,}")
_EDGES = re.compile(
    r"^[ \t]*\.[ \t]+(?=\S)|^[ \t_^=,;:/\\-]+(?=\S)|[ \t_^=,;:/\\-]+$", re.MULTILINE
)
_NO_WORD = re.compile(r"[\W_]*")


def merge(spans: Iterable[Span]) -> list[Span]:
    """Sort spans and join those that overlap or touch."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def remove(text: str, spans: Iterable[Span]) -> str:
    """Cut spans out of a text.

    Parameters
    ----------
    text
        The text.
    spans
        Half-open ranges of characters, in any order.

    Returns
    -------
    str
        What stays, separators and brackets around the gaps tidied; lines stay lines; "" when no
        letter or digit is left.
    """
    merged = merge(spans)
    if not merged:
        return text
    pieces: list[str] = []
    at = 0
    for start, end in merged:
        pieces += (text[at:start], _MARK)
        at = end
    pieces.append(text[at:])
    kept = _tidy("".join(pieces))
    return "" if _NO_WORD.fullmatch(kept) else kept


def _tidy(marked: str) -> str:
    text = _STOPS.sub(".", _GENITIVE.sub(_MARK, marked))
    text = _AROUND.sub(_separator, text)
    text = _EMPTY.sub(" ", text)
    text = _DOTS.sub(r"\1", text)
    text = _BLANKS.sub(" ", text)
    text = "\n".join(_EDGES.sub("", line).strip() for line in text.split("\n"))
    return text.strip()


def _separator(match: re.Match[str]) -> str:
    around = match[0]
    if "_" in around and " " not in around:
        return "_"
    if "^" in around and " " not in around:
        return "^"
    return " "
