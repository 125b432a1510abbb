"""The catalogue counts each patient once in every field, and tells no small number."""

from __future__ import annotations

from fedpacs.cohort.counting import NOT_CODED, SEVERAL, catalogue
from fedpacs.cohort.study_record import InstanceRecord, StudyRecord
from fedpacs.core.study import CodedSeries


def record(number, patient, *series):
    """A study with one instance for each (modality, plane)."""
    instances, coded = [], []
    for at, (modality, plane) in enumerate(series):
        uid = f"2.25.{number}.{at}"
        instances.append(InstanceRecord(f"{uid}.1", "1.2", uid, modality, "0" * 64))
        if plane:
            coded.append(CodedSeries(uid, (("plane", plane),)))
    return StudyRecord(f"2.25.{number}", patient, "0" * 64, (), tuple(instances), tuple(coded))


def test_a_patient_with_many_studies_counts_once():
    studies = [record(n, f"P-{n % 6}", ("MR", "axial")) for n in range(60)]
    tables = catalogue(studies, 5)
    assert dict(tables["modality"].cells) == {"MR": 6}
    assert dict(tables["plane"].cells) == {"axial": 6}


def test_several_kinds_and_none_are_categories_and_labels_are_not():
    studies = [record(n, f"P-{n}", ("MR", "axial"), ("SEG", "")) for n in range(10)]
    studies += [record(n, f"P-{n}", ("MR", "axial"), ("CT", "sagittal")) for n in range(10, 16)]
    studies += [record(n, f"P-{n}", ("CT", "")) for n in range(16, 23)]
    tables = catalogue(studies, 5)
    assert dict(tables["modality"].cells) == {SEVERAL: 6, "CT": 7, "MR": 10}
    assert dict(tables["plane"].cells) == {SEVERAL: 6, NOT_CODED: 7, "axial": 10}
    assert tables["modality"].total == 23


def test_a_small_number_is_told_neither_by_itself_nor_by_the_rest():
    studies = [record(n, f"P-{n}", ("MR", "axial")) for n in range(30)]
    studies += [record(n, f"P-{n}", ("CT", "axial")) for n in range(30, 32)]
    told = catalogue(studies, 5)["modality"]
    assert dict(told.cells) == {"CT": None, "MR": None}
