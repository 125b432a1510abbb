"""Score FedPACS, and peers if asked, on a corpus that is made for it.

OMP_NUM_THREADS=1 python -m benchmarks.deid_quality WORK [--quick] [--peers] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.deid_quality import tools
from benchmarks.deid_quality.corpus import build, load
from benchmarks.deid_quality.scoring import Result, score
from benchmarks.deid_quality.specimen import PRIVACY, UTILITY
from benchmarks.deid_quality.tables import (
    by_kind,
    failures,
    markdown,
    summarise,
    summary_table,
)

if TYPE_CHECKING:
    from benchmarks.deid_quality.scoring import Release
    from benchmarks.deid_quality.specimen import Specimen
    from benchmarks.deid_quality.tables import Summary


def run(name: str, options: argparse.Namespace) -> tuple[dict[str, Release], float]:
    """Run one tool over the corpus into an empty folder."""
    source, out = options.work / "in", options.work / f"out-{name}"
    if options.score_only and name == "fedpacs":
        lines = (options.work / "map.jsonl").read_text()
        return tools.releases_of(lines, source, out), 0.0
    shutil.rmtree(out, ignore_errors=True)
    (options.work / "map.jsonl").unlink(missing_ok=True)
    if name == "fedpacs":
        return tools.fedpacs(
            source, out, options.work, profile=options.profile, workers=options.workers
        )
    if name == "copy":
        return tools.copied(source, out)
    return tools.peer(name, source, out, options.work)


def scored(
    name: str, specimens: list[Specimen], options: argparse.Namespace
) -> tuple[Summary, list[Result]]:
    """Run a tool, score it and print its tables."""
    releases, seconds = run(name, options)
    results = list(score(specimens, releases, options.work / "in", options.work / f"out-{name}"))
    results += told(name, specimens, options.work)
    summary = summarise(name, specimens, releases, results)
    print(f"\n## {name}: {summary.released} of {summary.files} files released, {seconds:.0f} s")
    print(f"{summary.checks} checks, {summary.unreadable_released} unreadable files released")
    for reason, count in summary.refusals.items():
        print(f"  refused {count:4d}  {reason}")
    print(markdown(by_kind(results), (*PRIVACY, *UTILITY)))
    reasons = Counter(
        (one.kind, one.check, one.where if one.check != "leak" else f"({one.where})")
        for one in results
        if not one.passed
    )
    for (kind, check, where), count in reasons.most_common(options.show):
        print(f"  {count:5d}  {kind:10} {check:12} {where}")
    rows = failures(results)
    (options.work / f"failures-{name}.json").write_text(
        json.dumps(rows, ensure_ascii=False, indent=0)
    )
    return summary, results


def told(name: str, specimens: list[Specimen], work: Path) -> list[Result]:
    """Look for patients' values in what FedPACS prints and reports."""
    if name != "fedpacs":
        return []
    said = ((work / "report.json").read_text() + (work / "fedpacs.log").read_text()).casefold()
    planted = {(one.text, one.what) for specimen in specimens for one in specimen.planted}
    return [
        Result("report and log", "run", "", "leak", what, text, text.casefold() not in said)
        for text, what in sorted(planted)
        if len(text) >= 6
    ]


def main() -> None:
    """Build the corpus if it is not there, score the tools and print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("work", type=Path, help="folder for corpus, outputs and failures")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="an eighth of the corpus")
    parser.add_argument("--peers", action="store_true")
    parser.add_argument("--tools", nargs="*", default=["fedpacs"])
    parser.add_argument("--profile", default="research-rich")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--show", type=int, default=40, help="rows of failures to print")
    parser.add_argument("--rebuild", action="store_true")
    parser.add_argument("--score-only", action="store_true", help="score FedPACS's last run again")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.rebuild or not (options.work / "key.json").is_file():
        shutil.rmtree(options.work / "in", ignore_errors=True)
        build(options.work, options.seed, 0.125 if options.quick else 1, bundled=True)
    specimens = load(options.work)
    names = options.tools + (["copy", *tools.peers()] if options.peers else [])
    summaries, kinds = [], {}
    for name in names:
        summary, results = scored(name, specimens, options)
        summaries.append(summary)
        kinds[name] = by_kind(results)
    print("\n" + summary_table(summaries))
    if options.json:
        content = {"summaries": [asdict(one) for one in summaries], "kinds": kinds}
        options.json.write_text(json.dumps(content, indent=1))


if __name__ == "__main__":
    main()
