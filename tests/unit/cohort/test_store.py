"""The sealed store: whole or not at all, for its key only, and nothing of it readable outside."""

from __future__ import annotations

import fcntl
import os
import pickle
import shutil
import subprocess
import sys
import threading
from dataclasses import replace
from hashlib import sha256

import pytest
from dicom_series import make_series, make_study, query

from fedpacs.cohort.errors import (
    ContentMismatchError,
    DamagedStoreError,
    HalfWrittenStoreError,
    MissingBlobError,
    NotAStoreError,
    PatientChangedError,
    StoreBusyError,
    StoreKeyError,
    StoreUnwritableError,
    TooLargeError,
    UnknownStudyError,
)
from fedpacs.cohort.selection import build_cohort, latest_cohort, save_cohort
from fedpacs.cohort.store import SealedStore
from fedpacs.cohort.upkeep import SPLITS, ledger
from fedpacs.cohort.vault import Shelf

PATIENT = "P-AAAAAAAAAAAAAAAA"


@pytest.fixture
def study(tmp_path):
    return make_study(tmp_path / "study", make_series(shape=(3, 6, 5)))


def files(store_path, shelf):
    return sorted(path for path in (store_path / shelf).glob("*/*"))


def contents(path):
    return {
        str(p.relative_to(path)): p.read_bytes()
        for p in sorted(path.rglob("*"))
        if p.is_file() and p.name != ".lock"
    }


def test_a_study_comes_back_as_it_was_put(store, study, tmp_path, key):
    store.put(study)
    again = SealedStore.open(tmp_path / "store", key)
    (record,) = again.studies()
    assert record.study_instance_uid == study.study_instance_uid
    assert record.patient == study.patient
    assert record.profile_digest == study.profile_digest
    assert record.option_codes == study.option_codes
    assert {i.sop_instance_uid: i.digest for i in record.instances} == {
        i.sop_instance_uid: i.digest for i in study.instances
    }
    for instance in study.instances:
        assert again.read(instance.digest) == instance.path.read_bytes()
    assert again.has(study.study_instance_uid)
    assert again.sop_instance_uids(study.study_instance_uid) == {
        i.sop_instance_uid for i in study.instances
    }
    assert again.check() == ()


def test_nothing_readable_lies_on_the_disk(store, study, tmp_path):
    store.put(study)
    pixels = study.instances[0].path.read_bytes()[-40:]
    for name, content in contents(tmp_path / "store").items():
        for secret in (b"DICM", b"2.25.", PATIENT.encode(), pixels):
            assert secret not in content, name
        assert "2.25." not in name


