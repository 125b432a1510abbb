"""The catalogue of a site: how many patients of each kind it has sealed, small numbers suppressed.

Patients are counted, not studies or series. Each patient is in one category of every field: who has
series of several kinds is counted under ``(several)``, and under ``(not coded)`` who has none that
was coded. So the categories add up, and what must be suppressed can be told exactly.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fedpacs.policy.cells import Counts, suppress

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.cohort.study_record import StudyRecord

SEVERAL = "(several)"
NOT_CODED = "(not coded)"
_LABELS = ("SEG", "RTSTRUCT")


def catalogue(studies: Iterable[StudyRecord], minimum_cell: int) -> dict[str, Counts]:
    """Count patients by every coded field.

    Parameters
    ----------
    studies
        Everything that is sealed.
    minimum_cell
        Smallest number that may be told.

    Returns
    -------
    dict of str to Counts
        By field; ``modality`` is always there.
    """
    kinds: dict[str, dict[str, set[str]]] = {}
    for study in studies:
        fields = kinds.setdefault(study.patient, {})
        for uid in {i.series_instance_uid for i in study.instances if i.modality not in _LABELS}:
            for name, value in study.codes(uid).items():
                fields.setdefault(name, set()).add(value)
    names = {"modality"} | {name for fields in kinds.values() for name in fields}
    tables = {name: Counter[str]() for name in sorted(names)}
    for fields in kinds.values():
        for name, table in tables.items():
            found = fields.get(name, set())
            table[next(iter(found)) if len(found) == 1 else SEVERAL if found else NOT_CODED] += 1
    return {name: suppress(table, len(kinds), minimum_cell) for name, table in tables.items()}
