"""``fedpacs site``: what the sealed store of a hospital holds, counted and checked."""

from pathlib import Path
from typing import Annotated

import typer

from fedpacs.cli.options import SITE_FILE, AsJson, SiteFile, job_path
from fedpacs.cli.output import show
from fedpacs.cli.progress import progress


def add_to(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(count)
    app.command()(quality)


def count(site: SiteFile = SITE_FILE, as_json: AsJson = False) -> None:
    """Count sealed patients for the consortium's catalogue; small numbers are suppressed."""
    from fedpacs.agent.site import Site

    show(Site.open(site).count(), as_json=as_json)


def quality(
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="DIR", help="Write quality.html and quality.json here."),
    ] = None,
    job: Annotated[
        str | None, typer.Option("--job", metavar="FILE", help="Hold the series to this job too.")
    ] = None,
    site: SiteFile = SITE_FILE,
    as_json: AsJson = False,
) -> None:
    """Check every sealed series for what would spoil it, and write a report with pictures."""
    from fedpacs.agent.site import Site
    from fedpacs.config.job import load_job

    config = load_job(job_path(job)) if job else None
    with progress() as steps:
        summary = Site.open(site).quality(config, report, steps)
    show(
        summary,
        as_json=as_json,
        next_step=f"open {report / 'quality.html'}" if report else "",
    )
