"""The federated run of the demo: SuperLink, taps, and each hospital's SuperNode and executor."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING

from fedpacs.config.job import load_job
from fedpacs.core.errors import SimulationError
from fedpacs.server.consortium import Consortium
from fedpacs.simulation.errands import send
from fedpacs.simulation.wiretap import Wiretap

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.federation.processes import Supervisor
    from fedpacs.server.report import RunReport
    from fedpacs.simulation.errands import Errand
    from fedpacs.simulation.workspace import Workspace

_END_S = 60.0
_ONLINE_S = 120.0
_POLL_S = 0.5


class NotOnlineError(SimulationError):
    """A hospital of the demo did not come online in time."""

    code = "simulation.not-online"
    default_hint = "Read the logs named train-* in the workspace; the machine may be overloaded."


class RunFailedError(SimulationError):
    """The federated run did not get to its end; `code` is the code of why."""

    code = "simulation.run-failed"
    default_hint = "Read the logs in the workspace; `fedpacs demo --fresh` starts anew."

    def __init__(self, report: RunReport) -> None:
        super().__init__(f"The federated run failed: {report.message}", hint=report.hint)
        self.code = report.failed or self.code


def federate(
    workspace: Workspace, supervisor: Supervisor, tell: Callable[[int, int], None]
) -> tuple[RunReport, dict[str, dict[str, object]]]:
    """Run the approved job over Flower.

    Parameters
    ----------
    workspace
        Hospitals whose cohorts are drawn and whose approvals are signed.
    supervisor
        Ends the hospitals' processes.
    tell
        Called with rounds done and rounds planned.

    Returns
    -------
    RunReport
        The consortium's side.
    dict
        By hospital: what its own side reported.

    Raises
    ------
    RunFailedError
        If the run does not complete.
    """
    consortium = Consortium.open(workspace.consortium_file)
    rounds = load_job(workspace.job_file).federation.rounds
    with ExitStack() as stack:
        tell(0, rounds)
        stack.enter_context(consortium.started())
        for place in workspace.hospitals:
            stack.enter_context(_tap(workspace, consortium, place.name))
        errands = [_join(workspace, supervisor, name) for name in _names(workspace)]
        _wait_online(consortium, errands)
        report = consortium.run(
            workspace.job_file, lambda _what, done, total: _watch(errands, tell, done, total)
        )
        if report.failed:
            raise RunFailedError(report)
        for errand in errands:
            errand.wait(_END_S)
        answers = {
            name: errand.result() for name, errand in zip(_names(workspace), errands, strict=True)
        }
    return report, answers


def _names(workspace: Workspace) -> tuple[str, ...]:
    return tuple(place.name for place in workspace.hospitals)


def _wait_online(consortium: Consortium, errands: list[Errand]) -> None:
    """Wait until every hospital's SuperNode is online; a hospital that gave up says why."""
    deadline = time.monotonic() + _ONLINE_S
    while not all(member.online for member in consortium.status().members):
        _raise_for_any(errands)
        if time.monotonic() > deadline:
            raise NotOnlineError("Not every hospital of the demo came online.")
        time.sleep(_POLL_S)


def _raise_for_any(errands: list[Errand]) -> None:
    for errand in errands:
        if errand.child.exit_status() not in (None, 0):
            errand.result()


def _watch(errands: list[Errand], tell: Callable[[int, int], None], done: int, total: int) -> None:
    _raise_for_any(errands)
    tell(done, total)


def _join(workspace: Workspace, supervisor: Supervisor, name: str) -> Errand:
    place = next(place for place in workspace.hospitals if place.name == name)
    words = ["site", "train", "--site", str(place.site_file), "--job", str(workspace.job_file)]
    return send(supervisor, f"train-{name}", words)


def _tap(workspace: Workspace, consortium: Consortium, name: str) -> Wiretap:
    place = next(place for place in workspace.hospitals if place.name == name)
    superlink = consortium.config.superlink
    return Wiretap(
        consortium.home.pki, f"{superlink.host}:{superlink.port}", place.wire, place.tap_port
    )
