"""Writing one level of a data set and its answer key at once."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import Tag

if TYPE_CHECKING:
    import datetime as dt

    from benchmarks.deid_quality.phrases import Phrase
    from benchmarks.deid_quality.specimen import Specimen

WORDS = re.compile(r"[^\W_]{2,}", re.UNICODE)


def as_text(value: object) -> str:
    """Write a value as the answer key does: components by backslash."""
    if isinstance(value, (list, tuple)):
        return "\\".join(str(one) for one in value)
    return str(value)


# Type 1 or 1C where they stand: to be replaced, not emptied (PS3.3)
NOT_NULL = {
    "ContentLabel",
    "PersonName",
    "RTPlanLabel",
    "SegmentLabel",
    "StructureSetLabel",
    "TextValue",
    "UnformattedTextValue",
    "VerifyingObserverName",
    "VerifyingOrganization",
}
GENERIC = {"Hospital", "Hospitalier", "Infirmary", "Klinikum", "Memorial", "Radiologie"}


class Level:
    """A data set or an item, with the path that leads to it.

    Parameters
    ----------
    specimen
        Whose answer key is written.
    dataset
        Where the elements go.
    path
        Tags that lead here, each with its slash; empty at the top.
    """

    def __init__(self, specimen: Specimen, dataset: Dataset, path: str = "") -> None:
        self.specimen = specimen
        self.dataset = dataset
        self.path = path

    def where(self, keyword: str | int) -> str:
        """Give the path of an element of this level."""
        tag = keyword if isinstance(keyword, int) else tag_for_keyword(keyword)
        if tag is None:
            raise KeyError(keyword)
        return f"{self.path}{tag:08X}"

    def put(self, keyword: str | int, value: object, vr: str = "") -> str:
        """Write an element that is not asked about; gives its path."""
        tag = keyword if isinstance(keyword, int) else tag_for_keyword(keyword)
        if tag is None:
            raise KeyError(keyword)
        self._forget(tag)
        self.dataset[tag] = DataElement(tag, vr or dictionary_VR(tag).split(" ")[0], value)
        if keyword in NOT_NULL:
            self.specimen.expect("not-null", self.where(tag), "")
        return self.where(tag)

    def _forget(self, tag: int) -> None:
        """Take back what was asked of an element that is written again."""
        if tag in self.dataset:
            where, checks = self.where(tag), self.specimen.checks
            checks[:] = [one for one in checks if one.where != where]

    def keep(self, keyword: str | int, value: object, vr: str = "") -> None:
        """Write an element that must come out as it is."""
        where = self.put(keyword, value, vr)
        self.specimen.expect("retained", where, as_text(value))

    def keep_all(self, **values: object) -> None:
        """Write several elements that must come out as they are."""
        for keyword, value in values.items():
            self.keep(keyword, value)

    def gone(self, keyword: str | int, value: object, what: str = "name", vr: str = "") -> None:
        """Write an element whose value identifies."""
        where = self.put(keyword, value, vr)
        self.specimen.expect("removed", where, as_text(value))
        self.plant(as_text(value), what)

    def wrong(self, keyword: str, text: str, what: str, vr: str) -> None:
        """Write a value that is not of its VR, which pydicom would refuse to make."""
        tag = Tag(keyword)
        self._forget(tag)
        raw = text.encode()
        raw += b" " * (len(raw) % 2)
        self.dataset[tag] = RawDataElement(tag, vr, len(raw), raw, 0, False, True)
        self.specimen.expect("removed", self.where(keyword), text)
        self.plant(text, what)

    def plant(self, text: str, what: str) -> None:
        """Plant a value, and a name's parts."""
        if what == "name":
            for group in text.split("="):
                for part in re.split(r"[\^ \\]", group):
                    long = len(part) >= 4 and part not in {"Jr.", "Mrs.", "Prof."}
                    if long or (len(part) >= 2 and any(ord(one) > 0x2E80 for one in part)):
                        self.specimen.plant(part, what)
        elif len(text) >= 5:
            self.specimen.plant(text, what)
            if what == "place":
                for word in set(re.findall(r"[^\W\d_]{8,}", text)) - GENERIC:
                    self.specimen.plant(word, what)

    def linked(self, keyword: str | int, value: str, what: str = "id") -> None:
        """Write an identifier that must change, the same way everywhere."""
        where = self.put(keyword, value)
        self.specimen.expect("changed", where, value)
        self.specimen.expect("consistent", where, value)
        self.plant(value, what)

    def uid(self, keyword: str | int, value: str) -> None:
        """Write an instance UID: changed, consistent, and found again in what refers to it."""
        self.linked(keyword, value, "uid")

    def refer(self, keyword: str | int, value: str) -> None:
        """Write a UID that refers to an object of the corpus."""
        self.uid(keyword, value)
        self.specimen.expect("reference", self.where(keyword), value)

    def date(self, keyword: str | int, when: dt.datetime | dt.date | list[dt.date]) -> None:
        """Write a DA that must be shifted."""
        dates = when if isinstance(when, list) else [when]
        value = [f"{one:%Y%m%d}" for one in dates]
        where = self.put(keyword, value if len(value) > 1 else value[0], "DA")
        self.shifts(where, value)

    def moment(self, keyword: str | int, when: dt.datetime, tail: str = "") -> None:
        """Write a DT that must be shifted; the tail is a fraction or offset."""
        value = f"{when:%Y%m%d%H%M%S}{tail}"
        where = self.put(keyword, value, "DT")
        self.shifts(where, [value])

    def shifts(self, where: str, values: list[str]) -> None:
        """Ask for a shift of the dates that are at this place."""
        for value in values:
            self.specimen.expect("shifted", where, value)
            self.specimen.expect("interval", where, value)
            self.specimen.plant(value[:8], "date")

    def text(self, keyword: str | int, phrase: Phrase, vr: str = "") -> None:
        """Write free text: its spans go, its clinical words stay."""
        where = self.put(keyword, phrase.text, vr)
        self.said(where, phrase)

    def said(self, where: str, phrase: Phrase) -> None:
        """Ask about a phrase at a place."""
        for span, what in phrase.spans:
            self.specimen.expect("removed", where, span)
            self.plant(span, what)
        for word in phrase.words:
            self.specimen.expect("words", where, word)

    def item(self, keyword: str | int) -> Level:
        """Append an item to a sequence."""
        tag = keyword if isinstance(keyword, int) else tag_for_keyword(keyword)
        if tag is None:
            raise KeyError(keyword)
        if tag not in self.dataset:
            self.dataset[tag] = DataElement(tag, "SQ", Sequence())
        inner = Dataset()
        self.dataset[tag].value.append(inner)
        return Level(self.specimen, inner, self.where(tag) + "/")

    def code(self, keyword: str | int, value: str, scheme: str, meaning: str) -> Level:
        """Append a coded concept that must stay."""
        inner = self.item(keyword)
        inner.keep("CodeValue", value)
        inner.keep("CodingSchemeDesignator", scheme)
        inner.keep("CodeMeaning", meaning)
        return inner

    def private(self, group: int, creator: str, block: int = 0x10) -> Private:
        """Reserve a private block."""
        self.dataset[(group << 16) | block] = DataElement((group << 16) | block, "LO", creator)
        return Private(self, group, creator, block)


