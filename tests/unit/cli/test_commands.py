from __future__ import annotations

import getpass
import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from fedpacs.cli.document import commands
from fedpacs.cli.interrupts import TerminationInterrupt
from fedpacs.cli.main import call, name_the_user
from fedpacs.cli.options import UnknownJobNameError, job_path
from fedpacs.config.shipped import shipped

COMMANDS = dict(commands())
HEAVY = ("torch", "monai", "flwr", "presidio_analyzer", "highdicom", "pydicom", "sqlalchemy")


def fedpacs(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "fedpacs.cli.main", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_speaks_json_and_has_a_sentence(path):
    command = COMMANDS[path].command
    options = {name for parameter in command.params for name in parameter.opts}
    assert "--json" in options
    assert command.help.endswith(".")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_option_is_explained(path):
    for parameter in COMMANDS[path].command.params:
        if parameter.param_type_name == "option":
            assert parameter.help, parameter.opts


def test_help_is_instant_and_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from fedpacs.cli.main import run\n"
        "try: run(['site', 'ingest', '--help'])\n"
        "except SystemExit as end: assert not end.code, end.code\n"
        f"print([m for m in {HEAVY!r} if m in sys.modules], file=sys.stderr)"
    )

    def cpu_s() -> float:
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return usage.ru_utime + usage.ru_stime

    times = []
    for _ in range(3):
        before = cpu_s()
        ended = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        )
        times.append(cpu_s() - before)
        assert ended.stderr.strip() == "[]"
    assert "Usage: fedpacs site ingest" in ended.stdout
    assert min(times) < 0.5


def test_without_words_the_help_is_shown():
    ended = fedpacs()
    assert ended.returncode == 2
    assert "Start with" in ended.stdout
    assert ended.stderr == ""


def test_version():
    assert fedpacs("--version").stdout.startswith("fedpacs 0.")


def test_a_typing_mistake_is_answered_with_what_was_meant():
    ended = fedpacs("stie", "check")
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "error[usage.command-line]: No such command 'stie'. Did you mean 'site'?",
        "next: Run `fedpacs --help`.",
    ]


def test_a_missing_option_is_named_for_people_and_machines():
    ended = fedpacs("site", "find", "--json")
    assert ended.returncode == 2
    assert ended.stderr == ""
    document = json.loads(ended.stdout)
    assert document["code"] == "usage.command-line"
    assert "--job" in document["message"]
    assert document["hint"] == "Run `fedpacs site find --help`."


def test_an_empty_name_is_told_even_where_the_terminal_knows_no_unicode():
    ended = fedpacs("жоб", PYTHONIOENCODING="ascii")
    assert ended.returncode == 2
    assert ended.stderr.startswith("error[usage.command-line]: No such command '")


def test_a_job_is_found_by_file_and_by_shipped_name(tmp_path, monkeypatch):
    assert job_path("brain-tissue") == shipped("configs", "jobs", "brain-tissue.toml")
    assert job_path("jobs/mine") == Path("jobs/mine")
    with pytest.raises(UnknownJobNameError) as refused:
        job_path("no-such-job")
    assert "brain-tissue" in refused.value.hint
    monkeypatch.chdir(tmp_path)
    (tmp_path / "brain-tissue").write_text("")
    assert job_path("brain-tissue") == Path("brain-tissue")


@pytest.mark.parametrize("error", [KeyboardInterrupt, TerminationInterrupt, EOFError, ValueError])
def test_what_a_command_raises_reaches_the_frame(error):
    commands = typer.Typer()

    @commands.command()
    def broken() -> None:
        raise error

    with pytest.raises(error):
        call(commands, [])


def test_a_command_that_is_stopped_tells_it_with_the_signals_status(tmp_path):
    # the configuration comes from a pipe that nobody writes to, so the command waits
    fifo = tmp_path / "site.toml"
    os.mkfifo(fifo)
    command = subprocess.Popen(
        [sys.executable, "-m", "fedpacs.cli.main", "audit", "show", "--site", str(fifo), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with pytest.raises(subprocess.TimeoutExpired):
        command.wait(3)
    command.terminate()
    out, err = command.communicate(timeout=20)
    assert command.returncode == 143
    assert json.loads(out)["code"] == "fedpacs.terminated"
    assert err == ""


def test_the_shell_completes_nouns_and_verbs():
    ended = fedpacs(
        _FEDPACS_COMPLETE="complete_bash", COMP_WORDS="fedpacs site app", COMP_CWORD="2"
    )
    assert ended.returncode == 0
    assert ended.stdout.split() == ["approve"]


def test_an_account_without_a_name_is_given_one(monkeypatch):
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "")  # so that it is put back, whatever is set now
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    name_the_user()
    assert getpass.getuser() == "uid-4000000000"
