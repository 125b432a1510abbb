"""Charts of the comparison as inline SVG: a map of distances, and each site's shares in a table.

Every value of the map is written in its field, so nothing depends on colour alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fedpacs.core.statistics import ReleasedTable, TableForm

_FIELD = 64.0
_LABEL = 120.0
_WIDTH, _HEIGHT = 360.0, 120.0
_LEFT, _BOTTOM = 6.0, 18.0
_NAME = 76.0
"""Room for the name of a cell."""


def distance_map(overall: Mapping[tuple[str, str], float], sites: Sequence[str]) -> Markup:
    """Draw the mean distance of each pair of sites as a square map."""
    size = _LABEL + _FIELD * len(sites)
    parts = []
    for row, first in enumerate(sites):
        y = 30 + row * _FIELD
        parts.append(_text((_LABEL - 8, y + _FIELD / 2 + 4), first, "end"))
        parts.append(_text((_LABEL + (row + 0.5) * _FIELD, 20), first, "middle"))
        for column, second in enumerate(sites):
            pair = (min(first, second), max(first, second))
            value = 0.0 if first == second else overall.get(pair)
            parts.append(_square(_LABEL + column * _FIELD, y, value))
    height = 30 + _FIELD * len(sites)
    label = "Mean Jensen-Shannon distance of each pair of sites"
    return _svg((size, height), label, parts)


def shares(form: TableForm, tables: Mapping[str, ReleasedTable]) -> Markup:
    """Draw the share of patients in each cell, one line of steps for each site.

    Only the part of the cells is drawn where a site has patients. Merged cells share their
    patients evenly; a dashed line says that a site merged some.
    """
    spread = {site: _spread(form, table) for site, table in tables.items()}
    occupied = [i for i in range(len(form.cells)) if any(values[i] for values in spread.values())]
    first = max(0, min(occupied, default=0) - 1)
    last = min(len(form.cells) - 1, max(occupied, default=0) + 1)
    width = (_WIDTH - 2 * _LEFT) / (last - first + 1)
    top = max((max(values) for values in spread.values()), default=1.0) or 1.0
    parts = []
    for number, (site, values) in enumerate(spread.items()):
        course = []
        for place, value in enumerate(values[first : last + 1]):
            y = _HEIGHT - _BOTTOM - value / top * (_HEIGHT - _BOTTOM - 8) - 1.2 * number
            course += [(_LEFT + place * width, y), (_LEFT + (place + 1) * width, y)]
        style = f"line s{number % 6}" + (" merged" if _has_merged(tables[site]) else "")
        parts.append(_course(course, style, site))
    for place in _marked(occupied, width):
        x = _LEFT + (place - first + 0.5) * width
        parts.append(_text((min(max(x, 30.0), _WIDTH - 30), _HEIGHT - 4), form.cells[place],
                           "middle", "tick"))  # fmt: skip
    return _svg((_WIDTH, _HEIGHT), f"Shares of patients by {form.name}", parts)


def _has_merged(table: ReleasedTable) -> bool:
    return bool(table.pooled) or any(group.last > group.first for group in table.groups)


def _course(course: Sequence[tuple[float, float]], style: str, site: str) -> Markup:
    points = " ".join(f"{x:.1f},{y:.1f}" for x, y in course)
    line = Markup('<polyline class="{}" points="{}"><title>{}</title></polyline>')
    return line.format(style, points, site)


def _marked(occupied: Sequence[int], width: float) -> Sequence[int]:
    """Choose the cells to name, the first among them, so that the names have room."""
    chosen: list[int] = []
    for place in occupied:
        if not chosen or (place - chosen[-1]) * width >= _NAME:
            chosen.append(place)
    return chosen


def _spread(form: TableForm, table: ReleasedTable) -> list[float]:
    values = [0.0] * len(form.cells)
    for group in table.groups:
        cells = group.last - group.first + 1
        for place in range(group.first, group.last + 1):
            values[place] += max(group.total, 0) / cells
    if table.pooled:
        inside = {cell for g in table.groups for cell in range(g.first, g.last + 1)}
        outside = [cell for cell in range(len(values)) if cell not in inside]
        for cell in outside:
            values[cell] += table.pooled / len(outside)
    total = sum(values) or 1.0
    return [value / total for value in values]


def _square(x: float, y: float, value: float | None) -> Markup:
    strength = 0 if value is None else min(9, int(value * 15))
    words = "-" if value is None else f"{value:.2f}"
    middle = (x + _FIELD / 2, y + _FIELD / 2 + 4)
    ink = "on-dark" if strength > 5 else ""  # noqa: PLR2004 - half of the ramp
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="4" class="field d{}"/>{}').format(
        x + 2, y + 2, _FIELD - 4, _FIELD - 4, strength, _text(middle, words, "middle", ink)
    )


def _text(place: tuple[float, float], words: str, anchor: str, style: str = "") -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}" class="{}">{}</text>').format(
        *place, anchor, style, words
    )


def _svg(size: tuple[float, float], label: str, parts: Sequence[Markup]) -> Markup:
    width, height = size
    return Markup(
        '<svg viewBox="0 0 {w:.0f} {h:.0f}" width="{w:.0f}" height="{h:.0f}" role="img" '
        'aria-label="{label}">{body}</svg>'
    ).format(w=width, h=height, label=label, body=Markup("").join(parts))
