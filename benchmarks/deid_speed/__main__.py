"""Measure de-identification beside `cp -r` and the Python peers, interleaved, in one run.

    OMP_NUM_THREADS=1 python -m benchmarks.deid_speed WORK [--quick] [--json FILE]

WORK should be on tmpfs (`/dev/shm/...`): it is the program that is measured, not the disk. A
rate "per file" is the steady state: the cost of the large set less that of the small one, over
the difference in files. "Whole" has the start of the program in it.
"""

from __future__ import annotations

import argparse
import json
import secrets
import shutil
import sys
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks.deid_quality.tools import PEERS, WORKERS, environment
from benchmarks.deid_speed import material
from benchmarks.deid_speed.measure import Cost, run
from benchmarks.deid_speed.steps import cost_per_step

if TYPE_CHECKING:
    from collections.abc import Callable

FEDPACS = str(Path(sys.executable).with_name("fedpacs"))
HEADERS_ONLY = "gdpr-pseudonymised"


class Bench:
    """Runs commands over folders in WORK, each into an empty output.

    Parameters
    ----------
    work
        Folder on tmpfs.
    """

    def __init__(self, work: Path) -> None:
        self.work = work
        self.key = work / "project.key"
        if not self.key.is_file():
            self.key.write_text(secrets.token_hex(32))
            self.key.chmod(0o600)

    def command(self, tool: str, source: Path, out: Path) -> list[str]:
        """Give the command line of a tool.

        Parameters
        ----------
        tool
            `cp`, `fedpacs:PROFILE:WORKERS` or a peer's name.
        source, out
            Folders.
        """
        if tool == "cp":
            return ["cp", "-r", str(source), str(out)]
        if tool.startswith("fedpacs"):
            _, profile, workers = tool.split(":")
            return [
                FEDPACS,
                "deid",
                "run",
                str(source),
                str(out),
                "--profile",
                profile,
                "--key",
                f"file:{self.key}",
                "--workers",
                workers,
                "--map",
                str(self.work / "map.jsonl"),
                "--report",
                str(self.work / "report.json"),
            ]
        out.mkdir(parents=True)
        python = environment(tool, self.work)
        script = WORKERS / f"{tool.replace('-', '_')}_worker.py"
        return [str(python), str(script), str(source), str(out), str(self.work / "peer.jsonl")]

    def measure(self, tool: str, source: Path) -> Cost:
        """Run a tool once and check that it wrote what it should."""
        out = self.work / "out"
        shutil.rmtree(out, ignore_errors=True)
        (self.work / "map.jsonl").unlink(missing_ok=True)
        command = self.command(tool, source, out)
        cost = run(command, self.work / "log.txt")
        expected = sum(1 for one in source.rglob("*") if one.is_file())
        written = sum(1 for one in out.rglob("*") if one.is_file())
        if written < expected:
            log = (self.work / "log.txt").read_text()[-600:]
            raise SystemExit(f"{tool}: only {written} of {expected} files came out\n{log}")
        shutil.rmtree(out, ignore_errors=True)
        return cost


def interleaved(
    bench: Bench, sets: dict[str, tuple[Path, Path]], rounds: int
) -> dict[str, list[tuple[Cost, Cost]]]:
    """Measure every tool on its small and large set, round by round: drift hits all alike."""
    costs: dict[str, list[tuple[Cost, Cost]]] = {tool: [] for tool in sets}
    for _ in range(rounds):
        for tool, (small, large) in sets.items():
            costs[tool].append((bench.measure(tool, small), bench.measure(tool, large)))
    return costs


def ct_folder(bench: Bench, count: int) -> Path:
    """Give a folder of CT slices, made when missing."""
    folder = bench.work / f"ct-{count}"
    if not folder.is_dir():
        material.ct_series(folder, count)
    return folder


def _row(tool: str, costs: list[tuple[Cost, Cost]], few: int, many: int) -> dict[str, Any]:
    """Sum up a tool's rounds: medians, steady and with the start of the program."""

    def of(pick: Callable[[Cost, Cost], float]) -> float:
        return median(pick(small, large) for small, large in costs)

    wall = of(lambda small, large: large.wall_s - small.wall_s)
    return {
        "tool": tool,
        "files": many,
        "cpu_ms": 1000 * of(lambda small, large: large.cpu_s - small.cpu_s) / (many - few),
        "whole_cpu_ms": 1000 * of(lambda _, large: large.cpu_s) / many,
        "files_s": (many - few) / max(wall, 1e-6),
        "whole_files_s": many / of(lambda _, large: large.wall_s),
        "start_s": of(lambda small, _: small.wall_s),
        "peak_mb": of(lambda _, large: large.peak_mb),
    }


