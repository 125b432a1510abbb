"""``fedpacs audit``: read the book of a site, and prove that nobody changed it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from fedpacs.cli.options import SITE_FILE, AsJson, SiteFile
from fedpacs.cli.output import plain, print_json, say, show, stdout
from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import RecordsError, UsageError

if TYPE_CHECKING:
    from fedpacs.records.checkpoint import Checkpoint

app = typer.Typer(no_args_is_help=True, help="Read the site's book, and prove it untouched.")


@app.command("show")
def show_entries(
    site: SiteFile = SITE_FILE,
    last: Annotated[int, typer.Option(min=0, help="Only so many; 0 for the whole book.")] = 50,
    as_json: AsJson = False,
) -> None:
    """List what happened at the site: codes, numbers, digests and pseudonyms."""
    from fedpacs.config.site import load_site
    from fedpacs.records.book import Book

    with Book.open(load_site(site).book.url) as book:
        entries = list(book.entries())
    shown = entries[-last:] if last else entries
    if as_json:
        print_json(plain(shown))
        return
    console = stdout()
    for entry in shown:
        fields = "  ".join(f"{name}={value}" for name, value in entry.event.fields.items())
        say(console, f"{entry.index:>6}  {entry.time}  {entry.event.kind:<20}  {fields}")
    say(console, f"\n{len(shown)} of {len(entries)} entries. Next: `fedpacs audit verify`")


@app.command()
def verify(  # noqa: PLR0917 - one parameter per option
    site: SiteFile = SITE_FILE,
    book: Annotated[
        str | None,
        typer.Option(metavar="URL", help="Another book, by SQLAlchemy URL, without a site.toml."),
    ] = None,
    public_key: Annotated[
        str | None,
        typer.Option(metavar="KEY", help="The site's published key, `ed25519:...`; for --book."),
    ] = None,
    witness: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A checkpoint kept from an earlier `verify`."),
    ] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Write the newest checkpoint here; keep it elsewhere."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Prove that no entry was changed, removed or reordered.

    What one file cannot show is that all of it was put back to an older state: keep a checkpoint
    outside the site, and give it as --witness the next time.
    """
    from fedpacs.records.book import Book

    url, public = _book_of(site) if book is None else _book_named(book, public_key)
    witnesses = () if witness is None else (_read_checkpoint(witness),)
    with Book.open(url) as opened:
        found = opened.verify(public, witnesses)
        if checkpoint is not None and found.ok:
            checkpoint.write_text(opened.checkpoint().as_text(), encoding="utf-8")
    error = RecordsError(
        f"The book cannot be believed from entry {found.fault_index} on.",
        hint="Stop. Keep the database as it is, and find out who could write to it.",
    )
    error.code = found.fault_code
    conclude(found, None if found.ok else error, lambda: show(found), as_json=as_json)


def _book_of(site: Path) -> tuple[str, str]:
    from fedpacs.config.site import load_site
    from fedpacs.crypto.signatures import SigningKey

    config = load_site(site).book
    return config.url, SigningKey.load(config.signing_key).public


def _book_named(url: str, public_key: str | None) -> tuple[str, str]:
    if public_key is None:
        raise UsageError(
            "A book without its site needs the site's public key.",
            hint="Add --public-key ed25519:... as the site published it.",
        )
    return url, public_key


def _read_checkpoint(file: Path) -> "Checkpoint":
    from fedpacs.records.checkpoint import Checkpoint
    from fedpacs.records.errors import CheckpointError

    try:
        return Checkpoint.parse(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{file.name} cannot be read.") from error
