"""Options that several commands share, so that the same thing has the same name everywhere.

The command modules are read by Typer at run time, so neither they nor this one postpone their
annotations.
"""

from pathlib import Path
from typing import Annotated

import typer

from fedpacs.core.errors import UsageError

AsJson = Annotated[
    bool,
    typer.Option("--json", help="Print one JSON document on stdout, for machines."),
]
SiteFile = Annotated[
    Path,
    typer.Option("--site", envvar="FEDPACS_SITE", metavar="FILE", help="The hospital's site.toml."),
]
ConsortiumFile = Annotated[
    Path,
    typer.Option(
        "--consortium",
        envvar="FEDPACS_CONSORTIUM",
        metavar="FILE",
        help="The consortium's consortium.toml.",
    ),
]
JobFile = Annotated[
    str,
    typer.Option(
        "--job",
        envvar="FEDPACS_JOB",
        metavar="FILE",
        help="The job file, or the name of a shipped job such as brain-tissue.",
    ),
]
JobArgument = Annotated[
    str,
    typer.Argument(metavar="FILE"),
]
Approver = Annotated[
    str,
    typer.Option("--approver", metavar="NAME", help="Your name as site.toml lists it."),
]
ApproverKey = Annotated[
    str,
    typer.Option("--key", metavar="URI", help="Your Ed25519 private key: file:PATH or env:NAME."),
]
Yes = Annotated[
    bool, typer.Option("--yes", "-y", help="Do not ask; for scripts that a person answers for.")
]


class UnknownJobNameError(UsageError):
    """A job was named that is neither a file nor shipped."""

    code = "usage.unknown-job"
    default_hint = "Give the path of a job file."


SITE_FILE = Path("site.toml")
CONSORTIUM_FILE = Path("consortium.toml")


def job_path(job: str) -> Path:
    """Find a job by file, or by the name of a shipped job.

    Parameters
    ----------
    job
        Path of a TOML file, or the bare name of one in ``configs/jobs``.

    Raises
    ------
    UnknownJobNameError
        If it is neither.
    """
    path = Path(job)
    if path.suffix or len(path.parts) > 1 or path.exists():
        return path
    from fedpacs.config.shipped import shipped

    jobs = {file.stem: file for file in sorted(shipped("configs", "jobs").glob("*.toml"))}
    if job not in jobs:
        raise UnknownJobNameError(
            f"{job} is neither a file nor a shipped job.",
            hint=f"Give the path of a job file, or one of: {', '.join(jobs)}.",
        )
    return jobs[job]
