"""C-FIND down to the image level: what a study should consist of.

Optional keys are asked for and not relied on: an archive that does not match or return
ModalitiesInStudy is filtered by the Modality of its series, and identical answers, which some
archives give once per instance, count once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # its UIDs are made at import
    StudyRootQueryRetrieveInformationModelFind,
)

from fedpacs.core.study import InstanceRef, SeriesRef, StudyRef
from fedpacs.pacs.associations import offering
from fedpacs.pacs.elements import text, texts
from fedpacs.pacs.errors import DroppedAssociationError, NamelessAnswerError, QueryFailedError
from fedpacs.pacs.part10 import is_uid
from fedpacs.pacs.status import PENDING, SUCCESS, query_error, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pynetdicom.association import Association

    from fedpacs.pacs.ports import StudyQuery

FIND_MODEL: str = StudyRootQueryRetrieveInformationModelFind


def identifier(level: str, **keys: str | list[str]) -> Dataset:
    """Build a query or retrieve identifier; values are not validated as data (ranges are fine)."""
    ds = Dataset()
    for keyword, value in {"QueryRetrieveLevel": level, **keys}.items():
        tag = tag_for_keyword(keyword)
        if tag is None:
            msg = f"{keyword} is no DICOM keyword"
            raise ValueError(msg)
        ds[tag] = DataElement(tag, dictionary_VR(tag), value, validation_mode=config.IGNORE)
    return ds


class Finder:
    """Asks one archive over an association that it gets anew when the last one has ended.

    Parameters
    ----------
    associate
        Gives an established association that accepted Study Root C-FIND.
    """

    def __init__(self, associate: Callable[[], Association]) -> None:
        self._associate = associate

    def studies(self, query: StudyQuery) -> Iterator[StudyRef]:
        """Give the studies that match, complete with series and instances.

        Raises
        ------
        PacsError
            If a C-FIND fails, or a study is listed without a usable UID: it could not be asked for
            and would be missed in silence.
        """
        for answer in self._matching_studies(query):
            listed = texts(answer, "ModalitiesInStudy")
            if query.modality and listed and query.modality not in listed:
                continue
            study_uid = text(answer, "StudyInstanceUID")
            series, unlisted = self._series(study_uid, texts(answer, "SOPClassesInStudy"))
            known = not unlisted  # else what is not named may be of the modality
            if query.modality and known and all(s.modality != query.modality for s in series):
                continue
            yield StudyRef(study_uid, text(answer, "PatientID"), series, unlisted)

    def _matching_studies(self, query: StudyQuery) -> list[Dataset]:
        keys = {
            "StudyInstanceUID": query.study_instance_uid,
            "PatientID": query.patient_id,
            "StudyDate": query.study_date,
            "ModalitiesInStudy": query.modality,
            "SOPClassesInStudy": "",
        }
        try:
            listed = self._ask(identifier("STUDY", **keys))
        except QueryFailedError:
            # some archives fail on optional keys instead of ignoring them (PS3.4 C.2.2.1.3)
            plain = {k: v for k, v in keys.items() if not k.endswith("InStudy")}
            listed = self._ask(identifier("STUDY", **plain))
        answers, nameless = _once(listed, "StudyInstanceUID")
        if nameless:
            raise NamelessAnswerError(f"The PACS lists {nameless} studies without a usable UID.")
        return [
            answer
            for answer in answers
            if query.matches(
                study_date=text(answer, "StudyDate"),
                patient_id=text(answer, "PatientID"),
                study_instance_uid=text(answer, "StudyInstanceUID"),
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
        answers, unlisted = _once(self._ask(identifier("SERIES", **keys)), "SeriesInstanceUID")
        series = []
        for answer in answers:
            series_uid = text(answer, "SeriesInstanceUID")
            instances, nameless = self._instances(study_uid, series_uid, only_class)
            counted = text(answer, "NumberOfSeriesRelatedInstances")
            short = int(counted) - len(instances) if counted.isdecimal() else 0
            unlisted += max(nameless, short)
            series.append(SeriesRef(series_uid, text(answer, "Modality"), instances))
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
        answers, nameless = _once(self._ask(identifier("IMAGE", **keys)), "SOPInstanceUID")
        instances = tuple(
            InstanceRef(text(answer, "SOPInstanceUID"), text(answer, "SOPClassUID") or only_class)
            for answer in answers
        )
        return instances, nameless

    def _ask(self, keys: Dataset) -> list[Dataset]:
        """Ask, and once more when the association ended: it may have been idle for too long."""
        try:
            return self._ask_once(keys)
        except DroppedAssociationError:
            return self._ask_once(keys)

    def _ask_once(self, keys: Dataset) -> list[Dataset]:
        answers = []
        for response, answer in offering(self._associate(), FIND_MODEL).send_c_find(
            keys, FIND_MODEL
        ):
            status = status_of(response)
            if status in PENDING:
                if answer is None:
                    raise QueryFailedError("The PACS sent an answer to C-FIND that is unreadable.")
                answers.append(answer)
            elif status != SUCCESS:
                raise query_error(status)
        return answers


def _once(answers: list[Dataset], keyword: str) -> tuple[list[Dataset], int]:
    """Keep the first answer for each UID; count those without a usable one."""
    unique: dict[str, Dataset] = {}
    nameless = 0
    for answer in answers:
        uid = text(answer, keyword)
        if is_uid(uid):
            unique.setdefault(uid, answer)
        else:
            nameless += 1
    return list(unique.values()), nameless
