"""The report of the demo: one HTML file that needs no network, no script and no other file.

Its own Content-Security-Policy forbids everything but its inline style and its inline pictures.
`render` is a function of its facts alone, so the same demo gives the same page.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jinja2 import Environment, PackageLoader, StrictUndefined

from fedpacs.simulation.report_facts import (
    BeforeAfter,
    BookCheck,
    ControlScan,
    CurvePoint,
    DemoReport,
    Departures,
    GateCount,
    HospitalReport,
    JobFacts,
    LeakScan,
    ModelScores,
    RoadCounts,
    ScanTarget,
    SegFacts,
    Segmentation,
    StepTime,
    TagRow,
    WireRecord,
)
from fedpacs.simulation.report_verdict import number_word
from fedpacs.simulation.report_view import in_bytes, in_time, page_context, shorten

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "BeforeAfter",
    "BookCheck",
    "ControlScan",
    "CurvePoint",
    "DemoReport",
    "Departures",
    "GateCount",
    "HospitalReport",
    "JobFacts",
    "LeakScan",
    "ModelScores",
    "RoadCounts",
    "ScanTarget",
    "SegFacts",
    "Segmentation",
    "StepTime",
    "TagRow",
    "WireRecord",
    "render",
    "write_report",
]


def render(report: DemoReport) -> str:
    """Make the page.

    Parameters
    ----------
    report
        The facts of one demo. Everything in it is escaped.

    Returns
    -------
    str
        A complete HTML document.

    Raises
    ------
    PictureError
        If an array in it is not a picture.
    """
    environment = Environment(
        loader=PackageLoader("fedpacs.simulation", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        bytes=in_bytes, duration=in_time, digest=shorten, word=number_word, count="{:,}".format
    )
    return environment.get_template("report.html.j2").render(page_context(report))


def write_report(report: DemoReport, path: Path) -> None:
    """Write the page, whole or not at all.

    Parameters
    ----------
    report
        See `render`.
    path
        The HTML file; its folder is made. An older report is replaced in one step.

    Raises
    ------
    PictureError
        If an array in it is not a picture; nothing is written then.
    """
    page = render(report).encode("utf-8")
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with half.open("wb") as handle:
            handle.write(page)
            handle.flush()
            os.fsync(handle.fileno())
        half.replace(path)
    finally:
        half.unlink(missing_ok=True)
