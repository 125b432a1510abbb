"""Quarantine: what was refused, with its reason, readable by the site alone, and bounded.

The files in it are identified. The folder of a study is named by its pseudonym.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

from fedpacs.agent.intake.space import folder_bytes
from fedpacs.core.errors import CryptoError, PacsError
from fedpacs.pacs.part10 import read_header

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fedpacs.core.errors import FedpacsError
    from fedpacs.crypto.pseudonyms import Pseudonyms

_REASON = "reason.json"
_FILES = "files"


class Quarantine:
    """The quarantine of one site.

    Parameters
    ----------
    folder
        Made when first needed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, subject: str, error: FedpacsError, files: Path) -> None:
        """Keep what was refused, with the reason.

        Parameters
        ----------
        subject
            Pseudonym of the study.
        error
            Why; only its code and its patient-free message are written.
        files
            Folder with the staged (identified) files; moved, not copied, where disks allow it.
        """
        place = self._folder / subject
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.mkdir(mode=0o700)
        reason = {"code": error.code, "message": error.message, "hint": error.hint}
        descriptor = os.open(place / _REASON, os.O_WRONLY | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "w") as handle:
            json.dump(reason, handle, indent=2)
        if files.exists():
            shutil.move(files, place / _FILES)

    def release(self, subject: str) -> bool:
        """Forget a study; tell whether it was there."""
        place = self._folder / subject
        if not place.is_dir():
            return False
        shutil.rmtree(place)
        return True

    def subjects(self) -> tuple[str, ...]:
        """Give the pseudonyms of the studies in quarantine."""
        return tuple(sorted(folder.name for folder in self._folder.glob("*/")))

    def code(self, subject: str) -> str:
        """Tell why a study is here; whoever was killed meanwhile left no reason."""
        try:
            return str(json.loads((self._folder / subject / _REASON).read_text())["code"])
        except (FileNotFoundError, ValueError, KeyError):
            return "agent.reason-lost"

    def counts(self) -> dict[str, int]:
        """Count what lies here, by code."""
        counts: dict[str, int] = {}
        for subject in self.subjects():
            code = self.code(subject)
            counts[code] = counts.get(code, 0) + 1
        return counts

    def of_patient(self, patient: str, pseudonyms: Pseudonyms) -> Iterator[str]:
        """Give the studies whose files name a patient, by pseudonym of both.

        Nothing but the files is asked, so nobody is missed whom an index has lost.
        """
        for subject in self.subjects():
            files = (self._folder / subject / _FILES).glob("*")
            if any(_patient(file, pseudonyms) == patient for file in files):
                yield subject

    def trim(self, quota_bytes: int) -> int:
        """Remove the oldest files until the rest is within the quota; reasons stay.

        Returns
        -------
        int
            Studies whose files went.
        """
        sizes = {subject: folder_bytes(self._folder / subject) for subject in self.subjects()}
        total = sum(sizes.values())
        trimmed = 0
        for subject in sorted(sizes, key=self._age):
            if total <= quota_bytes:
                break
            files = self._folder / subject / _FILES
            if files.is_dir():
                total -= folder_bytes(files)
                shutil.rmtree(files)
                trimmed += 1
        return trimmed

    def _age(self, subject: str) -> float:
        try:
            return (self._folder / subject).stat().st_mtime
        except FileNotFoundError:
            return 0.0


def _patient(file: Path, pseudonyms: Pseudonyms) -> str:
    """Pseudonym of a file's patient; empty when it names none or cannot be read."""
    try:
        return pseudonyms.patient(read_header(file).patient_id)
    except (PacsError, CryptoError):
        return ""
