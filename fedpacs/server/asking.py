"""A run that only asks for statistics: one question, and each site's signed file kept."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fedpacs.federation.model_file import write_atomically
from fedpacs.server.errors import QuorumError

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.config.job import JobConfig
    from fedpacs.server.exchange import Sites
    from fedpacs.server.registry import RunFolder, RunRecord

STATISTICS = "statistics"
_PATIENCE_S = 30.0


def ask_for_statistics(
    sites: Sites, job: JobConfig, folder: RunFolder, record: RunRecord
) -> RunRecord:
    """Ask every site once, keep the files that came, and give the completed record.

    Raises
    ------
    TooFewSitesError, QuorumError
        If fewer sites than the job's minimum are there, or answer; what came is kept.
    """
    rules = job.federation
    folder.write(replace(record, phase="evaluating"))
    nodes = sites.wait(
        rules.minimum_sites, min(_PATIENCE_S, rules.round_timeout_s), rules.round_timeout_s
    )
    files, absent = sites.question(job.digest, nodes, rules.round_timeout_s)
    place = statistics_folder(folder)
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    for site, content in sorted(files.items()):
        write_atomically(place / f"{site}.json", content)
    record = replace(
        record,
        evaluation={site: {"bytes": float(len(c))} for site, c in sorted(files.items())},
        evaluation_absent=absent,
        model_digest="",
    )
    if len(files) < rules.minimum_sites:
        missing = ", ".join(f"{name} ({code})" for name, code in sorted(absent.items()))
        raise QuorumError(
            f"{len(files)} of at least {rules.minimum_sites} sites gave statistics; "
            f"missing: {missing}.",
            absent,
        )
    record = replace(record, phase="completed")
    folder.write(record)
    return record


def statistics_folder(folder: RunFolder) -> Path:
    """Give where the files of a run lie."""
    return folder.path / STATISTICS
