"""A small hospital for the stories: one folder of synthetic patients, a site, an approved job."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path  # noqa: TC003 - types for readers

import pytest
import tomli_w

from fedpacs.agent.site import Site
from fedpacs.config.job import JobConfig, load_job
from fedpacs.config.load import read_toml
from fedpacs.simulation.hospital import PlantedIdentity, write_patients
from fedpacs.simulation.hospital_recipe import RECIPES
from fedpacs.simulation.workspace import HospitalPlace, prepare_workspace


@dataclass(frozen=True)
class Clinic:
    place: HospitalPlace
    job_file: Path
    export: Path
    planted: PlantedIdentity

    @property
    def job(self) -> JobConfig:
        return load_job(self.job_file)

    def site(self) -> Site:
        return Site.open(self.place.site_file)

    def files(self) -> list[Path]:
        return sorted(self.export.rglob("*.dcm"))

    def edit_site(self, **tables: dict[str, object]) -> None:
        edit(self.place.site_file, **tables)

    def edit_job(self, **tables: dict[str, object]) -> None:
        edit(self.job_file, **tables)


def edit(file: Path, **tables: dict[str, object]) -> None:
    data = read_toml(file)
    for name, values in tables.items():
        data[name].update(values)
    file.write_text(tomli_w.dumps(data))


@pytest.fixture(scope="session")
def patients(tmp_path_factory) -> tuple[Path, PlantedIdentity]:
    folder = tmp_path_factory.mktemp("patients")
    cedar = RECIPES["cedar"]
    recipe = replace(cedar, patients=13, follow_ups=1, grid=replace(cedar.grid, slices=3))
    return folder, write_patients(recipe, folder)


@pytest.fixture
def clinic(tmp_path, patients) -> Clinic:
    """Cedar exports to a folder: thirteen patients, fourteen studies, nothing ingested."""
    return _open(tmp_path / "demo", *patients)


@pytest.fixture(scope="session")
def ingested_once(tmp_path_factory, patients) -> Path:
    root = tmp_path_factory.mktemp("ingested") / "demo"
    clinic = _open(root, *patients)
    clinic.site().ingest(clinic.job)
    clinic.site().premises.book.close()
    return root


@pytest.fixture
def ingested(tmp_path, ingested_once, patients) -> Clinic:
    """The same with its cohort drawn; a copy, for everything in a site is relative to its file."""
    shutil.copytree(ingested_once, tmp_path / "demo")
    return _open(tmp_path / "demo", *patients)


def _open(root: Path, folder: Path, planted: PlantedIdentity) -> Clinic:
    workspace = prepare_workspace(root, rounds=2)
    place = next(p for p in workspace.hospitals if p.name == "cedar")
    export = place.folder / "export"
    if not export.exists():
        shutil.copytree(folder, export)
    clinic = Clinic(place, workspace.job_file, export, planted)
    clinic.edit_job(cohort={"minimum_patients": 12})
    return clinic
