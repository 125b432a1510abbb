"""The tag table of one object: each attribute at every depth, before and after, and its fate."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from fedpacs.deidentification.dicom.charset import Charset, text_of
from fedpacs.deidentification.dicom.elements import TEXT_VRS
from fedpacs.deidentification.dicom.numbers import numbers_of
from fedpacs.deidentification.dicom.parsing import PIXEL_TAGS, parse

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from fedpacs.deidentification.dicom.elements import Element, Items
    from fedpacs.deidentification.dicom.parsed import ParsedObject

MAXIMUM_ROWS = 3000
_MAXIMUM_CHARACTERS = 1500
_MAXIMUM_NUMBERS = 12
_CHARSET = 0x00080005
_CODES = frozenset({"0008,0100", "0008,0102", "0008,0103"})
"""Parts of a coded term beside its meaning."""
_HIDDEN = frozenset({"Cc", "Cf", "Co", "Cs"})
_NUMBER_VRS = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
_WORD_VRS = TEXT_VRS | {"AE", "UR", "UN"}
_CLEANED_VRS = TEXT_VRS - {"PN"}
_STRING_VRS = _WORD_VRS | {"AS", "CS", "DA", "DS", "DT", "IS", "TM", "UI"}


class Fate(StrEnum):
    """What happened to an attribute."""

    WORDS_KEPT = "words kept"
    WORDS_CHANGED = "words changed"
    CHANGED = "changed"
    REMOVED = "removed"
    ADDED = "added"
    KEPT = "kept"


@dataclass(frozen=True, slots=True, repr=False)
class TagRow:
    """One attribute. Identified; has no ``repr``.

    Attributes
    ----------
    where
        Tags and item numbers that lead to it.
    name
        Its name in the dictionary, or ``Private``.
    before, after
        Values as a person reads them; empty when it is not there.
    others
        Further places of the same attribute with the same value and fate.
    """

    where: str
    name: str
    vr: str
    before: str
    after: str
    fate: Fate
    others: int = 0


def without_repeats(rows: Sequence[TagRow]) -> list[TagRow]:
    """Say what stands in many items alike only once, with the number of other places."""
    first: dict[tuple[str, str, str, Fate], TagRow] = {}
    for row in rows:
        key = (row.name, row.before, row.after, row.fate)
        seen = first.get(key)
        first[key] = row if seen is None else replace(seen, others=seen.others + 1)
    return list(first.values())


def tag_table(after: Path, before: Path | None) -> list[TagRow]:
    """Compare an object with its source, attribute by attribute.

    Parameters
    ----------
    before
        Its source; without one, what the object holds is listed as kept.

    Returns
    -------
    list[TagRow]
        In the order of tags.

    Raises
    ------
    DeidentificationError
        If the object cannot be read.
    """
    new = _flat(after)
    old = _flat(before) if before is not None else new
    rows = []
    for where in sorted({*old, *new}):
        name, vr, _ = new.get(where) or old[where]
        was, now = (side[where][2] if where in side else None for side in (old, new))
        fate = _fate(vr, was, now)
        if fate is Fate.WORDS_KEPT and where[-9:] in _CODES:
            fate = Fate.KEPT
        rows.append(TagRow(where, name, vr, was or "", now or "", fate))
    return rows


def _fate(vr: str, was: str | None, now: str | None) -> Fate:
    if was is None:
        return Fate.ADDED
    if now is None or (was and not now):
        return Fate.REMOVED
    if was != now:
        return Fate.WORDS_CHANGED if vr in _CLEANED_VRS else Fate.CHANGED
    return Fate.WORDS_KEPT if vr in _WORD_VRS and now.strip() else Fate.KEPT


def _flat(path: Path) -> dict[str, tuple[str, str, str]]:
    with parse(path) as parsed:
        elements = (
            element
            for tag in parsed.tags()
            if tag not in PIXEL_TAGS and (element := parsed.get(tag)) is not None
        )
        return dict(_rows(parsed, elements, parsed.charset, ""))


def _rows(
    parsed: ParsedObject, elements: Iterator[Element], charset: Charset, above: str
) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for element in elements:
        where = f"{above}{element.tag >> 16:04X},{element.tag & 0xFFFF:04X}"
        if element.items is None:
            value = _readable(parsed, element, charset)
            yield where, (_name(element.tag), element.vr, value)
            continue
        count = f"{len(element.items)} item{'' if len(element.items) == 1 else 's'}"
        yield where, (_name(element.tag), "SQ", count)
        for number, item in enumerate(element.items, start=1):
            inner = _charset_of(item, charset)
            yield from _rows(parsed, iter(item.values()), inner, f"{where} #{number} ")


def _charset_of(item: Items, outer: Charset) -> Charset:
    named = item.get(_CHARSET)
    return Charset.of(named.value) if named is not None else outer


def _readable(parsed: ParsedObject, element: Element, charset: Charset) -> str:
    if element.vr in _NUMBER_VRS:
        numbers = numbers_of(element, parsed.encoding)
        text = "\\".join(f"{number:.9g}" for number in numbers[:_MAXIMUM_NUMBERS])
        return text if len(numbers) <= _MAXIMUM_NUMBERS else f"{text}… ({len(numbers)} values)"
    if element.vr in _STRING_VRS:
        text = text_of(element, charset)
        if element.vr == "UN" and not text.isprintable():
            return f"{len(element.value):,} bytes"
        shown = _visible(text[:_MAXIMUM_CHARACTERS])
        return shown if len(text) <= _MAXIMUM_CHARACTERS else f"{shown}… ({len(text):,} characters)"
    return f"{len(element.value):,} bytes" if element.value else ""


def _visible(text: str) -> str:
    """Show what a screen hides or turns round: control and format characters, by their number."""
    return "".join(
        f"⟨{ord(letter):04X}⟩"
        if letter != "\n" and unicodedata.category(letter) in _HIDDEN
        else letter
        for letter in text.replace("\r\n", "\n")
        if letter != "\0"
    )


def _name(tag: int) -> str:
    from pydicom.datadict import dictionary_description

    try:
        return dictionary_description(tag)
    except KeyError:
        return "Private" if tag >> 16 & 1 else "Unknown"