class Private:
    """A private block of a level."""

    def __init__(self, level: Level, group: int, creator: str, block: int) -> None:
        self.level = level
        self.group = group
        self.creator = creator
        self.block = block

    def tag(self, element: int) -> int:
        """Give the whole tag."""
        return (self.group << 16) | (self.block << 8) | element

    def where(self, element: int) -> str:
        """Give the path, free of the block number."""
        return f"{self.level.path}{self.group:04X}@{self.creator}@{element:02X}"

    def put(self, element: int, vr: str, value: object) -> None:
        """Write an element that is not asked about."""
        self.level.dataset[self.tag(element)] = DataElement(self.tag(element), vr, value)

    def keep(self, element: int, vr: str, value: object) -> None:
        """Write a safe element that must come out as it is."""
        self.put(element, vr, value)
        self.level.specimen.expect("retained", self.where(element), as_text(value))

    def gone(self, element: int, vr: str, value: str, what: str = "name") -> None:
        """Write an element whose value identifies."""
        self.put(element, vr, value.encode() if vr in {"UN", "OB"} else value)
        self.level.specimen.expect("removed", self.where(element), value)
        self.level.plant(value, what)

    def item(self, element: int) -> Level:
        """Append an item to a private sequence."""
        tag = self.tag(element)
        if tag not in self.level.dataset:
            self.level.dataset[tag] = DataElement(tag, "SQ", Sequence())
        inner = Dataset()
        self.level.dataset[tag].value.append(inner)
        return Level(self.level.specimen, inner, self.where(element) + "/")
