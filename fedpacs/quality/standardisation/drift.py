"""Drift of a site over time: the share of each class a month, and where it jumps.

References
----------
Two-proportion z-test with pooled variance, for example Agresti: Categorical Data Analysis, 3.1.3.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.quality.standardisation.vocabulary import FIELDS, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_BEFORE = 6
_FEWEST = 20
_SIGNIFICANT = 4.0
_LARGE = 0.1


@dataclass(frozen=True, slots=True)
class Month:
    """One month of a site.

    Attributes
    ----------
    shares
        Field to value to its part of the month's series, 0 .. 1.
    unknown
        Part of the series that have an unknown field among body part, contrast and sequence.
    new_protocols
        Part of the series whose protocol's name was never seen in an earlier month.
    """

    month: str
    series: int
    shares: Mapping[str, Mapping[str, float]]
    unknown: float
    new_protocols: float


@dataclass(frozen=True, slots=True)
class Jump:
    """One share that differs from the months before more than chance allows.

    Attributes
    ----------
    field, value
        What jumped; ``protocol``, ``new`` for names that were never seen before.
    before, now
        Shares, 0 .. 1.
    """

    month: str
    field: str
    value: str
    before: float
    now: float


def months_of(noted: Iterable[tuple[str, str, Mapping[str, str]]]) -> tuple[Month, ...]:
    """Count what the register gives (`Register.by_month`), by month."""
    by_month: dict[str, list[tuple[str, Mapping[str, str]]]] = defaultdict(list)
    for month, protocol, values in noted:
        if month:
            by_month[month].append((protocol, values))
    seen: set[str] = set()
    result = []
    for month in sorted(by_month):
        rows = by_month[month]
        number = len(rows)
        shares = {
            field: {v: n / number for v, n in Counter(r[1][field] for r in rows).most_common()}
            for field in FIELDS
        }
        asked = ("body_part", "contrast", "sequence")
        unknown = sum(any(r[1][f] == UNKNOWN for f in asked) for r in rows) / number
        # In the first month every name is new, and none of them is news
        new = sum(protocol not in seen for protocol, _ in rows) / number if seen else 0.0
        seen |= {protocol for protocol, _ in rows}
        result.append(Month(month, number, shares, unknown, new))
    return tuple(result)


def jumps_of(months: Iterable[Month]) -> tuple[Jump, ...]:
    """Find what stands out against the six months before."""
    found: list[Jump] = []
    past: list[Month] = []
    for month in months:
        before = sum(m.series for m in past)
        if before >= _FEWEST and month.series >= _FEWEST:
            for field, value, now in _shares(month):
                earlier = sum(_share(m, field, value) * m.series for m in past) / before
                if _differs(earlier, before, now, month.series):
                    found.append(Jump(month.month, field, value, earlier, now))
            gone = {(f, v) for m in past for f, v, _ in _shares(m)} - {
                (f, v) for f, v, _ in _shares(month)
            }
            for field, value in sorted(gone):
                earlier = sum(_share(m, field, value) * m.series for m in past) / before
                if _differs(earlier, before, 0.0, month.series):
                    found.append(Jump(month.month, field, value, earlier, 0.0))
        past = [*past, month][-_BEFORE:]
    return tuple(found)


def _shares(month: Month) -> Iterable[tuple[str, str, float]]:
    for field, values in month.shares.items():
        for value, share in values.items():
            yield field, value, share
    yield "protocol", "new", month.new_protocols


def _share(month: Month, field: str, value: str) -> float:
    if field == "protocol":
        return month.new_protocols
    return month.shares[field].get(value, 0.0)


def _differs(before: float, number_before: int, now: float, number: int) -> bool:
    if abs(now - before) < _LARGE:
        return False
    pooled = (before * number_before + now * number) / (number_before + number)
    variance = pooled * (1 - pooled) * (1 / number_before + 1 / number)
    return variance > 0 and bool(abs(now - before) / variance**0.5 > _SIGNIFICANT)
