"""What must be the same all over a file: one new UID for each old one, one shift for all dates."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.finding import Finding, finding
from fedpacs.deidentification.verification.standard import is_standard_uid

if TYPE_CHECKING:
    from collections.abc import Iterator

_RETAINED_UIDS = "113110"
_FULL_DATES = "113106"


def uid_findings(pairs: set[tuple[str, str]], options: frozenset[str]) -> Iterator[Finding]:
    """Check that every old UID became one new UID, and no two the same."""
    if _RETAINED_UIDS in options:
        return
    forward: dict[str, str] = {}
    backward: dict[str, str] = {}
    for old, new in pairs:
        if is_standard_uid(old) or is_standard_uid(new):
            continue
        if forward.setdefault(old, new) != new or backward.setdefault(new, old) != old:
            yield Finding("deid.uid-inconsistent")
            return


def date_findings(shifts: set[tuple[int, int, bool]], options: frozenset[str]) -> Iterator[Finding]:
    """Check that all dates of the file moved by the same number of days, or kept but the year."""
    if not shifts:
        return
    if _FULL_DATES in options:
        yield from (finding("deid.date-changed", tag) for tag, days, _ in shifts if days)
        return
    if all(year_only for _, _, year_only in shifts):
        return
    usual: dict[int, int] = defaultdict(int)
    for _, days, _ in shifts:
        usual[days] += 1
    most = max(usual, key=lambda days: (usual[days], days != 0))
    for tag, days, _ in shifts:
        if days != most or days == 0:
            yield finding("deid.date-interval", tag)
