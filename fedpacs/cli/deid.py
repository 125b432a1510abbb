"""``fedpacs deid``: de-identification alone, for a folder, without PACS or consortium."""

from pathlib import Path
from typing import Annotated

import typer

from fedpacs.cli.options import AsJson
from fedpacs.cli.output import print_json, say, show, stdout
from fedpacs.cli.progress import progress
from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import DeidentificationError

app = typer.Typer(no_args_is_help=True, help="De-identify a folder, or explain a profile.")


class AllRefusedError(DeidentificationError):
    """Not one file of the folder could be de-identified."""

    code = "deid.all-refused"
    default_hint = "Read what the codes of the report say; add --map FILE to see which file."


DEFAULT_PROFILE = "gdpr-pseudonymised"


@app.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: Annotated[Path, typer.Argument(metavar="IN")],
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    key: Annotated[
        str, typer.Option(metavar="URI", help="The project's key: file:PATH or env:NAME.")
    ],
    profile: Annotated[
        str, typer.Option(metavar="P", help="A shipped profile's name or a TOML file.")
    ] = DEFAULT_PROFILE,
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes to work with.")] = 1,
    map_file: Annotated[
        Path | None,
        typer.Option(
            "--map", metavar="FILE", help="Write source and target of each file. Identified!"
        ),
    ] = None,
    report_file: Annotated[
        Path | None, typer.Option("--report", metavar="FILE", help="Write the report as JSON.")
    ] = None,
    quarantine: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Copy what was refused to this folder. Identified!"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """De-identify every file below IN into OUT and verify each one; what fails is refused.

    A second run does only what is missing. The same key gives the same pseudonyms, UIDs and date
    shifts, so a patient stays one patient; another key cannot be linked to them.
    """
    from fedpacs.deidentification.batch import BatchOptions
    from fedpacs.deidentification.batch import run as run_batch

    with progress() as report:
        options = BatchOptions(
            profile=profile,
            key_uri=key,
            workers=workers,
            map_file=map_file,
            report_file=report_file,
            quarantine=quarantine,
            progress=lambda done, total: report("de-identify", done, total),
        )
        outcome = run_batch(source, out, options)
    refused = outcome.files - outcome.deidentified
    where = quarantine or map_file
    look = f"look at {where}" if where else "add --map FILE to see which"
    told = f"{refused} of {outcome.files} files were refused"
    nothing = outcome.deidentified == 0
    conclude(
        outcome,
        AllRefusedError(f"{told}.", hint=f"Read what the code says, and {look}.")
        if nothing
        else None,
        lambda: show(outcome, next_step=f"{told}; {look}" if refused and not nothing else ""),
        as_json=as_json,
    )


@app.command()
def explain(
    profile: Annotated[str, typer.Argument(metavar="PROFILE")],
    attribute: Annotated[
        str | None,
        typer.Argument(metavar="ATTRIBUTE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in sentences what PROFILE does, to all attributes or to one.

    PROFILE is the name of a shipped profile, such as gdpr-pseudonymised, or a TOML file;
    ATTRIBUTE is a keyword or tag, such as PatientName or 0010,0010.
    """
    from fedpacs.deidentification.profile import explain as explained
    from fedpacs.deidentification.profile import load_profile

    chosen = load_profile(profile)
    sentences = explained(chosen, attribute)
    if as_json:
        print_json({"profile": chosen.name, "digest": chosen.digest, "sentences": sentences})
        return
    for sentence in sentences:
        say(stdout(), sentence)
