"""The two ports of a PACS: what may be read from an archive, and what may be written to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from fedpacs.core.study import StudyRef, SurveyedStudy

    Known = Callable[[SurveyedStudy], bool]
    """Tells of a study, before it is listed, that nothing more needs to be known of it."""

_DATE_RANGE = re.compile(r"(\d{8})?(-(\d{8})?)?")


@dataclass(frozen=True, slots=True, repr=False)
class StudyQuery:
    """Which studies to find, in DICOM matching keys; empty matches everything.

    Attributes
    ----------
    modality
        A study matches when any of its series has it; all its series are returned.
    study_date
        ``YYYYMMDD`` or a range with a hyphen (PS3.4 C.2.2.2.5).
    patient_id, study_instance_uid
        Exact values.
    keys
        More study-level keys, keyword and value. An archive may ignore them, so nothing is held
        to them here; they spare fetching what would only then be seen not to match.
    """

    modality: str
    study_date: str = ""
    patient_id: str = ""
    study_instance_uid: str = ""
    keys: tuple[tuple[str, str], ...] = ()

    def __post_init__(self) -> None:
        if not _DATE_RANGE.fullmatch(self.study_date):
            msg = "study_date is YYYYMMDD or a range with a hyphen (PS3.4 C.2.2.2.5)"
            raise ValueError(msg)

    def __repr__(self) -> str:
        return f"StudyQuery({self.modality})"

    def matches(self, *, study_date: str, patient_id: str, study_instance_uid: str) -> bool:
        """Tell whether study-level values match; for archives that answer too much.

        A value that the archive did not return is taken to match.
        """
        return (
            _same(self.study_instance_uid, study_instance_uid)
            and _same(self.patient_id, patient_id)
            and _within(self.study_date, study_date)
        )


def _same(wanted: str, value: str) -> bool:
    return not wanted or not value or wanted == value or any(c in wanted for c in "*?")


def _within(wanted: str, value: str) -> bool:
    if not wanted or not value:
        return True
    first, hyphen, last = wanted.partition("-")
    if not hyphen:
        return value == first
    return (not first or first <= value) and (not last or value <= last)


@dataclass(frozen=True, slots=True)
class ProbeStep:
    """One rung of the connection probe.

    Attributes
    ----------
    name
        ``tcp``, ``tls``, ``association``, ``c-echo``, ``c-find``, ``qido-rs``, ``retrieve``,
        ``folder``, ``listen`` or ``inbox``.
    code
        Error code when it did not pass, else empty.
    advice
        The next step, in words; empty when there is none.
    method
        On the last rung: the way of retrieving that was found to work.
    tried
        Ways that were tried before it, each with its code and advice.
    """

    name: str
    passed: bool
    elapsed_s: float
    code: str = ""
    advice: str = ""
    method: str = ""
    tried: tuple[ProbeStep, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreReceipt:
    """What the archive took.

    Attributes
    ----------
    stored
        Instances answered with success or a warning.
    failed
        One code per instance that was not stored.
    """

    stored: int
    failed: tuple[str, ...] = ()


class ArchiveReader(Protocol):
    """Find and retrieve identified studies.

    Attributes
    ----------
    unplaced
        After `find`: objects that cannot be read and cannot be told to which study they belong.
    """

    unplaced: int

    def probe(self) -> tuple[ProbeStep, ...]:
        """Try the connection rung by rung; stops after the first that fails, raises nothing.

        It takes 5 s at most and keeps its evidence (`fedpacs.pacs.evidence`).
        """
        ...

    def find(self, query: StudyQuery, known: Known | None = None) -> Iterator[StudyRef]:
        """Give each study that contains the modality, with every series and instance of it.

        Parameters
        ----------
        query
            Which.
        known
            Asked of each study that surely contains the modality, where listing it costs the
            archive something; what it says to be known is not listed and not given.

        Raises
        ------
        PacsError
            If the archive refuses, fails or cannot be reached.
        """
        ...

    def retrieve(
        self, study: StudyRef, into: Path, only: frozenset[str] | None = None
    ) -> Iterator[Path]:
        """Write instances as DICOM Part 10 files, bytes and transfer syntax as stored.

        File names are digests of SOP Instance UIDs. What arrives may be less than what was asked
        for: `fedpacs.pacs.reconcile.retrieve_complete` is the judge.

        Parameters
        ----------
        study
            Only series and instances named in it are asked for and accepted.
        into
            Existing folder.
        only
            SOP Instance UIDs to ask for instead of the whole study.

        Raises
        ------
        PacsError
            If nothing can be retrieved, with the archive's reason.
        """
        ...

    def done(self, study: StudyRef) -> None:
        """Tell that a study is sealed, or will never be: a push inbox lets go of its files."""
        ...

    def close(self) -> None:
        """Release associations and stop listening."""
        ...


class ArchiveWriter(Protocol):
    """Store instances."""

    def store(self, files: Sequence[Path]) -> StoreReceipt:
        """Send DICOM Part 10 files.

        Raises
        ------
        PacsError
            If no association can be had.
        """
        ...

    def close(self) -> None:
        """Release associations."""
        ...