def test_only_the_owner_may_look(store, study, tmp_path):
    store.put(study)
    for path in [tmp_path / "store", *(tmp_path / "store").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_putting_the_same_study_again_changes_nothing(store, study, tmp_path):
    digest = store.put(study)
    blobs = {path: path.read_bytes() for path in files(tmp_path / "store", "blobs")}
    assert store.put(replace(study, instances=study.instances[::-1])) == digest
    assert {path: path.read_bytes() for path in files(tmp_path / "store", "blobs")} == blobs
    assert len(store.studies()) == 1


def test_a_grown_study_replaces_the_smaller_one(store, study):
    store.put(replace(study, instances=study.instances[:2]))
    store.put(study)
    assert len(store.studies()[0].instances) == 3
    store.put(replace(study, instances=study.instances[1:]))
    assert store.check() == ()
    with pytest.raises(MissingBlobError):
        store.read(study.instances[0].digest)


def test_a_study_that_changes_its_patient_is_refused(store, study):
    store.put(study)
    with pytest.raises(PatientChangedError):
        store.put(replace(study, patient="P-BBBBBBBBBBBBBBBB"))
    assert [record.patient for record in store.studies()] == [PATIENT]


def test_a_file_that_is_not_what_the_study_says_is_refused(store, study):
    study.instances[1].path.write_bytes(b"something else")
    with pytest.raises(ContentMismatchError):
        store.put(study)
    assert not store.has(study.study_instance_uid)
    store.repair()
    assert store.check() == ()


def test_a_vanished_file_is_refused(store, study):
    study.instances[1].path.unlink()
    with pytest.raises(ContentMismatchError):
        store.put(study)


def test_an_empty_or_contradictory_study_is_refused(store, study):
    for instances in ((), study.instances[:1] * 2):
        with pytest.raises(ContentMismatchError):
            store.put(replace(study, instances=instances))


def test_an_unknown_study_is_said_to_be_unknown(store):
    assert not store.has("2.25.1")
    with pytest.raises(UnknownStudyError):
        store.study("2.25.1")


def test_another_key_does_not_open_it(store, study, tmp_path):
    store.put(study)
    before = contents(tmp_path / "store")
    with pytest.raises(StoreKeyError):
        SealedStore.open(tmp_path / "store", sha256(b"another key").digest())
    assert contents(tmp_path / "store") == before


@pytest.mark.parametrize("shelf", ["blobs", "studies"])
@pytest.mark.parametrize("where", [0, 14, 60, -1])
def test_one_flipped_bit_is_noticed(store, study, tmp_path, shelf, where):
    store.put(study)
    target = files(tmp_path / "store", shelf)[0]
    content = bytearray(target.read_bytes())
    content[where] ^= 1
    target.write_bytes(content)
    assert [fault.code for fault in store.check()] == ["cohort.damaged"]
    read = store.studies if shelf == "studies" else lambda: store.read(target.name)
    with pytest.raises(DamagedStoreError):
        read()


@pytest.mark.parametrize("length", [0, 5, 70])
def test_a_cut_file_is_noticed(store, study, tmp_path, length):
    store.put(study)
    target = files(tmp_path / "store", "blobs")[0]
    target.write_bytes(target.read_bytes()[:length])
    with pytest.raises(DamagedStoreError):
        store.read(target.name)


def test_sealed_files_cannot_stand_in_for_each_other(store, study, tmp_path):
    store.put(study)
    first, second = files(tmp_path / "store", "blobs")[:2]
    shutil.copy(first, second)
    with pytest.raises(DamagedStoreError):
        store.read(second.name)


def test_a_record_cannot_stand_in_for_another_study(store, tmp_path):
    for n in range(2):
        images = make_series(shape=(2, 4, 4), seed=n)
        store.put(make_study(tmp_path / str(n), images, f"P-{n}"))
    first, second = files(tmp_path / "store", "studies")
    shutil.copy(first, second)
    with pytest.raises(DamagedStoreError):
        store.studies()


def test_a_file_too_large_to_seal_is_a_fault_of_its_study(store, study, monkeypatch):
    from fedpacs.crypto import sealing

    monkeypatch.setattr(sealing, "_MAXIMUM_BYTES", 500)
    with pytest.raises(TooLargeError):
        store.put(study)


def test_a_sealed_file_of_another_store_with_the_same_key_is_refused(study, tmp_path, key):
    for name in ("one", "two"):
        SealedStore.open(tmp_path / name, key).put(study)
    for source in files(tmp_path / "one", "studies"):
        shutil.copy(source, tmp_path / "two" / source.relative_to(tmp_path / "one"))
    with pytest.raises(DamagedStoreError):
        SealedStore.open(tmp_path / "two", key).studies()


def test_a_missing_blob_is_noticed(store, study, tmp_path):
    store.put(study)
    files(tmp_path / "store", "blobs")[0].unlink()
    assert not store.has(study.study_instance_uid)
    (fault,) = store.check()
    assert fault.code == "cohort.missing-blob"
    assert fault.study_instance_uid == study.study_instance_uid
    with pytest.raises(MissingBlobError):
        store.read(fault.name)


def test_putting_again_heals_missing_and_damaged_blobs(store, study, tmp_path):
    store.put(study)
    first, second, _ = files(tmp_path / "store", "blobs")
    first.unlink()
    second.write_bytes(b"damaged")
    store.put(study)
    assert store.check() == ()


def test_repair_drops_damaged_studies_when_asked_and_keeps_the_others(store, study, tmp_path):
    store.put(study)
    other = make_study(tmp_path / "other", make_series(shape=(2, 4, 4)), "P-BBBBBBBBBBBBBBBB")
    store.put(other)
    broken = tmp_path / "store" / "blobs" / study.instances[0].digest[:2]
    (broken / study.instances[0].digest).write_bytes(b"damaged")
    assert store.repair().studies_dropped == 0
    report = store.repair(drop_damaged=True)
    assert report.studies_dropped == 1
    assert report.leftovers == 3
    assert [record.patient for record in store.studies()] == [other.patient]
    assert store.check() == ()


def test_a_damaged_record_blocks_sweeping_until_it_is_dropped(store, study, tmp_path):
    store.put(study)
    files(tmp_path / "store", "studies")[0].write_bytes(b"damaged")
    with pytest.raises(DamagedStoreError):
        store.repair()
    assert len(files(tmp_path / "store", "blobs")) == 3
    assert store.repair(drop_damaged=True).studies_dropped == 1
    assert files(tmp_path / "store", "blobs") == []


@pytest.mark.parametrize("act", ["put", "forget"])
def test_a_store_left_by_a_killed_writer_and_damaged_besides_is_mended(
    store, study, tmp_path, key, act
):
    store.put(study)
    other = make_study(tmp_path / "other", make_series(shape=(2, 4, 4)), "P-BBBBBBBBBBBBBBBB")
    store.put(other)
    store.vault._write_journal({"act": act, "patient": other.patient})
    name = sha256(study.study_instance_uid.encode()).hexdigest()
    (tmp_path / "store" / "studies" / name[:2] / name).write_bytes(b"damaged")
    with pytest.raises(DamagedStoreError):
        SealedStore.open(tmp_path / "store", key)
    assert SealedStore.mend(tmp_path / "store", key).studies_dropped == 1
    again = SealedStore.open(tmp_path / "store", key)
    expected = set() if act == "forget" else {other.patient}
    assert {record.patient for record in again.studies()} == expected
    assert again.check() == ()


def test_a_damaged_manifest_is_dropped_but_a_damaged_ledger_is_not(store, tmp_path, labelled_study):
    for n in range(3):
        store.put(labelled_study(f"P-{n}", n))
    save_cohort(store, build_cohort(store, query(), None))
    files(tmp_path / "store", "cohorts")[0].write_bytes(b"damaged")
    store.repair(drop_damaged=True)
    assert store.check() == ()
    assert latest_cohort(store, query()) is None
    (tmp_path / "store" / "ledger" / "sp" / "splits").write_bytes(b"damaged")
    store.repair(drop_damaged=True)
    assert [(f.code, f.name) for f in store.check()] == [("cohort.damaged", "splits")]
    with pytest.raises(DamagedStoreError):
        build_cohort(store, query(), None)


def test_a_name_that_is_no_digest_reads_nothing(store, tmp_path):
    (tmp_path / "store" / "outside").write_bytes(b"x")
    for name in ("../outside", "", "a" * 65, "/etc/passwd"):
        with pytest.raises(MissingBlobError):
            store.read(name)


def test_a_folder_with_other_files_is_left_alone(tmp_path, key):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"x")
    with pytest.raises(NotAStoreError):
        SealedStore.open(tmp_path / "photos", key)
    assert [p.name for p in (tmp_path / "photos").iterdir()] == ["a.jpg"]


