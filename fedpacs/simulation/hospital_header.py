"""The identified header of an examination: everything a hospital's systems write about people.

Names, numbers, dates and free text stand where the standard has a place for them, in nested items
and in a private block, so that de-identification has something to miss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from fedpacs.simulation.hospital_people import age_on
from fedpacs.simulation.hospital_planted import PlantedKind

if TYPE_CHECKING:
    from fedpacs.simulation.hospital_people import Person, Visit
    from fedpacs.simulation.hospital_planted import Planter
    from fedpacs.simulation.hospital_recipe import HospitalRecipe

_CHARACTER_SETS: dict[str, str | list[str]] = {
    "japanese": ["", "ISO 2022 IR 87"],
    "cyrillic": "ISO_IR 144",
}
_UTF8 = "ISO_IR 192"
NAME, NUMBER, DATE = PlantedKind.NAME, PlantedKind.NUMBER, PlantedKind.DATE
TEXT, DEVICE = PlantedKind.TEXT, PlantedKind.DEVICE


@dataclass(frozen=True, slots=True, repr=False)
class Examination:
    """Who was examined where, with the UIDs that all objects of the study share."""

    recipe: HospitalRecipe
    person: Person
    visit: Visit
    staff: tuple[str, ...]
    study_uid: str
    frame_of_reference_uid: str

    def __repr__(self) -> str:
        return "Examination(1 patient)"


def identified_header(exam: Examination, plant: Planter) -> Dataset:
    """Patient, study, request and private elements of one examination."""
    ds = Dataset()
    script = exam.person.script
    default = exam.recipe.character_set
    ds.SpecificCharacterSet = default if default == _UTF8 else _CHARACTER_SETS.get(script, default)
    _add_patient(ds, exam, plant)
    _add_study(ds, exam, plant)
    _add_equipment(ds, exam, plant)
    _add_request(ds, exam, plant)
    _add_private(ds, exam, plant)
    return ds


def _add_patient(ds: Dataset, exam: Examination, plant: Planter) -> None:
    person, visit = exam.person, exam.visit
    for group in person.name_groups:
        plant(NAME, group)
    if person.script != "japanese":
        plant(NAME, person.family)
    ds.PatientName = person.name
    ds.PatientID = plant(NUMBER, person.patient_id)
    ds.IssuerOfPatientID = exam.recipe.name.upper()
    ds.PatientBirthDate = plant(DATE, person.birth_date.strftime("%Y%m%d"))
    ds.PatientBirthTime = "041500"
    ds.PatientSex = person.sex
    ds.PatientAge = f"{age_on(visit.day, person.birth_date):03d}Y"
    ds.PatientWeight = person.weight_kg
    ds.PatientSize = person.height_m
    ds.OtherPatientIDs = plant(NUMBER, person.insurance_number)
    ds.OtherPatientIDsSequence = Sequence([_other_id(person)])
    ds.OtherPatientNames = person.name
    ds.PatientBirthName = person.name
    ds.PatientMotherBirthName = person.name
    ds.PatientAddress = plant(TEXT, person.address)
    ds.PatientTelephoneNumbers = plant(NUMBER, person.phone)
    ds.EthnicGroup = "unknown"
    ds.Occupation = "Leuchtturmwart"
    ds.AdditionalPatientHistory = plant(
        TEXT, f"Kopfschmerz. Tel. der Tochter {person.phone}, Akte {person.patient_id}"
    )
    born = person.birth_date.strftime("%d.%m.%Y")
    ds.PatientComments = plant(TEXT, f"Pat. {person.called}, geb. {born}, bitte anrufen")


def _other_id(person: Person) -> Dataset:
    item = Dataset()
    item.PatientID = person.insurance_number
    item.IssuerOfPatientID = "KRANKENKASSE"
    item.TypeOfPatientID = "TEXT"
    return item


def _add_study(ds: Dataset, exam: Examination, plant: Planter) -> None:
    visit, family = exam.visit, exam.person.family
    referring, performing, reading, _ = exam.staff
    for name in exam.staff:
        plant(NAME, name)
    ds.StudyInstanceUID = plant.uid(exam.study_uid)
    ds.StudyDate = plant(DATE, visit.dicom_date)
    ds.StudyTime = visit.dicom_time()
    ds.StudyID = plant(NUMBER, visit.study_id)
    ds.AccessionNumber = plant(NUMBER, visit.accession_number)
    ds.StudyDescription = plant(TEXT, f"MR Kopf {family}")
    ds.ReferringPhysicianName = referring
    ds.ReferringPhysicianAddress = plant(TEXT, f"Praxis {referring.split('^')[0]}, Feldweg 1")
    ds.ReferringPhysicianTelephoneNumbers = plant(NUMBER, f"+49 9998 {exam.recipe.seed:05d}")
    ds.PhysiciansOfRecord = referring
    ds.PerformingPhysicianName = performing
    ds.NameOfPhysiciansReadingStudy = reading
    ds.AdmissionID = plant(NUMBER, f"FALL{visit.procedure_id}")
    ds.ReferencedStudySequence = Sequence([_study_reference(exam)])


def _study_reference(exam: Examination) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.3.1.2.3.1"  # Detached Study Management (retired)
    item.ReferencedSOPInstanceUID = exam.study_uid
    return item


def _add_equipment(ds: Dataset, exam: Examination, plant: Planter) -> None:
    recipe, scanner = exam.recipe, exam.recipe.scanner
    ds.Manufacturer = scanner.manufacturer
    ds.ManufacturerModelName = scanner.model
    ds.SoftwareVersions = "fiktiv 1.0"
    ds.DeviceSerialNumber = plant(DEVICE, scanner.serial_number)
    ds.StationName = plant(DEVICE, scanner.station)
    ds.InstitutionName = plant(TEXT, f"{recipe.title}, Haus {recipe.seed}")
    if exam.person.script == "latin":  # the others' character sets have no umlauts
        ds.InstitutionAddress = plant(TEXT, recipe.address)
    ds.InstitutionalDepartmentName = plant(TEXT, f"Neuroradiologie {recipe.name.capitalize()}")
    ds.OperatorsName = exam.staff[3]


def _add_request(ds: Dataset, exam: Examination, plant: Planter) -> None:
    person, visit = exam.person, exam.visit
    ds.RequestingPhysician = exam.staff[0]
    ds.RequestedProcedureDescription = plant(TEXT, f"Schaedel-MR {person.patient_id}")
    item = Dataset()
    item.AccessionNumber = visit.accession_number
    item.RequestedProcedureID = plant(NUMBER, visit.procedure_id)
    item.RequestedProcedureDescription = ds.RequestedProcedureDescription
    item.ScheduledProcedureStepID = f"S{visit.procedure_id}"
    item.ScheduledProcedureStepDescription = plant(TEXT, f"Kopf nativ, {person.family}")
    item.ReasonForTheRequestedProcedure = plant(
        TEXT, f"Verlauf bei {person.called} ({person.patient_id})"
    )
    ds.RequestAttributesSequence = Sequence([item])
    ds.PerformedProcedureStepID = f"P{visit.procedure_id}"
    ds.PerformedProcedureStepStartDate = visit.dicom_date
    ds.PerformedProcedureStepStartTime = visit.dicom_time()
    ds.PerformedProcedureStepDescription = f"MR Kopf {person.family}"
    ds.CommentsOnThePerformedProcedureStep = plant(
        TEXT, f"{person.called} war unruhig; Rueckfragen {person.phone}"
    )


def _add_private(ds: Dataset, exam: Examination, plant: Planter) -> None:
    person = exam.person
    block = ds.private_block(0x0029, f"{exam.recipe.name.upper()} HIS 1.0", create=True)
    block.add_new(0x01, "PN", person.name)
    block.add_new(0x02, "DA", person.birth_date.strftime("%Y%m%d"))
    note = plant(TEXT, f"HIS-Notiz|{person.patient_id}|{person.insurance_number}")
    block.add_new(0x03, "UN", note.encode() + b" " * (len(note.encode()) % 2))
    nested = Dataset()
    nested.PatientID = person.patient_id
    nested.PatientName = person.name
    block.add_new(0x04, "SQ", Sequence([nested]))
