"""The series of a site: coded as they come in, checked in the store, put to people."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pydicom import dcmread

from fedpacs.agent.intake.fetching import identity_of
from fedpacs.core.errors import CohortError
from fedpacs.core.study import CodedSeries
from fedpacs.quality.pictures import text
from fedpacs.quality.report import QualitySummary, SeriesRow, summary_of, thumbnail, write_report
from fedpacs.quality.standardisation.drift import jumps_of, months_of
from fedpacs.quality.standardisation.mapping import load_mapping
from fedpacs.quality.standardisation.register import Register
from fedpacs.quality.standardisation.standardise import standardise
from fedpacs.quality.standardisation.vocabulary import FIELDS, UNKNOWN
from fedpacs.quality.study import check_study

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from fedpacs.agent.premises import Premises
    from fedpacs.cohort.study_record import StudyRecord
    from fedpacs.config.quality import Quality
    from fedpacs.core.study import DeidentifiedStudy, Study
    from fedpacs.quality.findings import SeriesReport
    from fedpacs.quality.standardisation.drift import Jump, Month

    Progress = Callable[[str, int, int], None]

_UNREAD = ("SEG", "RTSTRUCT", "SR", "PR", "KO", "DOC", "REG")


def register_of(premises: Premises) -> Register:
    """Give the site's register of series."""
    return Register(premises.config.standardisation.series)


def standardise_study(premises: Premises, study: Study) -> dict[str, dict[str, Any]]:
    """Code the series of a complete, still identified study, and ask what is in doubt.

    Parameters
    ----------
    premises
        The site.
    study
        In the staging area.

    Returns
    -------
    dict
        New series UID to codes; no word of a header is in it.

    Raises
    ------
    BadMappingError, RegisterError
        Both befall every study alike: a person has to act first.
    """
    mapping = load_mapping(premises.config.standardisation.mapping)
    register = register_of(premises)
    coded: dict[str, dict[str, Any]] = {}
    patient = identity_of(study.ref, premises.pseudonyms)
    for series in study.ref.series:
        if series.modality in _UNREAD or not series.instances:
            continue
        middle = series.instances[len(series.instances) // 2].sop_instance_uid
        try:
            header = dcmread(study.files[middle], stop_before_pixels=True)
            codes = standardise(header, mapping)
            month = _month(text(header, "StudyDate"))
        except Exception:  # noqa: BLE001, S112 - what cannot be read the de-identification refuses
            continue
        uid = premises.pseudonyms.uid(series.series_instance_uid)
        if not patient:  # the archive's answer had named nobody
            named = replace(study.ref, patient_id=text(header, "PatientID"))
            patient = identity_of(named, premises.pseudonyms)
        register.note(uid, month, header, codes, patient)
        coded[uid] = codes.as_dict()
    return coded


def coded_series(premises: Premises, study: DeidentifiedStudy) -> tuple[CodedSeries, ...]:
    """Give what the site's register says of the series of a study, as it is sealed with it."""
    register = register_of(premises)
    uids = {instance.series_instance_uid for instance in study.instances}
    return tuple(_fields(uid, codes) for uid in sorted(uids) if (codes := register.codes(uid)))


def codes_of_today(premises: Premises) -> Callable[[StudyRecord], StudyRecord]:
    """Give a function that brings a sealed study's codes up to date: people answer later."""
    register = register_of(premises)

    def renewed(record: StudyRecord) -> StudyRecord:
        now = {coded.series_instance_uid: coded for coded in record.coded}
        for uid in {instance.series_instance_uid for instance in record.instances}:
            if codes := register.codes(uid):
                now[uid] = _fields(uid, codes)
        return replace(record, coded=tuple(now[uid] for uid in sorted(now)))

    return renewed


def _fields(uid: str, codes: Mapping[str, Any]) -> CodedSeries:
    fields = {field: codes[field]["value"] for field in FIELDS}
    if code := codes["body_part"].get("code"):
        fields["body_part_code"] = f"{code['scheme']}:{code['value']}"
    known = ((name, value) for name, value in sorted(fields.items()) if value != UNKNOWN)
    return CodedSeries(uid, tuple(known))


def _month(date: str) -> str:
    return f"{date[:4]}-{date[4:6]}" if len(date) == 8 and date.isdigit() else ""  # noqa: PLR2004 - YYYYMMDD


def check_quality(
    premises: Premises,
    rules: Quality,
    report: Path | None = None,
    progress: Progress | None = None,
) -> QualitySummary:
    """Check every series of the sealed store, and write the report.

    Parameters
    ----------
    premises
        The site.
    rules
        Of job and site together.
    report
        Folder of the report; None writes none.
    progress
        Called with the step's name, studies done and studies in all.
    """
    register = register_of(premises)
    studies = premises.store.studies()
    reports: list[SeriesReport] = []
    rows: list[SeriesRow] = []
    for number, record in enumerate(studies, start=1):
        for found, files in _checked(premises, record, rules):
            reports.append(found)
            if report is not None:
                codes = register.codes(found.series_uid) or {}
                rows.append(SeriesRow(found, codes, thumbnail(files)))
        if progress:
            progress("quality", number, len(studies))
    summary = summary_of(len(studies), reports, len(register.questions()))
    if report is not None:
        write_report(report, summary, rows, drift_of(premises))
    return summary


def drift_of(premises: Premises) -> tuple[tuple[Month, ...], tuple[Jump, ...]]:
    """Give the shares of each class by month, and what stands out."""
    months = months_of(register_of(premises).by_month())
    return months, jumps_of(months)


def _checked(
    premises: Premises, record: StudyRecord, rules: Quality
) -> Iterator[tuple[SeriesReport, list[bytes]]]:
    files: dict[str, list[bytes]] = {}
    for instance in record.instances:
        try:
            content = premises.store.read(instance.digest)
        except CohortError:
            content = b""  # what the store lost is an unreadable file of the series
        files.setdefault(instance.series_instance_uid, []).append(content)
    everything = [content for contents in files.values() for content in contents]
    for found in check_study(everything, rules):
        yield found, files.get(found.series_uid, [])
