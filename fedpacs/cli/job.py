"""``fedpacs job``: look at a job before anybody runs it."""

import typer

from fedpacs.cli.options import AsJson, JobArgument, job_path
from fedpacs.cli.output import print_json, say, show, stdout

app = typer.Typer(no_args_is_help=True, help="Look at a job before anybody runs it.")


@app.command()
def lint(job: JobArgument, as_json: AsJson = False) -> None:
    """Check a job and list every fault in it.

    FILE is a TOML file, or the name of a shipped job such as brain-tissue.
    """
    from fedpacs.agent.preview import lint_job

    config = lint_job(job_path(job))
    if as_json:
        print_json({"job": config.job.name, "job_digest": config.digest, "faults": []})
        return
    say(stdout(), f"{config.job.name}: no fault.")
    say(stdout(), f"\nNext: `fedpacs job preview {job}`")


@app.command()
def preview(job: JobArgument, as_json: AsJson = False) -> None:
    """Show exactly what would leave a hospital that runs the job.

    FILE is a TOML file, or the name of a shipped job such as brain-tissue.
    """
    from fedpacs.agent.preview import lint_job
    from fedpacs.agent.preview import preview as look

    show(look(lint_job(job_path(job))), as_json=as_json)
