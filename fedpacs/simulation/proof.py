"""The proof at the end of a demo: what was counted, verified and searched, in one report."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from fedpacs.agent.preview import preview
from fedpacs.agent.site import Site
from fedpacs.agent.snapshot import current_cohort
from fedpacs.simulation.chronicle import Part, hospital_report, job_facts, model_scores, versions
from fedpacs.simulation.exhibits import before_after, seg_facts, segmentation
from fedpacs.simulation.findings import Search, check_book, search_apart
from fedpacs.simulation.report import render
from fedpacs.simulation.report_facts import DemoReport

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.config.job import JobConfig
    from fedpacs.server.report import RunReport
    from fedpacs.simulation.comparison import Comparison
    from fedpacs.simulation.report_facts import StepTime
    from fedpacs.simulation.town import Population
    from fedpacs.simulation.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the steps of the demo gave.

    Attributes
    ----------
    results
        By hospital: the answer of ``fedpacs site send``.
    started_at
        By hospital: entries in its book before the run.
    """

    run: RunReport
    model_file: Path
    populations: dict[str, Population]
    comparison: Comparison
    results: dict[str, dict[str, Any]]
    started_at: dict[str, int]
    times: tuple[StepTime, ...]


def assemble(workspace: Workspace, job: JobConfig, evidence: Evidence) -> DemoReport:
    """Search, verify, and bring everything into one report.

    Parameters
    ----------
    workspace
        The demo.
    job
        What was run.
    evidence
        What the steps gave.
    """
    update_bytes = preview(job).records[0].size_bytes
    results = {p.name: seg_facts(p, evidence.results[p.name]) for p in workspace.hospitals}
    parts = {
        place.name: Part(
            job=job,
            run=evidence.run,
            cohort=current_cohort(Site.open(place.site_file).premises, job),
            book=check_book(place, workspace.root),
            started_at=evidence.started_at[place.name],
            update_bytes=update_bytes,
            result=results[place.name],
        )
        for place in workspace.hospitals
    }
    first = workspace.hospitals[0]
    report = DemoReport(
        made_at=datetime.now(UTC),
        seed=job.training.seed,
        job=job_facts(job),
        hospitals=tuple(hospital_report(p, parts[p.name]) for p in workspace.hospitals),
        before_after=before_after(first, evidence.populations[first.name].specimen),
        models=model_scores(evidence.comparison),
        segmentation=segmentation(first, job, evidence.model_file),
        results=tuple(results.values()),
        leak_scan=search_apart(workspace, evidence.populations),
        times=evidence.times,
        versions=versions(),
    )
    page = Search(workspace, evidence.populations).page(render(without_specimen(report)))
    scan = replace(report.leak_scan, targets=(*report.leak_scan.targets, page))
    return replace(report, leak_scan=scan)


def without_specimen(report: DemoReport) -> DemoReport:
    """Take the one synthetic patient's values off the page, for the search of the rest."""
    rows = tuple(replace(row, before="") for row in report.before_after.rows)
    return replace(report, before_after=replace(report.before_after, rows=rows))
