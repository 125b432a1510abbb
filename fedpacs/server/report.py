"""What a run gave, as plain data for people, the command line and the report page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.federation.model_file import SUFFIX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fedpacs.server.home import Home
    from fedpacs.server.registry import RunRecord


@dataclass(frozen=True, slots=True)
class RunReport:
    """Outcome of a run.

    Attributes
    ----------
    rounds
        Rounds that completed.
    planned
        Rounds that the job asks for.
    round_seconds
        Wall clock of each completed round.
    curves
        By site and metric: value per completed round, None where the site released none.
    evaluation
        By site: what it released about the final model.
    absent
        By site: rounds in which it had no valid answer, with the code.
    model_file, model_digest
        Final model; None and empty if the run did not get there.
    sites
        Sites that took part in at least one round.
    failed
        Code of the error that ended the run, None when it completed.
    """

    run_id: str
    job_name: str
    job_digest: str
    rounds: int
    planned: int
    round_seconds: tuple[float, ...]
    curves: Mapping[str, Mapping[str, tuple[float | None, ...]]]
    evaluation: Mapping[str, Mapping[str, float]]
    absent: Mapping[str, Mapping[int, str]]
    model_file: Path | None
    model_digest: str
    sites: tuple[str, ...]
    failed: str | None
    message: str
    hint: str


def report_of(record: RunRecord, home: Home) -> RunReport:
    """Arrange the record of a run by site."""
    sites = tuple(sorted({site for entry in record.rounds for site in entry.sites}))
    digest = record.model_digest
    return RunReport(
        run_id=record.run_id,
        job_name=record.job_name,
        job_digest=record.job_digest,
        rounds=len(record.rounds),
        planned=record.planned,
        round_seconds=tuple(entry.seconds for entry in record.rounds),
        curves={site: _curves(record, site) for site in sites},
        evaluation=record.evaluation,
        absent=_absent(record),
        model_file=home.models / f"{digest}{SUFFIX}" if digest else None,
        model_digest=digest,
        sites=sites,
        failed=record.code,
        message=record.message,
        hint=record.hint,
    )


def _curves(record: RunRecord, site: str) -> dict[str, tuple[float | None, ...]]:
    released = [entry.sites.get(site, {}) for entry in record.rounds]
    names = sorted({name for metrics in released for name in metrics})
    return {name: tuple(metrics.get(name) for metrics in released) for name in names}


def _absent(record: RunRecord) -> dict[str, dict[int, str]]:
    absent: dict[str, dict[int, str]] = {}
    for entry in record.rounds:
        for site, code in entry.absent.items():
            absent.setdefault(site, {})[entry.server_round] = code
    for site, code in record.missing.items():
        absent.setdefault(site, {})[len(record.rounds) + 1] = code
    return absent
