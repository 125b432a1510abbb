"""The comparison as one HTML page that needs no network, no script and no other file."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from fedpacs.server.comparison.charts import distance_map, shares
from fedpacs.server.comparison.verdicts import FALSE_ALARMS, MATTERS, is_known

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.core.statistics import TableForm
    from fedpacs.federation.harmonisation import Harmonisation
    from fedpacs.server.comparison.reading import Received
    from fedpacs.server.comparison.verdicts import Comparison, Difference


@dataclass(frozen=True, slots=True)
class Page:
    """Everything the page tells.

    Attributes
    ----------
    title
        Of the job.
    job_digest
        Job that was asked for.
    forms
        Its tables, by name.
    harmonisation
        What was fitted, None where the sites released no sums.
    """

    title: str
    job_digest: str
    forms: Mapping[str, TableForm]
    received: Received
    comparison: Comparison
    harmonisation: Harmonisation | None


def render(page: Page) -> str:
    """Make the page; everything in it is escaped."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("fedpacs.server.comparison", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("comparison.html.j2").render(_context(page))


def sentences(comparison: Comparison) -> tuple[str, ...]:
    """Say what was found, one sentence for each site that stands apart."""
    return tuple(
        f"{verdict.site} stands apart from most other sites in {_list(verdict.stands_apart_in)}."
        for verdict in comparison.shifted
    ) or (_nothing(comparison),)


def _nothing(comparison: Comparison) -> str:
    differing = [d for d in comparison.differences if d.differs]
    if not differing:
        return "No site differs from the others by more than chance."
    return "Some pairs of sites differ, but no site stands apart from most of the others."


def _context(page: Page) -> dict[str, Any]:
    received, sites = page.received, list(page.received.sites)
    pairs = list(combinations(sites, 2))
    return {
        "title": page.title,
        "job_digest": page.job_digest,
        "sentences": sentences(page.comparison),
        "apart": bool(page.comparison.shifted),
        "sites": [_site(page, name, number) for number, name in enumerate(sites)],
        "map": distance_map(page.comparison.overall, sites),
        "pairs": [f"{a} - {b}" for a, b in pairs],
        "rows": [_row(page, form, pairs) for form in page.forms.values()],
        "charts": [
            {"name": words(form), "svg": shares(form, _tables(received, name)), "unit": form.unit}
            for name, form in page.forms.items()
            if _tables(received, name)
        ],
        "false_alarms": f"1 in {1 / FALSE_ALARMS:.0f}",
        "matters": MATTERS,
        "noise": next((s.noise for s in received.sites.values() if s.noise), None),
        "minimum_cells": sorted({s.minimum_cell for s in received.sites.values()}),
        "scale": page.harmonisation.standard_scale if page.harmonisation else (),
        "modelled": len(page.harmonisation.models) if page.harmonisation else 0,
    }


def words(form: TableForm) -> str:
    """Read a table's name aloud."""
    return form.name.replace("-", " ")


def _site(page: Page, name: str, number: int) -> dict[str, Any]:
    statistics = page.received.sites[name]
    verdict = next(v for v in page.comparison.verdicts if v.site == name)
    return {
        "name": name,
        "style": f"s{number % 6}",
        "patients": "hidden by noise" if statistics.patients is None else statistics.patients,
        "withheld": ", ".join(statistics.withheld) or "none",
        "apart": ", ".join(verdict.stands_apart_in) or "nothing",
        "mean": f"{verdict.mean_distance:.2f}",
        "digest": page.received.digests[name],
    }


def _row(page: Page, form: TableForm, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    found = {
        (d.measured.first, d.measured.second): d
        for d in page.comparison.differences
        if d.measured.table == form.name
    }
    cells = [
        _cell(form, found[pair]) if pair in found else _not_compared(page, form, pair)
        for pair in pairs
    ]
    return {"name": words(form), "cells": cells}


def _not_compared(page: Page, form: TableForm, pair: tuple[str, str]) -> dict[str, Any]:
    sites = page.received.sites
    lacking = [name for name in pair if not is_known(form, sites[name])]
    released = all(form.name in sites[name].tables for name in pair)
    why = "not known at" if released else "not released by"
    return {"text": "-", "note": f"{why} {' and '.join(lacking)}", "differs": False}


def _cell(form: TableForm, difference: Difference) -> dict[str, Any]:
    measured = difference.measured
    note = f"chance up to {measured.expected:.2f}" if measured.expected else "all in one cell"
    if difference.differs and form.ordered and abs(measured.shift) >= 0.5:  # noqa: PLR2004 - half a cell
        higher = measured.second if measured.shift > 0 else measured.first
        note += f"; {higher} higher by {abs(measured.shift):.1f} cells"
    return {"text": f"{measured.distance:.2f}", "note": note, "differs": difference.differs}


def _tables(received: Received, name: str) -> dict[str, Any]:
    return {s: r.tables[name] for s, r in received.sites.items() if name in r.tables}


def _list(names: tuple[str, ...]) -> str:
    spoken = [name.replace("-", " ") for name in names]
    return spoken[0] if len(spoken) == 1 else ", ".join(spoken[:-1]) + " and " + spoken[-1]
