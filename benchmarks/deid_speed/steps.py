"""What each step of a run costs, by a profile of one process."""

from __future__ import annotations

import pstats
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.deid_speed.measure import run

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.deid_speed.__main__ import Bench

PACKAGE = "/fedpacs/deidentification/"
PROFILE = "research-rich"
Function = tuple[str, int, str]  # file, line and name, as pstats has it


def cost_per_step(bench: Bench, folder: Path) -> list[dict[str, Any]]:
    """Profile `fedpacs deid run` with one worker over a folder.

    Time inside third parties and builtins is put down to the engine's own module that called
    them. Profiling slows small functions down: read the shares, not the sum.

    Parameters
    ----------
    bench
        Gives the command.
    folder
        Files of one kind.
    """
    import shutil

    out, stats_file = bench.work / "out", bench.work / "profile.out"
    shutil.rmtree(out, ignore_errors=True)
    command = bench.command(f"fedpacs:{PROFILE}:1", folder, out)
    run(
        [sys.executable, "-m", "cProfile", "-o", str(stats_file), *command],
        bench.work / "log.txt",
    )
    files = sum(1 for one in folder.rglob("*") if one.is_file())
    written = sum(1 for one in out.rglob("*") if one.is_file())
    if written < files:
        raise SystemExit(f"only {written} of {files} files came out")
    shutil.rmtree(out, ignore_errors=True)
    steps, ocr = _by_step(pstats.Stats(str(stats_file)))
    largest = sorted(steps.items(), key=lambda one: -one[1])[:8]
    rows: list[dict[str, Any]] = [
        {"step": step, "ms_file": 1000 * seconds / files} for step, seconds in largest
    ]
    return [*rows, {"step": "searches by OCR a file", "ms_file": ocr / files}]


def _by_step(stats: pstats.Stats) -> tuple[dict[str, float], int]:
    """Sum own time by the engine's subpackage, strangers' by who called them.

    A stranger's share of each step is the mean over its callers, by their time in it; circles of
    calls are followed until what is left to share out is nothing.
    """
    table = stats.stats  # type: ignore[attr-defined]  # pstats documents it, typeshed omits it
    steps: dict[str, float] = {}
    pending: dict[Function, float] = {}
    ocr = 0
    for function, (_, calls, own, _, _) in table.items():
        pending[function] = own
        if function[0].endswith("rapidocr/ch_ppocr_det/main.py") and function[2] == "__call__":
            ocr += calls
    for _ in range(200):
        pending = _handed_up(table, pending, steps)
        if sum(pending.values()) < 1e-3:
            break
    if pending:
        steps["unknown"] = steps.get("unknown", 0.0) + sum(pending.values())
    return steps, ocr


def _handed_up(
    table: dict[Function, Any], pending: dict[Function, float], steps: dict[str, float]
) -> dict[Function, float]:
    """Put time down to steps; give what goes to callers instead."""
    above: dict[Function, float] = {}
    for function, seconds in pending.items():
        step = _step(function[0])
        callers = table[function][4]
        if step or not callers:
            name = step or "start and command line"
            steps[name] = steps.get(name, 0.0) + seconds
            continue
        total = sum(call[3] for call in callers.values())
        for caller, call in callers.items():
            part = call[3] / total if total > 0 else 1 / len(callers)
            above[caller] = above.get(caller, 0.0) + seconds * part
    return above


def _step(file: str) -> str:
    """Name the step that a file of the engine belongs to; "" for others."""
    if PACKAGE not in file:
        return ""
    below = file.split(PACKAGE)[1].split("/")
    return below[0].removesuffix(".py")
