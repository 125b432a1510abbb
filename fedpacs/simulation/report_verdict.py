"""What the facts of the demo amount to: promises that held or did not, and one honest sentence.

Nothing here can be passed in. A search that searched nothing, or whose positive control stayed
silent, does not count as clean; a federated model that lost says that it lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fedpacs.simulation.report_facts import DemoReport, HospitalReport, ModelScores

_WORDS = ("No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine")


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of the demo, whether it held, and what that was counted from."""

    name: str
    held: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class Benefit:
    """What federation was worth, in Dice on the hospitals' test patients.

    Attributes
    ----------
    federated, alone
        Mean over all hospitals' test sets: of the federated model, and of the local models on
        average.
    federated_worst, alone_worst
        The worst hospital: of the federated model, and of the local models on average.
    better_at_home
        Names of hospitals whose own model beats the federated one on their own patients.
    """

    federated: float
    alone: float
    federated_worst: float
    alone_worst: float
    better_at_home: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True when the federated model is better on average and at its worst hospital."""
        return self.federated > self.alone and self.federated_worst > self.alone_worst


@dataclass(frozen=True, slots=True)
class Verdict:
    """The top of the page."""

    headline: str
    checks: tuple[Check, ...]
    benefit: Benefit | None

    @property
    def held(self) -> bool:
        """True when every promise held."""
        return all(check.held for check in self.checks)


def judge(report: DemoReport) -> Verdict:
    """Derive checks and headline from the facts."""
    checks = (
        _leaks(report),
        _control(report),
        _nothing_lost(report),
        _only_approved(report),
        _books(report),
        _rounds(report),
        _results(report),
    )
    benefit = _benefit(report)
    return Verdict(_headline(report, checks, benefit), checks, benefit)


def number_word(count: int) -> str:
    """Write a small count as a word that may begin a sentence."""
    return _WORDS[count] if count < len(_WORDS) else f"{count:,}"


def mean_and_worst(scores: ModelScores, hospitals: tuple[str, ...]) -> tuple[float, float] | None:
    """Mean and worst Dice over the hospitals; None unless all of them were measured."""
    if not hospitals or any(name not in scores.dice for name in hospitals):
        return None
    values = [scores.dice[name] for name in hospitals]
    return fmean(values), min(values)


def _headline(report: DemoReport, checks: tuple[Check, ...], benefit: Benefit | None) -> str:
    failed = [check.name.lower() for check in checks if not check.held]
    if failed:
        plural = "promises" if len(failed) > 1 else "promise"
        return f"This demo broke {len(failed)} of its {len(checks)} {plural}: {'; '.join(failed)}."
    count = number_word(len(report.hospitals))
    start = (
        f"{count} hospitals trained one model, and none of {report.leak_scan.planted:,} planted "
        "identifiers was found outside a hospital"
    )
    if benefit is None:
        return f"{start}."
    now = f"{benefit.federated:.2f}"
    if benefit.holds:
        return f"{start}; Dice rose from {benefit.alone:.2f} alone to {now} together."
    return (
        f"{start}; but together they did not do better: Dice {benefit.alone:.2f} alone, "
        f"{now} together (worst hospital {benefit.alone_worst:.2f} and "
        f"{benefit.federated_worst:.2f})."
    )


def _benefit(report: DemoReport) -> Benefit | None:
    names = tuple(h.name for h in report.hospitals)
    local = [m for m in report.models if m.kind == "local"]
    alone = [pair for m in local if (pair := mean_and_worst(m, names))]
    federated = next((m for m in report.models if m.kind == "federated"), None)
    together = mean_and_worst(federated, names) if federated else None
    if federated is None or together is None or len(alone) != len(local) or not alone:
        return None
    home = tuple(
        m.trained_at
        for m in local
        if m.trained_at in m.dice and m.dice[m.trained_at] > federated.dice[m.trained_at]
    )
    return Benefit(
        together[0], fmean(a for a, _ in alone), together[1], fmean(w for _, w in alone), home
    )


def _leaks(report: DemoReport) -> Check:
    scan = report.leak_scan
    hits = sum(t.hits for t in scan.targets)
    covered = {t.hospital for t in scan.targets if t.nbytes > 0}
    missing = [h.name for h in report.hospitals if h.name not in covered]
    what = f"{scan.planted:,} planted strings, {sum(t.nbytes for t in scan.targets):,} bytes"
    if missing:
        return Check(
            "Nothing identified left", False, f"Not searched: what left {', '.join(missing)}."
        )
    return Check(
        "Nothing identified left",
        hits == 0 and scan.planted > 0,
        f"{what} searched, {hits:,} hits.",
    )


def _control(report: DemoReport) -> Check:
    controls = report.leak_scan.controls
    found, planted = sum(c.found for c in controls), sum(c.planted for c in controls)
    covered = {c.hospital for c in controls}
    held = all(c.planted > 0 and c.found == c.planted for c in controls) and all(
        h.name in covered for h in report.hospitals
    )
    return Check(
        "The search does find",
        held,
        f"In the hospitals' own archives the same search finds {found:,} of {planted:,}.",
    )


def _nothing_lost(report: DemoReport) -> Check:
    found = sum(h.road.found for h in report.hospitals)
    sealed = sum(h.road.sealed for h in report.hospitals)
    aside = sum(sum(h.quarantined.values()) for h in report.hospitals)
    held = found > 0 and all(_accounted(h) for h in report.hospitals)
    return Check(
        "Nothing was lost",
        held,
        f"{found:,} studies found = {sealed:,} sealed + {aside:,} quarantined with a code.",
    )


def _accounted(hospital: HospitalReport) -> bool:
    return hospital.road.found == hospital.road.sealed + sum(hospital.quarantined.values())


def _only_approved(report: DemoReport) -> Check:
    signed = [h for h in report.hospitals if h.approvers and h.terms_digest]
    return Check(
        "Only what was approved ran",
        len(signed) == len(report.hospitals),
        f"{len(signed)} of {len(report.hospitals)} hospitals hold a signed approval of this job.",
    )


def _books(report: DemoReport) -> Check:
    whole = [h for h in report.hospitals if h.book.ok and h.book.entries and h.book.checkpoints]
    tried = [h for h in report.hospitals if h.book.tampered_copy_refused is not None]
    held = len(whole) == len(report.hospitals) and all(h.book.tampered_copy_refused for h in tried)
    entries = sum(h.book.entries for h in report.hospitals)
    sentence = f"{len(whole)} of {len(report.hospitals)} books verify, {entries:,} entries"
    if tried:
        refused = sum(bool(h.book.tampered_copy_refused) for h in tried)
        sentence += f"; {refused} of {len(tried)} altered copies refused"
    return Check("The books are whole", held, f"{sentence}.")


def _rounds(report: DemoReport) -> Check:
    done = [h.road.rounds_trained for h in report.hospitals]
    return Check(
        "Every round was trained",
        bool(done) and all(d == report.job.rounds for d in done),
        f"{', '.join(str(d) for d in done)} of {report.job.rounds} rounds.",
    )


def _results(report: DemoReport) -> Check:
    stored = sum(h.road.results_stored for h in report.hospitals)
    found = sum(h.road.results_found for h in report.hospitals)
    held = all(
        h.road.results_stored > 0 and h.road.results_found == h.road.results_stored
        for h in report.hospitals
    )
    return Check(
        "Results are back in the PACS", held, f"{stored:,} stored, {found:,} found again by C-FIND."
    )
