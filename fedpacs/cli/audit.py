"""``fedpacs audit``: read the book of a site, and prove that nobody changed it."""

from typing import Annotated

import typer

from fedpacs.cli.options import SITE_FILE, AsJson, SiteFile
from fedpacs.cli.output import show
from fedpacs.cli.verdict import leave
from fedpacs.core.errors import RecordsError

app = typer.Typer(no_args_is_help=True, help="Read the site's book, and prove it untouched.")


@app.command("show")
def show_entries(
    site: SiteFile = SITE_FILE,
    start: Annotated[int, typer.Option(min=0, help="First entry to show.")] = 0,
    as_json: AsJson = False,
) -> None:
    """List the entries of the book: codes, numbers, digests and pseudonyms."""
    from fedpacs.config.site import load_site
    from fedpacs.crypto.signatures import SigningKey
    from fedpacs.records.book import Book

    config = load_site(site)
    with Book.open(config.book.url, SigningKey.load(config.book.signing_key)) as book:
        show(list(book.entries(start)), as_json=as_json)


@app.command()
def verify(site: SiteFile = SITE_FILE, as_json: AsJson = False) -> None:
    """Prove that no entry was changed, removed or reordered."""
    from fedpacs.config.site import load_site
    from fedpacs.crypto.signatures import SigningKey
    from fedpacs.records.book import Book

    config = load_site(site)
    with Book.open(config.book.url, SigningKey.load(config.book.signing_key)) as book:
        verification = book.verify()
    show(verification, as_json=as_json)
    if not verification.ok:
        leave(
            RecordsError(
                f"The book cannot be believed [{verification.fault_code}].",
                hint="Keep the file as it is, stop the site, and compare with a backup.",
            ),
            as_json=as_json,
        )
