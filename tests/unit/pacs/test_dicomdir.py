from __future__ import annotations

import pytest
from archives import plant_study
from pydicom import DataElement, config, dcmread
from pydicom.fileset import FileSet

from fedpacs.config.pacs import FolderPacs
from fedpacs.pacs.errors import IncompleteStudyError
from fedpacs.pacs.open import open_reader
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete


@pytest.fixture
def medium(tmp_path):
    """A medium with a DICOMDIR over one study."""
    study = plant_study(tmp_path / "source", with_seg=False).uncompressed()
    files = FileSet()
    for number, path in enumerate(study.files):
        ds = dcmread(path)
        ds.StudyID, ds.StudyTime, ds.SeriesNumber, ds.AccessionNumber = "1", "12", 1, ""
        ds.InstanceNumber = number + 1
        files.add(ds)
    files.write(tmp_path / "medium")
    files._stage["t"].cleanup()
    return tmp_path / "medium"


def _find(folder):
    reader = open_reader(FolderPacs(kind="folder", path=folder))
    return reader, list(reader.find(StudyQuery("MR")))


def test_a_medium_is_read_like_a_folder(medium, tmp_path):
    reader, (ref,) = _find(medium)
    assert len(retrieve_complete(reader, ref, tmp_path / "staging").files) == 3
    assert reader.unplaced == 0
    reader.close()


def test_what_the_dicomdir_lists_and_nobody_finds_makes_the_study_incomplete(medium, tmp_path):
    victim = next(p for p in sorted(medium.rglob("*")) if p.is_file() and p.name != "DICOMDIR")
    victim.unlink()
    reader, (ref,) = _find(medium)
    assert len(ref.sop_instance_uids) == 3
    with pytest.raises(IncompleteStudyError):
        retrieve_complete(reader, ref, tmp_path / "staging", attempts=1)
    reader.close()


def test_no_path_of_a_dicomdir_is_followed(medium, tmp_path):
    victim = next(p for p in sorted(medium.rglob("*")) if p.is_file() and p.name != "DICOMDIR")
    outside = tmp_path / "outside"
    outside.mkdir()
    victim.rename(outside / "secret")
    directory = dcmread(medium / "DICOMDIR")
    for record in directory.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            path = ["..", "outside", "secret"]
            record["ReferencedFileID"] = DataElement(
                0x00041500, "CS", path, validation_mode=config.IGNORE
            )
    directory.save_as(medium / "DICOMDIR")
    reader, (ref,) = _find(medium)
    got = list(reader.retrieve(ref, outside))
    assert len(got) == 2
    reader.close()
