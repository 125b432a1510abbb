"""``fedpacs demo``."""

from pathlib import Path
from typing import Annotated

import typer

from fedpacs.cli.options import AsJson
from fedpacs.cli.output import show
from fedpacs.cli.progress import progress
from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import SimulationError


def demo(
    workspace: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the three hospitals are built.")
    ] = Path("fedpacs-demo"),
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help="Rounds of federated training; those of the job if left out."),
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Remove an earlier demo in the workspace first.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run three synthetic hospitals on this machine, the whole road, to a report to open."""
    from fedpacs.simulation.demo import DemoOptions, run_demo

    with progress() as report:
        outcome = run_demo(workspace, DemoOptions(rounds=rounds, fresh=fresh), report)
    error = SimulationError(
        f"{outcome.leaks} identifying strings were found where they must not be.",
        hint="The report says where. Do not use this version on real patients.",
    )
    conclude(
        outcome,
        error if outcome.leaks else None,
        lambda: show(outcome, next_step=f"open {outcome.report} in a browser"),
        as_json=as_json,
    )
