"""What a content item is about: which attribute of a header would hold the same.

An observer's name in a report is what the operators' name is in a header, and an accession number
is one wherever it stands. A content item whose concept stands for such an attribute is treated as
the profile treats that attribute, so a report never says what its header may not.

Codes of DICOM's dictionaries are looked up in a list; every other concept is judged by the words
of its meaning, in the languages that the list of words speaks.

References
----------
PS3.16 TID 1001 to 1010 (observation context), TID 1020 (person participant), TID 1021 (device
participant), Annex D (codes); PS3.15 E.3.4 (Clean Structured Content Option).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, TypeAlias, cast

from fedpacs.deidentification.codes import LONGEST_MEANING, meaning_of
from fedpacs.deidentification.structured.schemes import read_lines

if TYPE_CHECKING:
    from collections.abc import Mapping

Kind: TypeAlias = Literal["name", "identifier", "phrase", "date", ""]
_MAXIMUM_CHARACTERS = 256


@dataclass(frozen=True, slots=True)
class Concept:
    """What a concept stands for.

    Attributes
    ----------
    attribute
        Tag of the header's attribute.
    kind
        What its values are to the search for identifying words; empty when they are nothing to it.
    """

    attribute: int
    kind: Kind


@lru_cache(maxsize=8192)
def concept_of(scheme: str, value: str, meaning: str) -> Concept | None:
    """Tell what a concept name stands for.

    Parameters
    ----------
    scheme, value, meaning
        The code, as written in the object.

    Returns
    -------
    Concept | None
        None when the concept identifies nobody.
    """
    found = _codes().get((scheme, value))
    if found is not None:
        return found
    listed = meaning_of(scheme, value, meaning)
    if listed is not None and listed.casefold() == meaning[:LONGEST_MEANING].casefold():
        return None
    words = " ".join(meaning[:_MAXIMUM_CHARACTERS].casefold().split())
    return next((concept for pattern, concept in _words() if pattern.search(words)), None)


@cache
def _codes() -> Mapping[tuple[str, str], Concept]:
    return MappingProxyType(
        {
            (line["scheme"], line["value"]): Concept(
                int(line["attribute"], 16), cast("Kind", line["kind"])
            )
            for line in read_lines("concepts")
        }
    )


@cache
def _words() -> tuple[tuple[re.Pattern[str], Concept], ...]:
    return tuple(
        (
            re.compile(line["pattern"]),
            Concept(int(line["attribute"], 16), cast("Kind", line["kind"])),
        )
        for line in read_lines("keywords")
    )
