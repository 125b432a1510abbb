"""``fedpacs consortium``: the other half, run by the consortium. It has never seen an image."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedpacs.cli.options import CONSORTIUM_FILE, AsJson, ConsortiumFile, JobFile, job_path
from fedpacs.cli.output import say, show, stdout
from fedpacs.cli.progress import progress
from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import ServerError

if TYPE_CHECKING:
    from fedpacs.server.consortium import Consortium
    from fedpacs.server.report import RunReport

app = typer.Typer(
    no_args_is_help=True, help="Run the consortium's half; it has never seen an image."
)

_FOR_MACHINES = frozenset({"curves", "round_seconds", "failed", "message", "hint"})


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
    show(report, as_json=as_json, next_step=f"send {out} to the hospital; nothing in it is secret")


@app.command()
def admit(
    site: Annotated[str, typer.Argument(metavar="NAME")],
    public_key: Annotated[Path, typer.Argument(metavar="FILE")],
    consortium: ConsortiumFile = CONSORTIUM_FILE,
    as_json: AsJson = False,
) -> None:
    """Take in the public node key (.pub) of the member NAME; a running SuperLink needs a restart.

    Compare the key's fingerprint with the hospital over another channel first.
    """
    from fedpacs.server.consortium import Consortium

    Consortium.open(consortium).admit(site, public_key)
    show({"admitted": site}, as_json=as_json, next_step="`fedpacs consortium start`")


@app.command()
def start(consortium: ConsortiumFile = CONSORTIUM_FILE, as_json: AsJson = False) -> None:  # noqa: ARG001 - every command takes --json
    """Run the consortium's SuperLink, with every admitted member, until Ctrl-C."""
    from fedpacs.server.consortium import Consortium

    with progress() as report:
        Consortium.open(consortium).start(report)


@app.command()
def run(
    job: JobFile,
    statistics: Annotated[
        bool,
        typer.Option("--statistics", help="Ask for the job's statistics alone; train nothing."),
    ] = False,
    consortium: ConsortiumFile = CONSORTIUM_FILE,
    as_json: AsJson = False,
) -> None:
    """Train a job over the hospitals that approved it."""
    from fedpacs.server.consortium import Consortium

    half = Consortium.open(consortium)
    with progress() as report:
        outcome = half.run(job_path(job), report, "statistics" if statistics else "training")
    error = ServerError(outcome.message, hint=outcome.hint)
    error.code = outcome.failed or error.code
    conclude(
        outcome,
        error if outcome.failed else None,
        lambda: show(outcome, omit=_FOR_MACHINES, next_step=_next(half, outcome, statistics)),
        as_json=as_json,
    )


def _next(half: "Consortium", outcome: "RunReport", statistics: bool) -> str:
    if not statistics:
        return ""
    files = half.home.runs / outcome.run_id / "statistics"
    return f"`fedpacs consortium compare {files}/*.json --job FILE`"


@app.command()
def status(consortium: ConsortiumFile = CONSORTIUM_FILE, as_json: AsJson = False) -> None:
    """Show members, runs and models."""
    from fedpacs.server.consortium import Consortium

    report = Consortium.open(consortium).status()
    if as_json:
        show(report, as_json=True)
        return
    show(report, omit=frozenset({"runs"}))
    for run_report in report.runs:
        say(stdout(), "")
        show(run_report, omit=_FOR_MACHINES - {"failed"})


@app.command()
def compare(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...")],
    job: JobFile,
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the page and the harmonisation.")
    ] = Path("comparison"),
    consortium: ConsortiumFile = CONSORTIUM_FILE,
    as_json: AsJson = False,
) -> None:
    """Compare sites by the statistics that they handed over, before a model is trained on them.

    FILE is what `fedpacs site statistics` wrote at each site; its signature is checked against
    [agents] of consortium.toml.
    """
    from fedpacs.config.job import load_job
    from fedpacs.server.comparison.comparing import compare as compare_files
    from fedpacs.server.consortium import Consortium

    agents = Consortium.open(consortium).config.agents
    report = compare_files(files, load_job(job_path(job)), agents, out)
    if as_json:
        show(report, as_json=True)
        return
    for sentence in report.found:
        say(stdout(), sentence)
    say(stdout(), "")
    show(report, omit=frozenset({"found"}), next_step=f"open {report.page}")
