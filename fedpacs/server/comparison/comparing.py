"""From the sites' files to the page, the table and what may be harmonised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.errors import ServerError
from fedpacs.federation.harmonisation import Harmonisation, write_harmonisation
from fedpacs.federation.model_file import write_atomically
from fedpacs.federation.statistics import statistics_schema
from fedpacs.server.comparison.location_scale import fit_location_scale
from fedpacs.server.comparison.reading import receive
from fedpacs.server.comparison.report import Page, render, sentences
from fedpacs.server.comparison.standard_scale import standard_scale
from fedpacs.server.comparison.verdicts import compare_sites

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from fedpacs.config.job import JobConfig
    from fedpacs.server.comparison.reading import Received
    from fedpacs.server.comparison.verdicts import Comparison


class OutputUnwritableError(ServerError):
    """The page or the harmonisation cannot be written."""

    code = "server.comparison-unwritable"
    default_hint = "Choose a folder that can be written with --out."


@dataclass(frozen=True, slots=True)
class PairRow:
    """One pair of sites in one table that differ.

    Attributes
    ----------
    distance
        Jensen-Shannon, 0 to 1.
    by_chance
        What 19 of 20 pairs of equal sites of these sizes stay below.
    """

    table: str
    sites: str
    distance: float
    by_chance: float


@dataclass(frozen=True, slots=True)
class ComparisonReport:
    """What was found.

    Attributes
    ----------
    found
        In sentences.
    shifted
        Tables in which a site stands apart, by site.
    differences
        Every pair that differs.
    overall
        Mean distance of each pair.
    page, harmonisation
        The files that were written; the latter None if the sites released no sums.
    """

    sites: tuple[str, ...]
    found: tuple[str, ...]
    shifted: Mapping[str, tuple[str, ...]]
    differences: tuple[PairRow, ...]
    overall: Mapping[str, float]
    page: Path
    harmonisation: Path | None


def compare(
    files: Iterable[Path], job: JobConfig, agents: Mapping[str, str], out: Path
) -> ComparisonReport:
    """Compare sites and write the page.

    Parameters
    ----------
    files
        What the sites handed over.
    job
        What was asked for.
    agents
        Public key of each member's agent.
    out
        Folder for ``comparison.html`` and ``harmonisation.json``; made if it is not there.

    Raises
    ------
    StatisticsRefusedError
        If a file is not what it should be.
    OutputUnwritableError
        If the page cannot be written.
    """
    received = receive(files, job, agents)
    schema = statistics_schema(job)
    comparison = compare_sites(schema.forms, received.sites)
    fitted = _fit(received, job)
    page = Page(job.job.title, job.digest, schema.forms, received, comparison, fitted)
    html = render(page).encode()
    try:
        out.mkdir(parents=True, exist_ok=True)
        write_atomically(out / "comparison.html", html)
        if fitted:
            write_atomically(out / "harmonisation.json", write_harmonisation(fitted))
    except OSError as error:
        raise OutputUnwritableError(f"Writing failed: {error.strerror}.") from error
    return _report(comparison, received, out, fitted)


def _fit(received: Received, job: JobConfig) -> Harmonisation | None:
    """Fit what can be fitted; a site without sums is left as it is."""
    sums = {name: s.moments for name, s in received.sites.items() if s.moments is not None}
    if len(sums) < len(received.sites):
        return None
    scale = standard_scale(sums, physical=job.cohort.modality == "CT")
    return Harmonisation(job.digest, scale, fit_location_scale(sums))


def _report(
    comparison: Comparison, received: Received, out: Path, fitted: Harmonisation | None
) -> ComparisonReport:
    rows = tuple(
        PairRow(
            table=d.measured.table,
            sites=f"{d.measured.first} - {d.measured.second}",
            distance=round(d.measured.distance, 3),
            by_chance=round(d.measured.expected, 3),
        )
        for d in comparison.differences
        if d.differs
    )
    return ComparisonReport(
        sites=tuple(received.sites),
        found=sentences(comparison),
        shifted={v.site: v.stands_apart_in for v in comparison.shifted},
        differences=rows,
        overall={f"{a} - {b}": round(d, 3) for (a, b), d in comparison.overall.items()},
        page=out / "comparison.html",
        harmonisation=out / "harmonisation.json" if fitted else None,
    )
