"""Body regions: whether an object says that it shows the head, or plainly something else.

What is said of the series counts more than what is said of the study, and one word for the head
counts more than any number of words for other regions: a body part is often left over from the
protocol of the patient before.

References
----------
PS3.3 10.5 (General Anatomy Macros); PS3.16 Annex L (Body Part Examined), CID 4 and CID 4031.
"""

from __future__ import annotations

import csv
import re
from enum import Enum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

from fedpacs.deidentification.codes import value_of
from fedpacs.deidentification.text.folding import fold

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from fedpacs.deidentification.dicom.elements import Element, Items
    from fedpacs.deidentification.dicom.parsed import ParsedObject

_BODY_PART = 0x00180015
_CODED = (0x00082218, 0x00082228)
_GROUPS, _FRAME_ANATOMY = (0x52009229, 0x52009230), 0x00209071
_SERIES_WORDS = (0x0008103E, 0x00181030, 0x00204000)
_STUDY_WORDS = (0x00081030, 0x00321060, 0x00400254)
_WORD = re.compile(r"[^\W\d_]+")
_NOT_LETTERS = re.compile(r"[\W\d_]+")
_FIRST_CJK = 0x2E80


class Region(Enum):
    """What an object says of the region it shows."""

    HEAD = "head"
    BODY = "body"
    """A part with which a face may come along: the neck, the spine, the whole body."""
    OTHER = "other"
    UNKNOWN = "unknown"


class _Lists(NamedTuple):
    parts: Mapping[str, Region]
    codes: Mapping[str, Region]
    words: Mapping[str, Region]
    beginnings: Mapping[Region, tuple[str, ...]]
    signs: Mapping[Region, tuple[str, ...]]
    outlines: frozenset[str]


def region_of(parsed: ParsedObject) -> Region:
    """Tell which region an object says it shows.

    Parameters
    ----------
    parsed
        Any object; nothing of what it says leaves this function.
    """
    found = _first({*_coded(parsed), *_named(parsed), *_worded(parsed, _SERIES_WORDS)})
    return found if found is not Region.UNKNOWN else _first(set(_worded(parsed, _STUDY_WORDS)))


def region_of_words(texts: Iterable[str]) -> Region:
    """Tell which region some words speak of, the head before any other.

    Parameters
    ----------
    texts
        Descriptions or names, in any language.
    """
    return _first({region for text in texts for region in _regions_in(text)})


def _first(told: Collection[Region]) -> Region:
    """Give the region that counts: the enumeration has them in order."""
    return next((region for region in Region if region in told), Region.UNKNOWN)


def outline_words() -> frozenset[str]:
    """Give the words, folded, that name an outline of the skin."""
    return _lists().outlines


def _coded(parsed: ParsedObject) -> Iterator[Region]:
    """Look at the codes of the object and of the functional groups of enhanced ones."""
    codes = _lists().codes
    top = {tag: element for tag in _CODED if (element := parsed.get(tag)) is not None}
    groups = [group for tag in _GROUPS for group in _items(parsed.get(tag))]
    anatomy = [item for group in groups for item in _items(group.get(_FRAME_ANATOMY))]
    for items in (top, *anatomy):
        for tag in _CODED:
            for item in _items(items.get(tag)):
                found = codes.get(value_of(item, parsed.charset))
                if found is not None:
                    yield found


def _items(element: Element | None) -> list[Items]:
    return [] if element is None else element.items or []


def _named(parsed: ParsedObject) -> Iterator[Region]:
    for value in parsed.values(_BODY_PART) if _BODY_PART in parsed else []:
        name = _NOT_LETTERS.sub("", fold(value)).upper()
        found = _lists().parts.get(name)
        if found is not None:
            yield found
        else:
            yield from _regions_in(value)


def _worded(parsed: ParsedObject, tags: Iterable[int]) -> Iterator[Region]:
    for tag in tags:
        if tag in parsed:
            yield from _regions_in(parsed.text(tag))


def _regions_in(text: str) -> Iterator[Region]:
    lists = _lists()
    for word in _WORD.findall(text):
        folded = fold(word)
        found = lists.words.get(folded)
        if found is not None:
            yield found
        for region, beginnings in lists.beginnings.items():
            if folded.startswith(beginnings):
                yield region
        if ord(folded[0]) >= _FIRST_CJK:
            for region, signs in lists.signs.items():
                if any(sign in folded for sign in signs):
                    yield region


@cache
def _lists() -> _Lists:
    text = files("fedpacs.deidentification").joinpath("data", "face_regions.csv").read_text("utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    rows = [(row["scope"], row["value"], Region(row["kind"])) for row in csv.DictReader(lines)]
    words = [(value, region) for scope, value, region in rows if scope == "word"]
    kinds = (Region.HEAD, Region.BODY, Region.OTHER)
    return _Lists(
        parts={value: region for scope, value, region in rows if scope == "part"},
        codes={value: region for scope, value, region in rows if scope == "code"},
        words={value: region for value, region in words if not value.endswith("*")},
        beginnings={
            kind: tuple(
                value[:-1] for value, region in words if value[-1] == "*" and region is kind
            )
            for kind in kinds
        },
        signs={
            kind: tuple(
                value for value, region in words if ord(value[0]) >= _FIRST_CJK and region is kind
            )
            for kind in kinds
        },
        outlines=frozenset(value for scope, value, _ in rows if scope == "outline"),
    )
