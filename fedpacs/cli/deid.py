"""``fedpacs deid``: de-identification alone, for a folder, without PACS or consortium."""

from pathlib import Path
from typing import Annotated

import typer

from fedpacs.cli.options import AsJson
from fedpacs.cli.output import print_json, say, show, stdout
from fedpacs.cli.progress import progress

app = typer.Typer(no_args_is_help=True, help="De-identify a folder, or explain a profile.")

DEFAULT_PROFILE = "gdpr-pseudonymised"


@app.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: Annotated[Path, typer.Argument(metavar="IN", help="Folder with DICOM files.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="Folder for what may be shared.")],
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
    """De-identify every file of a folder, and verify each one; what fails is refused."""
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
    show(outcome, as_json=as_json)


@app.command()
def explain(
    profile: Annotated[str, typer.Argument(help="A shipped profile's name or a TOML file.")],
    attribute: Annotated[
        str | None,
        typer.Argument(help="One attribute, for example PatientName or 0010,0010."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in sentences what a profile does, to all attributes or to one."""
    from fedpacs.deidentification.profile import load_profile

    chosen = load_profile(profile)
    sentences = chosen.explain(attribute)
    if as_json:
        print_json({"profile": chosen.name, "digest": chosen.digest, "sentences": sentences})
        return
    for sentence in sentences:
        say(stdout(), sentence)
