"""A synthetic hospital's archive, as identified DICOM files.

All patients are synthetic: deformations of one average brain (see `phantom`) with the names,
numbers, dates and remarks of invented people. Everything hangs on the recipe's seed, UIDs included.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom.uid import generate_uid

from fedpacs.simulation.hospital_header import Examination
from fedpacs.simulation.hospital_mr import mr_slices
from fedpacs.simulation.hospital_people import make_person, make_visit, staff
from fedpacs.simulation.hospital_planted import PlantedIdentity, PlantedKind, Planter
from fedpacs.simulation.hospital_recipe import RECIPES, HospitalRecipe, examination
from fedpacs.simulation.hospital_seg import segmentation

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["RECIPES", "HospitalRecipe", "PlantedIdentity", "PlantedKind", "write_patients"]


def write_patients(hospital: HospitalRecipe, out: Path) -> PlantedIdentity:
    """Write every patient of a hospital.

    Parameters
    ----------
    hospital
        Recipe.
    out
        Folder; one sub-folder per patient and one per study are made in it, named by the
        patient's and the accession number, as an export of a PACS does.

    Returns
    -------
    PlantedIdentity
        What a search must find in these files and nowhere else.
    """
    plant = Planter()
    studies = instances = 0
    for number in range(hospital.patients):
        visits = 2 if number < hospital.follow_ups else 1
        for visit in range(visits):
            instances += _write_study(hospital, number, visit, out, plant)
        studies += visits
    return plant.planted(patients=hospital.patients, studies=studies, instances=instances)


def _write_study(
    hospital: HospitalRecipe, number: int, visit: int, out: Path, plant: Planter
) -> int:
    """Write one study; gives the number of its instances."""
    exam = _examination(hospital, number, visit, plant)
    phantom = examination(hospital, number, visit)
    folder = out / exam.person.patient_id / exam.visit.accession_number
    folder.mkdir(parents=True, exist_ok=True)
    count = len(phantom.image)
    mr_uids = tuple(_uid(exam.study_uid, f"mr-{index}") for index in range(count + 1))
    for ds in mr_slices(exam, phantom, mr_uids, plant):
        if number in hospital.burned_in:
            ds.BurnedInAnnotation = "YES"
        ds.save_as(folder / f"MR{ds.InstanceNumber:04d}.dcm", enforce_file_format=True)
    seg_uids = (_uid(exam.study_uid, "seg-series"), _uid(exam.study_uid, "seg"))
    seg = segmentation(exam, phantom, mr_uids, seg_uids, plant)
    seg.save_as(folder / "SEG0001.dcm", enforce_file_format=True)
    return count + 1


def _examination(hospital: HospitalRecipe, number: int, visit: int, plant: Planter) -> Examination:
    name, seed = hospital.name, hospital.seed
    study_uid = _uid(f"fedpacs-{name}", str(seed), str(number), str(visit))
    return Examination(
        recipe=hospital,
        person=make_person(name, seed, number, hospital.scripts.get(number, "latin")),
        visit=make_visit(name, seed, number, visit),
        staff=staff(name, seed),
        study_uid=study_uid,
        frame_of_reference_uid=plant.uid(_uid(study_uid, "frame-of-reference")),
    )


def _uid(*entropy: str) -> str:
    return str(generate_uid(entropy_srcs=list(entropy)))
