"""Right outputs to plant a fault in."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from fedpacs.deidentification.verification.instance import Verifier

if TYPE_CHECKING:
    from pathlib import Path

ROOT = "1.2.826.0.1.3680043.9.7433"


@pytest.fixture(scope="session")
def verifier() -> Verifier:
    return Verifier()


@pytest.fixture(scope="session")
def source(series, tmp_path_factory) -> Path:
    """One identified MR slice with a number for a Patient ID, and references to two others."""
    ds = pydicom.dcmread(series[0])
    ds.PatientID = "48151623"
    ds.PatientName = "Łukasiewicz^Zbigniew"
    ds.OtherPatientIDs = ["PAT-0815-XY", "OTHER-1"]
    first, second = Dataset(), Dataset()
    for item, number in ((first, 1), (second, 2)):
        item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        item.ReferencedSOPInstanceUID = f"{ROOT}.4.{number}"
    ds.SourceImageSequence = Sequence([first, second])
    path = tmp_path_factory.mktemp("source") / "source.dcm"
    pydicom.dcmwrite(path, ds, enforce_file_format=False)
    return path


@pytest.fixture(scope="session")
def right(engine, source, tmp_path_factory) -> Path:
    """What the engine makes of it."""
    return engine.deidentify_file(source, tmp_path_factory.mktemp("right")).path


@pytest.fixture
def output(right, tmp_path) -> Path:
    """A copy of the right output, to be spoilt."""
    return shutil.copyfile(right, tmp_path / right.name)