def headers(bench: Bench, *, quick: bool) -> list[dict[str, Any]]:
    """Compare on CT slices of 526 KB: CPU against `cp -r`, files a second against the peers."""
    quick_tools = ["cp", f"fedpacs:{HEADERS_ONLY}:1", f"fedpacs:{HEADERS_ONLY}:2"]
    few, many, peers = (20, 500, 120) if quick else (50, 1500, 250)
    counts = dict.fromkeys(quick_tools, (few, many)) | dict.fromkeys(PEERS, (few, peers))
    sets = {
        tool: (ct_folder(bench, small), ct_folder(bench, large))
        for tool, (small, large) in counts.items()
    }
    costs = interleaved(bench, sets, 1 if quick else 3)
    rows = [_row(tool, costs[tool], *counts[tool]) for tool in sets]
    base = rows[0]
    for row in rows:
        row["x_cp"] = row["cpu_ms"] / base["cpu_ms"]
        row["whole_x_cp"] = row["whole_cpu_ms"] / base["whole_cpu_ms"]
    return rows


def long_objects(bench: Bench, *, quick: bool) -> list[dict[str, Any]]:
    """Compare on one enhanced object: CPU against `cp`, and memory."""
    rows = []
    for megabytes in (100,) if quick else (100, 300):
        folder = bench.work / f"long-{megabytes}"
        if not folder.is_dir():
            material.multi_frame(folder / "object.dcm", megabytes)
        tools = ["cp", f"fedpacs:{HEADERS_ONLY}:1"]
        warm = ct_folder(bench, 1)
        sets = dict.fromkeys(tools, (warm, folder))
        costs = interleaved(bench, sets, 1 if quick else 3)
        for tool in tools:
            steady = median(large.cpu_s - small.cpu_s for small, large in costs[tool])
            whole = median(large.cpu_s for _, large in costs[tool])
            peak = max(large.peak_mb for _, large in costs[tool])
            rows.append(
                {
                    "tool": tool,
                    "MB": megabytes,
                    "cpu_s": steady,
                    "whole_cpu_s": whole,
                    "peak_mb": peak,
                }
            )
    return rows


def scale(bench: Bench, *, quick: bool) -> dict[str, Any]:
    """Run over many small files and look at memory as it goes."""
    count = 20_000 if quick else 100_000
    folder = bench.work / f"small-{count}"
    if not folder.is_dir():
        material.small_files(folder, count)
    cost = bench.measure(f"fedpacs:{HEADERS_ONLY}:2", folder)
    shutil.rmtree(folder)
    samples = cost.resident_mb or (0.0,)
    at = [samples[min(len(samples) - 1, len(samples) * part // 10)] for part in (1, 3, 5, 7, 9)]
    return {
        "files": count,
        "wall_s": cost.wall_s,
        "cpu_s": cost.cpu_s,
        "resident_mb": at,
        "peak_mb": cost.peak_mb,
    }


def pixels(bench: Bench, *, quick: bool) -> list[dict[str, Any]]:
    """Give the cost of each step under `research-rich`: CT without text, US with text."""
    rows = []
    ct, us = ct_folder(bench, 120), bench.work / "us"
    if not us.is_dir():
        material.ultrasound(us, 6 if quick else 20)
    for name, folder in (("CT, no text", ct), ("US, text", us)):
        rows += [{"set": name, **row} for row in cost_per_step(bench, folder)]
    return rows


def table(rows: list[dict[str, Any]]) -> None:
    """Print rows as a Markdown table."""
    print("| " + " | ".join(rows[0]) + " |\n" + "|---" * len(rows[0]) + "|")
    for row in rows:
        cells = [f"{one:.2f}" if isinstance(one, float) else str(one) for one in row.values()]
        print("| " + " | ".join(cells) + " |")


def main() -> None:
    """Measure all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path)
    parser.add_argument("--quick", action="store_true", help="about two minutes")
    parser.add_argument("--only", nargs="*", default=["headers", "long", "pixels", "scale"])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    bench = Bench(options.work)
    content: dict[str, Any] = {}
    if "headers" in options.only:
        content["headers"] = headers(bench, quick=options.quick)
        print("\n## CT slices of 526 KB, headers only, verification on\n")
        table(content["headers"])
        one, two = content["headers"][1:3]
        print(f"\ntwo workers against one: {two['files_s'] / one['files_s']:.2f} x the files/s")
        peer = max(row["files_s"] for row in content["headers"][3:])
        print(f"against the fastest peer: {one['files_s'] / peer:.1f} x the files/s")
    if "long" in options.only:
        content["long"] = long_objects(bench, quick=options.quick)
        print("\n## One enhanced object\n")
        table(content["long"])
    if "pixels" in options.only:
        content["pixels"] = pixels(bench, quick=options.quick)
        print("\n## research-rich, cost per step\n")
        table(content["pixels"])
    if "scale" in options.only:
        content["scale"] = scale(bench, quick=options.quick)
        print("\n## Many small files\n")
        table([content["scale"]])
    if options.json:
        options.json.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
