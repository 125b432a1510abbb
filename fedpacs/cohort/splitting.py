"""Who belongs to which part: by patient, for ever, in the proportions asked for. Pure.

A patient that has a part keeps it. New ones come in the order of a hash of their pseudonym (a
keyed one, so the order is random and nobody's choice) and each goes to the part that is furthest
behind its share. With three patients or more no part stays empty as long as new ones can fill it.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from fedpacs.core.cohort import Split
from fedpacs.core.digest import sha256_hex

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from fedpacs.config.job import Splits


def assign_splits(
    patients: Collection[str], known: Mapping[str, Split], shares: Splits
) -> dict[str, Split]:
    """Give every patient a part.

    Parameters
    ----------
    patients
        Pseudonyms of the cohort's patients.
    known
        Parts that patients already have, of this cohort or not.
    shares
        Wanted proportions, adding up to 1.

    Returns
    -------
    dict of str to Split
        One entry for each of `patients`.
    """
    parts = {patient: known[patient] for patient in patients if patient in known}
    counts = Counter(parts.values())
    wanted = {split: getattr(shares, split.value) * len(set(patients)) for split in Split}
    for patient in sorted(set(patients) - set(parts), key=_lot):
        split = _neediest(counts, wanted)
        parts[patient] = split
        counts[split] += 1
    return parts


def _neediest(counts: Counter[Split], wanted: Mapping[Split, float]) -> Split:
    """Part to fill next: an empty one first, then the one furthest behind its share."""
    return max(Split, key=lambda split: (counts[split] == 0, wanted[split] - counts[split]))


def _lot(patient: str) -> str:
    return sha256_hex(f"fedpacs split|{patient}".encode())
