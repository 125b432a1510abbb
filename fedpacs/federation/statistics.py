"""Statistics between the halves: what a job asks for, and the signed file that a site hands over.

The file holds whole numbers, finite numbers, names of the job's own vocabulary and digests; it is
read back strictly, so what cannot be said in it cannot travel in it.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from fedpacs.core.digest import canonical_json, digest_of
from fedpacs.core.statistics import Group, Moments, Noise, ReleasedTable, SiteStatistics
from fedpacs.crypto.signatures import SigningKey, verify
from fedpacs.federation.errors import NoStatisticsAskedError, StatisticsUnreadableError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.config.job import JobConfig, StatisticsNoise
    from fedpacs.core.statistics import TableForm

_KIND = b"fedpacs site statistics v1\n"
_FORMAT = 1
_MOST_BYTES = 4 * 1024 * 1024
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,60}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class StatisticsSchema:
    """Everything that may be in the statistics of one job.

    Attributes
    ----------
    forms
        The tables, by name.
    moments
        True if sums for harmonisation may be there.
    noise
        What the job asks for, None for exact numbers.
    """

    forms: Mapping[str, TableForm]
    moments: bool
    noise: StatisticsNoise | None

    @property
    def digest(self) -> str:
        """SHA-256 that an approval names."""
        return digest_of(
            {
                "format": _FORMAT,
                "tables": [self.forms[name].as_dict() for name in sorted(self.forms)],
                "moments": self.moments,
                "noise": self.noise.model_dump(mode="json") if self.noise else {},
            }
        )


def statistics_schema(job: JobConfig) -> StatisticsSchema:
    """Derive what may leave; both halves and the approvers compute the same digest from it.

    Raises
    ------
    NoStatisticsAskedError
        If the job asks for none.
    """
    asked = job.statistics
    if asked is None:
        raise NoStatisticsAskedError(f"The job {job.job.name} asks for no statistics.")
    forms = {n: f for n, f in job.all_tables.items() if not asked.tables or n in asked.tables}
    return StatisticsSchema(forms, asked.moments, asked.noise)


def write_statistics(statistics: SiteStatistics, key: SigningKey) -> bytes:
    """Write the file that a site hands over, signed by its agent."""
    body = _plain(statistics)
    signature = key.sign(_KIND + canonical_json(body)).hex()
    document = {**body, "signature": signature}
    return json.dumps(document, indent=1, sort_keys=True, allow_nan=False).encode() + b"\n"


def read_statistics(content: bytes, agents: Mapping[str, str]) -> SiteStatistics:
    """Read such a file.

    Parameters
    ----------
    content
        Its bytes.
    agents
        Public key of each site's agent.

    Raises
    ------
    StatisticsUnreadableError
        If it is not exactly what `write_statistics` writes, or its site has no key here.
    BadSignatureError
        If the signature is not that of the site it names.
    """
    if len(content) > _MOST_BYTES:
        raise StatisticsUnreadableError("The file is longer than any statistics.")
    try:
        body = json.loads(content)
        signature = bytes.fromhex(body.pop("signature"))
        statistics = _parsed(body)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        # not chained: what a parser says may repeat the file
        raise StatisticsUnreadableError("The file does not hold statistics of a site.") from None
    if _plain(statistics) != body:
        raise StatisticsUnreadableError("The file holds more, or other, than statistics.")
    if statistics.site not in agents:
        raise StatisticsUnreadableError("The file is of a site whose agent's key is not known.")
    verify(agents[statistics.site], _KIND + canonical_json(body), signature)
    return statistics


def _plain(statistics: SiteStatistics) -> dict[str, Any]:
    tables = {
        name: {"groups": [[g.first, g.last, g.total] for g in t.groups], "pooled": t.pooled}
        for name, t in statistics.tables.items()
    }
    body: dict[str, Any] = {
        "format": _FORMAT,
        "site": statistics.site,
        "job": statistics.job_digest,
        "schema": statistics.schema_digest,
        "minimum_cell": statistics.minimum_cell,
        "tables": tables,
        "withheld": list(statistics.withheld),
    }
    if statistics.patients is not None:
        body["patients"] = statistics.patients
    if statistics.noise is not None:
        body["noise"] = asdict(statistics.noise)
    if statistics.moments is not None:
        moments = asdict(statistics.moments)
        for name in ("covariates", "features", "squares"):
            moments[name] = list(moments[name])
        for name in ("design", "cross"):
            moments[name] = [list(row) for row in moments[name]]
        body["moments"] = moments
    return body


def _parsed(body: Mapping[str, Any]) -> SiteStatistics:
    if body["format"] != _FORMAT:
        raise ValueError
    moments, noise = body.get("moments"), body.get("noise")
    return SiteStatistics(
        site=_named(body["site"]),
        job_digest=_matched(_DIGEST, body["job"]),
        schema_digest=_matched(_DIGEST, body["schema"]),
        patients=None if "patients" not in body else _whole(body["patients"]),
        minimum_cell=_whole(body["minimum_cell"]),
        tables={_named(name): _table(name, table) for name, table in body["tables"].items()},
        moments=None if moments is None else _moments(moments),
        noise=None if noise is None else Noise(**{k: _number(v) for k, v in noise.items()}),
        withheld=tuple(_named(name) for name in body["withheld"]),
    )


def _table(name: str, table: Mapping[str, Any]) -> ReleasedTable:
    groups = tuple(Group(*(_whole(number) for number in group)) for group in table["groups"])
    return ReleasedTable(name, groups, _whole(table["pooled"]))


def _moments(data: Mapping[str, Any]) -> Moments:
    moments = Moments(
        patients=_whole(data["patients"]),
        covariates=tuple(_named(name) for name in data["covariates"]),
        features=tuple(_named(name) for name in data["features"]),
        design=tuple(tuple(_number(n) for n in row) for row in data["design"]),
        cross=tuple(tuple(_number(n) for n in row) for row in data["cross"]),
        squares=tuple(_number(n) for n in data["squares"]),
    )
    p, f = len(moments.covariates), len(moments.features)
    widths = ({len(row) for row in moments.design}, {len(row) for row in moments.cross})
    rows = (len(moments.design), len(moments.cross), len(moments.squares))
    if widths != ({p}, {f}) or rows != (p, p, f) or moments.patients < 1:
        raise ValueError
    return moments


def _whole(value: object) -> int:
    if type(value) is not int or abs(value) > 2**53:
        raise ValueError
    return value


def _number(value: object) -> float:
    if type(value) not in (int, float) or not abs(value) < float("inf"):  # type: ignore[arg-type] # narrowed by the first half
        raise ValueError
    return value  # type: ignore[return-value] # kept as written, so that it is written the same


def _named(value: object) -> str:
    return _matched(_NAME, value)


def _matched(pattern: re.Pattern[str], value: object) -> str:
    if type(value) is not str or not pattern.fullmatch(value):
        raise ValueError
    return value
