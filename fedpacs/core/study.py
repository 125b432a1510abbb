"""The left half of the road: what is found in a PACS, retrieved, and de-identified.

`StudyRef` and `Study` are **identified**; their ``repr`` prints counts only. Nothing after gate 1
accepts them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True, repr=False)
class InstanceRef:
    """One SOP instance that an archive says it holds."""

    sop_instance_uid: str
    sop_class_uid: str

    def __repr__(self) -> str:
        return "InstanceRef(1 instance)"


@dataclass(frozen=True, slots=True, repr=False)
class SeriesRef:
    """One series that an archive says it holds, with every instance it expects to send."""

    series_instance_uid: str
    modality: str
    instances: tuple[InstanceRef, ...]

    def __repr__(self) -> str:
        return f"SeriesRef({self.modality}, {len(self.instances)} instances)"


@dataclass(frozen=True, slots=True, repr=False)
class StudyRef:
    """One study that an archive says it holds: the *expected* side of the reconciliation.

    Attributes
    ----------
    unlisted
        Series and instances that the archive counts or lists without naming them. They cannot be
        asked for, so a study that has any is never complete.
    surveyed
        What the archive had said before; None where it was not asked level by level.
    """

    study_instance_uid: str
    patient_id: str
    series: tuple[SeriesRef, ...]
    unlisted: int = 0
    surveyed: SurveyedStudy | None = None

    @property
    def sop_instance_uids(self) -> frozenset[str]:
        """Every instance that must arrive."""
        return frozenset(i.sop_instance_uid for s in self.series for i in s.instances)

    @property
    def sop_class_uids(self) -> frozenset[str]:
        """SOP classes to negotiate for the retrieve."""
        return frozenset(i.sop_class_uid for s in self.series for i in s.instances)

    @property
    def modalities(self) -> frozenset[str]:
        """Modalities in the study."""
        return frozenset(s.modality for s in self.series)

    def __repr__(self) -> str:
        return f"StudyRef({len(self.series)} series, {len(self.sop_instance_uids)} instances)"


@dataclass(frozen=True, slots=True, repr=False)
class SurveyedStudy:
    """What an archive says of a study before it is asked for series and instances.

    Attributes
    ----------
    num_series, num_instances
        As the archive counts them; None where it does not. Counts prove nothing: they only show
        that a study has changed.
    """

    study_instance_uid: str
    patient_id: str
    num_series: int | None = None
    num_instances: int | None = None

    def __repr__(self) -> str:
        return f"SurveyedStudy({self.num_instances} instances)"


@dataclass(frozen=True, slots=True, repr=False)
class Study:
    """A completely retrieved, still identified study in the site's staging area.

    Only the reconciliation builds it, so a `Study` is complete by construction.

    Attributes
    ----------
    ref
        What the archive said it holds.
    files
        One DICOM Part 10 file per expected instance, keyed by SOP Instance UID.
    """

    ref: StudyRef
    files: dict[str, Path]

    def __repr__(self) -> str:
        return f"Study({len(self.files)} instances)"


@dataclass(frozen=True, slots=True)
class DeidentifiedInstance:
    """One de-identified DICOM file, verified, with new UIDs only.

    Attributes
    ----------
    digest
        SHA-256 of the whole file.
    referenced_series_uid
        For a SEG or RTSTRUCT the (new) UID of the series it was drawn on, else empty.
    """

    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str
    modality: str
    path: Path
    digest: str
    referenced_series_uid: str = ""


@dataclass(frozen=True, slots=True)
class CodedSeries:
    """What one series is, in coded fields; free text of the site has no place here.

    Attributes
    ----------
    series_instance_uid
        New UID.
    fields
        Name and code by name, for example ``("body_part", "SCT:12738006")`` and
        ``("plane", "axial")``. A field that nobody could tell for certain is left out.
    """

    series_instance_uid: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class DeidentifiedStudy:
    """A study behind gate 1: pseudonyms only.

    Attributes
    ----------
    study_instance_uid
        New UID (2.25 root).
    patient
        Pseudonym of the patient, the same for all of the patient's studies in the project.
    profile_digest
        SHA-256 of the flattened profile that made it.
    option_codes
        CID 7050 codes of what really ran.
    series
        Coded fields of each series that has any.
    """

    study_instance_uid: str
    patient: str
    profile_digest: str
    option_codes: tuple[str, ...]
    instances: tuple[DeidentifiedInstance, ...]
    series: tuple[CodedSeries, ...] = ()
