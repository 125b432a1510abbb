"""What must hold across files: one shift a patient, one new value for an old one, references."""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.deid_quality.lookup import values_at

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from benchmarks.deid_quality.specimen import Specimen

NAME = "name"
Key = tuple[str, str]  # what it is, and the old value
DEFINING = ("0020000D", "0020000E", "00080018", "00200052")


def day(text: str) -> dt.date | None:
    """Read the date of a DA or DT; None for none, and for a dummy such as 00010101."""
    try:
        found = dt.datetime.strptime(text.strip()[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day
    except ValueError:
        return None
    return found if 1800 < found.year < 2200 else None


@dataclass(slots=True)
class Linkage:
    """What was learned from all outputs of a run.

    Parameters
    ----------
    shifts
        Votes for a shift in days, by patient.
    renamed
        Votes for a new value, by the old one.
    defined
        New UID of an object, series, study or frame of reference, by the old one.
    originals
        Dates that a patient's files hold.
    """

    shifts: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    renamed: dict[Key, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    defined: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    originals: dict[str, set[dt.date]] = field(default_factory=lambda: defaultdict(set))
    owners: dict[tuple[str, str], set[Key]] = field(default_factory=dict)

    def learn(self, specimen: Specimen, source: Dataset, ds: Dataset) -> None:
        """Take the dates and identifiers of a file and its output into account."""
        for check in specimen.checks:
            if check.name == "interval":
                old = day(check.expected)
                if old is None:
                    continue
                self.originals[specimen.person].add(old)
                for value in _components(ds, check.where):
                    new = day(value)
                    if new is not None:
                        self.shifts[specimen.person][(new - old).days] += 1
            elif check.name == "consistent":
                olds, news = values_at(source, check.where), values_at(ds, check.where)
                if len(olds) != len(news):
                    continue  # items are gone: which is whose is not known
                pairs = zip(olds, news, strict=True)
                for new in {new for old, new in pairs if old == check.expected}:
                    self.renamed[_key(specimen.person, check.where, check.expected)][new] += 1
                    if check.where in DEFINING:
                        self.defined[check.expected][new] += 1

    def shift(self, person: str) -> int | None:
        """Give a patient's shift in days."""
        votes = self.shifts.get(person)
        return votes.most_common(1)[0][0] if votes else None

    def innocent(self, person: str) -> set[str]:
        """Give dates that are in the outputs by chance: shifted ones of the same patient."""
        shift = self.shift(person)
        if not shift:
            return set()
        moved = {one + dt.timedelta(days=shift) for one in self.originals[person]}
        return {f"{one:%Y%m%d}" for one in moved}

    def interval_kept(self, person: str, ds: Dataset, where: str, old: str) -> bool:
        """Say whether a date moved as the patient's others did, and its time stayed."""
        shift, before = self.shift(person), day(old)
        if shift is None or before is None:
            return False
        expected = f"{before + dt.timedelta(days=shift):%Y%m%d}" + old[8:]
        return any(value.strip() == expected for value in _components(ds, where))

    def consistent(self, person: str, ds: Dataset, where: str, old: str) -> bool:
        """Say whether an old value became what it became elsewhere, and nothing else did."""
        key = _key(person, where, old)
        votes = self.renamed.get(key)
        if not votes:
            return False
        new = votes.most_common(1)[0][0]
        if new == "" and key[0] != NAME:
            return False
        return new in values_at(ds, where) and self._only(key, new)

    def _only(self, key: Key, new: str) -> bool:
        if not self.owners:
            for other, votes in self.renamed.items():
                owned = (other[0], votes.most_common(1)[0][0])
                self.owners.setdefault(owned, set()).add(other)
        return new == "" or key[0] == NAME or self.owners.get((key[0], new), {key}) == {key}

    def reference_kept(self, ds: Dataset, where: str, old: str) -> bool | None:
        """Say whether a reference leads to its object; None if that is not in the output."""
        votes = self.defined.get(old)
        if not votes:
            return None
        return votes.most_common(1)[0][0] in values_at(ds, where)


def _key(person: str, where: str, old: str) -> Key:
    """Two patients may have one name; numbers and UIDs are what they are."""
    if where.endswith("00100010"):
        return NAME, f"{person} {old}"
    return ("id" if where.endswith("00100020") else "uid"), old


def _components(ds: Dataset, where: str) -> list[str]:
    return [part for value in values_at(ds, where) for part in value.split("\\")]
