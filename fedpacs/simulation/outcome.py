"""What a demo ends with: the summary that is printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.simulation.report_facts import DemoReport


@dataclass(frozen=True, slots=True)
class ModelDice:
    """One line of the comparison: Dice on the hospitals' held-out patients."""

    model: str
    mean: float
    worst_site: float


@dataclass(frozen=True, slots=True)
class Departed:
    """What left one hospital, and what was found in it."""

    hospital: str
    studies: int
    quarantined: int
    patients: int
    updates: int
    wire_bytes: int
    result_in_pacs: bool
    book_verifies: bool


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """Summary of a demo.

    Attributes
    ----------
    planted_strings
        Identifying strings that were looked for.
    leaks
        How many of them were found where they must not be: 0.
    """

    report: Path
    models: tuple[ModelDice, ...]
    hospitals: tuple[Departed, ...]
    planted_strings: int
    leaks: int
    elapsed_s: float


def summarise(file: Path, report: DemoReport, elapsed_s: float) -> DemoOutcome:
    """Draw the summary from the report.

    Parameters
    ----------
    file
        Where the report lies.
    elapsed_s
        Time of the whole demo.
    """
    models = tuple(
        ModelDice(
            f"{model.kind} {model.trained_at}".strip(),
            sum(model.dice.values()) / len(model.dice),
            min(model.dice.values()),
        )
        for model in report.models
    )
    found = {each.hospital: each.found for each in report.results}
    return DemoOutcome(
        report=file,
        models=models,
        hospitals=tuple(
            Departed(
                hospital=each.name,
                studies=each.road.sealed,
                quarantined=sum(each.quarantined.values()),
                patients=each.road.patients,
                updates=each.road.rounds_trained,
                wire_bytes=each.departures.wire_bytes,
                result_in_pacs=found[each.name],
                book_verifies=each.book.ok,
            )
            for each in report.hospitals
        ),
        planted_strings=report.leak_scan.planted,
        leaks=sum(target.hits for target in report.leak_scan.targets),
        elapsed_s=elapsed_s,
    )
