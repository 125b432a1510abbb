"""What the sealed store remembers of a study: the de-identified study without its paths."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.cohort.errors import ContentMismatchError
from fedpacs.core.digest import digest_of
from fedpacs.core.study import CodedSeries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.core.study import DeidentifiedStudy


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """One sealed DICOM object.

    Attributes
    ----------
    digest
        SHA-256 of the DICOM file, and its name in the store.
    referenced_series_uid
        For a SEG or RTSTRUCT the UID of the series it was drawn on, else empty.
    """

    sop_instance_uid: str
    sop_class_uid: str
    series_instance_uid: str
    modality: str
    digest: str
    referenced_series_uid: str = ""


@dataclass(frozen=True, slots=True)
class StudyRecord:
    """One sealed study: pseudonyms, digests and codes only.

    Attributes
    ----------
    coded
        Coded fields of each series, by series UID.
    """

    study_instance_uid: str
    patient: str
    profile_digest: str
    option_codes: tuple[str, ...]
    instances: tuple[InstanceRecord, ...]
    coded: tuple[CodedSeries, ...] = ()

    @classmethod
    def of(cls, study: DeidentifiedStudy) -> StudyRecord:
        """Take over a de-identified study, instances sorted by UID.

        Raises
        ------
        ContentMismatchError
            If it has no instance or names one twice.
        """
        instances = tuple(
            InstanceRecord(
                sop_instance_uid=i.sop_instance_uid,
                sop_class_uid=i.sop_class_uid,
                series_instance_uid=i.series_instance_uid,
                modality=i.modality,
                digest=i.digest,
                referenced_series_uid=i.referenced_series_uid,
            )
            for i in sorted(study.instances, key=lambda i: i.sop_instance_uid)
        )
        if not instances:
            raise ContentMismatchError("A study without instances cannot be sealed.")
        if len({i.sop_instance_uid for i in instances}) != len(instances):
            raise ContentMismatchError("A study names one instance twice.")
        return cls(
            study_instance_uid=study.study_instance_uid,
            patient=study.patient,
            profile_digest=study.profile_digest,
            option_codes=tuple(study.option_codes),
            instances=instances,
            coded=tuple(sorted(study.series, key=lambda s: s.series_instance_uid)),
        )

    def codes(self, series_instance_uid: str) -> dict[str, str]:
        """Coded fields of one series by name; its modality is one even where nobody coded it."""
        coded = (c.fields for c in self.coded if c.series_instance_uid == series_instance_uid)
        fields = dict(next(coded, ()))
        for instance in self.series(series_instance_uid)[:1]:
            fields.setdefault("modality", instance.modality)
        return fields

    def series(self, series_instance_uid: str) -> tuple[InstanceRecord, ...]:
        """Instances of one series."""
        return tuple(i for i in self.instances if i.series_instance_uid == series_instance_uid)

    def instance(self, sop_instance_uid: str) -> InstanceRecord | None:
        """One instance, or None."""
        return next((i for i in self.instances if i.sop_instance_uid == sop_instance_uid), None)

    def as_dict(self) -> dict[str, Any]:
        """Give plain data."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> StudyRecord:
        """Read plain data that `as_dict` gave."""
        return cls(
            study_instance_uid=data["study_instance_uid"],
            patient=data["patient"],
            profile_digest=data["profile_digest"],
            option_codes=tuple(data["option_codes"]),
            instances=tuple(InstanceRecord(**i) for i in data["instances"]),
            coded=tuple(
                CodedSeries(
                    c["series_instance_uid"], tuple((str(n), str(v)) for n, v in c["fields"])
                )
                for c in data.get("coded", ())
            ),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the record."""
        return digest_of(self.as_dict())
