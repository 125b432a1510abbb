"""The demo: three hospitals on this machine, the whole road, one report to open.

Every part is real: PACS, agents, SuperLink and SuperNodes are processes of their own, and what
they do is done by the commands that a hospital would use. Only the patients are synthetic.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from fedpacs.agent.preview import preview
from fedpacs.agent.site import Site
from fedpacs.agent.snapshot import current_cohort
from fedpacs.config.job import load_job
from fedpacs.federation.processes import Supervisor
from fedpacs.simulation.chronicle import Part, hospital_report, job_facts, model_scores, versions
from fedpacs.simulation.comparison import compare
from fedpacs.simulation.errands import run_all, send
from fedpacs.simulation.exhibits import before_after, seg_facts, segmentation
from fedpacs.simulation.findings import Search, check_book
from fedpacs.simulation.gathering import federate
from fedpacs.simulation.report import render, write_report
from fedpacs.simulation.report_facts import DemoReport, StepTime
from fedpacs.simulation.town import fill, start_archives
from fedpacs.simulation.workspace import prepare_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fedpacs.config.job import JobConfig
    from fedpacs.server.report import RunReport
    from fedpacs.simulation.comparison import Comparison
    from fedpacs.simulation.errands import Errand
    from fedpacs.simulation.town import Population
    from fedpacs.simulation.workspace import HospitalPlace, Workspace

    Progress = Callable[[str, int, int], None]

_APPROVAL_DAYS = 7
_AT_ONCE = 2


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """Choices.

    Attributes
    ----------
    rounds
        Rounds of the run; the job's own number when None.
    fresh
        Remove an earlier demo first.
    """

    rounds: int | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class ModelDice:
    """One line of the comparison: Dice on the hospitals' held-out patients."""

    model: str
    mean: float
    worst_site: float


@dataclass(frozen=True, slots=True)
class Departed:
    """What left one hospital, and what was found in it."""

    hospital: str
    studies: int
    patients: int
    updates: int
    wire_bytes: int
    result_in_pacs: bool
    book_verifies: bool


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """Summary of a demo.

    Attributes
    ----------
    planted_strings
        Identifying strings that were looked for.
    leaks
        How many of them were found where they must not be: 0.
    """

    report: Path
    models: tuple[ModelDice, ...]
    hospitals: tuple[Departed, ...]
    planted_strings: int
    leaks: int
    elapsed_s: float


class Clock:
    """Times the steps."""

    def __init__(self, progress: Progress | None) -> None:
        self._progress = progress
        self.times: list[StepTime] = []

    @contextmanager
    def step(self, name: str) -> Iterator[Callable[[int, int], None]]:
        """Time one step and give the function that shows how far it is."""
        started = time.monotonic()

        def tell(done: int, total: int) -> None:
            if self._progress:
                self._progress(name, done, total)

        yield tell
        self.times.append(StepTime(name, time.monotonic() - started))

    @property
    def total_s(self) -> float:
        """Seconds of all steps."""
        return sum(each.seconds for each in self.times)


def run_demo(root: Path, options: DemoOptions, progress: Progress | None = None) -> DemoOutcome:
    """Run the whole road and write the report.

    Parameters
    ----------
    root
        Workspace folder. A second run there finds the same patients, pseudonyms and studies.
    options
        Choices.
    progress
        Called with step, done and total.

    Raises
    ------
    FedpacsError
        If a step fails; every process that the demo started has ended then.
    """
    clock = Clock(progress)
    workspace = prepare_workspace(root, options.rounds, fresh=options.fresh)
    job = load_job(workspace.job_file)
    with Supervisor(workspace.logs) as supervisor:
        with clock.step("Fill three PACS") as tell:
            start_archives(workspace, supervisor)
            populations = fill(workspace, tell)
        with clock.step("Ingest and de-identify") as tell:
            _ingest(workspace, supervisor, populations, tell)
        with clock.step("Approve the job") as tell:
            _approve(workspace, job, tell)
        started_at = {place.name: _book_size(place) for place in workspace.hospitals}
        with clock.step("Train together") as tell:
            run, _ = federate(workspace, supervisor, tell)
        with clock.step("Train the rivals") as tell:
            comparison = compare(workspace, _model(run), supervisor, tell)
        with clock.step("Write results into the PACS") as tell:
            results = _deliver(workspace, _model(run), supervisor, tell)
        with clock.step("Prove and report") as tell:
            tell(0, 1)
            report = _report(
                workspace, job, run, Evidence(populations, comparison, results, started_at), clock
            )
            write_report(report, workspace.report)
            tell(1, 1)
    return _outcome(workspace, report, clock.total_s)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the steps gave, for the report."""

    populations: dict[str, Population]
    comparison: Comparison
    results: dict[str, dict[str, Any]]
    started_at: dict[str, int]


def _model(run: RunReport) -> Path:
    if run.model_file is None:  # a run without a model has failed, and that was raised before
        raise AssertionError
    return run.model_file


def _ingest(
    workspace: Workspace,
    supervisor: Supervisor,
    populations: dict[str, Population],
    tell: Callable[[int, int], None],
) -> None:
    studies = sum(each.planted.studies for each in populations.values())

    def start(place: HospitalPlace) -> Errand:
        words = ["site", "ingest", "--site", str(place.site_file), "--job", str(workspace.job_file)]
        return send(supervisor, f"ingest-{place.name}", words)

    starts = [partial(start, place) for place in workspace.hospitals]
    run_all(starts, _AT_ONCE, lambda done: tell(done, studies))
    tell(studies, studies)


def _approve(workspace: Workspace, job: JobConfig, tell: Callable[[int, int], None]) -> None:
    """Sign as each hospital's data protection officer would after reading the terms."""
    for number, place in enumerate(workspace.hospitals, start=1):
        Site.open(place.site_file).approve(job, "dpo", place.dpo_key, _APPROVAL_DAYS)
        tell(number, len(workspace.hospitals))


