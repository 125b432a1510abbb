"""``[ingest]`` of ``site.toml``: when, how fast and how often a site fetches, and by whom."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from fedpacs.config.load import Frozen

_GIB = 1024**3
DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_THIS_MACHINE = frozenset({"127.0.0.1", "localhost", "[::1]"})
_DAY = "|".join(DAYS)
WINDOW = re.compile(
    rf"(?:(?P<first>{_DAY})(?:-(?P<last>{_DAY}))? )?"
    r"(?P<start>[01]\d|2[0-3]):(?P<start_min>[0-5]\d)-(?P<end>[01]\d|2[0-4]):(?P<end_min>[0-5]\d)"
)
"""``22:00-06:00`` or ``Mon-Fri 20:00-06:00``: days are those on which the window opens."""


def _window(value: str) -> str:
    found = WINDOW.fullmatch(value)
    if found is None or (found["end"] == "24" and found["end_min"] != "00"):
        msg = (
            "a window is written HH:MM-HH:MM, with days before it if you like: Mon-Fri 20:00-06:00"
        )
        raise ValueError(msg)
    if (found["start"], found["start_min"]) == (found["end"], found["end_min"]):
        msg = "a window that ends when it begins is never open; 00:00-24:00 is a whole day"
        raise ValueError(msg)
    return value


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        msg = "a time zone is named as in the IANA list, for example Europe/Berlin"
        raise ValueError(msg) from None
    return value


def _scheduler(value: str) -> str:
    if value and not re.fullmatch(r"(tcp|tls)://(\[[0-9a-fA-F:]+\]|[^\s:/\[\]]+):\d{1,5}", value):
        msg = "a scheduler is named tls://HOST:PORT or, on this machine, tcp://HOST:PORT"
        raise ValueError(msg)
    if value.startswith("tcp:") and value[6:].rpartition(":")[0] not in _THIS_MACHINE:
        # whoever reaches a scheduler runs code on workers that can read the site's keys
        msg = "a scheduler on another machine is reached by tls:// with certificates only"
        raise ValueError(msg)
    return value


class SchedulerTls(Frozen):
    """How this site proves itself to a Dask scheduler at ``tls://``, and knows it again."""

    certificate_authority: Path
    certificate: Path
    key: Path


class Ingest(Frozen):
    """How the site fetches from its PACS."""

    windows: tuple[Annotated[str, AfterValidator(_window)], ...] = ()
    """When studies may be fetched; none means always. May reach over midnight."""
    time_zone: Annotated[str, AfterValidator(_time_zone)] = "UTC"
    """IANA name of the zone in which the windows are meant; daylight saving is followed."""
    bandwidth_bytes_per_s: Annotated[int, Field(ge=1024)] | None = None
    """Most bytes a second, on average, that are fetched from the PACS."""
    staging_quota_bytes: Annotated[int, Field(ge=1024**2)] = 64 * _GIB
    """Most bytes of identified files that lie in staging at one time."""
    quarantine_quota_bytes: Annotated[int, Field(ge=0)] = 16 * _GIB
    """Beyond it the oldest files in quarantine go; the reason of each refusal stays."""
    minimum_free_bytes: Annotated[int, Field(ge=0)] = 2 * _GIB
    """No study is begun when staging or store have less space left than this."""
    attempts: Annotated[int, Field(ge=1, le=100)] = 6
    """How often a study is tried that failed for a reason which may pass; then it is given up."""
    first_retry_s: Annotated[float, Field(gt=0, le=86_400)] = 60.0
    """Pause after a first failure; it doubles with each further one, give or take a quarter."""
    longest_retry_s: Annotated[float, Field(gt=0)] = 43_200.0
    patience_s: Annotated[float, Field(ge=0, le=86_400)] = 5.0
    """How long a run waits at its end for studies whose next try is due soon."""
    full_survey_days: Annotated[float, Field(ge=0, le=366)] = 7.0
    """A ready study that the PACS counts as before is listed down to its instances again after so
    many days only; 0 lists every study in every run."""
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    """Processes that de-identify; 0 takes one per core, 1 works in the agent's own process."""
    scheduler: Annotated[str, AfterValidator(_scheduler)] = ""
    """Dask scheduler whose workers de-identify instead; they need this site's files and keys."""
    scheduler_tls: SchedulerTls | None = None
    opt_out: Path | None = None
    """File of Patient IDs, one a line, of people who do not take part; for its owner alone."""
    index: str = ""
    """SQLAlchemy URL of the index of studies; empty takes ``index.db`` beside a SQLite book, and
    else the book's database."""

    @model_validator(mode="after")
    def _retries_make_sense(self) -> Ingest:
        if self.longest_retry_s < self.first_retry_s:
            msg = "longest_retry_s is shorter than first_retry_s"
            raise ValueError(msg)
        if self.scheduler.startswith("tls:") and self.scheduler_tls is None:
            msg = "a scheduler at tls:// needs the block scheduler_tls"
            raise ValueError(msg)
        return self
