"""What the models reach: curves by round, bars by hospital, and the table that compares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.simulation.report_charts import Axis, Bar, axis_for, bar_chart, curve_chart
from fedpacs.simulation.report_facts import ModelScores
from fedpacs.simulation.report_verdict import mean_and_worst, own_models

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from markupsafe import Markup

    from fedpacs.simulation.report_facts import DemoReport, HospitalReport

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


def curve_charts(report: DemoReport) -> list[tuple[HospitalReport, Markup, Markup]]:
    """Draw validation Dice and training loss of each hospital, on scales they share."""
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


def bar_charts(
    report: DemoReport, titles: Mapping[str, str]
) -> list[tuple[HospitalReport, Markup]]:
    """Draw what every model scores on each hospital's test patients, its own model first."""
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


def model_rows(report: DemoReport, titles: Mapping[str, str]) -> list[ModelRow]:
    """Give the comparison as a table, with every hospital's own model at home as last row."""
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
