"""Plans: which files belong together, so that a face can be found in a whole volume.

Before a run the files that may show a head are listed by their series and by their frame of
reference: series of one frame of reference are of the same head in the same place, so one in which
the face is found serves them all. The lists lie in a folder of their own, so memory does not grow;
the folder is identified and must be kept apart from the output.

References
----------
PS3.3 C.7.4.1 (Frame of Reference).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fedpacs.core.errors import FedpacsError
from fedpacs.deidentification.admission import sop_class_of
from fedpacs.deidentification.dicom.parsing import Parser
from fedpacs.deidentification.faces.kinds import Showing, showing_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.deidentification.dicom.parsed import ParsedObject

_SERIES, _FRAME_OF_REFERENCE, _MODALITY = 0x0020000E, 0x00200052, 0x00080060
_PATIENT = 0x00100020
_CONTROL = 31


@dataclass(frozen=True, slots=True, repr=False)
class FacePlan:
    """Lists of files by series. Identified; has no ``repr``.

    Attributes
    ----------
    folder
        Where the lists lie; findings are put beside them.
    """

    folder: Path

    def add(self, parsed: ParsedObject) -> None:
        """List an object with its series.

        Parameters
        ----------
        parsed
            An object of sections.
        """
        key = series_key(parsed)
        listed = self.folder / f"{key}.files"
        if not listed.exists():
            rank = 0 if parsed.text(_MODALITY) == "CT" else 1
            with (self.folder / f"{frame_key(parsed)}.series").open("a") as handle:
                handle.write(f"{rank}{key}\n")
        with listed.open("ab") as handle:
            handle.write(os.fsencode(parsed.path) + b"\0")

    def files(self, key: str) -> list[Path]:
        """Give the files of a series, in an order that does not depend on where they were found.

        Parameters
        ----------
        key
            See `series_key`.
        """
        try:
            content = (self.folder / f"{key}.files").read_bytes()
        except OSError:
            return []
        return [Path(os.fsdecode(name)) for name in sorted(set(content.split(b"\0")[:-1]))]

    def series_in(self, key: str) -> list[str]:
        """Give the series of a frame of reference, CT first, then those with the most files.

        Parameters
        ----------
        key
            See `frame_key`.
        """
        try:
            lines = (self.folder / f"{key}.series").read_text().split()
        except OSError:
            return []
        ranked = sorted({(line[0], -len(self.files(line[1:])), line[1:]) for line in lines})
        return [series for _, _, series in ranked]


def planned(paths: Iterable[Path], folder: Path) -> FacePlan:
    """List the files that may show a head.

    Parameters
    ----------
    paths
        Files of any kind; those that cannot be read are left out.
    folder
        Empty folder for the lists.
    """
    plan = FacePlan(folder)
    parser = Parser()
    for path in paths:
        try:
            with parser.parse(path) as parsed:
                if showing_of(parsed, sop_class_of(parsed)) is Showing.SECTIONS:
                    plan.add(parsed)
        except (FedpacsError, OSError):
            continue  # it is refused, with its reason, when its turn comes
    return plan


def series_key(parsed: ParsedObject) -> str:
    """Give a name for an object's series that says nothing; an object of none is one by itself."""
    series = parsed.text(_SERIES) or f"\n{parsed.path}"
    return _hashed(parsed.text(_PATIENT), series, parsed.text(_FRAME_OF_REFERENCE))


def frame_key(parsed: ParsedObject) -> str:
    """Give a name for an object's frame of reference that says nothing."""
    return _hashed(parsed.text(_PATIENT), parsed.text(_FRAME_OF_REFERENCE) or series_key(parsed))


def _hashed(*parts: str) -> str:
    content = "\n\n".join(parts).encode("utf-8", "surrogateescape")
    return hashlib.sha256(content).hexdigest()[:_CONTROL]
