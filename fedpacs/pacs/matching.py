"""Attribute matching of C-FIND as SQL conditions (PS3.4 C.2.2.2)."""

from __future__ import annotations

from pydicom.datadict import dictionary_VR

_RANGED = frozenset({"DA", "TM", "DT"})
_WILD = frozenset({"AE", "CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT"})


def condition(keyword: str, wanted: tuple[str, ...]) -> tuple[str, list[str]]:
    """Translate one key into a condition and its parameters.

    Parameters
    ----------
    keyword
        Column, named by DICOM keyword.
    wanted
        Values; several are a list of UIDs or alternatives.
    """
    vr = dictionary_VR(keyword)
    clauses: list[str] = []
    values: list[str] = []
    for value in wanted:
        clause, parameters = _single(keyword, vr, value)
        clauses.append(clause)
        values.extend(parameters)
    return "(" + " OR ".join(clauses) + ")", values


def _single(keyword: str, vr: str, value: str) -> tuple[str, list[str]]:
    if vr in _RANGED and "-" in value:
        first, _, last = value.partition("-")
        # an empty end is open; \uffff sorts behind every digit
        return f"{keyword} BETWEEN ? AND ?", [first, last or "\uffff"]
    if vr == "PN":
        return rf"{keyword} LIKE ? ESCAPE '\'", [_like(value)]
    if vr in _WILD and any(c in value for c in "*?"):
        return f"{keyword} GLOB ?", [value.replace("[", "[[]")]
    return f"{keyword} = ?", [value]


def _like(value: str) -> str:
    for special in ("\\", "%", "_"):
        value = value.replace(special, "\\" + special)
    return value.replace("*", "%").replace("?", "_")
