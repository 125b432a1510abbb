"""Studies are begun when a window is open by the wall clock, also when clocks are changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from fedpacs.agent.intake.windows import OutsideWindowError, Windows
from fedpacs.config.ingest import Ingest

BERLIN = ZoneInfo("Europe/Berlin")


def at(*parts):
    return datetime(*parts, tzinfo=BERLIN)


def test_without_windows_it_is_always_open():
    assert Windows((), "UTC").is_open(datetime.now(UTC))


@pytest.mark.parametrize(
    ("hour", "minute", "open_"),
    [(21, 59, False), (22, 0, True), (0, 0, True), (5, 59, True), (6, 0, False), (12, 0, False)],
)
def test_a_window_reaches_over_midnight(hour, minute, open_):
    windows = Windows(("22:00-06:00",), "Europe/Berlin")
    assert windows.is_open(at(2026, 11, 24, hour, minute)) is open_


def test_days_are_those_on_which_a_window_opens():
    windows = Windows(("Fri 22:00-06:00",), "Europe/Berlin")
    assert windows.is_open(at(2026, 11, 27, 23, 0))  # a Friday
    assert windows.is_open(at(2026, 11, 28, 5, 0))
    assert not windows.is_open(at(2026, 11, 27, 5, 0))
    assert not windows.is_open(at(2026, 11, 28, 23, 0))


def test_days_may_reach_over_the_week_and_a_whole_day_is_open():
    windows = Windows(("Sat-Mon 00:00-24:00",), "Europe/Berlin")
    opened = [windows.is_open(at(2026, 11, 23 + day, 12)) for day in range(7)]  # from Monday
    assert opened == [True, False, False, False, False, True, True]


def test_it_is_the_wall_clock_of_the_zone_that_counts():
    windows = Windows(("22:00-06:00",), "Europe/Berlin")
    assert windows.is_open(datetime(2026, 1, 1, 21, 30, tzinfo=UTC))  # 22:30 in winter
    assert windows.is_open(datetime(2026, 7, 1, 20, 30, tzinfo=UTC))  # 22:30 in summer
    assert not windows.is_open(datetime(2026, 7, 1, 4, 30, tzinfo=UTC))


@pytest.mark.parametrize(("day", "hours"), [((2026, 3, 28), 7), ((2026, 10, 24), 9)])
def test_the_night_of_the_change_is_an_hour_less_or_more(day, hours):
    windows = Windows(("22:00-06:00",), "Europe/Berlin")
    start = datetime(*day, 12, tzinfo=BERLIN).astimezone(UTC)
    minutes = sum(windows.is_open(start + timedelta(minutes=m)) for m in range(24 * 60))
    assert minutes == hours * 60


def test_it_says_when_it_opens_next():
    windows = Windows(("Mon-Fri 22:00-06:00",), "Europe/Berlin")
    opens = windows.opens_at(at(2026, 11, 28, 12, 30))  # a Saturday
    assert opens.astimezone(BERLIN) == at(2026, 11, 30, 22, 0)
    now = at(2026, 11, 30, 23, 0)
    assert windows.opens_at(now) == now


def test_outside_it_is_refused_with_the_time_of_the_next():
    day = (datetime.now(UTC) + timedelta(days=2)).strftime("%a")
    with pytest.raises(OutsideWindowError, match="next window opens"):
        Windows((f"{day} 12:00-12:01",), "UTC").enter(wait=False)


@pytest.mark.parametrize(
    "wrong", ["22-06", "22:00-22:00", "25:00-06:00", "Mo 22:00-06:00", "22:00-24:30", "nights"]
)
def test_a_window_that_nobody_understands_is_refused(wrong):
    with pytest.raises(ValidationError):
        Ingest(windows=(wrong,))


@pytest.mark.parametrize(
    "wrong",
    [
        {"time_zone": "Berlin"},
        {"scheduler": "10.0.0.5:8786"},
        {"scheduler": "tcp://10.0.0.5:8786"},
        {"scheduler": "tls://10.0.0.5:8786"},
        {"first_retry_s": 60, "longest_retry_s": 1},
    ],
)
def test_what_cannot_work_or_is_not_safe_is_refused(wrong):
    with pytest.raises(ValidationError):
        Ingest(**wrong)
