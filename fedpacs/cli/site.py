"""``fedpacs site``: one hospital, from its PACS to the consortium and back."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from fedpacs.cli import site_series, site_store
from fedpacs.cli.options import (
    SITE_FILE,
    Approver,
    ApproverKey,
    AsJson,
    JobFile,
    SiteFile,
    Yes,
    job_path,
)
from fedpacs.cli.output import show, show_checks, show_steps
from fedpacs.cli.progress import progress
from fedpacs.cli.site_statistics import add_to as add_statistics_to
from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import AgentError, PacsError, UsageError

app = typer.Typer(no_args_is_help=True, help="Run one hospital, from its PACS and back to it.")
app.add_typer(site_series.app, name="series")
add_statistics_to(app)


class NotSignedError(AgentError):
    """The person who was asked did not sign the terms."""

    code = "agent.not-signed"
    default_hint = "Take up with the consortium what you do not agree with; the job stays refused."


@app.command()
def check(site: SiteFile = SITE_FILE, as_json: AsJson = False) -> None:
    """Check the configuration, keys, profile, store and book; needs no network."""
    from fedpacs.agent.site import Site

    items = Site.open(site).check()
    failed = sum(not item.passed for item in items)
    error = AgentError(
        f"{failed} of {len(items)} checks failed.",
        hint="Follow the advice under each FAIL, then run `fedpacs site check` again.",
    )
    report = {"passed": not failed, "checks": items}
    conclude(report, error if failed else None, lambda: show_checks(items), as_json=as_json)


@app.command()
def echo(site: SiteFile = SITE_FILE, as_json: AsJson = False) -> None:
    """Ask the PACS step by step, 5 s at most: network, TLS, association, query, one object."""
    from fedpacs.agent.site import Site

    steps = Site.open(site).echo()
    broken = next((step for step in steps if not step.passed), None)
    error = None
    if broken is not None:
        error = PacsError(f"The PACS did not pass {broken.name}.", hint=broken.advice)
        error.code = broken.code
    report = {"passed": broken is None, "steps": steps}
    conclude(report, error, lambda: show_steps(steps), as_json=as_json)


@app.command()
def receive(site: SiteFile = SITE_FILE, as_json: AsJson = False) -> None:
    """Take what a PACS or scanner sends of its own accord, until you press Ctrl-C."""
    import threading

    from fedpacs.agent.reception import receiving
    from fedpacs.agent.site import Site

    with receiving(Site.open(site).config) as address:
        show({"listening": address}, as_json=as_json)
        sys.stdout.flush()
        threading.Event().wait()


@app.command()
def find(job: JobFile, site: SiteFile = SITE_FILE, as_json: AsJson = False) -> None:
    """Count what the PACS holds for a job; nothing is moved."""
    from fedpacs.agent.ingest import NothingFoundError
    from fedpacs.agent.site import Site
    from fedpacs.config.job import load_job

    summary = Site.open(site).find(load_job(job_path(job)).cohort)
    error = None if summary.studies else NothingFoundError("The PACS holds no such study.")
    next_step = f"`fedpacs site ingest {_same(site, job)}`" if summary.studies else ""
    conclude(summary, error, lambda: show(summary, next_step=next_step), as_json=as_json)


@app.command()
def ingest(  # noqa: PLR0913, PLR0917 - one parameter per option
    job: JobFile,
    repair: Annotated[
        bool, typer.Option("--repair", help="Drop what is damaged in the sealed store first.")
    ] = False,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try again what was refused, given up, or waits.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Outside the site's windows wait for the next one.")
    ] = False,
    scheduler: Annotated[
        str, typer.Option(metavar="ADDRESS", help="Dask scheduler whose workers do the work.")
    ] = "",
    site: SiteFile = SITE_FILE,
    as_json: AsJson = False,
) -> None:
    """Retrieve, de-identify, verify and seal the studies of a job, and draw its cohort."""
    from fedpacs.agent.ingest import not_all_ready
    from fedpacs.agent.site import Site
    from fedpacs.config.job import load_job

    config = load_job(job_path(job))
    hospital = Site.open(site)
    if repair:
        hospital.repair()
    with progress() as report:
        outcome = hospital.ingest(config, report, retry=retry, wait=wait, scheduler=scheduler)
    next_step = f"`fedpacs site approve {_same(site, job)} --approver NAME --key URI`"
    conclude(
        outcome,
        not_all_ready(outcome),
        lambda: show(outcome, next_step=next_step if outcome.cohort else ""),
        as_json=as_json,
    )


@app.command()
def forget(
    pseudonym: Annotated[
        str, typer.Option(metavar="P-...", help="The patient, by pseudonym of this project.")
    ] = "",
    site: SiteFile = SITE_FILE,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Withdraw a patient for good: remove everything of them, and say what has learned from them.

    Without --pseudonym the Patient ID is asked for, or read from standard input: what stands on a
    command line is seen by other accounts and kept by shells.
    """
    from fedpacs.agent.site import Site

    hospital = Site.open(site)
    patient = pseudonym
    if not patient:
        if sys.stdin.isatty():
            patient_id = typer.prompt("Patient ID", hide_input=True)
        else:
            patient_id = sys.stdin.readline().rstrip("\r\n")
        patient = hospital.pseudonym_of(patient_id)
    if not yes:
        _require_somebody_to_ask(as_json)
        typer.confirm(f"Remove everything of {patient}, for good?", abort=True)
    show(hospital.forget(patient), as_json=as_json)


