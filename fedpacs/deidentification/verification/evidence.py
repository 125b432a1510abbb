"""What the original says of its patient: the values that the verification then looks for.

Nothing here knows the engine or the profile. A value *had to go* when the attribute that held it
is gone or changed in the output; a person's name or number had to go in any case.

Which values are looked for (so that clean files raise no false alarm):

- *names*: each word of at least four letters of every PN value, two in scripts without spaces;
  in every byte from six letters on, unless it is a word of the DICOM dictionaries or a maker's
  name, and the whole value in the usual orders; shorter ones only where family and given name
  stand side by side in a text;
- *numbers and addresses of the patient*: at least four characters, also without separators;
- *UIDs* that the standard does not define: at least eight characters;
- *dates*: complete ones; in text in any format, in bytes as ``YYYYMMDD``;
- *any other text that went as a whole*: at least six bytes, with a letter and four different
  characters, and no phrase of the DICOM dictionaries nor just one or two of their words (an
  institution's name may be), unless a value that stayed contains it; an institution's name or
  address is excused by a text only, as a maker's name, and never by a code string;
- *words that were cut out of a text that stayed*: at least four letters, in no dictionary, or a
  number of at least five digits; they may stand in no other text.

Placeholders such as ANONYMIZED name nobody and are not looked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.decoding import printable
from fedpacs.deidentification.verification.search import Needle
from fedpacs.deidentification.verification.standard import (
    BULK_VRS,
    DATE_VRS,
    PLACEHOLDERS,
    TEXT_VRS,
    WORD,
    common_words,
    is_standard_uid,
    own_lists,
    phrases,
    tags_of,
    vocabulary,
)
from fedpacs.deidentification.verification.words import plain, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

_MINIMUM_CHARACTERS = 4
_MINIMUM_IDEOGRAPHS = 2
_COMMON_WORDS = 2
_MINIMUM_TEXT_BYTES = 6
_MINIMUM_UID_CHARACTERS = 8
_MINIMUM_DISTINCT = 4
_MINIMUM_DIGITS = 5
_FIRST_IDEOGRAPH = "\u2e80"
_SHOWN_IN_PDF = re.compile(rb"\(([^()\\\r\n]{6,200})\)")
_SHOWN_IN_XML = re.compile(rb">([^<>\r\n]{6,200})</")
_MAXIMUM_SENTENCES = 200
_NAME_PART = re.compile(r"[^\^=\s,;.()\[\]\"\\]+")
_DATE = re.compile(r"(\d{4})\.?(\d{2})\.?(\d{2})")
_ORDERS = ("{0}^{1}", "{1}^{0}", "{0}, {1}", "{0},{1}", "{1} {0}", "{0} {1}", "{0}_{1}", "{1}_{0}")


class Evidence:
    """What must not be found. Identified; its ``repr`` says nothing.

    Attributes
    ----------
    names
        Words of persons' names, without case.
    neighbours
        Family and given name, in both orders.
    needles
        Values to look for in every byte.
    substrings
        Names in scripts without spaces.
    numbers
        Values to look for in text as words of their own.
    dates
        ``YYYYMMDD``.
    gone, places
        Texts that went; those of an institution.
    cut
        Words that were cut out of texts.
    stayed, stayed_texts
        Values that stayed where they were; those that are no code strings.
    uids
        UIDs that had to go.
    """

    __slots__ = (
        "cut", "dates", "gone", "names", "needles", "neighbours", "numbers", "places", "stayed",
        "stayed_texts", "substrings", "uids",
    )  # fmt: skip

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.neighbours: set[tuple[str, str]] = set()
        self.needles: set[Needle] = set()
        self.substrings: set[str] = set()
        self.numbers: set[str] = set()
        self.dates: set[str] = set()
        self.gone: set[str] = set()
        self.places: set[str] = set()
        self.cut: set[str] = set()
        self.stayed: set[str] = set()
        self.stayed_texts: set[str] = set()
        self.uids: set[str] = set()

    def __repr__(self) -> str:
        return "Evidence()"

    def add(self, other: Evidence) -> None:
        """Take in what another one holds."""
        self.needles |= other.needles
        self.gone |= other.gone
        self.stayed |= other.stayed
        self.stayed_texts |= other.stayed_texts
        self.uids |= other.uids
        self.dates |= other.dates
        self.numbers |= other.numbers
        self.names |= other.names
        self.neighbours |= other.neighbours
        self.substrings |= other.substrings
        self.places |= other.places
        self.cut |= other.cut

    def has_words(self) -> bool:
        """Tell whether there is anything to be looked for in decoded values."""
        return bool(
            self.dates
            or self.numbers
            or self.names
            or self.neighbours
            or self.substrings
            or self.cut
        )

    def all_needles(self) -> set[Needle]:
        """Give every needle, those texts left out that a value which stayed contains."""
        return self.needles_besides_uids() | {Needle(uid, "uid") for uid in self.uids}

    def needles_besides_uids(self) -> set[Needle]:
        """Give every needle but UIDs, which may be looked for in another way."""
        found = set(self.needles)
        found.update(Needle(date, "date") for date in self.dates)
        for texts, stayed in ((self.gone, self.stayed), (self.places, self.stayed_texts)):
            if texts:
                whole = "\n".join(stayed)
                found.update(Needle(t, "text") for t in texts if t.casefold() not in whole)
        return found

    def texts_in(self, other: Evidence) -> set[Needle]:
        """Give the needles of texts that went here and that a value of `other`, which stayed, has.

        Both are of one file: what of it its series shares, and what is its own.
        """
        found: set[Needle] = set()
        for texts, stayed in ((self.gone, other.stayed), (self.places, other.stayed_texts)):
            if texts and stayed:
                whole = "\n".join(stayed)
                found.update(Needle(t, "text") for t in texts if t.casefold() in whole)
        return found


def add_values(evidence: Evidence, tag: int, vr: str, values: list[str]) -> None:
    """Add what one element of the original holds, if it is of a person or a UID or a date."""
    if vr == "PN":
        for value in values:
            _add_name(evidence, value)
    elif tag in tags_of("number"):
        for value in values:
            _add_number(evidence, value)
    elif vr == "UI":
        evidence.uids.update(
            uid
            for uid in values
            if len(uid) >= _MINIMUM_UID_CHARACTERS and not is_standard_uid(uid)
        )
    elif vr in DATE_VRS:
        for value in values:
            match = _DATE.match(value)
            if match and "".join(match.groups()) not in PLACEHOLDERS:
                evidence.dates.add("".join(match.groups()))


def add_gone(evidence: Evidence, tag: int, vr: str, values: Iterable[str]) -> None:
    """Add the texts of an element that went as a whole."""
    if vr not in TEXT_VRS and vr not in BULK_VRS:
        return
    common = tag not in tags_of("place")
    gone = {value for value in values if _is_distinctive(value, common=common)}
    (evidence.places if tag in tags_of("institution") else evidence.gone).update(gone)
    evidence.numbers.update(
        value for value in values if vr in {"LO", "SH"} and value.isdigit() and _is_number(value)
    )


def add_cut(evidence: Evidence, before: Iterable[str], after: Iterable[str]) -> None:
    """Add the words that a text lost while the rest of it stayed."""
    kept = {word for text in after for word in shown(text).words}
    for text in before:
        for word in shown(text).words - kept:
            letters = sum(character.isalpha() for character in word)
            if letters == len(word):
                known = _is_common(word) or word in common_words()
                if letters >= _MINIMUM_CHARACTERS and not known:
                    evidence.cut.add(word)
            elif sum(character.isdigit() for character in word) >= _MINIMUM_DIGITS:
                evidence.cut.add(word)


def add_document(evidence: Evidence, content: bytes) -> None:
    """Add the sentences of a document that was replaced, without the syntax of its format."""
    found = [*_SHOWN_IN_PDF.findall(content), *_SHOWN_IN_XML.findall(content)]
    for text in (one.decode("utf-8", "replace").strip() for one in found[:_MAXIMUM_SENTENCES]):
        if _is_distinctive(text, common=True):
            evidence.gone.add(text)


def add_bytes(evidence: Evidence, content: bytes) -> None:
    """Add the texts in bytes that are no element: preamble, trailing bytes."""
    for text in printable(content):
        if _is_distinctive(text, common=True):
            evidence.gone.add(text)


def _is_common(word: str) -> bool:
    return word in vocabulary() or word in own_lists()["maker"] or word in PLACEHOLDERS


def _add_name(evidence: Evidence, value: str) -> None:
    if value.casefold() in PLACEHOLDERS:
        return
    for part in _NAME_PART.findall(value):
        letters = sum(character.isalpha() for character in part)
        if part >= _FIRST_IDEOGRAPH and letters >= _MINIMUM_IDEOGRAPHS:
            evidence.substrings.add(part.casefold())
            evidence.needles.add(Needle(part, "text"))
        elif letters >= _MINIMUM_CHARACTERS:
            _add_name_word(evidence, part)
    for group in value.split("="):
        family, given, *_ = (*WORD.findall(group), "", "")
        whole = group.strip("^ ")
        if given and len(family + given) >= _MINIMUM_CHARACTERS:
            low = family.casefold(), given.casefold()
            for one, two in (low, (plain(low[0]), plain(low[1]))):
                evidence.neighbours |= {(one, two), (two, one)}
            evidence.needles.update(
                Needle(order.format(family, given), "text")
                for order in _ORDERS
                if "^" in group and len(family + given) >= _MINIMUM_TEXT_BYTES
            )
        if len(whole.encode()) >= _MINIMUM_TEXT_BYTES and "^" in whole:
            evidence.needles.add(Needle(whole, "text"))


def _add_name_word(evidence: Evidence, part: str) -> None:
    folded = part.casefold()
    if folded in PLACEHOLDERS:
        return
    evidence.names |= {folded, plain(folded)}
    if len(part) >= _MINIMUM_TEXT_BYTES and not _is_common(folded):
        evidence.needles.add(Needle(part, "word"))


def _is_number(value: str) -> bool:
    return (
        len(value) >= _MINIMUM_TEXT_BYTES
        and len(set(value)) >= _MINIMUM_DISTINCT - 1
        and value.casefold() not in PLACEHOLDERS
    )


def _add_number(evidence: Evidence, value: str) -> None:
    if value.casefold() in PLACEHOLDERS or len(value) < _MINIMUM_CHARACTERS:
        return
    if len(set(value)) < _MINIMUM_DISTINCT - 1:
        return
    evidence.numbers.add(value)
    if len(value) >= _MINIMUM_TEXT_BYTES and any(c.isalpha() for c in value):
        evidence.needles.add(Needle(value, "text"))


def _is_distinctive(text: str, *, common: bool) -> bool:
    """Tell whether a text is worth looking for; `common` words need not be."""
    folded = text.casefold()
    if folded in PLACEHOLDERS or len(text.encode()) < _MINIMUM_TEXT_BYTES:
        return False
    if len(set(folded)) < _MINIMUM_DISTINCT or not any(c.isalpha() for c in text):
        return False
    if not common:
        return True
    words = WORD.findall(folded)
    known = len(words) <= _COMMON_WORDS and all(word in vocabulary() for word in words)
    return not known and folded not in phrases()
