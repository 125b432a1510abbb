"""Patient, study, series, equipment and image attributes of a corpus object."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING

from pydicom.dataset import Dataset

from benchmarks.deid_quality.level import Level
from benchmarks.deid_quality.people import CODECS
from benchmarks.deid_quality.phrases import Phrase, Writer
from benchmarks.deid_quality.specimen import Specimen

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.deid_quality.people import Person, Study

DEVICES = (
    ("SIEMENS", "SOMATOM Definition AS+"),
    ("GE MEDICAL SYSTEMS", "Revolution CT"),
    ("Philips Healthcare", "Ingenia"),
    ("TOSHIBA", "Aquilion ONE"),
    ("Agfa", "DX-D 300"),
)


class Draft:
    """An object in the making: its data set, its answer key and who it is about.

    Parameters
    ----------
    kind
        Kind in the table.
    number
        Running number in the corpus; chooses variants.
    slot
        Number of its series in the study; 1 is the CT that others refer to.
    person, study
        Whom and what it shows.
    """

    def __init__(self, kind: str, number: int, slot: int, person: Person, study: Study) -> None:
        self.number = number
        self.slot = slot
        self.person = person
        self.study = study
        self.rng = random.Random(f"{kind}-{number}")  # noqa: S311 - a corpus, no secret
        self.write = Writer(person, study, self.rng)
        self.specimen = Specimen(path="", kind=kind, person=person.key)
        codec = CODECS[person.charset]
        self.specimen.encodings = sorted({"utf-8", "utf-16-le", "utf-16-be", codec})
        self.dataset = Dataset()
        self.top = Level(self.specimen, self.dataset)
        self.series_uid = f"{study.uid}.{slot}"
        self.uid = f"{study.uid}.{slot}.1"
        self.sop_class = ""
        self.preamble = b"\0" * 128
        self.meta: dict[str, object] = {}
        self.after: list[Callable[[bytes], bytes]] = []  # damage to the finished file
        self.when = study.when + dt.timedelta(minutes=number % 37, seconds=number % 60)

    def begin(self, sop_class: str, modality: str, device: int | None = None) -> None:
        """Write what every object has."""
        self.sop_class = sop_class
        if self.person.charset:
            self.dataset.SpecificCharacterSet = self.person.charset.split("\\")
        self.top.keep("SOPClassUID", sop_class)
        self.top.uid("SOPInstanceUID", self.uid)
        self.top.keep("Modality", modality)
        self._patient()
        self._study()
        self._series(modality)
        self._equipment(self.number % len(DEVICES) if device is None else device)

    def _patient(self) -> None:
        top, person, study = self.top, self.person, self.study
        top.gone("PatientName", person.name)
        top.specimen.expect("consistent", top.where("PatientName"), person.name)
        top.linked("PatientID", person.patient_id)
        top.put("PatientBirthDate", f"{person.birth:%Y%m%d}")
        top.specimen.expect("removed", top.where("PatientBirthDate"), f"{person.birth:%Y%m%d}")
        top.specimen.plant(f"{person.birth:%Y%m%d}", "date")
        top.keep("PatientSex", person.sex)
        if study.age_years > 89:
            top.put("PatientAge", study.age)
            top.specimen.expect("age", top.where("PatientAge"), study.age)
        else:
            top.keep("PatientAge", study.age)
        optional = self.number % 4
        if optional == 0:
            top.gone("OtherPatientIDs", [person.other_id, person.ssn], "ids")
            top.plant(person.other_id, "id")
            top.plant(person.ssn, "id")
            top.gone("PatientAddress", person.address, "place")
            top.gone("PatientTelephoneNumbers", person.phone, "phone")
            top.keep("PatientWeight", "71.5")
            top.keep("PatientSize", "1.74")
        if optional == 1:
            inner = top.item("OtherPatientIDsSequence")
            inner.gone("PatientID", person.other_id, "id")
            inner.gone("IssuerOfPatientID", study.hospital, "place")
            top.gone("PatientMotherBirthName", f"{study.stranger}^Hedwig")
            top.gone("OtherPatientNames", f"{person.family}-{study.stranger}^{person.given}")
            top.keep("EthnicGroup", "European")
            top.keep("SmokingStatus", "NO")
        if optional == 2:
            top.text("AdditionalPatientHistory", self.write.comment())
            top.text("PatientComments", self.write.comment())
            top.text("MedicalAlerts", self.write.written("[Pacemaker]"))
            top.text("Allergies", self.write.written("[Penicillin]"))
            top.gone("ResponsiblePerson", f"{study.stranger}^Otto")
        if optional == 3:
            top.gone("PatientBirthName", f"{study.stranger}^{person.given}")
            top.gone("MilitaryRank", "Oberstabsfeldwebel", "other")
            top.gone("Occupation", "Glockengiesser", "other")
            top.gone("RegionOfResidence", person.town, "place")
            top.gone("PatientReligiousPreference", "Mennonite", "other")

    def _study(self) -> None:
        top, study = self.top, self.study
        top.uid("StudyInstanceUID", study.uid)
        top.date("StudyDate", study.when)
        top.put("StudyTime", f"{study.when:%H%M%S}")
        top.gone("AccessionNumber", study.accession, "id")
        top.gone("StudyID", study.study_id, "id")
        top.gone("ReferringPhysicianName", study.referring)
        top.text("StudyDescription", self.described())
        if self.number % 3 == 0:
            inner = top.item("ReferringPhysicianIdentificationSequence")
            inner.gone("PersonTelephoneNumbers", self.person.phone, "phone")
            inner.gone("InstitutionName", study.hospital, "place")
            top.gone("NameOfPhysiciansReadingStudy", study.reading)
            top.gone("PhysiciansOfRecord", study.performing)
            top.text("AdmittingDiagnosesDescription", self.write.comment(), "LO")
            self._shorten("AdmittingDiagnosesDescription")
        if self.number % 3 == 1:
            inner = top.item("RequestAttributesSequence")
            inner.gone("RequestedProcedureID", f"RP{study.study_id}", "id")
            inner.text("RequestedProcedureDescription", self.write.description())
            inner.text("ScheduledProcedureStepDescription", self.write.clean())
            inner.gone("AccessionNumber", study.accession, "id")
            inner.text("ReasonForTheRequestedProcedure", self.write.description())
        if self.number % 3 == 2:
            top.code("ProcedureCodeSequence", "24627-2", "LN", "CT Chest")
            top.gone("AdmissionID", f"ADM{study.study_id}", "id")
            top.text("ReasonForStudy", self.write.description())

    def _shorten(self, keyword: str) -> None:
        """LO holds 64 characters: longer ones happen, and stay as they are here."""
        if len(str(self.dataset[keyword].value)) > 64:
            self.specimen.variant += " long-LO"

    def described(self) -> Phrase:
        """Give a description, identifying in two of three objects."""
        return self.write.description() if self.number % 3 else self.write.clean()

    def _series(self, modality: str) -> None:
        top, study = self.top, self.study
        top.uid("SeriesInstanceUID", self.series_uid)
        top.keep("SeriesNumber", str(self.number % 9 + 1))
        top.date("SeriesDate", self.when)
        top.put("SeriesTime", f"{self.when:%H%M%S.%f}")
        clean = self.number % 2
        top.text("SeriesDescription", self.write.clean() if clean else self.write.description())
        if modality in {"CT", "MR", "PT", "NM", "XA", "RF", "US"}:
            top.text("ProtocolName", self.write.description() if clean else self.write.clean())
        top.gone("OperatorsName", study.operator)
        top.gone("PerformingPhysicianName", study.performing)
        if self.number % 5 == 0:
            top.date("PerformedProcedureStepStartDate", study.when)
            top.gone("PerformedProcedureStepID", f"PPS{study.study_id}", "id")
            top.text("PerformedProcedureStepDescription", self.write.description())
            top.gone("PerformedStationAETitle", study.station, "id")
            top.text("CommentsOnThePerformedProcedureStep", self.write.comment())

    def _equipment(self, device: int) -> None:
        top, study = self.top, self.study
        manufacturer, model = DEVICES[device]
        top.keep("Manufacturer", manufacturer)
        top.keep("ManufacturerModelName", model)
        top.gone("InstitutionName", study.hospital, "place")
        top.gone("StationName", study.station, "id")
        top.gone("DeviceSerialNumber", study.serial, "id")
        top.put("SoftwareVersions", ["syngo CT VB20A", "R4.1"])
        if self.number % 2:
            top.gone("InstitutionAddress", study.hospital_address, "place")
            top.gone("InstitutionalDepartmentName", f"Radiologie {study.town}", "place")
        if self.number % 7 == 0:
            inner = top.item("ContributingEquipmentSequence")
            inner.put("Manufacturer", "Acme Gateway")
            inner.gone("InstitutionName", study.hospital, "place")
            inner.gone("OperatorsName", study.operator)
            inner.moment("ContributionDateTime", self.when, ".123456+0100")
            inner.code("PurposeOfReferenceCodeSequence", "109103", "DCM", "Modifying Equipment")
        if self.number % 7 == 3:
            self._original()

    def _original(self) -> None:
        inner = self.top.item("OriginalAttributesSequence")
        inner.moment("AttributeModificationDateTime", self.when, "-0500")
        inner.gone("ModifyingSystem", self.study.station, "id")
        inner.gone("SourceOfPreviousValues", self.study.hospital, "place")
        inner.put("ReasonForTheAttributeModification", "COERCE")
        modified = inner.item("ModifiedAttributesSequence")
        modified.gone("PatientName", f"{self.study.stranger}^{self.person.given}")
        modified.gone("PatientID", self.person.other_id, "id")

    def image(self, *, spatial: bool) -> None:
        """Write general image attributes."""
        top = self.top
        top.keep("InstanceNumber", str(self.number))
        top.date("ContentDate", self.when)
        top.put("ContentTime", f"{self.when:%H%M%S}.250000")
        top.date("AcquisitionDate", self.when)
        top.put("AcquisitionTime", f"{self.when:%H%M%S}")
        if self.number % 2:
            top.moment(
                "AcquisitionDateTime", self.when, [".5", "+0200", ".123456-0330"][self.number % 3]
            )
        if self.number % 4 == 0:
            top.text("ImageComments", self.write.comment())
        if self.number % 4 == 1:
            top.text("DerivationDescription", self.write.description())
        if self.number % 4 == 2:
            top.date("InstanceCreationDate", self.when)
            top.text("AcquisitionComments", self.write.comment())
        if spatial:
            top.uid("FrameOfReferenceUID", self.study.frame_of_reference)
            place = self.number % 50
            top.keep("ImagePositionPatient", ["-120.5", "-98.25", str(place * 2.5)])
            top.keep("ImageOrientationPatient", ["1", "0", "0", "0", "1", "0"])
            top.keep("SliceLocation", str(place * 2.5))
            top.keep("PixelSpacing", ["0.75", "0.75"])
            top.keep("SliceThickness", "2.5")
