"""What one output says of itself that others must agree with: its identity and its references.

References
----------
PS3.3 10.3 (Image SOP Instance Reference), C.17 (structured reports), C.8.8 (RT), C.8.20 (SEG).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from fedpacs.deidentification.verification.decoding import texts

if TYPE_CHECKING:
    from fedpacs.deidentification.verification.parsed import Parsed

_SOP_INSTANCE, _MODALITY = 0x00080018, 0x00080060
_STUDY, _SERIES = 0x0020000D, 0x0020000E
_PATIENT_ID = 0x00100020
_PATIENT = (0x00100010, 0x00100030, 0x00100040)
_REFERENCED_INSTANCE = 0x00081155


class Facts(NamedTuple):
    """Identity and references of one output. All of it is pseudonymous.

    Attributes
    ----------
    patient
        Name, birth date and sex, undecoded.
    instances
        Referenced SOP Instance UIDs, each with the series that is named around it, if any.
    """

    sop_instance: str
    series: str
    study: str
    patient_id: str
    patient: tuple[bytes, ...]
    modality: str
    instances: frozenset[tuple[str, str]]


def facts_of(parsed: Parsed) -> Facts:
    """Collect the facts of a file."""
    return Facts(
        sop_instance=parsed.text(_SOP_INSTANCE),
        series=parsed.text(_SERIES),
        study=parsed.text(_STUDY),
        patient_id=parsed.text(_PATIENT_ID),
        patient=tuple((parsed.value(tag) or b"").strip(b" \0") for tag in _PATIENT),
        modality=parsed.text(_MODALITY),
        instances=_instances(parsed),
    )


def _instances(parsed: Parsed) -> frozenset[tuple[str, str]]:
    found: set[tuple[str, str]] = set()
    for top in parsed.tops():
        if len(top.leaves) == 1:
            continue
        series: dict[tuple[int, ...], str] = {}
        referenced: list[tuple[tuple[int, ...], str]] = []
        for leaf in top.leaves:
            if leaf.tag == _SERIES:
                series[leaf.where[:-1]] = "".join(texts(leaf, b""))
            elif leaf.tag == _REFERENCED_INSTANCE:
                referenced += [(leaf.where[:-1], uid) for uid in texts(leaf, b"")]
        for item, uid in referenced:
            above = (item[:length] for length in range(len(item), 0, -2))
            found.add((uid, next((series[one] for one in above if one in series), "")))
    return frozenset(found)
