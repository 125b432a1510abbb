"""Puts the shared makers of synthetic series on the import path."""

from __future__ import annotations

import sys
from hashlib import sha256
from pathlib import Path

import pytest

from fedpacs.cohort.store import SealedStore

_HERE = str(Path(__file__).resolve().parent)
if _HERE not in sys.path:
    sys.path.append(_HERE)


@pytest.fixture(scope="session")
def key():
    return sha256(b"key of the test store").digest()


@pytest.fixture(scope="session")
def labelled_study(tmp_path_factory):
    """Maker of small labelled studies; the same number and patient give the same study."""
    from dicom_series import make_labelled_study

    made = {}

    def make(patient, seed):
        if (patient, seed) not in made:
            folder = tmp_path_factory.mktemp("study")
            made[patient, seed] = make_labelled_study(folder, patient, seed)
        return made[patient, seed]

    return make


@pytest.fixture
def store(tmp_path, key):
    return SealedStore.open(tmp_path / "store", key)
