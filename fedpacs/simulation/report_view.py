"""From facts to what the template prints: drawings, pictures, table rows and written numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.core.ps315 import Action
from fedpacs.simulation.report_models import bar_charts, curve_charts, model_rows
from fedpacs.simulation.report_pictures import data_uri, differences, overlay
from fedpacs.simulation.report_road import Gate, Road, Stop, tall_road, wide_road
from fedpacs.simulation.report_verdict import judge

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from markupsafe import Markup

    from fedpacs.simulation.report_facts import (
        DemoReport,
        GateCount,
        HospitalReport,
        Segmentation,
        TagRow,
    )

_ACTIONS: Mapping[Action | None, tuple[str, str]] = {
    Action.DUMMY: ("D", "replaced by a dummy"),
    Action.ZERO: ("Z", "emptied"),
    Action.REMOVE: ("X", "removed"),
    Action.KEEP: ("K", "kept"),
    Action.CLEAN: ("C", "cleaned"),
    Action.UID: ("U", "new UID"),
    None: ("+", "added"),
}
_CORNER_TAGS = ("(0010,0010)", "(0010,0020)", "(0010,0030)", "(0008,0080)", "(0008,0020)")
"""Patient's Name, Patient ID, Patient's Birth Date, Institution Name, Study Date."""

_SIZES = ((10**9, "GB"), (10**6, "MB"), (10**3, "kB"))


@dataclass(frozen=True, slots=True)
class RoadRow:
    """A line of the table of the road: a step, its number at each hospital, and in all."""

    step: str
    unit: str
    cells: tuple[str, ...]
    total: str


def page_context(report: DemoReport) -> dict[str, Any]:
    """Give everything the template needs."""
    before_after, verdict = report.before_after, judge(report)
    tags = [(row, *_done(row)) for row in before_after.rows]
    tally = Counter(done for _, _, done in tags)
    titles = {h.name: h.title or h.name for h in report.hospitals}
    return {
        "report": report,
        "verdict": verdict,
        "titles": titles,
        "road": _road(report),
        "road_rows": _road_rows(report),
        "refusals": _refusals(report),
        "before": data_uri(before_after.before),
        "after": data_uri(before_after.after),
        "tally": ", ".join(f"{n:,} {what}" for what, n in tally.most_common()),
        "tags": tags,
        "corners": _corners(before_after.rows),
        "curves": curve_charts(report),
        "bars": bar_charts(report, titles),
        "model_rows": model_rows(report, titles),
        "pictures": _pictures(report.segmentation, titles),
        "total_records": sum(r.nbytes for h in report.hospitals for r in h.departures.records),
        "total_wire": sum(h.departures.wire_bytes for h in report.hospitals),
        "total_time": sum(t.seconds for t in report.times),
    }


def in_bytes(count: int) -> str:
    """Write a number of bytes for people, in powers of ten and three digits."""
    if count < 1000:  # noqa: PLR2004 - a kilobyte
        return f"{count} bytes" if count != 1 else "1 byte"
    value = float(f"{count:.3g}")
    size, unit = next(s for s in _SIZES if value >= s[0])
    return f"{value / size:,.0f} {unit}" if value >= 1000 * size else f"{value / size:.3g} {unit}"


def in_time(seconds: float) -> str:
    """Write a duration for people."""
    if round(seconds, 1) < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s"


def shorten(digest: str) -> str:
    """Give the first 16 digits of a long digest, enough to compare by eye."""
    head, _, tail = digest.rpartition(":")
    return f"{head}{':' if head else ''}{tail[:16]}\u2026" if len(tail) > 20 else digest  # noqa: PLR2004


def _done(row: TagRow) -> tuple[str, str]:
    code, done = _ACTIONS[row.action]
    if row.action is Action.ZERO and row.after:
        return code, "replaced by a dummy"
    return code, done


def _corners(rows: Iterable[TagRow]) -> tuple[list[str], list[str]]:
    """Collect what a viewer writes into the corner of the picture, before and after."""
    shown = sorted(
        (row for row in rows if row.tag in _CORNER_TAGS), key=lambda r: _CORNER_TAGS.index(r.tag)
    )
    before = [row.before for row in shown if row.before]
    after = [row.after for row in shown if row.after and row.action is not Action.REMOVE]
    return before, after


def _total(report: DemoReport, name: str) -> int:
    return sum(getattr(h.road, name) for h in report.hospitals)


def _gate(report: DemoReport, number: int, name: str) -> Gate:
    counts: list[GateCount] = [getattr(h.road, name) for h in report.hospitals]
    refused = sum(sum(c.refused.values()) for c in counts)
    return Gate(number, name, sum(c.opened for c in counts), refused)


def _road(report: DemoReport) -> tuple[Markup, Markup]:
    aside = sum(sum(h.quarantined.values()) for h in report.hospitals)
    n = {name: f"{_total(report, name):,}" for name in _NUMBERS}
    road = Road(
        archive=Stop("PACS", (f"{n['found']} studies found",), "archive"),
        inside=(
            Stop("Study", (f"{n['retrieved']} retrieved", f"{n['reconciled']} complete")),
            Stop("De-identified", (f"{n['deidentified']} studies", f"{aside:,} quarantined")),
            Stop(
                "Cohort",
                (
                    f"{n['sealed']} studies sealed",
                    f"{sum(h.road.patients for h in report.hospitals):,} patients",
                ),
            ),
            Stop("Update", (f"{n['rounds_trained']} rounds trained", "weights, no image")),
        ),
        gates=(
            _gate(report, 1, "disclosure"),
            _gate(report, 2, "cohort"),
            _gate(report, 3, "egress"),
        ),
        model=Stop(
            "Global model",
            (f"{report.job.rounds} rounds", f"{report.job.parameters:,} weights"),
            "stop model",
        ),
        back=(
            Stop("Result", (f"{n['results_stored']} DICOM SEG", "research only")),
            Stop(
                "PACS",
                (f"{n['results_stored']} stored", f"{n['results_found']} found again"),
                "archive",
            ),
        ),
    )
    return wide_road(road), tall_road(road)


_NUMBERS = (
    "found",
    "retrieved",
    "reconciled",
    "deidentified",
    "sealed",
    "rounds_trained",
    "results_stored",
    "results_found",
)


def _road_rows(report: DemoReport) -> list[RoadRow]:
    def numbers(step: str, unit: str, name: str) -> RoadRow:
        cells = tuple(f"{getattr(h.road, name):,}" for h in report.hospitals)
        return RoadRow(step, unit, cells, f"{_total(report, name):,}")

    def gate(number: int, name: str, unit: str) -> RoadRow:
        drawn = _gate(report, number, name)
        cells = tuple(
            f"{(c := getattr(h.road, name)).opened:,} / {sum(c.refused.values()):,}"
            for h in report.hospitals
        )
        step = f"Gate {number}, {name}"
        return RoadRow(
            step, f"{unit}, opened / refused", cells, f"{drawn.opened:,} / {drawn.refused:,}"
        )

    aside = [sum(h.quarantined.values()) for h in report.hospitals]
    parts = [f"{h.road.train} / {h.road.validation} / {h.road.test}" for h in report.hospitals]
    whole = " / ".join(f"{_total(report, part):,}" for part in ("train", "validation", "test"))
    return [
        numbers("Found in the PACS", "studies", "found"),
        numbers("Retrieved", "studies", "retrieved"),
        numbers("Reconciled, complete", "studies", "reconciled"),
        numbers("De-identified and verified", "studies", "deidentified"),
        RoadRow("Quarantined", "studies", tuple(f"{a:,}" for a in aside), f"{sum(aside):,}"),
        gate(1, "disclosure", "studies"),
        numbers("Sealed", "studies", "sealed"),
        numbers("Sealed", "DICOM objects", "instances"),
        RoadRow("Cohort", "patients: train / validation / test", tuple(parts), whole),
        gate(2, "cohort", "cohorts"),
        numbers("Trained", "rounds", "rounds_trained"),
        gate(3, "egress", "messages"),
        numbers("Result stored in the PACS", "DICOM SEG", "results_stored"),
        numbers("Result found again by C-FIND", "DICOM SEG", "results_found"),
    ]


def _refusals(report: DemoReport) -> list[tuple[HospitalReport, str, str, int]]:
    rows: list[tuple[HospitalReport, str, str, int]] = []
    for hospital in report.hospitals:
        where = (
            ("quarantine", hospital.quarantined),
            ("gate 1, disclosure", hospital.road.disclosure.refused),
            ("gate 2, cohort", hospital.road.cohort.refused),
            ("gate 3, egress", hospital.road.egress.refused),
        )
        rows += [
            (hospital, place, code, count)
            for place, codes in where
            for code, count in sorted(codes.items())
        ]
    return rows


def _pictures(shown: Segmentation, titles: Mapping[str, str]) -> list[tuple[str, str, str]]:
    where = f"a synthetic patient of {titles.get(shown.hospital, shown.hospital)}"
    classes = " and ".join(shown.labels)
    wrong = int((shown.truth != shown.predicted).sum())
    share = f"{wrong:,} of {shown.truth.size:,} pixels"
    return [
        ("The image", f"One slice of {where}, as the model saw it.", data_uri(shown.image)),
        (
            "The truth",
            f"The same slice with {classes} as the hospital's label draws them.",
            data_uri(overlay(shown.image, shown.truth)),
        ),
        (
            "The model's SEG",
            f"The same slice with {classes} as the federated model draws them.",
            data_uri(overlay(shown.image, shown.predicted)),
        ),
        (
            "Where they differ",
            f"The same slice, darkened; {share} whose label differs are yellow.",
            data_uri(differences(shown.image, shown.truth, shown.predicted)),
        ),
    ]
