"""Gate 3 for statistics: whether tables about a cohort may leave the hospital."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from fedpacs.core.decision import Decision, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fedpacs.core.statistics import Moments, Noise, SiteStatistics, TableForm

GATE = "egress"
Permission = Literal["never", "with-noise", "exact"]
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SMALLEST_MEANINGFUL = 2


@dataclass(frozen=True, slots=True)
class EarlierRelease:
    """Exact statistics that left before.

    Attributes
    ----------
    same
        True if they were about exactly the same series of the same patients.
    disjoint
        True if no patient was in both. False too where the earlier cohort is no longer known.
    minimum_cell
        What small cells were merged to.
    """

    same: bool
    disjoint: bool
    minimum_cell: int


@dataclass(frozen=True, slots=True)
class StatisticsFacts:
    """What is known of statistics before gate 3.

    Attributes
    ----------
    statistics
        What would leave.
    approved_job_digest, approved_schema_digest
        What the site's people signed.
    patients
        Patients in the cohort.
    minimum_cell
        The stricter of site and job.
    minimum_patients
        The stricter of site and job.
    permission
        What the site lets out at all.
    forms
        Every table that was approved, by name.
    support
        Patients behind the least supported number of each exact table, counted anew.
    groups
        Patients in the smaller of the two groups of each yes-or-no covariate of the moments.
    wanted_noise
        Noise that the job asks for, None for exact numbers.
    earlier
        Exact statistics that left this site before.
    """

    statistics: SiteStatistics
    approved_job_digest: str
    approved_schema_digest: str
    patients: int
    minimum_cell: int
    minimum_patients: int
    permission: Permission
    forms: Mapping[str, TableForm]
    support: Mapping[str, int]
    groups: Mapping[str, int]
    wanted_noise: Noise | None
    earlier: Sequence[EarlierRelease] = ()


def decide(facts: StatisticsFacts) -> Decision:
    """Decide gate 3 for statistics. It opens only if all of these hold; every broken one is named.

    1. The minimum cell is two patients or more (``egress.vacuous-limit``).
    2. They were made for the job and the record that were approved (``egress.job-not-approved``).
    3. The site lets statistics out, and exact ones if there is no noise
       (``egress.statistics-not-allowed``, ``egress.noise-required``).
    4. The cohort has at least the minimum of patients and the minimum cell
       (``egress.small-cell``).
    5. Every table is an approved one and has groups of its cells, in order, with whole numbers;
       no text but these names (``egress.table-not-allowed``).
    6. Every exact number rests on at least the minimum cell, counted anew
       (``egress.small-cell``).
    7. The noise is the noise that was approved (``egress.noise``).
    8. Moments leave only without noise, finite, over enough patients, and so that no group of a
       yes-or-no covariate is small (``egress.moments``).
    9. Exact numbers left before about the very same series with the same minimum cell, or about
       other patients, or not at all. Else the difference of the two would speak of the few
       patients who are in one of them alone (``egress.overlapping-statistics``).

    Parameters
    ----------
    facts
        What is known.

    Returns
    -------
    Decision
        With all reasons, not only the first.
    """
    return Decision.of(GATE, _broken(facts))


def _broken(facts: StatisticsFacts) -> Iterator[Reason]:
    if facts.minimum_cell < _SMALLEST_MEANINGFUL:
        yield Reason("egress.vacuous-limit", "A limit is missing or limits nothing.")
    yield from _approval(facts)
    yield from _permission(facts)
    if facts.patients < max(facts.minimum_cell, facts.minimum_patients):
        yield Reason(
            "egress.small-cell",
            f"The cohort has {facts.patients} patients; "
            f"{max(facts.minimum_cell, facts.minimum_patients)} are needed for anything to leave.",
        )
    yield from _tables(facts)
    if facts.statistics.noise != facts.wanted_noise:
        yield Reason("egress.noise", "The noise is not the noise that was approved.")
    if facts.statistics.moments is not None:
        yield from _moments(facts, facts.statistics.moments)
    if facts.wanted_noise is None and not all(_is_compatible(facts, e) for e in facts.earlier):
        yield Reason(
            "egress.overlapping-statistics",
            "Exact numbers about some of these patients have left before, and the difference "
            "would speak of the others; ask for statistics with noise.",
        )


def _approval(facts: StatisticsFacts) -> Iterator[Reason]:
    made_for = (facts.statistics.job_digest, facts.statistics.schema_digest)
    approved = (facts.approved_job_digest, facts.approved_schema_digest)
    if made_for != approved or not all(_SHA256.fullmatch(digest) for digest in made_for):
        yield Reason(
            "egress.job-not-approved",
            "The statistics were made for a job that the site did not approve.",
        )


def _permission(facts: StatisticsFacts) -> Iterator[Reason]:
    if facts.permission == "never":
        yield Reason("egress.statistics-not-allowed", "The site lets no statistics out.")
    if facts.permission == "with-noise" and facts.wanted_noise is None:
        yield Reason("egress.noise-required", "The site lets statistics out only with noise.")


def _tables(facts: StatisticsFacts) -> Iterator[Reason]:
    statistics = facts.statistics
    names = [*statistics.tables, *statistics.withheld]
    strangers = sum(name not in facts.forms for name in names)
    if strangers or len(set(names)) != len(names):
        yield Reason(
            "egress.table-not-allowed", f"{strangers} tables are not among those approved."
        )
        return
    for name, table in statistics.tables.items():
        if table.name != name or not _is_well_formed(facts, name):
            yield Reason("egress.table-not-allowed", "A table has not the approved cells.")
        if statistics.noise is None and facts.support.get(name, 0) < facts.minimum_cell:
            yield Reason(
                "egress.small-cell",
                f"A table has a number that rests on fewer than {facts.minimum_cell} patients.",
            )


def _is_well_formed(facts: StatisticsFacts, name: str) -> bool:
    table, form = facts.statistics.tables[name], facts.forms[name]
    last = -1
    for group in table.groups:
        if not all(type(n) is int for n in (group.first, group.last, group.total)):
            return False
        if not last < group.first <= group.last < len(form.cells):
            return False
        if not form.ordered and group.first != group.last:
            return False
        last = group.last
    return type(table.pooled) is int and (table.pooled == 0 or not form.ordered)


def _moments(facts: StatisticsFacts, moments: Moments) -> Iterator[Reason]:
    needed = max(facts.minimum_cell, 2 * len(moments.covariates))
    numbers = [*moments.squares]
    numbers += [n for row in (*moments.design, *moments.cross) for n in row]
    fine = (
        facts.statistics.noise is None
        and moments.patients >= needed
        and all(math.isfinite(number) for number in numbers)
        and all(count >= facts.minimum_cell for count in facts.groups.values())
    )
    if not fine:
        yield Reason(
            "egress.moments",
            "The sums for harmonisation carry noise, are not finite or rest on too few patients.",
        )


def _is_compatible(facts: StatisticsFacts, earlier: EarlierRelease) -> bool:
    return earlier.disjoint or (earlier.same and earlier.minimum_cell == facts.minimum_cell)
