"""What the original says of its patient: the values that the verification then looks for.

Nothing here knows the engine or the profile. A value *had to go* when the attribute that held it
is gone or changed in the output; a person's name or number had to go in any case.

Which values are looked for (so that clean files raise no false alarm):

- *names*: each word of at least four letters of every PN value; in every byte from six letters
  on, unless it is a word of the DICOM dictionaries, and the whole value; shorter ones only where
  family and given name stand side by side in a text;
- *numbers and addresses of the patient*: at least four characters;
- *UIDs* that the standard does not define: at least eight characters;
- *dates*: complete ones, looked for in text only;
- *any other text that went*: at least six bytes, with a letter and four different characters, and
  no phrase of the DICOM dictionaries nor just one or two of their words (an institution's name
  may be), unless a value that stayed contains it; an institution's name or address is excused
  by a text only, as a maker's name, and never by a code string.

Placeholders such as ANONYMIZED name nobody and are not looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, cast

from pydicom._dicom_dict import DicomDictionary
from pydicom._uid_dict import UID_dictionary
from pydicom.multival import MultiValue
from pydicom.sr._concepts_dict import concepts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pydicom.dataelem import DataElement
    from pydicom.dataset import Dataset

Path = tuple[int, ...]
"""Where an element stands: tag, item, tag, item, ..., tag."""

TEXT_VRS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
DATE_VRS = frozenset({"DA", "DT"})
NUMBER_VRS = frozenset({"DS", "IS", "SL", "SS", "SV", "UL", "US", "UV"})
PLACEHOLDERS = frozenset(
    {
        "anon", "anonymized", "anonymised", "anonymous", "deidentified", "de-identified", "none",
        "removed", "unknown", "unspecified", "not specified", "n/a", "null", "dummy", "19000101",
        "000000", "19000101000000",
    }
)  # fmt: skip
_PATIENT_NUMBERS = frozenset(
    {
        0x00080050, 0x00100020, 0x00100021, 0x00101000, 0x00101040, 0x00101050, 0x00101090,
        0x00102154, 0x00102155, 0x00080092, 0x00080094, 0x00380010, 0x00380060, 0x00380300,
        0x00402016, 0x00402017, 0x00401001,
    }
)  # fmt: skip
_PLACES = frozenset({0x00080080, 0x00080081, 0x00081010, 0x00081040})
_INSTITUTION = frozenset({0x00080080, 0x00080081})
_MINIMUM_CHARACTERS = 4
_COMMON_WORDS = 2
_MINIMUM_TEXT_BYTES = 6
_MINIMUM_UID_CHARACTERS = 8
_MINIMUM_DISTINCT = 4
_MAXIMUM_BULK_BYTES = 4096
_WORD = re.compile(r"[^\W\d_]+", re.UNICODE)
_NAME_PART = re.compile(r"[^\^=\s,;.()\[\]\"]+")
_DATE = re.compile(r"(\d{4})(\d{2})(\d{2})")
_PRINTABLE = re.compile(rb"[\x20-\x7e\x80-\xff]{6,}")


@dataclass(frozen=True, slots=True, repr=False)
class Evidence:
    """What must not be found. Identified; has no ``repr``.

    Attributes
    ----------
    names
        Words of persons' names, case folded.
    pairs
        Family and given name, in both orders, case folded.
    strings
        Values to look for in every byte.
    numbers
        Values to look for in text as words of their own.
    uids
        UIDs to look for in every byte.
    dates
        Dates in the forms in which people write them.
    """

    names: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    strings: frozenset[str]
    numbers: frozenset[str]
    uids: frozenset[str]
    dates: frozenset[str]
    charset: tuple[str, ...] = field(default=())

    def __repr__(self) -> str:
        return "Evidence()"


def walk(ds: Dataset, above: Path = ()) -> Iterator[tuple[Path, DataElement | None]]:
    """Visit every element at every depth; None stands for one that cannot be decoded."""
    for tag in sorted(ds.keys()):
        where = (*above, int(tag))
        try:
            element = ds[tag]
        except Exception:  # noqa: BLE001 - damaged values fail in any way they like
            yield where, None
            continue
        yield where, element
        if element.VR == "SQ":
            for number, item in enumerate(element.value or ()):
                yield from walk(item, (*where, number))


def texts(element: DataElement) -> list[str]:
    """Give the values of an element as text, trimmed; empty ones left out."""
    value = element.value
    if value is None or element.VR == "SQ":
        return []
    if isinstance(value, bytes):
        return _printable(value) if len(value) <= _MAXIMUM_BULK_BYTES else []
    many = value if isinstance(value, MultiValue | list) else [value]
    found = (_written(one).strip(" \0\r\n\t") for one in many)
    return [text for text in found if text]


def _written(value: object) -> str:
    """Give a number as it was written; a person's name keeps bytes under that attribute."""
    original = getattr(value, "original_string", None)
    return original if isinstance(original, str) else str(value)


def _printable(content: bytes) -> list[str]:
    return [run.decode("latin-1").strip() for run in _PRINTABLE.findall(content)]


@cache
def phrases() -> frozenset[str]:
    """Phrases of DICOM: names of attributes, UIDs and coded concepts. They identify nobody."""
    found = {entry[2].casefold() for entry in DicomDictionary.values()}
    found.update(entry[0].casefold() for entry in UID_dictionary.values())
    listing = cast("dict[str, dict[str, dict[str, tuple[str, list[int]]]]]", concepts)
    for by_keyword in listing.values():
        for by_value in by_keyword.values():
            found.update(meaning.casefold() for meaning, _ in by_value.values())
    return frozenset(found)


