"""Cohorts: the right pairs, a digest that says exactly what is in them, splits that last."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import numpy as np
import pytest
from dicom_series import (
    GREY,
    WHITE,
    make_masks,
    make_seg,
    make_series,
    make_study,
    query,
    reread,
    to_bytes,
)
from pydicom import dcmread

from fedpacs.cohort.errors import (
    DamagedStoreError,
    SplitConflictError,
    StaleCohortError,
    UnknownCohortError,
)
from fedpacs.cohort.selection import (
    build_cohort,
    latest_cohort,
    load_cohort,
    save_cohort,
    select_cohort,
)
from fedpacs.cohort.store import SealedStore
from fedpacs.config.job import Splits
from fedpacs.core.cohort import Split

SHAPE = (3, 8, 6)


@pytest.fixture
def studies(labelled_study):
    return [labelled_study(f"P-{n}", n) for n in range(6)]


@pytest.fixture
def filled(store, studies):
    for study in studies:
        store.put(study)
    return store


def other_order(tmp_path, key, studies):
    store = SealedStore.open(tmp_path / "other", key)
    for study in reversed(studies):
        store.put(replace(study, instances=study.instances[::-1]))
    return store


def test_every_labelled_series_becomes_a_subject(filled, studies):
    cohort = build_cohort(filled, query(), None)
    assert cohort.patients() == {study.patient for study in studies}
    assert all(cohort.part(split) for split in Split)
    by_patient = {s.patient: s for s in cohort.subjects}
    for study in studies:
        subject = by_patient[study.patient]
        assert subject.study_instance_uid == study.study_instance_uid
        assert subject.series_instance_uid == study.instances[0].series_instance_uid
        assert subject.label_sop_instance_uid == study.instances[-1].sop_instance_uid


def test_the_digest_does_not_depend_on_any_order(filled, studies, tmp_path, key):
    one = build_cohort(filled, query(), None)
    two = build_cohort(other_order(tmp_path, key, studies), query(), None)
    assert one == two


def test_the_digest_changes_with_content_splits_and_query(filled, labelled_study):
    base = build_cohort(filled, query(), None)
    digests = {
        base.digest,
        build_cohort(filled, query(labels=(GREY,)), None).digest,
        build_cohort(
            filled, query(splits=Splits(train=0.3, validation=0.4, test=0.3)), None
        ).digest,
    }
    filled.put(labelled_study("P-more", 77))
    digests.add(build_cohort(filled, query(), None).digest)
    assert len(digests) == 4


def test_both_studies_of_a_patient_lie_in_one_part(filled, labelled_study):
    for n in range(6):
        filled.put(labelled_study(f"P-{n}", 100 + n))
    cohort = build_cohort(filled, query(), None)
    assert len(cohort.subjects) == 12
    assert sum(len(cohort.patients(split)) for split in Split) == 6


def test_saved_splits_outlive_every_cohort(filled, labelled_study):
    first = build_cohort(filled, query(), None)
    save_cohort(filled, first)
    kept = {s.patient: s.split for s in first.subjects}
    for n in range(5):
        filled.put(labelled_study(f"P-new{n}", 50 + n))
    for wanted in (
        query(),
        query(labels=(WHITE,)),
        query(splits=Splits(train=0.2, validation=0.4, test=0.4)),
    ):
        later = build_cohort(filled, wanted, None)
        assert len(later.subjects) == 11
        assert {s.patient: s.split for s in later.subjects if s.patient in kept} == kept


def test_the_previous_cohort_counts_even_if_it_was_never_saved(filled, labelled_study):
    first = build_cohort(filled, query(), None)
    for n in range(9):
        filled.put(labelled_study(f"P-new{n}", 50 + n))
    kept = {s.patient: s.split for s in first.subjects}
    later = build_cohort(filled, query(), first)
    assert {s.patient: s.split for s in later.subjects if s.patient in kept} == kept


def test_a_previous_cohort_against_the_ledger_is_refused(filled):
    first = build_cohort(filled, query(), None)
    save_cohort(filled, first)
    swapped = {Split.TRAIN: Split.TEST, Split.TEST: Split.TRAIN}
    forged = replace(
        first,
        subjects=tuple(replace(s, split=swapped.get(s.split, s.split)) for s in first.subjects),
    )
    with pytest.raises(SplitConflictError):
        build_cohort(filled, query(), forged)
    with pytest.raises(UnknownCohortError):
        save_cohort(filled, forged)


def test_a_saved_cohort_is_loaded_again(filled, tmp_path, key):
    assert latest_cohort(filled, query()) is None
    cohort = build_cohort(filled, query(), None)
    assert latest_cohort(filled, query()) is None
    save_cohort(filled, cohort)
    again = SealedStore.open(tmp_path / "store", key)
    assert latest_cohort(again, query()) == cohort
    assert load_cohort(again, cohort.digest) == cohort
    assert latest_cohort(again, query(labels=(GREY,))) is None


def test_an_unknown_digest_loads_nothing(filled):
    for digest in ("ab" * 32, "", "../studies"):
        with pytest.raises(UnknownCohortError):
            load_cohort(filled, digest)


def test_new_studies_do_not_disturb_a_cohort(filled, labelled_study):
    cohort = build_cohort(filled, query(), None)
    save_cohort(filled, cohort)
    filled.put(labelled_study("P-more", 77))
    assert load_cohort(filled, cohort.digest) == cohort


@pytest.mark.parametrize(
    "change", ["forgotten", "image-gone", "label-gone", "label-edited", "blob-gone"]
)
def test_a_cohort_whose_content_changed_is_stale(filled, studies, tmp_path, change):
    cohort = build_cohort(filled, query(), None)
    save_cohort(filled, cohort)
    study = studies[2]
    if change == "forgotten":
        filled.forget(study.patient)
    elif change == "image-gone":
        filled.put(replace(study, instances=study.instances[1:]))
    elif change == "label-edited":
        edited = dcmread(study.instances[-1].path)
        edited.PixelData = bytes([edited.PixelData[0] ^ 1]) + edited.PixelData[1:]
        path = tmp_path / "edited.dcm"
        path.write_bytes(to_bytes(edited))
        instance = replace(
            study.instances[-1], path=path, digest=sha256(path.read_bytes()).hexdigest()
        )
        filled.put(replace(study, instances=(*study.instances[:-1], instance)))
    elif change == "label-gone":
        filled.put(replace(study, instances=study.instances[:-1]))
    else:
        digest = study.instances[0].digest
        (tmp_path / "store" / "blobs" / digest[:2] / digest).unlink()
    expected = UnknownCohortError if change == "forgotten" else StaleCohortError
    with pytest.raises(expected):
        load_cohort(filled, cohort.digest)
    assert latest_cohort(filled, query()) is None


def test_a_cohort_that_went_stale_before_it_was_saved_is_refused(filled, studies):
    cohort = build_cohort(filled, query(), None)
    filled.put(replace(studies[2], instances=studies[2].instances[1:]))
    with pytest.raises(StaleCohortError):
        save_cohort(filled, cohort)


def test_an_altered_manifest_is_refused(filled, tmp_path):
    cohort = build_cohort(filled, query(), None)
    save_cohort(filled, cohort)
    (file,) = (tmp_path / "store" / "cohorts").glob("*/*")
    content = bytearray(file.read_bytes())
    content[80] ^= 1
    file.write_bytes(content)
    with pytest.raises(DamagedStoreError):
        load_cohort(filled, cohort.digest)


def test_only_the_named_studies_are_taken(filled, studies):
    wanted = {study.study_instance_uid for study in studies[:3]}
    cohort = build_cohort(filled, query(), None, studies=wanted)
    assert {s.study_instance_uid for s in cohort.subjects} == wanted


def test_only_series_of_the_modality_are_taken(filled, tmp_path):
    images = make_series(shape=SHAPE, modality="CT", patient="P-ct")
    seg = make_seg(images, make_masks(SHAPE))
    filled.put(make_study(tmp_path / "ct", [*images, seg], "P-ct"))
    assert "P-ct" not in build_cohort(filled, query(), None).patients()
    assert build_cohort(filled, query(modality="CT"), None).patients() == {"P-ct"}


def test_what_is_left_out_is_counted(filled, tmp_path):
    images = make_series(shape=SHAPE, patient="P-a")
    masks = make_masks(SHAPE)
    filled.put(make_study(tmp_path / "a", images, "P-a"))
    images = make_series(shape=SHAPE, patient="P-b")
    filled.put(
        make_study(
            tmp_path / "b", [*images, make_seg(images, {"389081007": masks["389081007"]})], "P-b"
        )
    )
    images = make_series(shape=SHAPE, patient="P-c")
    model = make_seg(images, masks, algorithm="AUTOMATIC")
    filled.put(make_study(tmp_path / "c", [*images, model], "P-c"))
    images = make_series(shape=SHAPE, patient="P-d")
    two = [make_seg(images, masks), make_seg(images, make_masks(SHAPE, 5))]
    filled.put(make_study(tmp_path / "d", [*images, *two], "P-d"))
    images = make_series(shape=SHAPE, patient="P-e")
    seg = make_seg(images, masks)
    filled.put(make_study(tmp_path / "e", [*images[:-1], seg], "P-e"))
    images = make_series(shape=SHAPE, patient="P-f")
    people_and_model = [make_seg(images, masks), make_seg(images, masks, algorithm="AUTOMATIC")]
    filled.put(make_study(tmp_path / "f", [*images, *people_and_model], "P-f"))
    selection = select_cohort(filled, query(), None)
    assert selection.cohort.patients() == {f"P-{n}" for n in range(6)} | {"P-f"}
    assert selection.unlabelled == 3
    assert selection.ambiguous == 1
    assert selection.unfit == {"cohort.label-mismatch": 1}


def test_a_label_in_another_study_of_the_patient_is_not_taken(store, tmp_path):
    images = make_series(shape=SHAPE)
    seg = make_seg(images, make_masks(SHAPE))
    seg.StudyInstanceUID = "2.25.77"
    store.put(make_study(tmp_path / "a", images))
    store.put(make_study(tmp_path / "b", [reread(seg)]))
    assert build_cohort(store, query(), None).subjects == ()


def test_tampered_data_stops_the_selection_instead_of_being_left_out(filled, studies, tmp_path):
    digest = studies[0].instances[0].digest
    (tmp_path / "store" / "blobs" / digest[:2] / digest).write_bytes(b"altered")
    with pytest.raises(DamagedStoreError):
        build_cohort(filled, query(), None)


def test_an_empty_store_gives_an_empty_cohort(store):
    cohort = build_cohort(store, query(), None)
    assert cohort.subjects == ()
    assert len(cohort.digest) == 64


def test_known_subjects_are_not_decoded_again(filled, studies, monkeypatch):
    from fedpacs.cohort import selection

    first = build_cohort(filled, query(), None)
    seen = []
    original = selection.load_volume
    monkeypatch.setattr(
        selection, "load_volume", lambda *args: seen.append(args[1].patient) or original(*args)
    )
    build_cohort(filled, query(), first)
    assert seen == []
    changed = make_series(shape=SHAPE, patient="P-0", seed=91)
    study = make_study(
        changed_folder := studies[0].instances[0].path.parent.parent / "changed",
        [*changed, make_seg(changed, make_masks(SHAPE))],
        "P-0",
    )
    assert changed_folder.exists()
    filled.put(study)
    build_cohort(filled, query(), first)
    assert seen == ["P-0"]


def test_splits_are_not_balanced_by_who_came_first(tmp_path, key, labelled_study):
    """The order of ingest must not decide who is held out."""
    parts = []
    for turn in range(2):
        store = SealedStore.open(tmp_path / f"store{turn}", key)
        order = np.random.default_rng(turn).permutation(5)
        for n in order:
            store.put(labelled_study(f"P-{n}", int(n)))
        cohort = build_cohort(store, query(), None)
        parts.append({s.patient: s.split for s in cohort.subjects})
    assert parts[0] == parts[1]