def _book_size(place: HospitalPlace) -> int:
    return Site.open(place.site_file).premises.book.checkpoint().size


def _deliver(
    workspace: Workspace,
    model_file: Path,
    supervisor: Supervisor,
    tell: Callable[[int, int], None],
) -> dict[str, dict[str, Any]]:
    def start(place: HospitalPlace) -> Errand:
        words = ["site", "send", "--site", str(place.site_file), "--job", str(workspace.job_file)]
        return send(supervisor, f"send-{place.name}", [*words, "--model", str(model_file)])

    starts = [partial(start, place) for place in workspace.hospitals]
    answers = run_all(starts, _AT_ONCE, lambda _: tell(0, len(starts)))
    tell(len(starts), len(starts))
    return {place.name: a for place, a in zip(workspace.hospitals, answers, strict=True)}


def _report(
    workspace: Workspace, job: JobConfig, run: RunReport, evidence: Evidence, clock: Clock
) -> DemoReport:
    update_bytes = preview(job).records[0].size_bytes
    parts = {
        place.name: Part(
            job=job,
            run=run,
            cohort=current_cohort(Site.open(place.site_file).premises, job),
            book=check_book(place, workspace.root),
            started_at=evidence.started_at[place.name],
            update_bytes=update_bytes,
        )
        for place in workspace.hospitals
    }
    first = workspace.hospitals[0]
    search = Search(workspace, evidence.populations)
    report = DemoReport(
        made_at=datetime.now(UTC),
        seed=job.training.seed,
        job=job_facts(job),
        hospitals=tuple(hospital_report(p, parts[p.name]) for p in workspace.hospitals),
        before_after=before_after(first, evidence.populations[first.name].specimen),
        models=model_scores(evidence.comparison),
        segmentation=segmentation(first, job, _model(run)),
        results=tuple(seg_facts(p, evidence.results[p.name]) for p in workspace.hospitals),
        leak_scan=search.result(),
        times=tuple(clock.times),
        versions=versions(),
    )
    page = search.page(render(without_specimen(report)))
    scan = replace(report.leak_scan, targets=(*report.leak_scan.targets, page))
    return replace(report, leak_scan=scan)


def without_specimen(report: DemoReport) -> DemoReport:
    """Take the one synthetic patient's values off the page, for the search of the rest."""
    rows = tuple(replace(row, before="") for row in report.before_after.rows)
    return replace(report, before_after=replace(report.before_after, rows=rows))


def _outcome(workspace: Workspace, report: DemoReport, elapsed_s: float) -> DemoOutcome:
    models = tuple(
        ModelDice(
            f"{model.kind} {model.trained_at}".strip(),
            sum(model.dice.values()) / len(model.dice),
            min(model.dice.values()),
        )
        for model in report.models
    )
    found = {each.hospital: each.found for each in report.results}
    return DemoOutcome(
        report=workspace.report,
        models=models,
        hospitals=tuple(
            Departed(
                hospital=each.name,
                studies=each.road.sealed,
                patients=each.road.patients,
                updates=each.road.rounds_trained,
                wire_bytes=each.departures.wire_bytes,
                result_in_pacs=found[each.name],
                book_verifies=each.book.ok,
            )
            for each in report.hospitals
        ),
        planted_strings=report.leak_scan.planted,
        leaks=sum(target.hits for target in report.leak_scan.targets),
        elapsed_s=elapsed_s,
    )
