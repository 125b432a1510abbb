"""The sites' files: signed by a member's agent, of one job, within what that job may send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.digest import sha256_hex
from fedpacs.core.errors import FedpacsError
from fedpacs.federation.statistics import read_statistics, statistics_schema
from fedpacs.server.errors import StatisticsRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fedpacs.config.job import JobConfig
    from fedpacs.core.statistics import SiteStatistics
    from fedpacs.federation.statistics import StatisticsSchema

_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Received:
    """What the sites handed over for one job.

    Attributes
    ----------
    sites
        Statistics by site, in order of name.
    digests
        SHA-256 of each site's file, as the site's book has it.
    """

    sites: Mapping[str, SiteStatistics]
    digests: Mapping[str, str]


def receive(files: Iterable[Path], job: JobConfig, agents: Mapping[str, str]) -> Received:
    """Read and check every file.

    Parameters
    ----------
    files
        One for each site.
    job
        What was asked for.
    agents
        Public key of each member's agent.

    Raises
    ------
    StatisticsRefusedError
        If one is damaged, not signed by a member, of another job, or comes twice; or if there are
        fewer than two sites. The file is named, and nothing of what it says.
    """
    schema = statistics_schema(job)
    sites: dict[str, SiteStatistics] = {}
    digests: dict[str, str] = {}
    for file in files:
        try:
            content = file.read_bytes()
            statistics = read_statistics(content, agents)
        except OSError as error:
            raise StatisticsRefusedError(f"{file.name} cannot be read: {error.strerror}.") from None
        except FedpacsError as error:
            raise StatisticsRefusedError(
                f"{file.name}: {error.message}", hint=error.hint
            ) from error
        if statistics.site in sites:
            raise StatisticsRefusedError(f"{file.name}: the site was read from another file.")
        if statistics.job_digest != job.digest or not _fits(statistics, schema):
            raise StatisticsRefusedError(f"{file.name} was made for another job, or by other code.")
        sites[statistics.site] = statistics
        digests[statistics.site] = sha256_hex(content)
    if len(sites) < _FEWEST:
        raise StatisticsRefusedError(
            "Sites are compared from two on.", hint="Give the files of two sites or more."
        )
    order = sorted(sites)
    return Received({n: sites[n] for n in order}, {n: digests[n] for n in order})


def _fits(statistics: SiteStatistics, schema: StatisticsSchema) -> bool:
    """Tell whether a site sent only what the job may send."""
    if (
        statistics.schema_digest != schema.digest
        or not statistics.tables.keys() <= schema.forms.keys()
    ):
        return False
    if (statistics.noise is None) != (schema.noise is None):
        return False
    if statistics.moments is not None and not schema.moments:
        return False
    for name, table in statistics.tables.items():
        last = -1
        for group in table.groups:
            if not last < group.first <= group.last < len(schema.forms[name].cells):
                return False
            last = group.last
    return True
