from __future__ import annotations

import shutil

import pytest
from archives import plant_study
from pydicom import dcmread

from fedpacs.config.pacs import FolderPacs
from fedpacs.pacs.errors import FolderUnreadableError, IncompleteStudyError
from fedpacs.pacs.open import open_reader
from fedpacs.pacs.ports import StudyQuery
from fedpacs.pacs.reconcile import retrieve_complete


@pytest.fixture
def export(tmp_path):
    folder = tmp_path / "export"
    study = plant_study(folder / "deep" / "down")
    return folder, study


def _reader(folder):
    return open_reader(FolderPacs(kind="folder", path=folder))


def test_subfolders_are_read_and_other_files_passed_over(export):
    folder, study = export
    (folder / "readme.txt").write_text("exported by PACS for Müller")
    (folder / "empty.dcm").touch()
    reader = _reader(folder)
    (ref,) = reader.find(StudyQuery("MR"))
    assert len(ref.sop_instance_uids) == len(study.files)
    assert ref.unlisted + reader.unplaced == 1, "an empty .dcm is a damaged object, a note is not"


def test_links_out_of_the_folder_are_not_followed(export, tmp_path):
    folder, _ = export
    outside = plant_study(tmp_path / "outside", 2)
    (folder / "link").symlink_to(tmp_path / "outside")
    (folder / "file.dcm").symlink_to(outside.files[0])
    found = {ref.study_instance_uid for ref in _reader(folder).find(StudyQuery("MR"))}
    assert outside.study_instance_uid not in found


def test_a_second_copy_of_the_same_file_changes_nothing(export, tmp_path):
    folder, study = export
    shutil.copy(study.files[0], folder / "again.dcm")
    reader = _reader(folder)
    (ref,) = reader.find(StudyQuery("MR"))
    assert len(retrieve_complete(reader, ref, tmp_path / "s").files) == len(study.files)


def test_two_different_files_of_one_instance_make_no_study(export, tmp_path):
    folder, study = export
    other = dcmread(study.files[0])
    other.PatientName = "Other^Name"
    other.save_as(folder / "other.dcm")
    reader = _reader(folder)
    (ref,) = reader.find(StudyQuery("MR"))
    with pytest.raises(IncompleteStudyError):
        retrieve_complete(reader, ref, tmp_path / "s")


def test_a_file_that_goes_away_makes_no_study(export, tmp_path):
    folder, study = export
    reader = _reader(folder)
    (ref,) = reader.find(StudyQuery("MR"))
    study.files[0].unlink()
    with pytest.raises(IncompleteStudyError):
        retrieve_complete(reader, ref, tmp_path / "s")


def test_a_missing_folder_is_an_error_not_an_empty_answer(tmp_path):
    reader = _reader(tmp_path / "missing")
    with pytest.raises(FolderUnreadableError):
        list(reader.find(StudyQuery("MR")))
    (step,) = reader.probe()
    assert (step.passed, step.code) == (False, "pacs.folder-unreadable")


def test_an_empty_folder_says_so(tmp_path):
    (step,) = _reader(tmp_path).probe()
    assert step.passed
    assert "no DICOM file" in step.advice


def test_a_new_export_is_seen_without_reopening(export):
    folder, _ = export
    reader = _reader(folder)
    assert len(list(reader.find(StudyQuery("MR")))) == 1
    plant_study(folder / "later", 2)
    assert len(list(reader.find(StudyQuery("MR")))) == 2
