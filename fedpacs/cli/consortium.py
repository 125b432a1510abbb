"""``fedpacs consortium``: the other half, run by the consortium. It has never seen an image."""

from pathlib import Path
from typing import Annotated

import typer

from fedpacs.cli.options import CONSORTIUM_FILE, AsJson, ConsortiumFile, JobFile, job_path
from fedpacs.cli.output import show
from fedpacs.cli.progress import progress

app = typer.Typer(
    no_args_is_help=True, help="Run the consortium's half; it has never seen an image."
)


@app.command()
def kit(
    out: Annotated[Path, typer.Option(metavar="DIR", help="Folder for the hospital's files.")],
    site: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="One member's kit; those of all members if left out."),
    ] = None,
    consortium: ConsortiumFile = CONSORTIUM_FILE,
    as_json: AsJson = False,
) -> None:
    """Write what a hospital needs to join: addresses and certificates, no secret."""
    from fedpacs.server.consortium import Consortium

    report = Consortium.open(consortium).kit(site, out)
    show(report, as_json=as_json, next_step=f"send {out} to the hospital")


@app.command()
def start(consortium: ConsortiumFile = CONSORTIUM_FILE, as_json: AsJson = False) -> None:
    """Start the consortium's SuperLink and keep it running until Ctrl-C."""
    from fedpacs.server.consortium import Consortium

    with progress() as report:
        show(Consortium.open(consortium).start(report), as_json=as_json)


@app.command()
def run(
    job: JobFile, consortium: ConsortiumFile = CONSORTIUM_FILE, as_json: AsJson = False
) -> None:
    """Train a job over the hospitals that approved it."""
    from fedpacs.server.consortium import Consortium

    with progress() as report:
        outcome = Consortium.open(consortium).run(job_path(job), report)
    show(outcome, as_json=as_json)


@app.command()
def status(consortium: ConsortiumFile = CONSORTIUM_FILE, as_json: AsJson = False) -> None:
    """Show members, runs and models."""
    from fedpacs.server.consortium import Consortium

    show(Consortium.open(consortium).status(), as_json=as_json)
