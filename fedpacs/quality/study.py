"""Quality control of one study: every series of it, and its labels against its images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from fedpacs.config.quality import Quality
from fedpacs.quality.findings import Severity
from fedpacs.quality.labels import check_label
from fedpacs.quality.pictures import read_instance
from fedpacs.quality.series import LABELS, check_instances

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fedpacs.quality.findings import SeriesReport
    from fedpacs.quality.pictures import Instance, Source

_DEFAULT = Quality()


def check_study(files: Iterable[Source], rules: Quality = _DEFAULT) -> tuple[SeriesReport, ...]:
    """Check all objects of a study.

    Parameters
    ----------
    files
        Every DICOM file of the study, as bytes or path, in any order.
    rules
        Thresholds and severities, of the job and the site together.

    Returns
    -------
    tuple of SeriesReport
        One per series, in the order in which the series first appear; files that cannot be read
        make a report of their own.
    """
    by_series: dict[str, list[Instance]] = {}
    unreadable = 0
    for file in files:
        instance = read_instance(file)
        if instance is None:
            unreadable += 1
        else:
            by_series.setdefault(instance.series_uid, []).append(instance)
    images = [i for group in by_series.values() for i in group if i.modality not in LABELS]
    reports = [_of_series(group, images, rules) for group in by_series.values()]
    if unreadable:
        reports.append(check_instances((), rules, unreadable=unreadable))
    return tuple(reports)


def _of_series(
    group: Sequence[Instance], images: Sequence[Instance], rules: Quality
) -> SeriesReport:
    report = check_instances(group, rules)
    labels = [i for i in group if i.modality in LABELS]
    if not labels:
        return report
    found = list(report.findings)
    for label in labels:
        found += check_label(label.source, images, rules).findings
    found.sort(key=lambda f: tuple(Severity).index(f.severity))
    return replace(report, findings=tuple(found), images=sum(i.frames for i in labels))
