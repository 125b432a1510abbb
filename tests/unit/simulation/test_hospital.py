"""Synthetic hospitals: proper DICOM, full of identity, and every planted string on the list."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import date, timedelta

import highdicom as hd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, SegmentationStorage

from fedpacs.cohort.splitting import assign_splits
from fedpacs.config.job import load_job
from fedpacs.config.shipped import shipped
from fedpacs.simulation.hospital import RECIPES, PlantedKind, write_patients
from fedpacs.simulation.hospital_people import make_person, make_visit
from fedpacs.simulation.hospital_planted import Planter
from fedpacs.simulation.hospital_recipe import examination
from fedpacs.simulation.scan import Scanner

SMALL = {
    "aurora": {"patients": 2, "follow_ups": 1},
    "birch": {"patients": 5, "follow_ups": 0},
    "cedar": {"patients": 9, "follow_ups": 0},
}
"""Enough patients to reach those with names in other scripts."""


def small(name):
    return replace(RECIPES[name], **SMALL[name])


@pytest.fixture(scope="module", params=sorted(SMALL))
def hospital(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    recipe = small(request.param)
    return recipe, folder, write_patients(recipe, folder)


def files_of(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def studies(hospital):
    """Datasets by study."""
    grouped = defaultdict(list)
    for file in files_of(hospital[1]):
        ds = dcmread(file)
        grouped[ds.StudyInstanceUID].append(ds)
    return grouped


def test_counts_agree_with_what_lies_there(hospital, studies):
    recipe, folder, planted = hospital
    assert planted.patients == recipe.patients
    assert planted.studies == len(studies) == recipe.patients + recipe.follow_ups
    assert planted.instances == len(files_of(folder))


def test_every_planted_string_and_uid_is_there(hospital):
    _, folder, planted = hospital
    contents = [path.read_bytes() for path in files_of(folder)]
    scanner = Scanner(planted)
    assert scanner.scan("archive", contents).hits == scanner.count == len(planted)
    everything = b"".join(contents)
    assert all(uid.encode() in everything for uid in planted.uids)


def test_every_kind_is_planted_in_every_hospital(hospital):
    assert all(hospital[2].of(kind) for kind in PlantedKind)


def test_every_identifying_value_is_on_the_list(hospital, studies):
    """What a person would call identifying may not be missing from what the search looks for."""
    planted = hospital[2]
    for ds in (ds for study in studies.values() for ds in study):
        assert {str(ds.PatientName).split("=")[0]} <= planted.of(PlantedKind.NAME)
        assert {str(ds.ReferringPhysicianName), str(ds.OperatorsName)} <= planted.of(
            PlantedKind.NAME
        )
        numbers = {ds.PatientID, ds.OtherPatientIDs, ds.AccessionNumber, ds.StudyID}
        assert numbers <= planted.of(PlantedKind.NUMBER)
        assert {ds.PatientBirthDate, ds.StudyDate, ds.SeriesDate, ds.ContentDate} <= planted.of(
            PlantedKind.DATE
        )
        texts = {ds.PatientComments, ds.StudyDescription, ds.SeriesDescription, ds.PatientAddress}
        assert texts <= planted.of(PlantedKind.TEXT)
        uids = {ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.SOPInstanceUID}
        assert uids | {ds.FrameOfReferenceUID} <= planted.uids


def test_identity_hides_in_the_awkward_places(hospital):
    for file in files_of(hospital[1]):
        ds = dcmread(file)
        name = str(ds.PatientName).split("=")[0]
        assert name.encode() in ds.preamble
        assert ds.PatientID.encode() in ds.file_meta.PrivateInformation
        private = [element for element in ds if element.tag.is_private]
        assert {element.VR for element in private} == {"LO", "PN", "DA", "UN", "SQ"}
        assert ds.PatientID in ds.RequestAttributesSequence[0].ReasonForTheRequestedProcedure
        if ds.SOPClassUID == SegmentationStorage:
            family = str(ds.PatientName.family_name)
            assert all(family in item.SegmentLabel for item in ds.SegmentSequence)
            assert str(ds.ContentCreatorName)


def test_representation_shows_counts_only(hospital):
    planted = hospital[2]
    text = repr(planted)
    assert f"{planted.patients} patients" in text
    assert not [string for string in planted if string in text]


def test_each_study_has_one_mr_series_and_one_segmentation_of_it(studies):
    for study in studies.values():
        assert Counter(ds.SOPClassUID for ds in study) == {
            MRImageStorage: 8,
            SegmentationStorage: 1,
        }
        assert len({ds.SeriesInstanceUID for ds in study}) == 2
        assert len({(ds.PatientID, ds.AccessionNumber, ds.StudyDate) for ds in study}) == 1
        assert len({ds.FrameOfReferenceUID for ds in study}) == 1
        assert {ds.file_meta.TransferSyntaxUID for ds in study} == {ExplicitVRLittleEndian}
        images = [ds for ds in study if ds.Modality == "MR"]
        (seg,) = (ds for ds in study if ds.Modality == "SEG")
        (series,) = seg.ReferencedSeriesSequence
        assert series.SeriesInstanceUID == images[0].SeriesInstanceUID
        referenced = {item.ReferencedSOPInstanceUID for item in series.ReferencedInstanceSequence}
        assert referenced == {ds.SOPInstanceUID for ds in images}


def test_an_independent_reader_gets_the_phantom_back(hospital):
    recipe, folder, _ = hospital
    person = make_person(recipe.name, recipe.seed, 0)
    visit = make_visit(recipe.name, recipe.seed, 0, 0)
    study = folder / person.patient_id / visit.accession_number
    phantom = examination(recipe, 0)
    slices = [dcmread(path) for path in study.glob("MR*.dcm")]
    volume = hd.get_volume_from_series(slices, dtype=np.float64)
    seg = hd.seg.segread(study / "SEG0001.dcm")
    labels = seg.get_volume(combine_segments=True)
    # highdicom stacks from the first plane to the last along the normal or against it.
    up = volume.get_closest_patient_orientation()[0].value == "H"
    stored = volume.array if up else volume.array[::-1]
    assert np.allclose(stored, phantom.image * recipe.scanner.rescale_slope)
    marked = labels.match_geometry(volume).array
    assert np.array_equal(marked if up else marked[::-1], phantom.label)
    assert [
        item.SegmentedPropertyTypeCodeSequence[0].CodeValue for item in seg.SegmentSequence
    ] == [
        "389081007",
        "389080008",
    ]


def test_slices_are_numbered_from_the_head_where_the_stack_is_tilted(hospital, studies):
    recipe = hospital[0]
    for study in studies.values():
        images = sorted(
            (ds for ds in study if ds.Modality == "MR"), key=lambda ds: int(ds.InstanceNumber)
        )
        heights = [float(ds.ImagePositionPatient[2]) for ds in images]
        assert heights == sorted(heights, reverse=bool(recipe.grid.tilt_deg))


def test_writing_again_gives_the_same_bytes(tmp_path):
    recipe = replace(RECIPES["birch"], patients=1, follow_ups=0)
    digests = []
    for name in ("first", "second"):
        planted = write_patients(recipe, tmp_path / name)
        digests.append(
            [hashlib.sha256(path.read_bytes()).hexdigest() for path in files_of(tmp_path / name)]
        )
    assert digests[0] == digests[1]
    assert list(planted)


def test_the_three_hospitals_share_nobody():
    people = [
        make_person(recipe.name, recipe.seed, number)
        for recipe in RECIPES.values()
        for number in range(recipe.patients)
    ]
    for field in ("family", "patient_id", "insurance_number", "phone", "address"):
        assert len({getattr(person, field) for person in people}) == len(people)


def test_other_scripts_and_umlauts_are_among_the_names():
    scripts = {script for recipe in RECIPES.values() for script in recipe.scripts.values()}
    assert scripts == {"japanese", "cyrillic"}
    assert {recipe.character_set for recipe in RECIPES.values()} == {"ISO_IR 100", "ISO_IR 192"}
    assert not make_person("aurora", 11, 0).family.isascii()


@given(
    hospital=st.sampled_from(sorted(RECIPES)),
    patient=st.integers(0, 100),
    visit=st.integers(0, 1),
    weeks=st.integers(-300, 300).filter(bool),
)
def test_a_date_shifted_by_whole_weeks_is_never_a_planted_one(hospital, patient, visit, weeks):
    planted = {
        make_visit(name, recipe.seed, number, number_of_visit).day
        for name, recipe in RECIPES.items()
        for number in range(recipe.patients)
        for number_of_visit in (0, 1)
    }
    shifted = make_visit(hospital, RECIPES[hospital].seed, patient, visit).day + timedelta(
        7 * weeks
    )
    assert shifted not in planted


def test_examinations_lie_in_the_past():
    assert make_visit("aurora", 11, 0, 1).day < date(2026, 9, 30)


def test_the_demos_job_leaves_every_part_enough_patients():
    job = load_job(shipped("configs", "jobs", "brain-tissue.toml"))
    total = 0
    for recipe in RECIPES.values():
        patients = [f"{recipe.name}-{number}" for number in range(recipe.patients)]
        parts = Counter(assign_splits(patients, {}, job.cohort.splits).values())
        assert min(parts.values()) >= job.egress.minimum_cell
        total += recipe.patients
        assert recipe.patients >= job.cohort.minimum_patients
    assert 16 * len(RECIPES) <= total <= 24 * len(RECIPES)


def test_strings_too_short_to_look_for_are_refused_without_showing_them():
    plant = Planter()
    with pytest.raises(ValueError, match="too short") as caught:
        plant(PlantedKind.NAME, "Ann")
    assert "Ann" not in str(caught.value)
    assert repr(plant) == "Planter(0 strings)"
