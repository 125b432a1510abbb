"""``fedpacs deid``: de-identification alone, for a folder, without PACS or consortium."""

import time
from pathlib import Path
from typing import Annotated

import typer

from fedpacs.cli import deid_custody, deid_review
from fedpacs.cli.deid_summary import RunSummary, explained_codes
from fedpacs.cli.options import AsJson
from fedpacs.cli.output import plain, print_json, say, show, stdout
from fedpacs.cli.progress import progress
from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import DeidentificationError

app = typer.Typer(
    no_args_is_help=True, help="De-identify a folder, check it, and keep the way back."
)


class AllRefusedError(DeidentificationError):
    """Not one file of the folder could be de-identified."""

    code = "deid.all-refused"
    default_hint = "Read what the codes of the report say; add --map FILE to see which file."


class VerificationFailedError(DeidentificationError):
    """The folder holds something that must not leave."""

    code = "deid.verification-failed"
    default_hint = "Let nothing of the folder leave; run again, and report it if it stays."


DEFAULT_PROFILE = "gdpr-pseudonymised"
_FINDINGS_SHOWN = 20


@app.command()
def run(  # noqa: PLR0913, PLR0917 - one parameter per option
    source: Annotated[Path, typer.Argument(metavar="IN")],
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    key: Annotated[
        str,
        typer.Option(metavar="URI", help="The project's or vault's key: file:PATH or env:NAME."),
    ] = "",
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
    vault: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Vault of random codes; OUT.vault if left out."),
    ] = None,
    custodian: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="CERT.pem", help="Seal the originals into each object for this custodian."
        ),
    ] = None,
    conformance: Annotated[
        bool,
        typer.Option(
            "--conformance", help="Refuse what dciodvfy finds less conformant than its source."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """De-identify every file below IN into OUT and verify each one; what fails is refused.

    A second run changes nothing that is there. The same key gives the same pseudonyms, UIDs and
    date shifts, so a patient stays one patient; another key cannot be linked to them. Profiles with
    random codes (hipaa-safe-harbor) keep them in a vault instead; profiles with an ephemeral key
    (gdpr-anonymous-candidate) need none, and nobody can repeat or undo their runs.
    """
    from fedpacs.deidentification.batch import BatchOptions
    from fedpacs.deidentification.batch import run as run_batch
    from fedpacs.deidentification.custody.identity import make_vault_beside
    from fedpacs.deidentification.profile import load_profile

    kind = load_profile(profile).policies.identity
    if kind == "vault" and vault is None and key and source.is_dir():
        vault = make_vault_beside(out, key)
    began = time.monotonic()
    with progress() as report:
        options = BatchOptions(
            profile=profile,
            key_uri=key,
            workers=workers,
            map_file=map_file,
            report_file=report_file,
            quarantine=quarantine,
            vault=vault,
            custodians=tuple(custodian or ()),
            conformance=conformance,
            progress=lambda done, total: report("de-identify", done, total),
        )
        outcome = run_batch(source, out, options)
    summary = RunSummary(
        out=out,
        identity=kind,
        review=f" --source {source} --map {map_file}" if map_file else "",
        refused_in=quarantine or map_file,
        vault=vault,
        outcome=outcome,
        elapsed_s=time.monotonic() - began,
    )
    error = None
    if outcome.deidentified == 0:
        told = f"{summary.refused} of {outcome.files} files were refused."
        error = AllRefusedError(told, hint=f"Read what the code says, and {summary.look}.")
    document = {**plain(outcome), "codes": explained_codes(outcome.quarantined)}
    conclude(document, error, summary.show, as_json=as_json)


@app.command()
def explain(
    profile: Annotated[str, typer.Argument(metavar="PROFILE")],
    attribute: Annotated[
        str | None,
        typer.Argument(metavar="ATTRIBUTE"),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(metavar="OTHER", help="Say only what PROFILE does otherwise than this one."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say in sentences what PROFILE does, to all attributes or to one.

    PROFILE is the name of a shipped profile, such as gdpr-pseudonymised, or a TOML file;
    ATTRIBUTE is a keyword or tag, such as PatientName or 0010,0010.
    """
    from fedpacs.deidentification.profile import diff, load_profile
    from fedpacs.deidentification.profile import explain as explained

    chosen = load_profile(profile)
    document = {"profile": chosen.name, "digest": chosen.digest}
    if against is None:
        sentences = explained(chosen, attribute)
    else:
        other = load_profile(against)
        sentences = diff(other, chosen)
        document |= {"against": other.name, "against_digest": other.digest}
    if as_json:
        print_json({**document, "sentences": sentences})
        return
    console = stdout()
    if against is not None:
        same = "" if sentences else " They do the same to every object."
        say(console, f"A is {document['against']}, B is {chosen.name}.{same}")
    for sentence in sentences:
        say(console, sentence)


@app.command()
def verify(
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    source: Annotated[
        Path | None,
        typer.Option(metavar="IN", help="The originals, to search the output for their values."),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="The map of the run; with --source."),
    ] = None,
    conformance: Annotated[
        bool,
        typer.Option(
            "--conformance", help="Also hold each file to its original's conformance (dciodvfy)."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Verify a de-identified folder again, with code that shares nothing with the engine.

    With the originals and the map, every value that had to go is searched for in the whole of
    each file; without, what the files show by themselves: markers, references between them, stray
    private and unlisted attributes.
    """
    from fedpacs.deidentification.verification.folder import verify_folder

    with progress() as report:
        found = verify_folder(
            out,
            source=source,
            map_file=map_file,
            progress=lambda done, total: report("verify", done, total),
            conformance=conformance,
        )
    findings = [
        {"file": one.name, "code": one.finding.code, "tag": one.finding.tag}
        for one in found.findings
    ]
    codes = explained_codes(found.codes)
    document = {
        "files": found.files,
        "compared": found.compared,
        "passed": found.passed,
        "codes": codes,
        "findings": findings,
    }

    def people() -> None:
        console = stdout()
        counted = f"{found.files:,} files, {found.compared:,} compared with their originals"
        if found.passed:
            say(console, f"{counted}: nothing was found.")
            if not found.compared:
                say(console, "Next: add --source IN --map FILE to search for the originals' values")
            return
        say(console, f"{counted}: {len(findings):,} findings.\n")
        show(codes)
        show(findings[:_FINDINGS_SHOWN])
        if len(findings) > _FINDINGS_SHOWN:
            say(console, f"{len(findings) - _FINDINGS_SHOWN:,} more; --json lists all.")

    told = "The verification found what must not leave."
    conclude(
        document,
        None if found.passed else VerificationFailedError(told),
        people,
        as_json=as_json,
    )


deid_review.add_to(app)
deid_custody.add_to(app)
