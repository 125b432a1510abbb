"""Time windows: when a site may fetch from its PACS, by the clock on the hospital's wall.

Pure but for the time zone's rules. A window belongs to the day on which it opens and may reach
over midnight. On the night when clocks are put forward or back it opens and closes when the wall
clock says so, so it may last an hour less or more, and an hour that does not exist is never open.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from fedpacs.config.ingest import DAYS, WINDOW
from fedpacs.core.errors import AgentError

if TYPE_CHECKING:
    from collections.abc import Sequence

_DAY_MIN = 24 * 60
_WEEK_MIN = 7 * _DAY_MIN
_STEP = timedelta(minutes=1)


class OutsideWindowError(AgentError):
    """It is not the time at which the site may fetch from its PACS."""

    code = "agent.outside-window"
    default_hint = "Run it in a window of [ingest] windows, or with --wait."


class Windows:
    """The windows of one site.

    Parameters
    ----------
    texts
        As ``site.toml`` writes them; none means that it is always open.
    time_zone
        IANA name.
    """

    def __init__(self, texts: Sequence[str], time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)
        self._open = frozenset(minute for text in texts for minute in _minutes(text))
        self._always = not texts

    def is_open(self, now: datetime) -> bool:
        """Tell whether a study may be begun at a time (which has a time zone)."""
        return self._always or _minute_of_week(now.astimezone(self._zone)) in self._open

    def enter(self, *, wait: bool) -> None:
        """Return when a window is open.

        Raises
        ------
        OutsideWindowError
            If none is and nobody wants to wait.
        """
        while not self.is_open(now := datetime.now(UTC)):
            opens = self.opens_at(now)
            if not wait:
                local = opens.astimezone(self._zone).isoformat(timespec="minutes")
                raise OutsideWindowError(f"Nothing is fetched now; the next window opens {local}.")
            time.sleep(min(60.0, max(1.0, (opens - now).total_seconds())))

    def opens_at(self, now: datetime) -> datetime:
        """Give the time when a window is next open, in UTC; now when one is."""
        moment = now.astimezone(UTC)
        if self.is_open(moment):
            return moment
        moment = moment.replace(second=0, microsecond=0)
        for _ in range(_WEEK_MIN + _DAY_MIN):
            moment += _STEP
            if self.is_open(moment):
                return moment
        # only a window inside the hour that is skipped once a year is never open for a week
        return moment


def _minutes(text: str) -> set[int]:
    found = WINDOW.fullmatch(text)
    if found is None:
        msg = "a window is checked when the site file is read"
        raise ValueError(msg)
    first = DAYS.index(found["first"]) if found["first"] else 0
    last = DAYS.index(found["last"] or found["first"]) if found["first"] else 6
    days = [(first + i) % 7 for i in range((last - first) % 7 + 1)]
    start = int(found["start"]) * 60 + int(found["start_min"])
    end = int(found["end"]) * 60 + int(found["end_min"])
    length = (end - start) % _DAY_MIN or _DAY_MIN
    return {
        (day * _DAY_MIN + start + minute) % _WEEK_MIN for day in days for minute in range(length)
    }


def _minute_of_week(wall: datetime) -> int:
    return wall.weekday() * _DAY_MIN + wall.hour * 60 + wall.minute
