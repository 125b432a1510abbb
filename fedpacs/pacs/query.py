"""C-FIND: one question over an association that is had anew when the last one has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import DataElement, Dataset, config
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pynetdicom.sop_class import (  # type: ignore[attr-defined]  # its UIDs are made at import
    StudyRootQueryRetrieveInformationModelFind,
)

from fedpacs.pacs.associations import offering
from fedpacs.pacs.elements import texts
from fedpacs.pacs.errors import DroppedAssociationError, QueryFailedError
from fedpacs.pacs.status import PENDING, SUCCESS, query_error, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pynetdicom.association import Association

    from fedpacs.pacs.finding import Answer

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


class DimseQuery:
    """Asks one archive by C-FIND.

    Parameters
    ----------
    associate
        Gives an established association that accepted Study Root C-FIND.
    """

    def __init__(self, associate: Callable[[], Association]) -> None:
        self._associate = associate

    def ask(self, level: str, keys: Mapping[str, str]) -> list[Answer]:
        """Ask, and once more when the association ended: it may have been idle for too long."""
        try:
            return self._ask_once(level, keys)
        except DroppedAssociationError:
            return self._ask_once(level, keys)

    def _ask_once(self, level: str, keys: Mapping[str, str]) -> list[Answer]:
        answers: list[Answer] = []
        association = offering(self._associate(), FIND_MODEL)
        for response, answer in association.send_c_find(identifier(level, **keys), FIND_MODEL):
            status = status_of(response)
            if status in PENDING:
                if answer is None:
                    raise QueryFailedError("The PACS sent an answer to C-FIND that is unreadable.")
                answers.append({keyword: texts(answer, keyword) for keyword in keys})
            elif status != SUCCESS:
                raise query_error(status)
        return answers
