"""Charts as inline SVG: bars and curves, small enough that one fits a phone and three a page.

All colours are classes of `report.css`, so dark mode and print restyle them; every value stands
beside its mark, so nothing depends on colour alone. Text goes through `Markup.format`, which
escapes it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_WIDTH = 340.0
_BAR_HEIGHT = 15.0
_BAR_PITCH = 44.0
_PLOT_HEIGHT = 118.0


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar: its label, its value in 0 to 1 (None: not measured) and its CSS class."""

    label: str
    value: float | None
    style: str


@dataclass(frozen=True, slots=True)
class Axis:
    """Vertical axis of a curve: its upper end (the lower is 0), its ticks and their format."""

    top: float
    ticks: tuple[float, ...]
    form: str = ".1f"


def text(x: float, y: float, content: str, style: str = "", anchor: str = "start") -> Markup:
    """Put text at a point, in user units."""
    return Markup('<text x="{}" y="{}" class="{}" text-anchor="{}">{}</text>').format(
        _n(x), _n(y), style, anchor, content
    )


def rect(box: tuple[float, float, float, float], style: str, radius: float = 0) -> Markup:
    """Draw a rectangle from ``(x, y, width, height)``."""
    x, y, width, height = (_n(v) for v in box)
    return Markup('<rect x="{}" y="{}" width="{}" height="{}" rx="{}" class="{}"/>').format(
        x, y, width, height, _n(radius), style
    )


def path(points: Iterable[tuple[float, float]], style: str, ending: str = "") -> Markup:
    """Draw a polyline; `ending` is the id of a marker for its last point."""
    course = "M" + "L".join(f"{_n(x)} {_n(y)}" for x, y in points)
    marker = Markup(' marker-end="url(#{})"').format(ending) if ending else ""
    return Markup('<path d="{}" class="{}"{}/>').format(course, style, marker)


def svg(
    chart_id: str, size: tuple[float, float], words: tuple[str, str], body: Iterable[Markup]
) -> Markup:
    """Wrap drawing parts as an accessible picture.

    Parameters
    ----------
    chart_id
        Unique on the page.
    size
        Width and height in user units.
    words
        Title and description that a screen reader says in place of the picture.
    body
        Parts, back to front.
    """
    return Markup(
        '<svg viewBox="0 0 {w} {h}" role="img" aria-labelledby="{i}-t {i}-d" class="chart" id="{i}"'
        '><title id="{i}-t">{t}</title><desc id="{i}-d">{d}</desc>{b}</svg>'
    ).format(
        w=_n(size[0]), h=_n(size[1]), i=chart_id, t=words[0], d=words[1], b=Markup("").join(body)
    )


def bar_chart(chart_id: str, title: str, bars: Sequence[Bar]) -> Markup:
    """Draw horizontal bars on a common scale of 0 to 1, label above and value beside each."""
    length = _WIDTH - 46
    parts: list[Markup] = []
    for place, bar in enumerate(bars):
        y = place * _BAR_PITCH
        parts.append(text(0, y + 14, bar.label, "label"))
        parts.append(rect((0, y + 20, length, _BAR_HEIGHT), "trough"))
        if bar.value is None:
            parts.append(text(6, y + 32, "not measured", "tick"))
            continue
        reach = length * min(max(bar.value, 0.0), 1.0)
        parts.append(rect((0, y + 20, reach, _BAR_HEIGHT), bar.style))
        parts.append(text(_WIDTH, y + 32.5, f"{bar.value:.2f}", "value", "end"))
    said = "; ".join(
        f"{b.label}: " + ("not measured" if b.value is None else f"{b.value:.2f}") for b in bars
    )
    return svg(chart_id, (_WIDTH, len(bars) * _BAR_PITCH), (title, said + "."), parts)


def curve_chart(
    chart_id: str,
    title: str,
    points: Sequence[tuple[int, float | None]],
    axis: Axis,
    style: str,
) -> Markup:
    """Draw one quantity over the rounds, its last value written at its end.

    Parameters
    ----------
    points
        Round and value; a value of None breaks the line.
    axis
        The same for all hospitals, so that the charts compare.
    """
    left, right, top = 30.0, _WIDTH - 44, 10.0
    first, last = (points[0][0], points[-1][0]) if points else (0, 1)
    span = max(last - first, 1)

    def at(server_round: int, value: float) -> tuple[float, float]:
        share = min(max(value / axis.top, 0.0), 1.0)
        x = left + (right - left) * (server_round - first) / span
        return x, top + _PLOT_HEIGHT * (1 - share)

    parts: list[Markup] = []
    for tick in axis.ticks:
        y = at(first, tick)[1]
        parts.append(path([(left, y), (right, y)], "grid"))
        parts.append(text(left - 6, y + 4, f"{tick:{axis.form}}", "tick", "end"))
    for server_round in sorted({first, (first + last) // 2, last}):
        x = at(server_round, 0)[0]
        said = f"round {server_round}" if server_round == first else str(server_round)
        parts.append(text(x, top + _PLOT_HEIGHT + 18, said, "tick", "middle"))
    for run in _runs(points):
        where = [at(*point) for point in run]
        parts.append(path(where, f"line {style}") if len(where) > 1 else _dot(where[0], style))
    measured = [(r, v) for r, v in points if v is not None]
    if measured:
        x, y = at(*measured[-1])
        parts += [_dot((x, y), style), text(x + 8, y + 4.5, f"{measured[-1][1]:.2f}", "value")]
    else:
        parts.append(text((left + right) / 2, top + 60, "nothing was released", "tick", "middle"))
    height = top + _PLOT_HEIGHT + 24
    return svg(chart_id, (_WIDTH, height), (title, _story(measured)), parts)


def axis_for(values: Iterable[float | None]) -> Axis:
    """Choose a scale from 0 that holds every value, with two to five round ticks above 0."""
    top = max((v for v in values if v is not None and v > 0), default=1.0)
    size = 10.0 ** math.floor(math.log10(top / 4))
    step = next(m for m in (1, 2, 2.5, 5, 10) if m * size * 4 >= top)
    ticks = math.ceil(top / (step * size))
    digits = next(d for d in range(12) if math.isclose(step * size, round(step * size, d)))
    scale = tuple(step * size * n for n in range(ticks + 1))
    return Axis(scale[-1], scale, f".{digits}f")


def _runs(points: Sequence[tuple[int, float | None]]) -> list[list[tuple[int, float]]]:
    runs: list[list[tuple[int, float]]] = [[]]
    for server_round, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((server_round, value))
    return [run for run in runs if run]


def _story(measured: Sequence[tuple[int, float]]) -> str:
    if not measured:
        return "Nothing was released."
    (first, begin), (last, end) = measured[0], measured[-1]
    low = min(v for _, v in measured)
    high = max(v for _, v in measured)
    return (
        f"{begin:.2f} in round {first}, {end:.2f} in round {last}; "
        f"lowest {low:.2f}, highest {high:.2f}."
    )


def _dot(point: tuple[float, float], style: str) -> Markup:
    return Markup('<circle cx="{}" cy="{}" r="3.5" class="dot {}"/>').format(
        _n(point[0]), _n(point[1]), style
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
