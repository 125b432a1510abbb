"""Kill -9 at any step of an ingest: no study twice, none half, none lost, none unaccounted for."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from fedpacs.agent.site import Site
from fedpacs.records.events import EventKind
from fedpacs.records.study_index import StudyState

SCRIPT = Path(__file__).with_name("killed_ingest.py")
STUDIES = 3


@pytest.fixture
def small(clinic):
    """Three studies, one of which has to be refused; gate 2 stays closed for so few."""
    import pydicom

    by_study = {}
    for file in clinic.files():
        ds = pydicom.dcmread(file, stop_before_pixels=True)
        by_study.setdefault(ds.StudyInstanceUID, []).append(file)
    for files in list(by_study.values())[STUDIES:]:
        for file in files:
            file.unlink()
    victim = next(iter(by_study.values()))[0]
    ds = pydicom.dcmread(victim)
    ds.BurnedInAnnotation = "YES"
    ds.save_as(victim)
    return clinic


def test_it_is_finished_by_the_next_run_wherever_it_was_killed(small, tmp_path):
    command = [sys.executable, SCRIPT, small.place.folder, small.job_file, tmp_path / "out", "5"]
    ended = subprocess.run(command, check=False, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    folders = sorted((tmp_path / "out").iterdir())
    assert len(folders) > 10
    for folder in folders:
        assert_nothing_is_lost(Site.open(folder / "site.toml"), folder.name)


def assert_nothing_is_lost(site, step):
    premises = site.premises
    events = Counter(
        (entry.event.kind, entry.event.fields.get("study")) for entry in premises.book.entries()
    )
    sealed = {study.study_instance_uid for study in premises.store.studies()}
    assert len(sealed) == STUDIES - 1, step
    assert premises.store.check() == (), step
    assert premises.quarantine.counts() == {"deid.burned-in": 1}, step
    assert premises.index.states() == {StudyState.READY: 2, StudyState.REFUSED: 1}, step
    assert [p.name for p in premises.config.store.staging.iterdir()] == [".lock"], step
    # the book tells of each sealed study once, of the refused one, and verifies
    told = {study: events[EventKind.STUDY_SEALED, study] for study in sealed}
    assert told == dict.fromkeys(sealed, 1), step
    assert any(kind is EventKind.STUDY_QUARANTINED for kind, _ in events), step
    assert premises.book.verify(premises.signing_key.public).ok, step
    premises.book.close()
    premises.index.close()
