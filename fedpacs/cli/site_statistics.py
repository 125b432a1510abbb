"""``fedpacs site statistics``: what is told of a cohort so that sites can be compared."""

from typing import Annotated

import typer

from fedpacs.cli.options import SITE_FILE, AsJson, JobFile, SiteFile, job_path
from fedpacs.cli.output import show
from fedpacs.cli.progress import progress


def add_to(app: typer.Typer) -> None:
    """Add the verb to ``fedpacs site``."""
    app.command()(statistics)


def statistics(
    job: JobFile,
    serve: Annotated[
        bool,
        typer.Option("--serve", help="Then wait for the consortium's question and answer it."),
    ] = False,
    site: SiteFile = SITE_FILE,
    as_json: AsJson = False,
) -> None:
    """Count the cohort of a job and write the file that may be handed to the consortium.

    It needs an approval of its own: `fedpacs site approve --statistics`. Without --serve nothing is
    sent; read the file before you hand it over.
    """
    from fedpacs.agent.premises import Premises
    from fedpacs.config.job import load_job

    config, premises = load_job(job_path(job)), Premises.open(site)
    with progress() as report:
        if serve:
            from fedpacs.agent.statistics_service import serve_statistics

            outcome = serve_statistics(premises, config, report)
        else:
            from fedpacs.agent.statistics import release_statistics

            outcome = release_statistics(premises, config, report)
    step = "" if serve else f"read {outcome.file}, then hand it to the consortium"
    show(outcome, as_json=as_json, next_step=step)
