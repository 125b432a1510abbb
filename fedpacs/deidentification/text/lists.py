"""The word lists, read once on first use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

from fedpacs.deidentification.text.folding import fold

_LABELS = frozenset(
    {"label", "weak-label", "id", "weak-id", "phone", "institution", "title", "weekday"}
)
_MEDICAL = ("dicom", "diseases", "function")
LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl", "pl", "ja", "ru", "rois")


@dataclass(frozen=True, slots=True)
class Eponym:
    """A name that medicine uses as a word.

    Parameters
    ----------
    alone
        Whether it is read as the medical word even without its head noun.
    """

    alone: bool


@dataclass(frozen=True, slots=True)
class WordLists:
    """All lists, folded.

    Parameters
    ----------
    medical
        Words of the curated lists, of DICOM's own tables, of ICD-10-CM, and function words.
    curated
        Words of the curated lists alone.
    common
        Words of everyday language that are no mere names.
    everyday
        Those of the common words that are as often names.
    names, places
        Names of persons, and of towns and regions.
    eponyms
        Names that are medical words.
    heads
        Nouns that make an eponym of a name beside them: disease, sign, catheter.
    eastern
        Japanese medical words, as folded.
    """

    medical: frozenset[str]
    curated: frozenset[str]
    common: frozenset[str]
    everyday: frozenset[str]
    names: frozenset[str]
    places: frozenset[str]
    eponyms: dict[str, Eponym]
    heads: frozenset[str]
    eastern: frozenset[str]


def read_lines(name: str) -> list[str]:
    """Read a data file of the package without its comments and empty lines."""
    source = resources.files("fedpacs.deidentification") / "data" / name
    lines = source.read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@cache
def word_lists() -> WordLists:
    """Read every list; the first call costs some 50 ms."""
    curated: set[str] = set()
    for language in LANGUAGES:
        for line in read_lines(f"text_words_{language}.txt"):
            curated.update(fold(word) for word in line.split())
    curated.update(_labels())
    names = frozenset(read_lines("text_names.txt"))
    eponyms, heads = _eponyms()
    curated.update(heads)
    everyday = frozenset(read_lines("text_everyday.txt"))
    curated -= everyday
    return WordLists(
        medical=frozenset(
            curated.union(*(read_lines(f"text_{name}.txt") for name in _MEDICAL)) - everyday
        ),
        curated=frozenset(curated),
        common=everyday.union(read_lines("text_common.txt")),
        everyday=everyday,
        names=names,
        places=frozenset(read_lines("text_places.txt")),
        eponyms=eponyms,
        heads=heads,
        eastern=frozenset(word for word in curated if not word[0].isascii()),
    )


def _labels() -> set[str]:
    """Read the words of labels and institutions, which identify nobody by themselves."""
    found: set[str] = set()
    for line in read_lines("text_evidence.csv"):
        kind, _, words = line.partition(";")
        if kind in _LABELS:
            found.update(fold(part) for word in words.split() for part in re.split(r"[_-]", word))
    return found - {""}


def _eponyms() -> tuple[dict[str, Eponym], frozenset[str]]:
    """Read the eponyms: `! name` stands alone, `= noun` is a head, others need a head."""
    eponyms: dict[str, Eponym] = {}
    heads: set[str] = set()
    for line in read_lines("text_eponyms.txt"):
        mark, _, words = line.partition(" ")
        folded = [fold(word) for word in words.split()]
        if mark == "=":
            heads.update(folded)
        else:
            eponyms.update({word: Eponym(mark == "!") for word in folded})
    return eponyms, frozenset(heads)


@cache
def affixes(kind: str) -> tuple[str, ...]:
    """Give the folded affixes of one kind.

    Parameters
    ----------
    kind
        As in ``data/text_affixes.csv``: prefix, inflection, ending, joint.
    """
    found: dict[str, None] = {}
    for line in read_lines("text_affixes.csv"):
        name, _, words = line.partition(";")
        if name == kind:
            found.update(dict.fromkeys(fold(word) for word in words.split()))
    return tuple(found)
