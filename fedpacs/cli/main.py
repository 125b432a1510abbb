"""The command line ``fedpacs``: the nouns and verbs of the road. Parse, call, print.

Exit statuses: 0 done, 2 wrong usage, 3 this machine, 10 to 80 one band per package, 90 a fault of
FedPACS itself, 130 and 143 stopped. ``docs/reference/errors.md`` lists every code.
"""

import getpass
import os
import sys
from collections.abc import Sequence
from typing import Annotated, NoReturn

import click
import typer

from fedpacs.cli import audit, consortium, deid, job, site
from fedpacs.cli.demo import demo
from fedpacs.cli.doctor import doctor
from fedpacs.cli.guard import guarded
from fedpacs.cli.quiet import quiet

app = typer.Typer(
    name="fedpacs",
    no_args_is_help=True,
    suggest_commands=False,  # click does
    help="Train medical-imaging models across hospitals; no identified data leaves any of them.",
    epilog="Start with `fedpacs doctor`, then `fedpacs demo`.",
    pretty_exceptions_enable=False,  # they print local variables
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(demo)
app.command("doctor")(doctor)
app.add_typer(deid.app, name="deid")
app.add_typer(site.app, name="site")
app.add_typer(job.app, name="job")
app.add_typer(consortium.app, name="consortium")
app.add_typer(audit.app, name="audit")


def _version(value: bool) -> None:
    if value:
        from importlib.metadata import version

        typer.echo(f"fedpacs {version('fedpacs')}")
        raise typer.Exit


@app.callback()
def fedpacs(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Print the version."),
    ] = False,
) -> None:
    """Train medical-imaging models across hospitals; no identified data leaves any of them."""


def run(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run one command and leave the process.

    Parameters
    ----------
    arguments
        Words after ``fedpacs``; those of this process when left out.

    Raises
    ------
    SystemExit
        Always, with the exit status.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    name_the_user()
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal without UTF-8 must not end the program
            stream.reconfigure(errors="replace")
    with quiet():
        status = guarded(lambda: call(app, words), words)
    sys.exit(status)


def name_the_user() -> None:
    """Give an account without an entry in the password file, as containers have, a name.

    MONAI asks for one when it is imported, and children inherit it.
    """
    try:
        getpass.getuser()
    except (KeyError, OSError):  # the latter from Python 3.13 on
        os.environ["LOGNAME"] = f"uid-{os.getuid()}"


def call(commands: typer.Typer, words: Sequence[str]) -> int:
    """Carry out the command that the words name, and give its exit status.

    Click's own ``main`` is not used: it answers Ctrl-C and mistakes itself.
    """
    command = typer.main.get_command(commands)
    if "_FEDPACS_COMPLETE" in os.environ:
        command.main(list(words), prog_name="fedpacs")  # the shell asks how a word may go on
    try:
        with command.make_context("fedpacs", list(words)) as context:
            command.invoke(context)
    except click.exceptions.NoArgsIsHelpError:
        return click.UsageError.exit_code  # the help was printed
    except click.exceptions.Exit as end:
        return end.exit_code
    return 0


if __name__ == "__main__":
    run()
