"""What a study should consist of, asked level by level in whatever language an archive speaks.

Optional keys are asked for and not relied on: an archive that does not match or return
ModalitiesInStudy is filtered by the Modality of its series, and identical answers, which some
archives give once per instance, count once.

A study costs one question, each of its series another. So whoever knows a study already, by its
counts, is asked before the archive is asked for its series.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from fedpacs.core.study import InstanceRef, SeriesRef, StudyRef, SurveyedStudy
from fedpacs.pacs.errors import NamelessAnswerError, QueryFailedError
from fedpacs.pacs.part10 import is_uid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from fedpacs.pacs.ports import Known, StudyQuery

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


_OPTIONAL = (
    "ModalitiesInStudy",
    "SOPClassesInStudy",
    "NumberOfStudyRelatedSeries",
    "NumberOfStudyRelatedInstances",
)


class Finder:
    """Finds studies with every series and instance.

    Parameters
    ----------
    archive
        Asks the archive.
    """

    def __init__(self, archive: Asking) -> None:
        self._archive = archive

    def studies(self, query: StudyQuery, known: Known | None = None) -> Iterator[StudyRef]:
        """Give the studies that match, complete with series and instances.

        Parameters
        ----------
        query
            Which.
        known
            Asked before a study of the modality is listed; see
            `fedpacs.pacs.ports.ArchiveReader.find`.

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
            study = _surveyed(answer)
            sure = bool(listed) or not query.modality
            if known is not None and sure and known(study):
                continue
            uid = study.study_instance_uid
            series, unlisted = self._series(uid, answer.get("SOPClassesInStudy", ()))
            named = not unlisted  # else what is not named may be of the modality
            if query.modality and named and all(s.modality != query.modality for s in series):
                continue
            yield StudyRef(uid, study.patient_id, series, unlisted, _believed(study, series))

    def _matching_studies(self, query: StudyQuery) -> list[Answer]:
        keys = {
            "StudyInstanceUID": query.study_instance_uid,
            "PatientID": query.patient_id,
            "StudyDate": query.study_date,
            **dict.fromkeys(_OPTIONAL, ""),
            "ModalitiesInStudy": query.modality,
        }
        answers, nameless = self._studies(keys | dict(query.keys))
        if query.keys and not answers and not nameless:
            # an archive that does not know a key must ignore it (PS3.4 C.2.2.1.3), and some find
            # nothing instead: headers are the judge
            answers, nameless = self._studies(keys)
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

    def _studies(self, keys: Mapping[str, str]) -> tuple[list[Answer], int]:
        try:
            return _once(self._archive.ask("STUDY", keys), "StudyInstanceUID")
        except QueryFailedError:
            # some archives fail on optional keys instead of ignoring them
            plain = {k: keys[k] for k in ("StudyInstanceUID", "PatientID", "StudyDate")}
            return _once(self._archive.ask("STUDY", plain), "StudyInstanceUID")

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


def _surveyed(answer: Answer) -> SurveyedStudy:
    return SurveyedStudy(
        value(answer, "StudyInstanceUID"),
        value(answer, "PatientID"),
        _number(value(answer, "NumberOfStudyRelatedSeries")),
        _number(value(answer, "NumberOfStudyRelatedInstances")),
    )


def _believed(study: SurveyedStudy, series: tuple[SeriesRef, ...]) -> SurveyedStudy:
    """Keep an archive's counts only if they are those of what it lists."""
    listed = len(series), sum(len(one.instances) for one in series)
    counted = study.num_series, study.num_instances
    if all(c is None or c == n for c, n in zip(counted, listed, strict=True)):
        return study
    return replace(study, num_series=None, num_instances=None)


def _number(counted: str) -> int | None:
    return int(counted) if counted.isascii() and counted.isdecimal() else None


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
