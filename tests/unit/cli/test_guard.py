from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import click
import pytest

from fedpacs.cli.guard import guarded
from fedpacs.config.load import Fault, FaultyConfigError
from fedpacs.core.errors import FedpacsError, PacsError

NAME = "GARCIA^LOPEZ"
"""Stands for a value of a data element inside a library's exception text."""


def raising(error: BaseException):
    def call() -> int:
        raise error

    return call


def test_success_gives_the_commands_own_status(capsys):
    assert guarded(lambda: 0, []) == 0
    assert guarded(lambda: 4, []) == 4
    assert capsys.readouterr() == ("", "")


def test_an_error_prints_code_sentence_and_next_step_on_stderr(capsys):
    status = guarded(raising(PacsError("The PACS hung up.", hint="Ask its admin.")), ["site"])
    out, err = capsys.readouterr()
    assert status == 30
    assert out == ""
    assert err == "error[pacs.failed]: The PACS hung up.\nnext: Ask its admin.\n"


def test_with_json_an_error_is_one_document_on_stdout(capsys):
    error = PacsError("The PACS hung up.")
    status = guarded(raising(error), ["site", "echo", "--json"])
    out, err = capsys.readouterr()
    assert status == 30
    assert json.loads(out) == error.as_dict()
    assert err == ""


def test_json_lists_every_fault_of_a_configuration(capsys):
    error = FaultyConfigError("site.toml", (Fault("pacs.port", "too big"), Fault("x", "unknown")))
    assert guarded(raising(error), ["--json"]) == 10
    document = json.loads(capsys.readouterr().out)
    assert document["faults"] == [
        {"where": "pacs.port", "what": "too big"},
        {"where": "x", "what": "unknown"},
    ]


@pytest.mark.parametrize("words", [[], ["--json"]])
@pytest.mark.parametrize("debug", ["0", "1"])
def test_an_unexpected_exception_never_shows_its_text(capsys, monkeypatch, words, debug):
    monkeypatch.setenv("FEDPACS_DEBUG", debug)
    error = ValueError(f"invalid value {NAME}")
    error.__cause__ = KeyError(NAME)
    status = guarded(raising(error), words)
    out, err = capsys.readouterr()
    assert status == 90
    assert NAME not in out + err
    assert "Traceback" not in out + err
    assert "fedpacs.internal" in out + err
    assert "ValueError at fedpacs.cli.guard:" in out + err
    assert ("KeyError" in err) == (debug == "1")


def test_an_operating_system_error_tells_the_reason_and_not_the_path(capsys):
    error = OSError(errno.ENOSPC, "full", f"/staging/{NAME}")
    assert guarded(raising(error), []) == 3
    err = capsys.readouterr().err
    assert err.startswith("error[machine.io]: No space left on device")
    assert NAME not in err
    assert "next: Make room" in err


def test_a_missing_package_is_named(capsys):
    error = ModuleNotFoundError("No module named 'torch'", name="torch")
    assert guarded(raising(error), []) == 3
    assert "error[machine.package-missing]: The Python package torch" in capsys.readouterr().err


def test_a_missing_module_of_ours_is_a_fault_of_ours(capsys):
    error = ModuleNotFoundError("No module named 'fedpacs.x'", name="fedpacs.x")
    assert guarded(raising(error), []) == 90
    assert "fedpacs.internal" in capsys.readouterr().err


def test_a_mistake_on_the_command_line_points_to_the_help_of_its_command(capsys):
    context = click.Context(click.Command("find"), info_name="fedpacs site find")
    status = guarded(raising(click.UsageError("Missing option '--job'.", ctx=context)), [])
    assert status == 2
    assert capsys.readouterr().err == (
        "error[usage.command-line]: Missing option '--job'.\n"
        "next: Run `fedpacs site find --help`.\n"
    )


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_stopped_by_the_user(capsys, error):
    assert guarded(raising(error), []) == 130
    assert capsys.readouterr().err.startswith("error[fedpacs.stopped]: Stopped.")


def test_markup_in_a_message_is_printed_as_it_is(capsys):
    guarded(raising(FedpacsError("Key [bold]x[/bold] :smile: is unknown.")), [])
    assert "Key [bold]x[/bold] :smile: is unknown." in capsys.readouterr().err


COMMAND_WITH_CHILD = textwrap.dedent("""
    import subprocess, sys, time
    from fedpacs.cli.guard import guarded

    def call():
        child = subprocess.Popen([sys.executable, "-c",
            "import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); time.sleep(60)"])
        try:
            print(child.pid, flush=True)
            time.sleep(60)
        finally:
            print("unwound", flush=True)

    sys.exit(guarded(call, []))
""")


@pytest.mark.parametrize(
    ("number", "status", "code"),
    [
        (signal.SIGINT, 130, "fedpacs.stopped"),
        (signal.SIGTERM, 143, "fedpacs.terminated"),
        (signal.SIGHUP, 143, "fedpacs.terminated"),
    ],
)
def test_a_stopped_command_leaves_no_child(number, status, code):
    command = subprocess.Popen(
        [sys.executable, "-c", COMMAND_WITH_CHILD],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    child = int(command.stdout.readline())
    command.send_signal(number)
    out, err = command.communicate(timeout=20)
    assert command.returncode == status
    assert "unwound" in out
    assert f"error[{code}]" in err
    assert gone(child)


def gone(pid: int) -> bool:
    for _ in range(100):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_reader_that_goes_away_is_no_error():
    code = (
        "import sys; from fedpacs.cli.guard import guarded\n"
        "def call():\n"
        "    for _ in range(100000): print('x' * 100)\n"
        "    return 0\n"
        "sys.exit(guarded(call, []))"
    )
    command = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    command.stdout.readline()
    command.stdout.close()
    assert command.stderr.read() == b""
    command.stderr.close()
    assert command.wait(20) == 0


def square(number: int) -> int:
    return number * number


def test_the_next_command_of_the_same_process_can_start_workers_again():
    def call() -> int:
        with ProcessPoolExecutor(1, mp_context=get_context("forkserver")) as pool:
            return pool.submit(square, 3).result()

    assert guarded(call, []) == 9
    assert guarded(raising(KeyboardInterrupt()), []) == 130
    assert guarded(call, []) == 9
