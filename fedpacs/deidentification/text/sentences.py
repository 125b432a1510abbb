"""Sentences: where one ends, so that no span runs on into the next."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.text.evidence import evidence
from fedpacs.deidentification.text.tokens import NUMBER, WORD, Reading
from fedpacs.deidentification.text.vocabulary import is_known, may_be_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Span = tuple[int, int]

_STOP = re.compile(r"[.!?;]+[\s\"'”’)]+$|\.{2,}\s*$|\s*\n\s*$")
_ABBREVIATED = 3
_SAINTS = frozenset({"st", "saint", "ste", "sta", "no", "nr"})


def ends_sentence(reading: Reading, index: int) -> bool:
    """Tell whether a sentence ends between a token and the next one.

    Parameters
    ----------
    reading
        The text, split.
    index
        The token before the gap.

    Notes
    -----
    A full stop behind an initial, a title or a short word that is no name ends none: ``J. Smith``,
    ``St. Mary``, ``Wm. Hall``; two full stops, or one before a word that begins sentences, do.
    """
    gap = reading.gap(index)
    if not _STOP.search(gap):
        return False
    if ".." in gap or "\n" in gap:
        return True
    before, after = reading.tokens[index], reading.tokens[index + 1]
    if before.kind == WORD and (
        len(before.text) == 1 or before.folded in _SAINTS or before.folded in evidence("title")
    ):
        return False
    if before.kind != WORD or len(before.text) > _ABBREVIATED or may_be_name(before.folded):
        return True
    return after.kind == NUMBER or is_known(after.folded)


def spare_openers(reading: Reading, spans: Iterable[Span]) -> Iterator[Span]:
    """Cut out of spans the known words that open a sentence inside them.

    Parameters
    ----------
    reading
        The text, split.
    spans
        Half-open ranges of what patterns found; the object's own terms are not to be given here.

    Yields
    ------
    (int, int)
        The same ranges, without words such as the "No" of ``at Mercy Hospital. No fracture``.
    """
    tokens = reading.tokens
    for start, end in spans:
        at = start
        for index in reading.at(start, end):
            token = tokens[index]
            if (
                token.start > start
                and token.capital
                and is_known(token.folded)
                and ends_sentence(reading, index - 1)
            ):
                yield at, tokens[index - 1].end
                at = token.end
        if at < end:
            yield at, end
