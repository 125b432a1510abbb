"""The de-identifiers that are scored: FedPACS by its command line, a copy, and peers."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.deid_quality.scoring import Release

WORKERS = Path(__file__).parent / "peer_workers"
# Requirements of each peer; pydicom at the release that it was made for
PEERS = {
    "dicom-anonymizer": ("dicom-anonymizer==2.1.0",),
    "dicognito": ("dicognito==0.19.0",),
    "deid": ("deid==0.4.13",),
}


def peers() -> list[str]:
    """Name the peers that can be run here; Orthanc only where it is installed."""
    return [*PEERS, "orthanc"] if shutil.which("Orthanc") else list(PEERS)


def releases_of(lines: str, source: Path, out: Path) -> dict[str, Release]:
    """Read a map of JSON lines; paths may be relative to the folders or whole."""
    found = {}
    for line in lines.splitlines():
        one = json.loads(line)
        src, dst = _below(one["src"], source), _below(one["dst"] or "", out)
        found[src] = Release(src, dst or None, one["status"], one.get("code"))
    return found


def _below(name: str, folder: Path) -> str:
    path = Path(name)
    return str(path.relative_to(folder)) if name and path.is_absolute() else name


def fedpacs(
    source: Path, out: Path, work: Path, *, profile: str, workers: int
) -> tuple[dict[str, Release], float]:
    """Run `fedpacs deid run`; gives what became of each file, and the seconds.

    Parameters
    ----------
    source, out
        Folders.
    work
        Receives the key, map, report and log.
    profile
        Name or file.
    workers
        Processes.
    """
    key = work / "project.key"
    if not key.is_file():
        key.write_text(secrets.token_hex(32))
        key.chmod(0o600)
    command = Path(sys.executable).with_name("fedpacs")
    begin = time.monotonic()
    with (work / "fedpacs.log").open("wb") as log:
        subprocess.run(
            [
                str(command),
                "deid",
                "run",
                str(source),
                str(out),
                "--profile",
                profile,
                "--key",
                f"file:{key}",
                "--workers",
                str(workers),
                "--map",
                str(work / "map.jsonl"),
                "--report",
                str(work / "report.json"),
            ],
            stdout=log,
            stderr=log,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    seconds = time.monotonic() - begin
    if not (work / "map.jsonl").is_file():
        raise SystemExit((work / "fedpacs.log").read_text())
    return releases_of((work / "map.jsonl").read_text(), source, out), seconds


def copied(source: Path, out: Path) -> tuple[dict[str, Release], float]:
    """Copy everything: nothing private, all useful. It shows that the scorer can tell."""
    begin = time.monotonic()
    shutil.copytree(source, out, dirs_exist_ok=True)
    names = [str(one.relative_to(source)) for one in source.rglob("*") if one.is_file()]
    return {one: Release(one, one, "ok") for one in names}, time.monotonic() - begin


def peer(name: str, source: Path, out: Path, work: Path) -> tuple[dict[str, Release], float]:
    """Run a peer in a virtual environment of its own, made when missing."""
    python = environment(name, work) if name in PEERS else Path(sys.executable)
    out.mkdir(parents=True, exist_ok=True)
    worker = WORKERS / f"{name.replace('-', '_')}_worker.py"
    begin = time.monotonic()
    with (work / f"{name}.log").open("wb") as log:
        done = subprocess.run(
            [str(python), str(worker), str(source), str(out), str(work / f"{name}.jsonl")],
            stdout=log,
            stderr=log,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
    if done.returncode:
        raise SystemExit((work / f"{name}.log").read_text()[-2000:])
    seconds = time.monotonic() - begin
    return releases_of((work / f"{name}.jsonl").read_text(), source, out), seconds


def environment(name: str, work: Path) -> Path:
    """Make a peer's virtual environment below a folder; gives its interpreter."""
    folder = work / "peers" / name
    python = folder / "bin" / "python"
    if not python.is_file():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "--quiet", *PEERS[name]], check=True)
    return python
