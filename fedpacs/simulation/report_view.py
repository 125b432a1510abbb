"""From facts to what the template prints: drawings, pictures, table rows and written numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.core.ps315 import Action
from fedpacs.simulation.report_charts import Axis, Bar, axis_for, bar_chart, curve_chart
from fedpacs.simulation.report_facts import ModelScores
from fedpacs.simulation.report_pictures import data_uri, differences, overlay
from fedpacs.simulation.report_road import Gate, Road, Stop, tall_road, wide_road
from fedpacs.simulation.report_verdict import judge, mean_and_worst, own_models

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
_DICE = Axis(1.0, (0.0, 0.25, 0.5, 0.75, 1.0), ".2f")


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A line of the comparison table."""

    label: str
    kind: str
    cells: tuple[str, ...]
    home: int
    """Column of the hospital that trained it; -1 for none."""
    mean: str
    worst: str


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
        "curves": _curves(report),
        "bars": _bars(report, titles),
        "model_rows": _model_rows(report, titles),
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


def _curves(report: DemoReport) -> list[tuple[HospitalReport, Markup, Markup]]:
    loss_axis = axis_for(p.loss for h in report.hospitals for p in h.curve)
    drawn: list[tuple[HospitalReport, Markup, Markup]] = []
    for place, hospital in enumerate(report.hospitals):
        dice = [(p.server_round, p.validation_dice) for p in hospital.curve]
        loss = [(p.server_round, p.loss) for p in hospital.curve]
        name = hospital.title or hospital.name
        drawn.append(
            (
                hospital,
                curve_chart(
                    f"dice-{place}", f"Validation Dice by round, {name}", dice, _DICE, "federated"
                ),
                curve_chart(
                    f"loss-{place}", f"Training loss by round, {name}", loss, loss_axis, "loss"
                ),
            )
        )
    return drawn


def _label(model: ModelScores, titles: Mapping[str, str]) -> str:
    if model.kind == "federated":
        return "Federated: all hospitals, no image moved"
    if model.kind == "pooled":
        return "Pooled: as if all data were in one place"
    return f"Trained at {titles.get(model.trained_at, model.trained_at)} alone"


def _ordered(models: Iterable[ModelScores]) -> list[ModelScores]:
    order = {"local": 0, "pooled": 1, "federated": 2}
    return sorted(models, key=lambda m: order[m.kind])


def _bars(report: DemoReport, titles: Mapping[str, str]) -> list[tuple[HospitalReport, Markup]]:
    charts: list[tuple[HospitalReport, Markup]] = []
    for place, hospital in enumerate(report.hospitals):
        bars: list[Bar] = []
        for model in _ordered(report.models):
            home = model.trained_at == hospital.name
            kind = "home" if home else model.kind
            label = "Trained here alone" if home else _label(model, titles)
            bars.append(Bar(label, model.dice.get(hospital.name), kind))
        bars.sort(key=lambda bar: bar.style != "home")
        title = f"Dice on the test patients of {hospital.title or hospital.name}"
        charts.append((hospital, bar_chart(f"bars-{place}", title, bars)))
    return charts


def _model_rows(report: DemoReport, titles: Mapping[str, str]) -> list[ModelRow]:
    names = tuple(h.name for h in report.hospitals)
    home = ModelScores("local", own_models(report))
    rows: list[ModelRow] = []
    for model in (*_ordered(report.models), home):
        pair = mean_and_worst(model, names)
        rows.append(
            ModelRow(
                _label(model, titles) if model is not home else "Every hospital's own, at home",
                model.kind if model is not home else "at-home",
                tuple(_written(model.dice.get(name)) for name in names),
                names.index(model.trained_at) if model.trained_at in names else -1,
                _written(pair[0] if pair else None),
                _written(pair[1] if pair else None),
            )
        )
    return rows


def _written(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.2f}"


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
