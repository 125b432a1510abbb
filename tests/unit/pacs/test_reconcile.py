from __future__ import annotations

import shutil

import pytest
from archives import plant_study
from hypothesis import given, settings
from hypothesis import strategies as st

from fedpacs.core.study import InstanceRef, SeriesRef, StudyRef
from fedpacs.pacs import reconcile
from fedpacs.pacs.errors import (
    CorruptInstanceError,
    DroppedAssociationError,
    IncompleteStudyError,
    NotAuthorisedError,
    UnknownMoveDestinationError,
)
from fedpacs.pacs.part10 import read_header
from fedpacs.pacs.reconcile import retrieve_complete


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A study on disk: its reference and its files by UID."""
    study = plant_study(tmp_path_factory.mktemp("source"))
    headers = {
        read_header(path).sop_instance_uid: (path, read_header(path)) for path in study.files
    }
    series: dict[str, list] = {}
    for _, header in headers.values():
        series.setdefault(header.series_instance_uid, []).append(header)
    ref = StudyRef(
        study.study_instance_uid,
        study.patient_id,
        tuple(
            SeriesRef(
                uid,
                members[0].modality,
                tuple(InstanceRef(h.sop_instance_uid, h.sop_class_uid) for h in members),
            )
            for uid, members in series.items()
        ),
    )
    return ref, {uid: path for uid, (path, _) in headers.items()}


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch):
    monkeypatch.setattr(reconcile, "_PAUSE_S", 0.0)


class ScriptedReader:
    """An archive that on each request sends what its script says."""

    def __init__(self, files, script):
        self.files = files
        self.script = list(script)
        self.asked = []

    def retrieve(self, study, into, only=None):
        self.asked.append(only)
        wanted = sorted(study.sop_instance_uids if only is None else only)
        step = self.script.pop(0) if self.script else len(wanted)
        count = step if isinstance(step, int) else step[0]
        for uid in wanted[:count]:
            yield (
                shutil.copy(self.files[uid], into / f"{uid[-6:]}.dcm") and into / f"{uid[-6:]}.dcm"
            )
        if not isinstance(step, int):
            raise step[1]

    def probe(self):
        return ()

    def find(self, _query):
        return iter(())

    def close(self):
        return


def test_the_difference_alone_is_asked_for_again(source, tmp_path):
    ref, files = source
    reader = ScriptedReader(files, [4])
    study = retrieve_complete(reader, ref, tmp_path / "s")
    assert study.files.keys() == ref.sop_instance_uids
    assert reader.asked == [None, frozenset(sorted(ref.sop_instance_uids)[4:])]


def test_a_dropped_association_is_tried_again(source, tmp_path):
    ref, files = source
    dropped = DroppedAssociationError("dropped")
    reader = ScriptedReader(files, [(0, dropped), (3, dropped)])
    assert len(retrieve_complete(reader, ref, tmp_path / "s").files) == 6


@pytest.mark.parametrize("error", [NotAuthorisedError("no"), UnknownMoveDestinationError("where")])
def test_a_refusal_that_a_person_must_put_right_is_not_repeated(source, tmp_path, error):
    ref, files = source
    reader = ScriptedReader(files, [(0, error)] * 3)
    with pytest.raises(type(error)):
        retrieve_complete(reader, ref, tmp_path / "s")
    assert len(reader.asked) == 1


def test_an_archive_that_is_gone_is_not_an_incomplete_study(source, tmp_path):
    ref, files = source
    reader = ScriptedReader(files, [(0, DroppedAssociationError("gone"))] * 3)
    with pytest.raises(DroppedAssociationError):
        retrieve_complete(reader, ref, tmp_path / "s")
    assert len(reader.asked) == 3


def test_a_study_without_instances_is_refused(source, tmp_path):
    _, files = source
    with pytest.raises(IncompleteStudyError):
        retrieve_complete(ScriptedReader(files, []), StudyRef("1.2", "", ()), tmp_path / "s")


def test_an_instance_in_another_series_than_listed_is_corrupt(source, tmp_path):
    ref, files = source
    swapped = [SeriesRef(s.series_instance_uid + ".9", s.modality, s.instances) for s in ref.series]
    other = StudyRef(ref.study_instance_uid, ref.patient_id, tuple(swapped))
    with pytest.raises(CorruptInstanceError):
        retrieve_complete(ScriptedReader(files, []), other, tmp_path / "s")


@settings(max_examples=25, deadline=None)
@given(script=st.lists(st.integers(0, 6), max_size=4), attempts=st.integers(1, 4))
def test_a_study_is_complete_or_there_is_none(source, tmp_path_factory, script, attempts):
    ref, files = source
    reader = ScriptedReader(files, script)
    try:
        study = retrieve_complete(reader, ref, tmp_path_factory.mktemp("s"), attempts)
    except IncompleteStudyError as error:
        complete = error.expected - error.received
        assert complete > 0
    else:
        assert study.files.keys() == ref.sop_instance_uids
    assert len(reader.asked) <= attempts