def test_a_store_without_its_header_is_refused(store, study, tmp_path, key):
    store.put(study)
    (tmp_path / "store" / "header").unlink()
    with pytest.raises(HalfWrittenStoreError):
        SealedStore.open(tmp_path / "store", key)
    assert not (tmp_path / "store" / "header").exists()


@pytest.mark.parametrize("content", [b"", b"FEDPACS", b"x" * 200])
@pytest.mark.usefixtures("store")
def test_a_store_with_a_broken_header_is_refused(tmp_path, key, content):
    (tmp_path / "store" / "header").write_bytes(content)
    with pytest.raises(StoreKeyError):
        SealedStore.open(tmp_path / "store", key)


@pytest.mark.usefixtures("store")
def test_an_altered_journal_is_refused(tmp_path, key):
    (tmp_path / "store" / "journal").write_bytes(b"altered")
    with pytest.raises(DamagedStoreError):
        SealedStore.open(tmp_path / "store", key)


def test_a_full_disk_is_a_coded_error(store, study, monkeypatch):
    def no_space(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(StoreUnwritableError):
        store.put(study)
    monkeypatch.undo()
    assert not store.has(study.study_instance_uid)
    store.put(study)
    assert store.check() == ()


def test_a_second_writer_waits_and_then_says_the_store_is_busy(study, tmp_path, key):
    store = SealedStore.open(tmp_path / "store", key, wait_s=0.1)
    with (tmp_path / "store" / ".lock").open("r+") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(StoreBusyError):
            store.put(study)
        assert not store.has(study.study_instance_uid)
        SealedStore.open(tmp_path / "store", key, wait_s=0.1).studies()
    store.put(study)
    assert store.has(study.study_instance_uid)


def test_opening_while_a_writer_works_does_not_sweep_its_files(store, study, tmp_path, key):
    with store.writing({"act": "put"}):
        store.vault.write_many(Shelf.BLOBS, store._new_blobs(study.instances[:1]))
        SealedStore.open(tmp_path / "store", key)
        assert store.read(study.instances[0].digest)


def test_many_writers_at_once_lose_nothing(tmp_path, key):
    studies = [
        make_study(tmp_path / str(n), make_series(shape=(2, 4, 4), seed=n), f"P-{n}")
        for n in range(6)
    ]
    errors = []

    def put(study):
        try:
            SealedStore.open(tmp_path / "store", key).put(study)
        except Exception as error:  # noqa: BLE001 - the test reports whatever it is
            errors.append(error)

    threads = [threading.Thread(target=put, args=(study,)) for study in studies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = SealedStore.open(tmp_path / "store", key)
    assert errors == []
    assert {r.patient for r in store.studies()} == {s.patient for s in studies}
    assert store.check() == ()


def test_two_processes_putting_at_once_lose_nothing(tmp_path, key):
    program = (
        "import pickle, sys, pathlib; from fedpacs.cohort.store import SealedStore\n"
        "store = SealedStore.open(pathlib.Path(sys.argv[1]), bytes.fromhex(sys.argv[2]))\n"
        "for study in pickle.loads(pathlib.Path(sys.argv[3]).read_bytes()): store.put(study)"
    )
    children = []
    for half in range(2):
        studies = [
            make_study(tmp_path / f"{half}{n}", make_series(shape=(2, 4, 4)), f"P-{half}{n}")
            for n in range(5)
        ]
        (tmp_path / f"{half}.pickle").write_bytes(pickle.dumps(studies))
        arguments = [str(tmp_path / "store"), key.hex(), str(tmp_path / f"{half}.pickle")]
        children.append(subprocess.Popen([sys.executable, "-c", program, *arguments]))
    assert [child.wait(60) for child in children] == [0, 0]
    store = SealedStore.open(tmp_path / "store", key)
    assert len(store.studies()) == 10
    assert store.check() == ()


def test_forgetting_a_patient_leaves_no_trace_and_touches_nobody_else(store, labelled_study):
    studies = [labelled_study(f"P-{n}", n) for n in range(4)]
    second = labelled_study("P-1", 9)
    for study in [*studies, second]:
        store.put(study)
    whole = build_cohort(store, query(), None)
    save_cohort(store, whole)
    report = store.forget("P-1")
    assert (report.studies, report.instances, report.cohorts) == (2, 8, 1)
    assert {record.patient for record in store.studies()} == {"P-0", "P-2", "P-3"}
    for instance in (*studies[1].instances, *second.instances):
        with pytest.raises(MissingBlobError):
            store.read(instance.digest)
    assert latest_cohort(store, query()) is None
    assert set(ledger(store.vault, SPLITS)) == {"P-0", "P-2", "P-3"}
    assert store.check() == ()
    smaller = build_cohort(store, query(), None)
    assert {s.patient: s.split for s in smaller.subjects} == {
        s.patient: s.split for s in whole.subjects if s.patient != "P-1"
    }
    assert store.forget("P-1").studies == 0
