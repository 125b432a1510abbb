"""The standard's own tables, as the verification reads them: VRs, Table E.1-1, UIDs, codes, words.

References
----------
PS3.6 (data dictionary, UIDs); PS3.15 Tables E.1-1 and E.3.10-1; PS3.16 (context groups).
"""

from __future__ import annotations

import csv
import re
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from fedpacs.core.dictionary import DATA_ELEMENTS, REPEATING_GROUPS, UIDS, concepts, retired_snomed

if TYPE_CHECKING:
    from collections.abc import Mapping

TEXT_VRS = frozenset({"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})
BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
DATE_VRS = frozenset({"DA", "DT"})
WRITTEN_NUMBER_VRS = frozenset({"DS", "IS"})
BINARY_NUMBER_VRS = frozenset({"SL", "SS", "SV", "UL", "US", "UV"})
WORD = re.compile(r"[^\W\d_]+")
PLACEHOLDERS = frozenset(
    {
        "anon", "anonymized", "anonymised", "anonymous", "deidentified", "de-identified", "none",
        "removed", "unknown", "unspecified", "not specified", "n/a", "null", "dummy", "19000101",
        "000000", "19000101000000", "00010101", "00010101000000",
    }
)  # fmt: skip
PHRASES, VOCABULARY = "phrases.txt", "vocabulary.txt"
OWN_SCHEME = "99FEDPACS"
COLUMN_OF = {
    "113103": "graphics", "113104": "structured", "113105": "descriptors",
    "113106": "full_dates", "113107": "modified_dates", "113108": "patient", "113109": "device",
    "113110": "uids", "113111": "safe_private", "113112": "institution",
}  # fmt: skip
_STANDARD_UIDS = frozenset(UIDS)
_REPEATERS = {
    (mask[:2], mask[4:]): entry[0] for mask, entry in REPEATING_GROUPS.items() if "xx" in mask[:4]
}


def is_standard_uid(uid: str) -> bool:
    """Tell whether the standard itself defines a UID."""
    return uid in _STANDARD_UIDS


@cache
def vr_of(tag: int) -> str:
    """Give the standard's VR; UN when it has none."""
    entry = DATA_ELEMENTS.get(tag)
    if entry is not None:
        vr = entry[0]
    elif tag & 0x10000:
        return "LO" if 0x10 <= tag & 0xFFFF <= 0xFF else "UN"  # noqa: PLR2004 - private creators
    elif tag & 0xFFFF == 0:
        return "UL"
    else:
        text = f"{tag:08x}"
        vr = _REPEATERS.get((text[:2], text[4:]), "UN")
    vr = vr.split(" or ")[-1] if "OW" in vr else vr.split(" or ")[0]
    return "UN" if vr in {"NONE", ""} else vr


def is_known(tag: int) -> bool:
    """Tell whether the standard's dictionary holds an attribute, retired ones included."""
    return tag in DATA_ELEMENTS


@cache
def table() -> Mapping[int, dict[str, str]]:
    """Rows of PS3.15 Table E.1-1 by tag."""
    return {
        int(line["tag"], 16): line
        for line in _lines("ps315_e1_1.csv")
        if line["tag"] != "private" and "x" not in line["tag"]
    }


def _lines(name: str) -> list[dict[str, str]]:
    text = files("fedpacs.deidentification").joinpath("data", name).read_text("utf-8")
    kept = [line for line in text.splitlines() if not line.startswith("#")]
    return list(csv.DictReader(kept))


@cache
def own_lists() -> Mapping[str, frozenset[str]]:
    """Give the package's short lists, by name."""
    text = files("fedpacs.deidentification.verification").joinpath("lists.csv").read_text("utf-8")
    found: dict[str, set[str]] = {}
    for line in csv.DictReader(text.splitlines()):
        found.setdefault(line["list"], set()).add(line["entry"])
    return {name: frozenset(entries) for name, entries in found.items()}


@cache
def tags_of(name: str) -> frozenset[int]:
    """One of those lists as tags."""
    return frozenset(int(entry, 16) for entry in own_lists()[name])


@cache
def codes() -> Mapping[str, Mapping[str, frozenset[str]]]:
    """Code meanings by value by scheme."""
    known: dict[str, dict[str, set[str]]] = {"SRT": {}}
    for scheme, by_keyword in concepts().items():
        values = known.setdefault(scheme, {})
        for by_value in by_keyword.values():
            for value, (meaning, _) in by_value.items():
                values.setdefault(value, set()).add(meaning[:64])
    for retired, value in retired_snomed()["SRT"].items():
        known["SRT"].setdefault(retired, set()).update(known["SCT"].get(value, ()))
    return {
        scheme: {value: frozenset(meanings) for value, meanings in values.items()}
        for scheme, values in known.items()
    }


@cache
def phrases() -> frozenset[str]:
    """Phrases of DICOM: names of attributes, UIDs and coded concepts. They identify nobody."""
    return _entries(PHRASES)


@cache
def vocabulary() -> frozenset[str]:
    """Words of those phrases."""
    return _entries(VOCABULARY)


def _entries(name: str) -> frozenset[str]:
    """Read a generated list; see `generate_words`."""
    text = files("fedpacs.deidentification.verification").joinpath(name).read_text("utf-8")
    return frozenset(text.split("\n")) - {""}


@cache
def common_words() -> frozenset[str]:
    """Words of everyday language, the package's public list: they identify nobody by themselves."""
    text = files("fedpacs.deidentification").joinpath("data", "text_common.txt").read_text("utf-8")
    return frozenset(
        line.strip().casefold() for line in text.splitlines() if line and not line.startswith("#")
    )


@cache
def _safe_private() -> frozenset[tuple[str, int, int]]:
    return frozenset(
        (line["creator"].strip().casefold(), int(line["tag"][:4], 16), int(line["tag"][-2:], 16))
        for line in _lines("safe_private.csv")
    )


@cache
def is_safe_private(creator: str, tag: int) -> bool:
    """Tell whether the standard's list names a private element as safe.

    References
    ----------
    PS3.15 Table E.3.10-1.
    """
    return (creator.strip().casefold(), tag >> 16, tag & 0xFF) in _safe_private()


@cache
def has_safe_elements(creator: str, group: int) -> bool:
    """Tell whether a private creator has any safe element in a group."""
    name = creator.strip().casefold()
    return any(one == name and other == group for one, other, _ in _safe_private())
