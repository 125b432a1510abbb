"""Coded concepts: kept when they are the world's, rewritten when they are a hospital's own.

A code of DICOM's dictionaries is kept with the dictionary's words. A code of another well-known
scheme is kept when it is written as that scheme writes them. A value, scheme or meaning that a
hospital made up may hold anything, a name included: such a code becomes a keyed code of our own
scheme, so equal codes stay equal and the item stays conformant, and of its meaning only what the
profile lets pass as text stays.

References
----------
PS3.3 8.8 (Code Sequence Macro); PS3.16 (context groups).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from fedpacs.core.dictionary import concepts, retired_snomed
from fedpacs.deidentification.dicom.charset import text_of
from fedpacs.deidentification.dicom.elements import Element
from fedpacs.deidentification.structured.schemes import is_well_formed, is_well_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.crypto.pseudonyms import Pseudonyms
    from fedpacs.deidentification.dicom.charset import Charset
    from fedpacs.deidentification.dicom.elements import Items
    from fedpacs.deidentification.text.cleaning import CompiledTerms

OWN_SCHEME = "99FEDPACS"
UNLISTED = "Code not listed"
CODE_VALUE, LONG_CODE_VALUE, URN_CODE_VALUE = 0x00080100, 0x00080119, 0x00080120
CODING_SCHEME, CODE_MEANING = 0x00080102, 0x00080104
CODE_TAGS = frozenset({CODE_VALUE, CODING_SCHEME, CODE_MEANING, LONG_CODE_VALUE, URN_CODE_VALUE})
"""Attributes of a code that `rewritten_code` answers for; the others go by their rules."""
_VALUE_TAGS = (CODE_VALUE, LONG_CODE_VALUE, URN_CODE_VALUE)
_RETIRED = frozenset({"SRT", "SNM3", "99SDM"})
"""SNOMED RT under the names that it has had (PS3.16 8.1)."""
_SHORT = 16
_CACHED_CODES = 4096
LONGEST_MEANING = 64
"""Characters of Code Meaning (PS3.5 6.2, LO)."""


@dataclass(frozen=True, slots=True, repr=False)
class Wording:
    """What the codes of one object are rewritten with. Identified; has no ``repr``.

    Attributes
    ----------
    terms
        What identifies the patient; None when text is dropped anyway.
    text
        What the profile does with free text.
    """

    pseudonyms: Pseudonyms
    terms: CompiledTerms | None = None
    text: Literal["drop", "clean", "vocabulary"] = "drop"

    def __repr__(self) -> str:
        return "Wording()"


@cache
def _meanings(scheme: str) -> Mapping[str, tuple[str, ...]]:
    """Meanings by value, of one scheme; the one that most context groups use comes first."""
    found: dict[str, list[tuple[int, str]]] = {}
    listing = concepts().get(scheme, {})
    for by_value in listing.values():
        for value, (meaning, context_groups) in by_value.items():
            found.setdefault(value, []).append((-len(context_groups), meaning))
    return MappingProxyType(
        {value: tuple(meaning for _, meaning in sorted(ranked)) for value, ranked in found.items()}
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
    if scheme in _RETIRED:
        scheme, value = "SCT", retired_snomed()["SRT"].get(value, "")
    meanings = _meanings(scheme).get(value)
    if meanings is None:
        return None
    same = (meaning for meaning in meanings if meaning.casefold() == written.casefold())
    return next(same, meanings[0])[:LONGEST_MEANING]


def holds_code(items: Items) -> bool:
    """Tell whether an item is a coded concept, or names a coding scheme."""
    return not CODE_TAGS.isdisjoint(items)


def rewritten_code(items: Items, charset: Charset, wording: Wording) -> Items:
    """Write the code of an item anew.

    Parameters
    ----------
    items
        An item for which `holds_code` is true; it is only read.
    charset
        Character set of the item.

    Returns
    -------
    Items
        The attributes of `CODE_TAGS`, in order of their tags; the item's own are replaced by them.
    """
    scheme = text_of(items.get(CODING_SCHEME), charset)
    written = text_of(items.get(CODE_MEANING), charset)
    value = value_of(items, charset)
    if not value and CODE_MEANING not in items:  # an item of Coding Scheme Identification Sequence
        designator = scheme if is_well_known(scheme) else OWN_SCHEME
        return {CODING_SCHEME: Element.of_text(CODING_SCHEME, "SH", designator)}
    return _code(*_rewritten(scheme, value, written, wording))


def value_of(items: Items, charset: Charset) -> str:
    """Give the value of a code, short, long or a URN; empty when it has none."""
    return next((text for tag in _VALUE_TAGS if (text := text_of(items.get(tag), charset))), "")


def removed_code() -> Items:
    """Give a code that says nothing."""
    return _code("0", OWN_SCHEME, "Removed")


@lru_cache(maxsize=_CACHED_CODES)
def _rewritten(scheme: str, value: str, written: str, wording: Wording) -> tuple[str, str, str]:
    listed = meaning_of(scheme, value, written)
    if listed is not None:
        if listed.casefold() == written[:LONGEST_MEANING].casefold():
            return value, scheme, listed
        whole = _cleaned(written, wording) == written
        return value, scheme, written if whole and written else listed
    meaning = _cleaned(written, wording) or UNLISTED
    if is_well_formed(scheme, value) and not _mentions(value, wording):
        return value, scheme, meaning
    seed = f"{scheme}\0{value}" if value else "none"
    return wording.pseudonyms.identifier("code", seed), OWN_SCHEME, meaning


def _cleaned(written: str, wording: Wording) -> str:
    """Give what may stay of a meaning as free text; empty when nothing may."""
    if wording.terms is None or wording.text == "drop" or not written:
        return ""
    from fedpacs.deidentification.text.cleaning import clean_text

    return clean_text(written, wording.terms, wording.text)[:LONGEST_MEANING].strip()


def _mentions(value: str, wording: Wording) -> bool:
    if wording.terms is None:
        return False
    from fedpacs.deidentification.text.cleaning import mentions

    return mentions(value, wording.terms)


def _code(value: str, scheme: str, meaning: str) -> Items:
    if len(value) <= _SHORT:
        value_tag, vr = CODE_VALUE, "SH"
    elif value.startswith(("urn:", "http:", "https:")):
        value_tag, vr = URN_CODE_VALUE, "UR"
    else:
        value_tag, vr = LONG_CODE_VALUE, "UC"
    written = (
        Element.of_text(value_tag, vr, value),
        Element.of_text(CODING_SCHEME, "SH", scheme),
        Element.of_text(CODE_MEANING, "LO", meaning),
    )
    return {element.tag: element for element in sorted(written, key=lambda element: element.tag)}
