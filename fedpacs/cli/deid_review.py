"""``fedpacs deid review``: a person's look at a sample, and their signed verdict on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedpacs.cli.options import AsJson
from fedpacs.cli.output import show
from fedpacs.cli.progress import progress
from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import UsageError

if TYPE_CHECKING:
    from fedpacs.deidentification.review.verdicts import ReviewRecord


def add_to(app: typer.Typer) -> None:
    """Add the verb to ``fedpacs deid``."""
    app.command()(review)


def review(  # noqa: PLR0913, PLR0917 - one parameter per option
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    source: Annotated[
        Path | None,
        typer.Option(metavar="IN", help="The originals, to show before and after. Identified!"),
    ] = None,
    map_file: Annotated[
        Path | None,
        typer.Option("--map", metavar="FILE", help="The map of the run; with --source."),
    ] = None,
    sample: Annotated[int, typer.Option(min=1, max=500, help="Objects to look at.")] = 20,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Seed of the drawing; drawn if left out.")
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="New folder of the contact sheet; OUT.sheet if left out."),
    ] = None,
    record: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Sign and record the verdict that the sheet saved."),
    ] = None,
    reviewer: Annotated[str, typer.Option(metavar="NAME", help="Who looked; with --record.")] = "",
    key: Annotated[
        str,
        typer.Option(metavar="URI", help="The reviewer's Ed25519 private key; with --record."),
    ] = "",
    check: Annotated[
        bool, typer.Option("--check", help="Check the reviews recorded so far, and the folder.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Draw a random sample of OUT and write a contact sheet of it, for a person to judge.

    The sheet opens offline in any browser: pictures before, after and where they differ, the words
    that stayed, and a verdict on each object. With --record the saved verdict is checked against
    the folder, signed, and kept beside it in OUT.review.jsonl.
    """
    if record is not None:
        _record(out, record, reviewer, key, as_json=as_json)
    elif check:
        _check(out, as_json=as_json)
    else:
        _sheet(out, to, (source, map_file, sample, seed), as_json=as_json)


def _sheet(
    out: Path,
    to: Path | None,
    options: tuple[Path | None, Path | None, int, int | None],
    *,
    as_json: bool,
) -> None:
    from fedpacs.deidentification.review.sheet import SheetOptions, make_sheet

    source, map_file, size, seed = options
    resolved = out.resolve()
    folder = to or resolved.parent / f"{resolved.name}.sheet"
    with progress() as report:
        sheet = make_sheet(out, folder, SheetOptions(source, map_file, size, seed, report))
    show(
        sheet,
        as_json=as_json,
        next_step=(
            f"open {sheet.page}, save the verdict, then `fedpacs deid review {out} --record "
            "verdict.json --reviewer NAME --key URI`; delete the sheet when it is recorded"
        ),
    )


def _record(out: Path, verdict: Path, reviewer: str, key: str, *, as_json: bool) -> None:
    from fedpacs.deidentification.review.errors import ReviewFoundLeakError
    from fedpacs.deidentification.review.verdicts import record_file, record_verdict

    if not reviewer or not key:
        raise UsageError(
            "A verdict is signed by somebody.",
            hint="Add --reviewer NAME and --key URI, your Ed25519 private key.",
        )
    done = record_verdict(out, verdict, reviewer, key)
    leaks = done.verdicts["leak"]
    error = None
    if leaks:
        error = ReviewFoundLeakError(f"The reviewer saw a leak in {leaks} of {done.sampled} files.")
    told = (
        f"the review is in {record_file(out)}; with 95 % confidence at most "
        f"{done.leak_share_below:.1%} of the {done.population:,} files leak what a person can see"
    )
    conclude(done, error, lambda: show(done, next_step=told), as_json=as_json)


def _check(out: Path, *, as_json: bool) -> None:
    from fedpacs.deidentification.review.errors import (
        NothingToReviewError,
        ReviewFoundLeakError,
        VerdictMismatchError,
    )
    from fedpacs.deidentification.review.verdicts import read_records

    records = read_records(out, check_folder=True)
    if not records:
        raise NothingToReviewError(
            "No review of the folder is recorded.",
            hint=f"Make a contact sheet with `fedpacs deid review {out}`.",
        )
    last: ReviewRecord = records[-1]
    error: NothingToReviewError | ReviewFoundLeakError | VerdictMismatchError | None = None
    if not last.current:
        error = VerdictMismatchError("The folder has changed since the last review.")
    elif last.verdicts["leak"]:
        error = ReviewFoundLeakError("The last review found a leak.")
    conclude({"reviews": records}, error, lambda: show(records), as_json=as_json)
