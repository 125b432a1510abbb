"""What every reader of an archive must do, over every archive we can start."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from archives import plant_study
from pydicom import dcmread

from fedpacs.core.study import StudyRef
from fedpacs.pacs.open import open_reader
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from archives import PlantedStudy, RunningArchive

    from fedpacs.pacs.ports import ArchiveReader


def _pixels(path: Path) -> tuple[str, str]:
    ds = dcmread(path)
    return ds.file_meta.TransferSyntaxUID, hashlib.sha256(ds.PixelData).hexdigest()


@pytest.fixture(scope="module")
def studies(
    archive: RunningArchive, tmp_path_factory: pytest.TempPathFactory
) -> list[PlantedStudy]:
    """Two studies in the archive."""
    folder = tmp_path_factory.mktemp("source")
    planted = [plant_study(folder / str(number), number) for number in (1, 2)]
    if not archive.compressed:
        planted = [study.uncompressed() for study in planted]
    for study in planted:
        archive.load(study.files)
    return planted


@pytest.fixture
def reader(archive: RunningArchive, studies: list[PlantedStudy]) -> Iterator[ArchiveReader]:
    """A fresh reader of the loaded archive."""
    assert studies
    opened = open_reader(archive.config)
    yield opened
    opened.close()


class TestArchiveReader:
    def test_the_probe_climbs_to_the_last_rung(self, reader: ArchiveReader):
        steps = reader.probe()
        assert [step.name for step in steps] in (
            ["tcp", "association", "c-echo", "c-find", "retrieve"],
            ["tcp", "qido-rs", "retrieve"],
            ["folder"],
        )
        assert all(step.passed for step in steps), steps

    def test_a_study_is_found_with_every_series_and_instance(
        self, archive: RunningArchive, reader: ArchiveReader, studies: list[PlantedStudy]
    ):
        found = {ref.study_instance_uid: ref for ref in reader.find(StudyQuery("MR"))}
        assert found.keys() == {study.study_instance_uid for study in studies}
        for study in studies:
            ref = found[study.study_instance_uid]
            headers = [dcmread(file, stop_before_pixels=True) for file in study.files]
            assert ref.patient_id == study.patient_id
            assert ref.modalities >= {"MR", "SEG"}
            assert ref.sop_instance_uids == {ds.SOPInstanceUID for ds in headers}
            named = {ds.SOPClassUID for ds in headers} if archive.names_sop_classes else {""}
            assert ref.sop_class_uids == named

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            (StudyQuery("SEG"), {0, 1}),
            (StudyQuery("CT"), set()),
            (StudyQuery("MR", study_date="20240101-20240131"), {0}),
            (StudyQuery("MR", study_date="20240201-"), {1}),
            (StudyQuery("MR", study_date="-20231231"), set()),
            (StudyQuery("MR", patient_id="MRN-000002"), {1}),
            (StudyQuery("MR", patient_id="MRN-00000"), set()),
            (StudyQuery("MR", study_instance_uid="1.2.3.4"), set()),
        ],
    )
    def test_only_what_matches_is_found(
        self,
        reader: ArchiveReader,
        studies: list[PlantedStudy],
        query: StudyQuery,
        expected: set[int],
    ):
        found = {ref.study_instance_uid for ref in reader.find(query)}
        assert found == {studies[n].study_instance_uid for n in expected}

    def test_studies_arrive_complete_and_pixels_stay_as_stored(
        self, reader: ArchiveReader, studies: list[PlantedStudy], tmp_path: Path
    ):
        expected = {
            dcmread(file, stop_before_pixels=True).SOPInstanceUID: _pixels(file)
            for study in studies
            for file in study.files
        }
        received = {}
        for number, ref in enumerate(reader.find(StudyQuery("MR"))):
            study = retrieve_complete(reader, ref, tmp_path / str(number))
            received.update({uid: _pixels(path) for uid, path in study.files.items()})
        assert received == expected

    def test_file_names_hold_no_uid(
        self, reader: ArchiveReader, studies: list[PlantedStudy], tmp_path: Path
    ):
        query = StudyQuery("MR", study_instance_uid=studies[0].study_instance_uid)
        ref = next(iter(reader.find(query)))
        names = [path.name for path in reader.retrieve(ref, tmp_path)]
        assert len(names) == len(ref.sop_instance_uids)
        assert sorted(names) == sorted(path.name for path in tmp_path.iterdir())
        for uid in (*ref.sop_instance_uids, ref.study_instance_uid):
            assert not any(uid in name for name in names)

    def test_only_the_named_instances_are_retrieved(
        self, reader: ArchiveReader, studies: list[PlantedStudy], tmp_path: Path
    ):
        query = StudyQuery("MR", study_instance_uid=studies[0].study_instance_uid)
        ref = next(iter(reader.find(query)))
        only = frozenset(sorted(ref.sop_instance_uids)[:2])
        paths = list(reader.retrieve(ref, tmp_path, only))
        assert {dcmread(path).SOPInstanceUID for path in paths} == only

    def test_a_series_left_out_of_the_reference_is_not_retrieved(
        self, reader: ArchiveReader, studies: list[PlantedStudy], tmp_path: Path
    ):
        query = StudyQuery("MR", study_instance_uid=studies[0].study_instance_uid)
        ref = next(iter(reader.find(query)))
        without = StudyRef(
            ref.study_instance_uid,
            ref.patient_id,
            tuple(series for series in ref.series if series.modality != "SEG"),
        )
        study = retrieve_complete(reader, without, tmp_path)
        assert study.files.keys() == without.sop_instance_uids
        assert len(list(tmp_path.iterdir())) == len(study.files)

    def test_stopping_early_leaves_a_usable_reader(self, reader: ArchiveReader, tmp_path: Path):
        ref = next(iter(reader.find(StudyQuery("MR"))))
        next(iter(reader.retrieve(ref, tmp_path)))
        again = retrieve_complete(reader, ref, tmp_path)
        assert again.files.keys() == ref.sop_instance_uids

    def test_closing_twice_and_using_again_is_fine(self, reader: ArchiveReader):
        assert list(reader.find(StudyQuery("MR")))
        reader.close()
        reader.close()
        assert list(reader.find(StudyQuery("MR")))
