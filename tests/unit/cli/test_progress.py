from __future__ import annotations

import io

from rich.console import Console
from rich.progress import Progress

from fedpacs.cli.progress import Bars, Lines, progress


def test_in_a_log_a_stage_has_a_line_at_its_ends_and_at_each_twentieth():
    stream = io.StringIO()
    lines = Lines(Console(file=stream))
    for done in range(1001):
        lines("retrieve", done, 1000)
    lines("retrieve", 1000, 1000)
    lines("seal", 3, 0)
    assert stream.getvalue().splitlines() == [
        *(f"retrieve: {done} of 1000" for done in range(0, 1001, 50)),
        "seal: 3",
    ]


def test_on_a_terminal_each_stage_has_its_bar():
    stream = io.StringIO()
    with Progress(console=Console(file=stream, force_terminal=True)) as bars:
        report = Bars(bars)
        report("retrieve", 1, 0)
        report("retrieve", 5, 10)
        report("seal", 2, 2)
        tasks = [(task.description, task.completed, task.total) for task in bars.tasks]
    assert tasks == [("retrieve", 5, 10), ("seal", 2, 2)]


def test_progress_never_reaches_stdout(capsys):
    with progress() as report:
        report("retrieve", 1, 1)
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "retrieve: 1 of 1\n"
