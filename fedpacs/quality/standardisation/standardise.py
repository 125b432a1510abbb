"""One header in, codes out: every field from its evidence, or unknown and a question for a person.

Raw text goes in and stays at the site; only what `Standardised` holds goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.quality.standardisation.evidence import (
    CONTRADICTION,
    Evidence,
    more_telling,
    of_header,
)
from fedpacs.quality.standardisation.vocabulary import BOTH, FIELDS, UNKNOWN, one_part, snomed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset

    from fedpacs.quality.standardisation.mapping import Mapping

MINIMUM_CONFIDENCE = 0.75
_WEAK = 0.5
_NO_CONTRAST_ASKED: tuple[str, ...] = (
    "t2",
    "flair",
    "stir",
    "pd",
    "dwi",
    "adc",
    "dti",
    "swi",
    "t2star",
    "mrcp",
)
_NO_CONTRAST_ASKED += ("localizer", "bold", "bssfp", "spectroscopy", "phase-contrast")


@dataclass(frozen=True, slots=True)
class Coded:
    """One field.

    Attributes
    ----------
    value
        Of the vocabulary; ``unknown`` when nothing was certain enough, ``none`` when the field
        does not apply.
    confidence
        0 .. 1; 0 for unknown.
    sources
        What spoke for it: coded, physics, text, rule.
    """

    value: str
    confidence: float = 0.0
    sources: tuple[str, ...] = ()


_NOTHING = Coded(UNKNOWN)


@dataclass(frozen=True, slots=True)
class Standardised:
    """The codes of one series; no word of the header is in it.

    Attributes
    ----------
    body_part
        Keyword of CID 4; `snomed` gives its code.
    contrast
        ``with``, ``without`` or ``none``.
    phase
        Of the contrast.
    sequence
        Class of the MR sequence or of the CT kernel.
    in_doubt
        Fields that a person is asked about, with why: ``unknown``, ``conflict`` or ``weak``.
    """

    modality: Coded = _NOTHING
    body_part: Coded = _NOTHING
    contrast: Coded = _NOTHING
    phase: Coded = _NOTHING
    plane: Coded = _NOTHING
    sequence: Coded = _NOTHING
    in_doubt: tuple[tuple[str, str], ...] = ()

    @property
    def snomed(self) -> tuple[str, str, str] | None:
        """Value, scheme and meaning of the body part; None for unknown."""
        return snomed(self.body_part.value)

    def as_dict(self) -> dict[str, Any]:
        """Give plain data for a record or manifest: codes and confidences only."""
        fields: dict[str, Any] = {
            name: {
                "value": (coded := getattr(self, name)).value,
                "confidence": round(coded.confidence, 3),
                "sources": list(coded.sources),
            }
            for name in FIELDS
        }
        code = self.snomed
        if code:
            fields["body_part"]["code"] = dict(
                zip(("value", "scheme", "meaning"), code, strict=True)
            )
        return {**fields, "in_doubt": dict(self.in_doubt)}


def standardise(header: Dataset, mapping: Mapping | None = None) -> Standardised:
    """Code one series.

    Parameters
    ----------
    header
        Of one identified image of the series, as the archive gave it.
    mapping
        The site's own rules.

    Returns
    -------
    Standardised
        Codes; what is not certain is unknown and stands in `in_doubt`, never a guess.
    """
    evidence = list(of_header(header))
    rules = mapping.says(header) if mapping is not None else []
    evidence += [Evidence(field, value, "rule", 1.0) for field, value in rules]
    fields: dict[str, Coded] = {}
    doubts: dict[str, str] = {}
    for name in FIELDS:
        fields[name], doubt = _decide(name, [e for e in evidence if e.field == name])
        if doubt:
            doubts[name] = doubt
    if fields["phase"].value == UNKNOWN and fields["contrast"].value in ("without", "none"):
        fields["phase"] = Coded("none", fields["contrast"].confidence, ("coded",))
    if fields["contrast"].value == "without" and fields["phase"].value not in ("none", UNKNOWN):
        doubts["contrast"] = "conflict"
        fields["contrast"] = fields["phase"] = _NOTHING
    for name in _required(fields):
        if fields[name].value == UNKNOWN and not _answered(name, rules):
            doubts.setdefault(name, "unknown")
    return Standardised(**fields, in_doubt=tuple(sorted(doubts.items())))


def _answered(field: str, rules: Sequence[tuple[str, str]]) -> bool:
    """Tell whether a person said before that nobody knows."""
    return (field, UNKNOWN) in rules


def _required(fields: dict[str, Coded]) -> tuple[str, ...]:
    """Give the fields that such a series must have, for nobody to be asked."""
    sequence = fields["sequence"].value
    modality = fields["modality"].value
    if sequence in ("localizer", "bolus-tracking"):
        return ("modality",)
    if modality not in ("CT", "MR"):
        return ("modality", "body_part")
    needed = ("modality", "body_part", "sequence")
    return needed if sequence in _NO_CONTRAST_ASKED else (*needed, "contrast")


def _decide(field: str, evidence: Sequence[Evidence]) -> tuple[Coded, str]:
    """Give the value that all evidence agrees on, and else why there is none."""
    rules = {e.value for e in evidence if e.source == "rule"}
    if rules:
        value = rules.pop()
        if rules:
            return _NOTHING, "conflict"
        return (Coded(value, 1.0, ("rule",)) if value != UNKNOWN else _NOTHING), ""
    strong = [e for e in evidence if e.weight > _WEAK]
    counted = strong or list(evidence)
    if not counted:
        return _NOTHING, ""
    certain = [e for e in counted if e.value != CONTRADICTION]
    if len(certain) < len(counted) and not (field == "contrast" and _is_coded(certain)):
        return _NOTHING, "conflict"
    agreed = _agreed(field, certain)
    return (_NOTHING, "conflict") if agreed is None else _weighed(agreed, certain)


def _weighed(value: str, certain: Sequence[Evidence]) -> tuple[Coded, str]:
    doubt = 1.0
    for one in certain:
        doubt *= 1 - one.weight
    confidence = min(1 - doubt, 0.99)
    if confidence < MINIMUM_CONFIDENCE and value != "none":
        return _NOTHING, "weak"
    return Coded(value, confidence, tuple(sorted({e.source for e in certain}))), ""


def _is_coded(evidence: Sequence[Evidence]) -> bool:
    """Tell whether the object itself says so: a protocol `with and without` covers both series."""
    return bool(evidence) and all(e.source == "coded" for e in evidence)


def _agreed(field: str, evidence: Sequence[Evidence]) -> str | None:
    found = sorted({e.value for e in evidence})
    if len(found) == 1:
        return None if found[0] == BOTH else found[0]
    if field == "body_part":
        # Sums are for words of one text; a coded abdomen and a written thorax contradict
        part = one_part(found)
        return part if part in found else None
    if field == "sequence":
        return more_telling(found)
    if field == "plane" and set(found) >= {"oblique"} and len(found) == 2:  # noqa: PLR2004 - oblique and the nearest plane
        return "oblique"
    return None
