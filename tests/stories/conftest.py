"""A small hospital for the stories: one folder of synthetic patients, a site, an approved job."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

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
    recipe = replace(RECIPES["cedar"], patients=12, follow_ups=1)
    return folder, write_patients(recipe, folder)


@pytest.fixture
def clinic(tmp_path, patients) -> Clinic:
    """Cedar, which exports to a folder, with twelve patients and nothing ingested."""
    import shutil

    workspace = prepare_workspace(tmp_path / "demo", rounds=2)
    place = next(p for p in workspace.hospitals if p.name == "cedar")
    folder, planted = patients
    export = place.folder / "export"
    shutil.copytree(folder, export)
    made = Clinic(place, workspace.job_file, export, planted)
    made.edit_job(cohort={"minimum_patients": 10})
    return made


@pytest.fixture
def ingested(clinic) -> Clinic:
    clinic.site().ingest(clinic.job)
    return clinic
