"""``fedpacs deid`` vault, custodian and reidentify: the way back, and who may go it."""

from pathlib import Path
from typing import Annotated

import typer

from fedpacs.cli.deid_summary import explained_codes
from fedpacs.cli.options import AsJson
from fedpacs.cli.output import plain, print_json, say, show, stdout
from fedpacs.cli.progress import progress
from fedpacs.cli.verdict import conclude
from fedpacs.core.errors import DeidentificationError

vault_app = typer.Typer(
    no_args_is_help=True, help="Random codes in place of keyed pseudonyms, and their export."
)
VaultFile = Annotated[Path, typer.Argument(metavar="FILE")]
VaultKey = Annotated[
    str, typer.Option("--key", metavar="URI", help="The vault's key: file:PATH or env:NAME.")
]


class NoneReidentifiedError(DeidentificationError):
    """Not one file could be re-identified."""

    code = "deid.none-reidentified"
    default_hint = "Read what the codes say; the key must be that of the sealed certificate."


def add_to(app: typer.Typer) -> None:
    """Add the verbs to ``fedpacs deid``."""
    app.command()(reidentify)
    app.command()(custodian)
    app.add_typer(vault_app, name="vault")


def reidentify(
    source: Annotated[Path, typer.Argument(metavar="FILE_OR_DIR")],
    out: Annotated[Path, typer.Argument(metavar="OUT")],
    key: Annotated[
        str,
        typer.Option(metavar="URI", help="A custodian's RSA private key: file:PATH or env:NAME."),
    ],
    as_json: AsJson = False,
) -> None:
    """Restore the originals that `fedpacs deid run --custodian` sealed into the objects.

    Name, identifiers, dates and UIDs of the top level come back, and references between objects
    that are given together. What was removed, cleaned or masked and is not sealed stays as it is.
    OUT is identified; the objects in FILE_OR_DIR are not touched.
    """
    from fedpacs.deidentification.custody.reidentify import reidentify as restore

    with progress() as report:
        done = restore(source, out, key, report)
    codes = explained_codes(done.refused)

    def people() -> None:
        console = stdout()
        say(
            console,
            f"{done.reidentified:,} of {done.files:,} files re-identified: "
            f"{done.restored_attributes:,} attributes and {done.restored_references:,} references "
            "have their originals back.",
        )
        if codes:
            show(codes)
        if done.reidentified:
            say(console, f"{out} is identified: keep it closed, and delete it after use.")

    error = None if done.reidentified else NoneReidentifiedError("No file was re-identified.")
    conclude({**plain(done), "codes": codes}, error, people, as_json=as_json)


def custodian(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER")],
    name: Annotated[
        str, typer.Option(metavar="NAME", help="Who it is; stands in the certificate.")
    ],
    as_json: AsJson = False,
) -> None:
    """Make a custodian's key pair: custodian.key to keep, custodian.pem to hand out.

    Each custodian does this alone, in a place that nobody else can read.
    """
    from fedpacs.crypto.custodians import create_custodian

    made = create_custodian(folder, name)
    show(
        {
            "certificate": folder / "custodian.pem",
            "private_key": folder / "custodian.key",
            "fingerprint": made.fingerprint,
        },
        as_json=as_json,
        next_step="hand out custodian.pem; keep custodian.key apart from the data, with a backup",
    )


@vault_app.command()
def create(
    file: VaultFile,
    key: VaultKey,
    custodian: Annotated[
        list[Path] | None,
        typer.Option(metavar="CERT.pem", help="One of the two who can export; give it twice."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make an empty vault.

    With two custodians old values are sealed so that both together can export them. Without, they
    are not stored at all, and nobody can ever say what a code stands for.
    """
    from fedpacs.crypto.custodians import Custodian
    from fedpacs.crypto.keys import load_secret
    from fedpacs.deidentification.custody.vault import Vault

    secret = load_secret(key)
    Vault.create(file, secret, [Custodian.load(path) for path in custodian or ()])
    with Vault.open(file, secret) as vault:
        status = vault.status()
    way_back = "both custodians together can export it" if custodian else "nobody can export it"
    show(
        {"vault": file, **plain(status)},
        as_json=as_json,
        next_step=f"give it to `fedpacs deid run` with --vault; {way_back}; back it up",
    )


@vault_app.command()
def export(
    file: VaultFile,
    key: VaultKey,
    custodian_key: Annotated[
        list[str],
        typer.Option(metavar="URI", help="Private key of a custodian; give it twice."),
    ],
    to: Annotated[
        Path, typer.Option(metavar="FILE", help="New CSV file with old values. Identified!")
    ],
    as_json: AsJson = False,
) -> None:
    """Write what each code stands for; both custodians must give their private keys.

    Every export leaves a line in the vault's log before the table is written.
    """
    from fedpacs.crypto.custodians import CustodianKey
    from fedpacs.crypto.keys import load_secret
    from fedpacs.deidentification.custody.vault_export import export_vault

    keys = [CustodianKey.load(uri) for uri in custodian_key]
    line = export_vault(file, load_secret(key), keys, to)
    show(line, as_json=as_json, next_step=f"{to} is identified: use it, then delete it")


@vault_app.command()
def status(file: VaultFile, key: VaultKey, as_json: AsJson = False) -> None:
    """Count what a vault holds, and list its exports."""
    from fedpacs.crypto.keys import load_secret
    from fedpacs.deidentification.custody.vault import Vault
    from fedpacs.deidentification.custody.vault_export import export_log

    secret = load_secret(key)
    with Vault.open(file, secret) as vault:
        counts = vault.status()
    exports = export_log(file, secret)
    if as_json:
        print_json({**plain(counts), "export_log": plain(exports)})
        return
    show(counts)
    if exports:
        say(stdout(), "")
        show(exports)
