"""What every writer to an archive must do: a result is stored and can be found again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from archives import plant_study
from pydicom import dcmread

from fedpacs.config.pacs import DicomwebPacs
from fedpacs.pacs.open import open_reader, open_writer
from fedpacs.pacs.ports import StudyQuery

if TYPE_CHECKING:
    from pathlib import Path

    from archives import RunningArchive

    from fedpacs.config.pacs import DimsePacs


@pytest.fixture
def target(writable_archive: RunningArchive) -> DimsePacs | DicomwebPacs:
    """An archive that takes results."""
    assert writable_archive.writer_config is not None
    if writable_archive.name == "orthanc" and isinstance(writable_archive.config, DicomwebPacs):
        return writable_archive.config
    return writable_archive.writer_config


class TestArchiveWriter:
    def test_a_segmentation_is_found_again_by_its_uids(
        self, target: DimsePacs | DicomwebPacs, tmp_path: Path
    ):
        study = plant_study(tmp_path)
        images, seg = study.uncompressed().files[:-1], study.files[-1]
        writer = open_writer(target)
        assert writer.store(images).stored == len(images)
        receipt = writer.store([seg])
        writer.close()
        assert (receipt.stored, receipt.failed) == (1, ())
        reader = open_reader(target)
        query = StudyQuery("SEG", study_instance_uid=study.study_instance_uid)
        (found,) = list(reader.find(query))
        reader.close()
        header = dcmread(seg, stop_before_pixels=True)
        (series,) = [s for s in found.series if s.modality == "SEG"]
        assert series.series_instance_uid == header.SeriesInstanceUID
        assert [i.sop_instance_uid for i in series.instances] == [header.SOPInstanceUID]

    def test_storing_the_same_result_again_is_a_success(
        self, target: DimsePacs | DicomwebPacs, tmp_path: Path
    ):
        seg = plant_study(tmp_path).files[-1]
        for _ in range(2):
            receipt = open_writer(target).store([seg])
            assert (receipt.stored, receipt.failed) == (1, ())

    def test_what_is_no_dicom_is_reported_and_the_rest_stored(
        self, target: DimsePacs | DicomwebPacs, tmp_path: Path
    ):
        (tmp_path / "note.txt").write_text("not DICOM")
        seg = plant_study(tmp_path).files[-1]
        receipt = open_writer(target).store([tmp_path / "note.txt", seg])
        assert receipt.stored == 1
        assert receipt.failed == ("pacs.corrupt-instance",)