@cache
def vocabulary() -> frozenset[str]:
    """Words of those phrases."""
    return frozenset(word for phrase in phrases() for word in _WORD.findall(phrase))


def gather(original: Dataset, kept: dict[Path, list[str]]) -> Evidence:
    """Collect what must not be found.

    Parameters
    ----------
    original
        The identified data set.
    kept
        Values of the output by place.
    """
    collector = _Collector(kept)
    for where, element in walk(original):
        if element is not None:
            collector.visit(where, element)
    return collector.evidence(_charset(original))


def _charset(ds: Dataset) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ds._character_set or ()))  # noqa: SLF001 - the codecs pydicom chose


class _Collector:
    def __init__(self, kept: dict[Path, list[str]]) -> None:
        self._kept = kept
        self._stayed: set[str] = set()
        self._stayed_texts: set[str] = set()
        self._names: set[str] = set()
        self._pairs: set[tuple[str, str]] = set()
        self._strings: set[str] = set()
        self._texts: set[str] = set()
        self._institution: set[str] = set()
        self._numbers: set[str] = set()
        self._uids: set[str] = set()
        self._dates: set[str] = set()

    def visit(self, where: Path, element: DataElement) -> None:
        values = texts(element)
        if element.VR == "PN":
            self._visit_names(values)
        elif where[-1] in _PATIENT_NUMBERS:
            self._visit_numbers(values)
        elif element.VR == "UI":
            self._uids.update(
                uid
                for uid in values
                if uid not in UID_dictionary and len(uid) >= _MINIMUM_UID_CHARACTERS
            )
        elif element.VR in DATE_VRS:
            self._visit_dates(values)
        elif element.VR in TEXT_VRS or element.VR in BULK_VRS or element.VR == "CS":
            self._visit_texts(where, element.VR, values)

    def _visit_names(self, values: list[str]) -> None:
        for value in values:
            if value.casefold() in PLACEHOLDERS:
                continue
            for part in _NAME_PART.findall(value):
                if sum(character.isalpha() for character in part) >= _MINIMUM_CHARACTERS:
                    self._add_name(part)
            for group in value.split("="):
                family, given, *_ = (*_WORD.findall(group.casefold()), "", "")
                if len(family + given) >= _MINIMUM_CHARACTERS and given:
                    self._pairs |= {(family, given), (given, family)}
                if len(group.strip("^ ")) >= _MINIMUM_TEXT_BYTES and "^" in group.strip("^ "):
                    self._strings.add(group.strip("^ "))

    def _add_name(self, part: str) -> None:
        self._names.add(part.casefold())
        if len(part) >= _MINIMUM_TEXT_BYTES and part.casefold() not in vocabulary():
            self._strings.add(part)

    def _visit_numbers(self, values: list[str]) -> None:
        for value in values:
            if value.casefold() in PLACEHOLDERS or len(value) < _MINIMUM_CHARACTERS:
                continue
            if len(set(value)) < _MINIMUM_DISTINCT - 1:
                continue
            self._numbers.add(value)
            if len(value) >= _MINIMUM_TEXT_BYTES and any(c.isalpha() for c in value):
                self._strings.add(value)

    def _visit_dates(self, values: list[str]) -> None:
        for value in values:
            if (match := _DATE.match(value)) is None or match[0] in PLACEHOLDERS:
                continue
            year, month, day = match.groups()
            self._dates.update(
                (
                    f"{year}{month}{day}",
                    f"{year}-{month}-{day}",
                    f"{day}.{month}.{year}",
                    f"{day}/{month}/{year}",
                    f"{month}/{day}/{year}",
                )
            )

    def _visit_texts(self, where: Path, vr: str, values: list[str]) -> None:
        if self._kept.get(where) == values:
            self._stayed.update(value.casefold() for value in values)
            if vr != "CS":
                self._stayed_texts.update(value.casefold() for value in values)
            return
        if vr != "CS":
            common = where[-1] not in _PLACES
            gone = {value for value in values if _is_distinctive(value, common=common)}
            (self._institution if where[-1] in _INSTITUTION else self._texts).update(gone)

    def evidence(self, charset: tuple[str, ...]) -> Evidence:
        gone = _not_in(self._texts, self._stayed)
        gone |= _not_in(self._institution, self._stayed_texts)
        return Evidence(
            names=frozenset(self._names),
            pairs=frozenset(self._pairs),
            strings=frozenset(self._strings | gone),
            numbers=frozenset(self._numbers),
            uids=frozenset(self._uids),
            dates=frozenset(self._dates),
            charset=charset,
        )


def _not_in(texts: set[str], stayed: set[str]) -> set[str]:
    whole = "\n".join(stayed)
    return {text for text in texts if text.casefold() not in whole}


def _is_distinctive(text: str, *, common: bool) -> bool:
    """Tell whether a text is worth looking for; `common` words need not be."""
    folded = text.casefold()
    if folded in PLACEHOLDERS or len(text.encode()) < _MINIMUM_TEXT_BYTES:
        return False
    if len(set(folded)) < _MINIMUM_DISTINCT or not any(c.isalpha() for c in text):
        return False
    if not common:
        return True
    words = _WORD.findall(folded)
    known = len(words) <= _COMMON_WORDS and all(word in vocabulary() for word in words)
    return not known and folded not in phrases()