@app.command()
def approve(  # noqa: PLR0913, PLR0917 - one parameter per option
    job: JobFile,
    approver: Approver,
    key: ApproverKey,
    days: Annotated[int, typer.Option(min=1, max=366, help="Days until it expires.")] = 90,
    statistics: Annotated[
        bool,
        typer.Option("--statistics", help="Approve that the job's statistics leave, nothing else."),
    ] = False,
    site: SiteFile = SITE_FILE,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Show what a job may do here, and sign it."""
    from fedpacs.agent.preview import lint_job, preview, preview_statistics
    from fedpacs.agent.site import Site

    config = lint_job(job_path(job))
    hospital = Site.open(site)
    if not yes:
        _require_somebody_to_ask(as_json)
    terms = hospital.terms(config, statistics=statistics)
    if not yes:
        leaves = preview_statistics(config) if statistics else preview(config)
        show({"what may leave": leaves, "terms": terms})
        if not typer.confirm(f"\nSign these terms as {approver} for {days} days?"):
            raise NotSignedError("Nothing was signed.")
    digest = hospital.approve(config, approver, key, days, read=terms)
    show(
        {"approved": config.job.name, "approver": approver, "days": days, "terms_digest": digest},
        as_json=as_json,
        next_step=f"`fedpacs site {'statistics' if statistics else 'train'} {_same(site, job)}`",
    )


@app.command()
def revoke(  # noqa: PLR0917 - one parameter per option
    approver: Approver,
    key: ApproverKey,
    job: Annotated[
        str | None, typer.Option(metavar="FILE", help="Only this job, exactly as the file is.")
    ] = None,
    terms: Annotated[
        str, typer.Option(metavar="DIGEST", help="Only these terms; `site status` lists them.")
    ] = "",
    site: SiteFile = SITE_FILE,
    as_json: AsJson = False,
) -> None:
    """Take approvals back, at once, also while a job is running; all of them if none is named."""
    from fedpacs.agent.site import Site
    from fedpacs.config.job import load_job

    config = load_job(job_path(job)) if job else None
    revoked = Site.open(site).revoke(approver, key, job=config, terms=terms)
    show({"revoked_terms": revoked, "approver": approver}, as_json=as_json)


@app.command()
def train(
    job: JobFile,
    alone: Annotated[
        bool, typer.Option("--alone", help="Train here only, without the consortium.")
    ] = False,
    site: SiteFile = SITE_FILE,
    as_json: AsJson = False,
) -> None:
    """Take part in the training of an approved job until it ends or you press Ctrl-C."""
    from fedpacs.agent.site import Site
    from fedpacs.config.job import load_job

    config = load_job(job_path(job))
    hospital = Site.open(site)
    with progress() as report:
        outcome = hospital.train_alone(config, report) if alone else hospital.train(config, report)
    show(outcome, as_json=as_json)


@app.command()
def send(
    job: JobFile,
    model: Annotated[Path, typer.Option(metavar="FILE", help="The model of the consortium.")],
    site: SiteFile = SITE_FILE,
    as_json: AsJson = False,
) -> None:
    """Segment a study with a model and store the result in the PACS, for research only."""
    from fedpacs.agent.site import Site
    from fedpacs.config.job import load_job

    result = Site.open(site).send_result(load_job(job_path(job)), model)
    show(result, as_json=as_json)


@app.command()
def status(site: SiteFile = SITE_FILE, as_json: AsJson = False) -> None:
    """Show the store, cohorts, approvals and quarantine of the hospital."""
    from fedpacs.agent.site import Site

    show(Site.open(site).status(), as_json=as_json)


def _same(site: Path, job: str) -> str:
    """Write the options once more, as a shell reads them."""
    return f"--site {shlex.quote(str(site))} --job {shlex.quote(job)}"


def _require_somebody_to_ask(as_json: bool) -> None:
    """Refuse to sign where nobody can be asked."""
    if as_json or not sys.stdin.isatty():
        raise UsageError(
            "An approval needs a person who reads the terms, and nobody can be asked here.",
            hint="Run it on a terminal without --json, or answer for it with --yes.",
        )


site_store.add_to(app)
