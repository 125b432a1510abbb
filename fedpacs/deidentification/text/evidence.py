"""Evidence: the words that tell what stands beside them - titles, labels, months, streets."""

from __future__ import annotations

from functools import cache

from fedpacs.deidentification.text.folding import fold
from fedpacs.deidentification.text.lists import read_lines


@cache
def evidence(kind: str) -> frozenset[str]:
    """Give the folded words of one kind.

    Parameters
    ----------
    kind
        As in ``data/text_evidence.csv``: month, title, label, street, institution ...

    Returns
    -------
    frozenset of str
        Words; the words of a phrase are joined by one blank.
    """
    return _all().get(kind, frozenset())


@cache
def _all() -> dict[str, frozenset[str]]:
    kinds: dict[str, set[str]] = {}
    for line in read_lines("text_evidence.csv"):
        kind, _, words = line.partition(";")
        kinds.setdefault(kind, set()).update(
            " ".join(fold(part) for part in word.split("_") if part) for word in words.split()
        )
    return {kind: frozenset(words) for kind, words in kinds.items()}


@cache
def phrases(kind: str) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Give the words and phrases of one kind by their first word, longest first."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrase in evidence(kind):
        words = tuple(phrase.replace("-", " ").split())
        found.setdefault(words[0], []).append(words)
    return {
        first: tuple(sorted(group, key=lambda words: (-len(words), words)))
        for first, group in found.items()
    }


@cache
def months() -> dict[str, int]:
    """Give the number of the month for each of its names, 1 to 12."""
    return {name: month for month in range(1, 13) for name in evidence(f"month-{month:02d}")}
