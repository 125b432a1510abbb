"""What a study should consist of, asked level by level in whatever language an archive speaks.

Optional keys are asked for and not relied on: an archive that does not match or return
ModalitiesInStudy is filtered by the Modality of its series, and identical answers, which some
archives give once per instance, count once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from fedpacs.core.study import InstanceRef, SeriesRef, StudyRef
from fedpacs.pacs.errors import NamelessAnswerError, QueryFailedError
from fedpacs.pacs.part10 import is_uid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fedpacs.pacs.ports import StudyQuery

    Answer = Mapping[str, tuple[str, ...]]
    """DICOM keyword to values; what was not returned is left out or empty."""


class Asking(Protocol):
    """Asks an archive one question."""

    def ask(self, level: str, keys: Mapping[str, str]) -> Iterable[Answer]:
        """Give the answers at a level.

        Parameters
        ----------
        level
            ``STUDY``, ``SERIES`` or ``IMAGE``.
        keys
            DICOM keyword to the value to match; empty to have it returned.

        Raises
        ------
        PacsError
            If the archive refuses, fails or cannot be reached.
        """
        ...


def value(answer: Answer, keyword: str) -> str:
    """Give one element of an answer as a string, values joined by backslashes."""
    return "\\".join(answer.get(keyword, ()))


class Finder:
    """Finds studies with every series and instance.

    Parameters
    ----------
    archive
        Asks the archive.
    """

    def __init__(self, archive: Asking) -> None:
        self._archive = archive

    def studies(self, query: StudyQuery) -> Iterator[StudyRef]:
        """Give the studies that match, complete with series and instances.

        Raises
        ------
        PacsError
            If a query fails, or a study is listed without a usable UID: it could not be asked for
            and would be missed in silence.
        """
        for answer in self._matching_studies(query):
            listed = answer.get("ModalitiesInStudy", ())
            if query.modality and listed and query.modality not in listed:
                continue
            study_uid = value(answer, "StudyInstanceUID")
            series, unlisted = self._series(study_uid, answer.get("SOPClassesInStudy", ()))
            known = not unlisted  # else what is not named may be of the modality
            if query.modality and known and all(s.modality != query.modality for s in series):
                continue
            yield StudyRef(study_uid, value(answer, "PatientID"), series, unlisted)

    def _matching_studies(self, query: StudyQuery) -> list[Answer]:
        keys = {
            "StudyInstanceUID": query.study_instance_uid,
            "PatientID": query.patient_id,
            "StudyDate": query.study_date,
            "ModalitiesInStudy": query.modality,
            "SOPClassesInStudy": "",
        }
        try:
            listed = self._archive.ask("STUDY", keys)
            answers, nameless = _once(listed, "StudyInstanceUID")
        except QueryFailedError:
            # some archives fail on optional keys instead of ignoring them (PS3.4 C.2.2.1.3)
            plain = {k: v for k, v in keys.items() if not k.endswith("InStudy")}
            answers, nameless = _once(self._archive.ask("STUDY", plain), "StudyInstanceUID")
        if nameless:
            raise NamelessAnswerError(f"The PACS lists {nameless} studies without a usable UID.")
        return [
            answer
            for answer in answers
            if query.matches(
                study_date=value(answer, "StudyDate"),
                patient_id=value(answer, "PatientID"),
                study_instance_uid=value(answer, "StudyInstanceUID"),
            )
        ]

    def _series(
        self, study_uid: str, sop_classes: tuple[str, ...]
    ) -> tuple[tuple[SeriesRef, ...], int]:
        """Give the series of a study, and how much of it the archive does not name."""
        keys = {
            "StudyInstanceUID": study_uid,
            "SeriesInstanceUID": "",
            "Modality": "",
            "NumberOfSeriesRelatedInstances": "",
        }
        only_class = sop_classes[0] if len(sop_classes) == 1 else ""
        answers, unlisted = _once(self._archive.ask("SERIES", keys), "SeriesInstanceUID")
        series = []
        for answer in answers:
            series_uid = value(answer, "SeriesInstanceUID")
            instances, nameless = self._instances(study_uid, series_uid, only_class)
            counted = value(answer, "NumberOfSeriesRelatedInstances")
            short = int(counted) - len(instances) if counted.isdecimal() else 0
            unlisted += max(nameless, short)
            series.append(SeriesRef(series_uid, value(answer, "Modality"), instances))
        return tuple(series), unlisted

    def _instances(
        self, study_uid: str, series_uid: str, only_class: str
    ) -> tuple[tuple[InstanceRef, ...], int]:
        keys = {
            "StudyInstanceUID": study_uid,
            "SeriesInstanceUID": series_uid,
            "SOPInstanceUID": "",
            "SOPClassUID": "",
        }
        answers, nameless = _once(self._archive.ask("IMAGE", keys), "SOPInstanceUID")
        instances = tuple(
            InstanceRef(value(answer, "SOPInstanceUID"), value(answer, "SOPClassUID") or only_class)
            for answer in answers
        )
        return instances, nameless


def _once(answers: Iterable[Answer], keyword: str) -> tuple[list[Answer], int]:
    """Keep the first answer for each UID; count those without a usable one."""
    unique: dict[str, Answer] = {}
    nameless = 0
    for answer in answers:
        uid = value(answer, keyword)
        if is_uid(uid):
            unique.setdefault(uid, answer)
        else:
            nameless += 1
    return list(unique.values()), nameless
