"""A writer killed at any point leaves a whole store behind, or one that is made whole."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from dicom_series import query

from fedpacs.cohort.selection import build_cohort, latest_cohort, save_cohort
from fedpacs.cohort.store import SealedStore

SCRIPT = Path(__file__).with_name("killing.py")


def kill_everywhere(base, out, act, argument):
    """Stores after a kill before each file operation; the last one got through."""
    out.mkdir()
    command = [sys.executable, str(SCRIPT), str(base), str(out), act, str(argument)]
    subprocess.run(command, check=True, timeout=120)
    return sorted(out.iterdir())


@pytest.fixture
def tmp_path(tmp_path):
    """A folder in memory where there is one: hundreds of stores are copied and flushed."""
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp below makes it private
    if not memory.is_dir():
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(dir=memory, prefix="fedpacs-test-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def base(store, tmp_path, labelled_study):
    for n in range(3):
        store.put(labelled_study(f"P-{n}", n))
    save_cohort(store, build_cohort(store, query(), None))
    return tmp_path / "store"


@pytest.fixture
def pickled(tmp_path):
    def dump(study):
        file = tmp_path / "study.pickle"
        file.write_bytes(pickle.dumps(study))
        return file

    return dump


def assert_whole(store, expected):
    assert store.check() == ()
    assert {record.patient for record in store.studies()} == expected
    assert not list((store.vault._path / "incoming").iterdir())
    assert not (store.vault._path / "journal").exists()


def test_put_killed_anywhere_is_all_or_nothing(base, tmp_path, key, pickled, labelled_study):
    study = labelled_study("P-new", 7)
    killed = kill_everywhere(base, tmp_path / "out", "put", pickled(study))
    assert len(killed) > 20
    outcomes = set()
    for folder in killed:
        store = SealedStore.open(folder, key)
        done = store.has(study.study_instance_uid)
        outcomes.add(done)
        assert store.check() == ()
        store.repair()
        assert_whole(store, {"P-0", "P-1", "P-2"} | ({"P-new"} if done else set()))
        assert latest_cohort(store, query()) is not None
        store.put(study)
        assert_whole(store, {"P-0", "P-1", "P-2", "P-new"})
    assert outcomes == {True, False}


def test_a_replacing_put_killed_anywhere_keeps_the_old_or_has_the_new(
    base, tmp_path, key, pickled, labelled_study
):
    study = labelled_study("P-1", 1)
    store = SealedStore.open(base, key)
    store.put(study)
    smaller = replace(study, instances=study.instances[1:])
    sizes = set()
    for folder in kill_everywhere(base, tmp_path / "out", "put", pickled(smaller)):
        after = SealedStore.open(folder, key)
        assert after.check() == ()
        sizes.add(len(after.sop_instance_uids(study.study_instance_uid)))
    assert sizes == {3, 4}


def test_forget_killed_anywhere_is_finished_later(base, tmp_path, key):
    outcomes = set()
    for folder in kill_everywhere(base, tmp_path / "out", "forget", "P-1"):
        begun = (folder / "journal").exists()
        store = SealedStore.open(folder, key)
        patients = {record.patient for record in store.studies()}
        outcomes.add((begun, "P-1" in patients))
        if begun:
            assert "P-1" not in patients
        assert store.check() == ()
        if "P-1" not in patients:
            assert latest_cohort(store, query()) is None
        store.forget("P-1")
        assert_whole(store, {"P-0", "P-2"})
    assert {(True, False), (False, True)} <= outcomes


def test_a_recovery_killed_anywhere_is_recovered(base, tmp_path, key):
    states = kill_everywhere(base, tmp_path / "out", "forget", "P-1")
    begun = [folder for folder in states if (folder / "journal").exists()]
    for n, folder in enumerate(begun[:: max(1, len(begun) // 2)]):
        for again in kill_everywhere(folder, tmp_path / f"again-{n}", "open", ""):
            assert_whole(SealedStore.open(again, key), {"P-0", "P-2"})


def test_creation_killed_anywhere_can_be_repeated(tmp_path, key):
    for folder in kill_everywhere(tmp_path / "none", tmp_path / "out", "open", ""):
        assert_whole(SealedStore.open(folder, key), set())


def test_half_written_drafts_are_swept_by_the_next_writer(base, key):
    (base / "incoming" / "abcdef").write_bytes(b"half")
    store = SealedStore.open(base, key)
    store.repair()
    assert_whole(store, {"P-0", "P-1", "P-2"})
