"""The road as a drawing: from the PACS to the wall and back, three gates, a count at each step.

Drawn twice, wide for a desk and tall for a phone; the style sheet shows one of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from markupsafe import Markup

from fedpacs.simulation.report_charts import path, rect, svg, text

if TYPE_CHECKING:
    from collections.abc import Sequence

_TITLE = "The road of the data"


@dataclass(frozen=True, slots=True)
class Stop:
    """A step of the road: its name and what was counted there, one short line each."""

    name: str
    counts: tuple[str, ...]
    kind: str = "stop"


@dataclass(frozen=True, slots=True)
class Gate:
    """A gate: its number and name, how often it opened and how often it refused."""

    number: int
    name: str
    opened: int
    refused: int

    @property
    def sentence(self) -> str:
        """What is written beside it."""
        return f"{self.opened:,} opened, {self.refused:,} refused"


@dataclass(frozen=True, slots=True)
class Road:
    """The whole road.

    Attributes
    ----------
    inside
        Study, de-identified, cohort, update: the gates stand after the last three.
    archive
        The PACS, where the road begins.
    model
        The global model, beyond the wall.
    back
        Result, then the PACS again.
    """

    archive: Stop
    inside: tuple[Stop, Stop, Stop, Stop]
    gates: tuple[Gate, Gate, Gate]
    model: Stop
    back: tuple[Stop, Stop]

    @property
    def description(self) -> str:
        """The drawing in words."""
        said: list[str] = [_say(self.archive), _say(self.inside[0])]
        for stop, gate in zip(self.inside[1:], self.gates, strict=True):
            said += [_say(stop), f"Gate {gate.number}, {gate.name}: {gate.sentence}"]
        said += ["The wall of the hospital", *(_say(s) for s in (self.model, *self.back))]
        return ". ".join(said) + "."


def _say(stop: Stop) -> str:
    return f"{stop.name}: {', '.join(stop.counts)}"


def wide_road(road: Road) -> Markup:
    """Draw it from left to right and back, for a desk and for paper."""
    tip = "tip-wide"
    top, bottom, height = 64.0, 216.0, 72.0
    lefts = (184.0, 358.0, 544.0, 730.0)
    box = 130.0
    parts: list[Markup] = [_marker(tip)]
    parts.append(rect((8, 22, 946, 288), "zone", 6))
    parts.append(text(20, 44, "INSIDE EACH HOSPITAL", "zone-name"))
    parts.append(rect((988, 22, 184, 288), "zone beyond", 6))
    parts.append(text(1000, 44, "CONSORTIUM", "zone-name"))
    parts += [path([(x, 10), (x, 322)], "wall") for x in (967.0, 975.0)]
    middle = top + height / 2
    ends = [(150.0, lefts[0])]
    ends += [(lefts[n] + box, lefts[n + 1]) for n in range(3)]
    ends += [(lefts[3] + box, 1004.0)]
    parts += [path([(a, middle), (b - 3, middle)], "way", tip) for a, b in ends]
    parts += _stop(
        Stop("PACS", road.archive.counts, "archive"), (24, top, 126, bottom + height - top)
    )
    parts += [
        line
        for n, count in enumerate(road.back[1].counts)
        for line in [text(87, bottom + 42 + 16 * n, count, "count", "middle")]
    ]
    for stop, left in zip(road.inside, lefts, strict=True):
        parts += _stop(stop, (left, top, box, height))
    for gate, left in zip(road.gates, (lefts[1], lefts[2], lefts[3]), strict=True):
        parts += _gate(gate, (left + box + 28, middle))
    parts += _stop(road.model, (1004, top, 152, height))
    back = bottom + height / 2
    parts.append(path([(1080, top + height), (1080, back), (863, back)], "way", tip))
    parts += _stop(road.back[0], (730, bottom, box, height))
    parts.append(path([(730, back), (153, back)], "way", tip))
    return svg("road-wide", (1180, 332), (_TITLE, road.description), parts)


def tall_road(road: Road) -> Markup:
    """Draw it from top to bottom, for a phone."""
    tip = "tip-tall"
    parts: list[Markup] = [_marker(tip)]
    y = 34.0
    sequence: list[Stop | Gate] = [road.archive, road.inside[0]]
    for stop, gate in zip(road.inside[1:], road.gates, strict=True):
        sequence += [stop, gate]
    parts.append(text(12, 20, "INSIDE EACH HOSPITAL", "zone-name"))
    for item in sequence:
        if isinstance(item, Gate):
            parts.append(path([(170, y - 22), (170, y + 36)], "way"))
            parts += _gate_beside(item, y + 7)
            y += 36
            continue
        parts += _stop(item, (20, y, 300, 68))
        y += 66
        parts.append(path([(170, y), (170, y + 21)], "way", tip))
        y += 24
    parts += [path([(0, y + d), (340, y + d)], "wall") for d in (6.0, 14.0)]
    return _tall_end(road, parts, y, tip)


def _tall_end(road: Road, parts: list[Markup], y: float, tip: str) -> Markup:
    parts.append(path([(170, y - 2), (170, y + 45)], "way", tip))
    parts.append(text(12, y + 34, "CONSORTIUM", "zone-name"))
    parts += _stop(road.model, (20, y + 48, 300, 68))
    y += 114
    parts += [path([(0, y + d), (340, y + d)], "wall") for d in (14.0, 22.0)]
    parts.append(path([(170, y), (170, y + 53)], "way", tip))
    parts.append(text(12, y + 42, "HOSPITAL AGAIN", "zone-name"))
    parts += _stop(road.back[0], (20, y + 56, 300, 68))
    parts.append(path([(170, y + 122), (170, y + 143)], "way", tip))
    parts += _stop(road.back[1], (20, y + 146, 300, 68))
    return svg("road-tall", (340, y + 218), (_TITLE, road.description), parts)


def _marker(tip: str) -> Markup:
    return Markup(
        '<defs><marker id="{}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" '
        'markerHeight="8" markerUnits="userSpaceOnUse" orient="auto">'
        '<path d="M0 0L8 4L0 8z" class="tip"/></marker></defs>'
    ).format(tip)


def _stop(stop: Stop, box: tuple[float, float, float, float]) -> list[Markup]:
    x, y, width, _ = box
    middle = x + width / 2
    parts = [rect(box, stop.kind, 4), text(middle, y + 22, stop.name, "name", "middle")]
    return parts + _lines(stop.counts, middle, y + 42)


def _lines(counts: Sequence[str], x: float, y: float) -> list[Markup]:
    return [text(x, y + 16 * n, count, "count", "middle") for n, count in enumerate(counts)]


def _gate(gate: Gate, centre: tuple[float, float]) -> list[Markup]:
    x, y = centre
    refused = "refused some" if gate.refused else "gate"
    return [
        *_disc(gate, x, y),
        text(x, y - 46, gate.name, "gate-name", "middle"),
        text(x, y + 56, f"{gate.opened:,} opened", "count", "middle"),
        text(x, y + 72, f"{gate.refused:,} refused", f"count {refused}", "middle"),
    ]


def _gate_beside(gate: Gate, y: float) -> list[Markup]:
    return [
        *_disc(gate, 170, y),
        text(148, y + 4, gate.name, "gate-name", "end"),
        text(192, y + 4, gate.sentence, "count"),
    ]


def _disc(gate: Gate, x: float, y: float) -> list[Markup]:
    disc = Markup('<circle cx="{}" cy="{}" r="15" class="gate"/>').format(x, y)
    return [disc, text(x, y + 5, str(gate.number), "gate-number", "middle")]
