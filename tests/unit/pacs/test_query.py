"""What an archive lists without naming it must not vanish: it makes the study incomplete."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from pydicom import Dataset

from fedpacs.pacs.errors import IncompleteStudyError, NamelessAnswerError
from fedpacs.pacs.finding import Finder
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.query import FIND_MODEL, DimseQuery
from fedpacs.pacs.reconcile import retrieve_complete


def _answer(**values):
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


class Archive:
    """An association that answers C-FIND by level from what it is given."""

    def __init__(self, studies, series, images):
        self._answers = {"STUDY": studies, "SERIES": series, "IMAGE": images}
        self.is_established = True
        self.accepted_contexts = [SimpleNamespace(abstract_syntax=FIND_MODEL)]

    def send_c_find(self, keys, _model):
        for answer in self._answers[keys.QueryRetrieveLevel]:
            yield _answer(Status=0xFF00), answer
        yield _answer(Status=0x0000), None


STUDY = _answer(StudyInstanceUID="1.2.1", PatientID="P", ModalitiesInStudy="MR")
SERIES = _answer(SeriesInstanceUID="1.2.2", Modality="MR", NumberOfSeriesRelatedInstances="2")
IMAGES = [
    _answer(SOPInstanceUID=f"1.2.3.{n}", SOPClassUID="1.2.840.10008.5.1.4.1.1.4") for n in (1, 2)
]
NAMELESS_SERIES = _answer(Modality="MR", NumberOfSeriesRelatedInstances="9")


def find(studies=(STUDY,), series=(SERIES,), images=tuple(IMAGES)):
    archive = Archive(studies, series, images)
    return list(Finder(DimseQuery(lambda: archive)).studies(StudyQuery("MR")))


def test_a_study_that_is_named_throughout_lacks_nothing():
    [ref] = find(images=(*IMAGES, IMAGES[0]))
    assert ref.unlisted == 0
    assert len(ref.sop_instance_uids) == 2


@pytest.mark.parametrize(
    ("answers", "unlisted"),
    [
        ({"images": (*IMAGES, _answer(SOPClassUID="1.2"))}, 1),
        ({"images": (IMAGES[0], _answer(SOPClassUID="1.2"))}, 1),
        ({"images": (IMAGES[0],)}, 1),
        ({"series": (SERIES, NAMELESS_SERIES)}, 1),
        ({"series": (NAMELESS_SERIES,)}, 1),
    ],
)
def test_what_is_not_named_makes_the_study_incomplete(tmp_path, answers, unlisted):
    [ref] = find(**answers)
    assert ref.unlisted == unlisted
    with pytest.raises(IncompleteStudyError):
        retrieve_complete(SimpleNamespace(), ref, tmp_path / "staging")


def test_a_study_without_a_uid_is_told():
    with pytest.raises(NamelessAnswerError):
        find(studies=(STUDY, _answer(PatientID="P")))
