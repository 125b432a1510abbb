"""Coded concepts: kept only when the dictionaries of DICOM hold them, with their own words.

A code value, scheme or meaning that a hospital made up may hold anything, a name included. Such a
code becomes a keyed code of our own scheme: equal codes stay equal, and the item stays conformant.

References
----------
PS3.3 8.8 (Code Sequence Macro); PS3.16 (context groups).
"""

from __future__ import annotations

from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping as snomed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydicom.dataset import Dataset

    from fedpacs.crypto.pseudonyms import Pseudonymiser

OWN_SCHEME = "99FEDPACS"
UNLISTED = "Code not listed"
_VALUES = ("CodeValue", "LongCodeValue", "URNCodeValue")
_SHORT = 16


@cache
def _dictionary() -> Mapping[tuple[str, str], tuple[str, ...]]:
    """Meanings by (scheme, value); the first is the usual one."""
    found: dict[tuple[str, str], list[tuple[int, str]]] = {}
    listing = cast("dict[str, dict[str, dict[str, tuple[str, list[int]]]]]", concepts)
    for scheme, by_keyword in listing.items():
        for by_value in by_keyword.values():
            for value, (meaning, context_groups) in by_value.items():
                found.setdefault((scheme, value), []).append((-len(context_groups), meaning))
    for value, retired in snomed["SCT"].items():
        if ("SCT", value) in found:
            found.setdefault(("SRT", retired), found["SCT", value])
    # the meaning that most context groups use is the usual one
    return MappingProxyType(
        {key: tuple(meaning for _, meaning in sorted(ranked)) for key, ranked in found.items()}
    )


def meaning_of(scheme: str, value: str, written: str) -> str | None:
    """Give the dictionary's meaning of a code.

    Parameters
    ----------
    written
        Meaning in the object; used only when the dictionary has it, too.

    Returns
    -------
    str | None
        None when the dictionaries do not hold the code.
    """
    meanings = _dictionary().get((scheme, value))
    if meanings is None:
        return None
    same = (meaning for meaning in meanings if meaning.casefold() == written.casefold())
    return next(same, meanings[0])[:64]


def is_code(item: Dataset) -> bool:
    """Tell whether an item is a coded concept."""
    return any(name in item for name in (*_VALUES, "CodeMeaning", "CodingSchemeDesignator"))


def rewrite_code(item: Dataset, pseudonyms: Pseudonymiser) -> None:
    """Write the code of an item anew, from the dictionary or as a keyed code."""
    written = next((text for name in _VALUES if (text := _text(item, name))), "")
    scheme = _text(item, "CodingSchemeDesignator")
    meaning = meaning_of(scheme, written, _text(item, "CodeMeaning"))
    for name in (*_VALUES, "CodingSchemeDesignator", "CodeMeaning"):
        if name in item:
            del item[name]
    if meaning is None:
        seed = f"{scheme}\0{written}" if written else "none"
        written, scheme = pseudonyms.identifier("code", seed), OWN_SCHEME
        meaning = UNLISTED
    setattr(item, "CodeValue" if len(written) <= _SHORT else "LongCodeValue", written)
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning


def dummy_code(item: Dataset) -> None:
    """Write a code that says nothing."""
    item.CodeValue = "0"
    item.CodingSchemeDesignator = OWN_SCHEME
    item.CodeMeaning = "Removed"


def _text(item: Dataset, keyword: str) -> str:
    value = item.get(keyword)
    return value.strip(" \0") if isinstance(value, str) else ""
