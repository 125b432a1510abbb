"""The demo: three hospitals on this machine, the whole road, one report to open.

Every part is real: PACS, agents, SuperLink and SuperNodes are processes of their own, and what
they do is done by the commands that a hospital would use. Only the patients are synthetic.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from fedpacs.agent.ingest import NotAllReadyError
from fedpacs.agent.site import Site
from fedpacs.config.job import load_job
from fedpacs.federation.processes import Supervisor
from fedpacs.simulation.comparison import compare
from fedpacs.simulation.errands import run_all, send
from fedpacs.simulation.gathering import federate
from fedpacs.simulation.outcome import summarise
from fedpacs.simulation.proof import Evidence, assemble
from fedpacs.simulation.report import write_report
from fedpacs.simulation.report_facts import StepTime
from fedpacs.simulation.town import fill, start_archives
from fedpacs.simulation.workspace import prepare_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fedpacs.config.job import JobConfig
    from fedpacs.server.report import RunReport
    from fedpacs.simulation.errands import Errand
    from fedpacs.simulation.outcome import DemoOutcome
    from fedpacs.simulation.town import Population
    from fedpacs.simulation.workspace import HospitalPlace, Workspace

    Progress = Callable[[str, int, int], None]

_APPROVAL_DAYS = 7
_SEALED_OR_ASIDE = frozenset({0, NotAllReadyError.exit_status})
"""The hospitals hold studies that must be refused."""
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
            evidence = Evidence(
                run=run,
                model_file=_model(run),
                populations=populations,
                comparison=comparison,
                results=results,
                started_at=started_at,
                times=tuple(clock.times),
            )
            report = assemble(workspace, job, evidence)
            write_report(report, workspace.report)
            tell(1, 1)
    return summarise(workspace.report, report, clock.total_s)


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
        return send(supervisor, f"ingest-{place.name}", words, fine=_SEALED_OR_ASIDE)

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
