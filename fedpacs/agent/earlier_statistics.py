"""Exact statistics that left a site before, compared with the cohort that is asked about now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.cohort.errors import UnknownCohortError
from fedpacs.cohort.manifest import cohort_of, read_manifest
from fedpacs.policy.statistics import EarlierRelease
from fedpacs.records.events import EventKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.agent.premises import Premises
    from fedpacs.core.cohort import Cohort
    from fedpacs.records.events import FieldValue


def earlier_releases(premises: Premises, cohort: Cohort) -> tuple[EarlierRelease, ...]:
    """Compare a cohort with those about which exact statistics have left, by the book."""
    return tuple(
        _compared(premises, cohort, str(entry.event.fields["cohort"]), _cell(entry.event.fields))
        for entry in premises.book.of_kinds(EventKind.STATISTICS_RELEASED)
        if "epsilon" not in entry.event.fields
    )


def _cell(fields: Mapping[str, FieldValue]) -> int:
    return int(fields["minimum_cell"])


def _compared(
    premises: Premises, cohort: Cohort, earlier_digest: str, minimum_cell: int
) -> EarlierRelease:
    try:
        earlier = cohort_of(read_manifest(premises.store, earlier_digest))
    except UnknownCohortError:
        # A patient of it was forgotten: who that was must not come out by subtraction.
        return EarlierRelease(same=False, disjoint=False, minimum_cell=minimum_cell)
    return EarlierRelease(
        same=_series(earlier) == _series(cohort),
        disjoint=not earlier.patients() & cohort.patients(),
        minimum_cell=minimum_cell,
    )


def _series(cohort: Cohort) -> frozenset[tuple[str, str]]:
    return frozenset((s.patient, s.series_instance_uid) for s in cohort.subjects)
