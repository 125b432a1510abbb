"""The figures of a run: per kind, per check, in sum."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.deid_quality.specimen import PRIVACY, UTILITY

if TYPE_CHECKING:
    from collections.abc import Iterable

    from benchmarks.deid_quality.scoring import Release, Result
    from benchmarks.deid_quality.specimen import Specimen


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run comes to; shares in percent."""

    name: str
    files: int
    released: int
    checks: int
    privacy: float
    utility: float
    utility_with_refusals: float
    leaks: int
    leaking_files: int
    hidden: float
    untouched: float
    refused: float
    refusals: dict[str, int]
    unreadable_released: int


def share(results: Iterable[Result]) -> float:
    """Give the percentage of checks that passed; 100 for none."""
    answers = [one.passed for one in results]
    return 100 * sum(answers) / len(answers) if answers else 100.0


def summarise(
    name: str,
    specimens: list[Specimen],
    releases: dict[str, Release],
    results: list[Result],
) -> Summary:
    """Sum a run up.

    Parameters
    ----------
    name
        Of the tool.
    specimens, releases, results
        The answer key, what became of each file, and every check.
    """
    readable = [one for one in specimens if one.readable]
    out = {path for path, one in releases.items() if one.dst is not None}
    refused = [one for one in readable if one.path not in out]
    useful = [one for one in results if one.check in UTILITY]
    lost = sum(check.name in UTILITY for one in refused for check in one.checks)
    leaks = [one for one in results if one.check == "leak" and not one.passed]
    codes = Counter(
        f"{one.kind}: {releases[one.path].code if one.path in releases else 'not in the map'}"
        for one in refused
    )
    passed = sum(one.passed for one in useful)
    return Summary(
        name=name,
        files=len(specimens),
        released=len(out),
        checks=len(results),
        privacy=share(one for one in results if one.check in PRIVACY),
        utility=share(useful),
        utility_with_refusals=100 * passed / max(1, len(useful) + lost),
        leaks=len(leaks),
        leaking_files=len({one.path for one in leaks}),
        hidden=share(one for one in results if one.check == "hidden"),
        untouched=share(one for one in results if one.check == "pixels"),
        refused=100 * len(refused) / max(1, len(readable)),
        refusals=dict(codes.most_common()),
        unreadable_released=sum(one.path in out for one in specimens if not one.readable),
    )


def by_kind(results: list[Result]) -> dict[str, dict[str, float]]:
    """Give the percentages by kind and check."""
    sorted_out: dict[str, dict[str, list[Result]]] = defaultdict(lambda: defaultdict(list))
    for one in results:
        sorted_out[one.kind][one.check].append(one)
        sorted_out["all"][one.check].append(one)
    return {
        kind: {check: round(share(several), 2) for check, several in checks.items()}
        for kind, checks in sorted_out.items()
    }


def markdown(rows: dict[str, dict[str, float]], names: Iterable[str]) -> str:
    """Write percentages as a Markdown table, kinds down and checks across."""
    columns = [one for one in names if any(one in row for row in rows.values())]
    lines = ["| kind | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for kind, row in rows.items():
        cells = [f"{row[one]:.1f}" if one in row else "" for one in columns]
        lines.append(f"| {kind} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def failures(results: Iterable[Result]) -> list[dict[str, Any]]:
    """Give what failed, as plain values."""
    return [
        {
            "kind": one.kind,
            "check": one.check,
            "where": one.where,
            "expected": one.expected,
            "found": one.found,
            "variant": one.variant,
            "path": one.path,
        }
        for one in results
        if not one.passed
    ]


def summary_table(summaries: list[Summary]) -> str:
    """Write the runs side by side as a Markdown table."""
    head = (
        "| tool | privacy % | utility % | utility %, refused files lost | leaks | files that leak "
        "| boxes hidden % | text-free frames untouched % | refused % of readable |"
    )
    lines = [head, "|---" * 9 + "|"]
    lines += [
        f"| {one.name} | {one.privacy:.2f} | {one.utility:.2f} | {one.utility_with_refusals:.2f} "
        f"| {one.leaks} | {one.leaking_files} | {one.hidden:.1f} | {one.untouched:.1f} "
        f"| {one.refused:.1f} |"
        for one in summaries
    ]
    return "\n".join(lines)
