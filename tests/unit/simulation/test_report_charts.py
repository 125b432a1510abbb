"""Charts and the road: marks stand where their numbers say, as well-formed SVG."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.simulation.report_charts import Axis, Bar, axis_for, bar_chart, curve_chart
from fedpacs.simulation.report_road import Gate, Road, Stop, tall_road, wide_road
from fedpacs.simulation.report_view import in_bytes, in_time, shorten

UNIT = Axis(1.0, (0.0, 0.5, 1.0))


def parse(markup):
    return ET.fromstring(str(markup))  # noqa: S314 - our own output


def widths(chart, style):
    return [float(r.get("width")) for r in chart.iter("rect") if r.get("class") == style]


def words(chart):
    return [t.text for t in chart.iter("text")]


def test_bars_are_as_long_as_their_values():
    chart = parse(bar_chart("c", "t", [Bar("a", 0.25, "local"), Bar("b", 0.75, "federated")]))
    (short,), (long,) = widths(chart, "local"), widths(chart, "federated")
    assert long == pytest.approx(3 * short, abs=0.3)
    assert {"0.25", "0.75"} <= set(words(chart))


def test_a_full_bar_fills_its_trough_and_no_bar_leaves_it():
    chart = parse(bar_chart("c", "t", [Bar("a", 1.0, "x"), Bar("b", 1.7, "y"), Bar("c", -1, "z")]))
    (trough, *_) = widths(chart, "trough")
    assert widths(chart, "x") == widths(chart, "y") == [trough]
    assert widths(chart, "z") == [0]


def test_an_unmeasured_bar_has_no_length_but_words():
    chart = parse(bar_chart("c", "t", [Bar("a", None, "x")]))
    assert widths(chart, "x") == []
    assert "not measured" in words(chart)
    assert "a: not measured" in chart.find("desc").text


def test_markup_in_a_label_stays_text():
    chart = parse(bar_chart("c", "<b>t</b>", [Bar("<i>a</i> & b", 0.5, "x")]))
    assert "<i>a</i> & b" in words(chart)
    assert chart.find("title").text == "<b>t</b>"


def test_higher_values_are_drawn_higher_and_the_last_is_written_out():
    chart = parse(curve_chart("c", "t", [(1, 0.2), (2, 0.9)], UNIT, "federated"))
    (line,) = [p for p in chart.iter("path") if p.get("class") == "line federated"]
    first, last = (point.split() for point in line.get("d")[1:].split("L"))
    assert float(last[1]) < float(first[1])
    assert float(last[0]) > float(first[0])
    assert words(chart)[-1] == "0.90"
    assert chart.find("desc").text.startswith("0.20 in round 1, 0.90 in round 2")


def test_a_round_that_released_nothing_breaks_the_line():
    points = [(1, 0.2), (2, 0.3), (3, None), (4, 0.5), (5, 0.6)]
    chart = parse(curve_chart("c", "t", points, UNIT, "loss"))
    assert len([p for p in chart.iter("path") if p.get("class") == "line loss"]) == 2


@pytest.mark.parametrize("points", [[], [(1, None), (2, None)]])
def test_no_released_value_is_said(points):
    chart = parse(curve_chart("c", "t", points, UNIT, "loss"))
    assert "nothing was released" in words(chart)


@given(st.lists(st.floats(1e-3, 1e5), min_size=1))
def test_an_axis_holds_every_value_with_few_ticks(values):
    axis = axis_for(values)
    assert axis.top >= max(values)
    assert axis.top <= 2 * max(values)
    assert 3 <= len(axis.ticks) <= 5
    assert axis.ticks[0] == 0
    assert axis.ticks[-1] == axis.top
    assert len({f"{tick:{axis.form}}" for tick in axis.ticks}) == len(axis.ticks)


def test_an_axis_without_values_is_still_an_axis():
    assert axis_for([None]).top == 1.0


def road():
    gate = [Gate(n, name, 10 * n, n - 1) for n, name in enumerate(("a", "b", "c"), start=1)]
    inside = tuple(Stop(f"stop-{n}", (f"count-{n}",)) for n in range(4))
    return Road(
        archive=Stop("PACS", ("seven found",), "archive"),
        inside=inside,
        gates=tuple(gate),
        model=Stop("model", ("rounds",)),
        back=(Stop("result", ("one",)), Stop("PACS", ("stored", "found again"), "archive")),
    )


@pytest.mark.parametrize("draw", [wide_road, tall_road])
def test_the_road_shows_every_step_and_says_it_in_words(draw):
    drawing = parse(draw(road()))
    shown = set(words(drawing))
    assert {f"stop-{n}" for n in range(4)} | {f"count-{n}" for n in range(4)} <= shown
    assert {"seven found", "model", "result", "stored", "found again", "1", "2", "3"} <= shown
    said = drawing.find("desc").text
    assert said.index("stop-1") < said.index("Gate 1, a: 10 opened, 0 refused")
    assert said.index("Gate 3, c: 30 opened, 2 refused") < said.index("wall") < said.index("model")


@pytest.mark.parametrize("draw", [wide_road, tall_road])
def test_nothing_of_the_road_is_drawn_outside_its_picture(draw):
    drawing = parse(draw(road()))
    _, _, width, height = (float(v) for v in drawing.get("viewBox").split())
    for box in drawing.iter("rect"):
        assert float(box.get("x")) >= 0
        assert float(box.get("x")) + float(box.get("width")) <= width
        assert float(box.get("y")) + float(box.get("height")) <= height
    assert all(0 <= float(t.get("y")) <= height for t in drawing.iter("text"))


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (21_915_336, "21.9 MB"),
        (999_600, "1 MB"),
        (4_200_000_000_000, "4,200 GB"),
    ],
)
def test_bytes_are_written_in_powers_of_ten(count, said):
    assert in_bytes(count) == said


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.04, "0.0 s"), (59.94, "59.9 s"), (59.96, "1 min 00 s"), (131.4, "2 min 11 s")],
)
def test_times_are_written_for_people(seconds, said):
    assert in_time(seconds) == said


def test_a_long_digest_is_shortened_and_keeps_its_scheme():
    assert shorten("ab" * 32) == "ab" * 8 + "…"
    assert shorten("sha256:" + "ab" * 32) == "sha256:" + "ab" * 8 + "…"
    assert shorten("short") == "short"
