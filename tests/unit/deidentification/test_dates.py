from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.deidentification.dates import check_offset, check_time, shift_date, shift_datetime

DATES = st.dates(min_value=dt.date(1900, 1, 1), max_value=dt.date(2100, 12, 31))
WEEKS = st.integers(min_value=-261, max_value=-1)


@given(DATES, WEEKS)
def test_a_date_moves_by_exactly_the_days(date, weeks):
    shifted = shift_date(date.strftime("%Y%m%d"), 7 * weeks)
    assert shifted == (date + dt.timedelta(days=7 * weeks)).strftime("%Y%m%d")


@given(DATES, DATES, WEEKS)
def test_the_days_between_two_dates_stay(one, other, weeks):
    moved = [shift_date(day.strftime("%Y%m%d"), 7 * weeks) for day in (one, other)]
    first, second = (dt.datetime.strptime(day, "%Y%m%d") for day in moved)  # noqa: DTZ007 - a DICOM date has no zone
    assert second - first == dt.timedelta(days=(other - one).days)


@pytest.mark.parametrize(
    ("value", "shifted"),
    [
        ("20230214", "20230207"),
        ("20230214101112", "20230207101112"),
        ("20230214101112.123456+0100", "20230207101112.123456+0100"),
        ("2023021410-0500", "2023020710-0500"),
        ("20230214+0100", "20230207+0100"),
    ],
)
def test_fraction_and_offset_of_a_datetime_stay(value, shifted):
    assert shift_datetime(value, -7) == shifted


@pytest.mark.parametrize(
    "value",
    ["2023", "202302", "Jan 2023", "2023-02-14", "20230231", "20230214256112", "20230214+9900", ""],
)
def test_what_is_not_a_whole_datetime_is_not_shifted(value):
    assert shift_datetime(value, -7) is None


@pytest.mark.parametrize(
    "value", ["Smith", "20231301", "00000000", "2023.02-14", "2023021", "00010101"]
)
def test_what_is_not_a_date_is_not_shifted(value):
    assert shift_date(value, -7) is None


@pytest.mark.parametrize("value", ["10", "1011", "101112", "101112.5", "235960"])
def test_times_stay(value):
    assert check_time(value) == value


@pytest.mark.parametrize("value", ["Smith", "24", "1"])
def test_what_is_not_a_time_is_refused(value):
    assert check_time(value) is None


def test_offsets_from_utc():
    assert check_offset("+0100") == "+0100"
    assert check_offset("Smith") is None


@pytest.mark.parametrize(
    ("written", "time"),
    [("10:11", "1011"), ("10:11:12.5", "101112.5"), ("101112.1234567", "101112.123456")],
)
def test_times_of_old_devices_are_written_as_they_should_be(written, time):
    assert check_time(written) == time
