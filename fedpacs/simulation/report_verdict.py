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
    federated, federated_worst
        Mean and worst over all hospitals' test sets.
    alone, alone_worst
        The same of the local models, averaged over them; where they were tested at home only,
        what they reach there.
    everywhere
        Whether the local models were tested at every hospital.
    at_home
        Mean of every hospital's own model on that hospital's own patients: the hardest
        comparison.
    better_at_home
        Names of hospitals whose own model beats the federated one on their own patients.
    """

    federated: float
    federated_worst: float
    alone: float
    alone_worst: float
    everywhere: bool
    at_home: float
    better_at_home: tuple[str, ...]

    @property
    def holds(self) -> bool:
        """True when, as printed, the federated model is better on average and at its worst."""
        return _beats(self.federated, self.alone) and _beats(self.federated_worst, self.alone_worst)

    @property
    def rival(self) -> str:
        """What the federated model is compared with."""
        if self.everywhere:
            return "a model trained at one hospital alone"
        return "the model each hospital trained alone, on its own patients"


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


def own_models(report: DemoReport) -> dict[str, float]:
    """Dice of each hospital's own model on its own patients, by hospital."""
    return {
        m.trained_at: m.dice[m.trained_at]
        for m in report.models
        if m.kind == "local" and m.trained_at in m.dice
    }


def mean_and_worst(scores: ModelScores, hospitals: tuple[str, ...]) -> tuple[float, float] | None:
    """Mean and worst Dice over the hospitals; None unless all of them were measured."""
    if not hospitals or any(name not in scores.dice for name in hospitals):
        return None
    values = [scores.dice[name] for name in hospitals]
    return fmean(values), min(values)


def _headline(report: DemoReport, checks: tuple[Check, ...], benefit: Benefit | None) -> str:
    failed = [f"\u201c{check.name}\u201d" for check in checks if not check.held]
    if failed:
        broken, made = number_word(len(failed)).lower(), number_word(len(checks)).lower()
        return f"This demo broke {broken} of its {made} promises: {', '.join(failed)}."
    count = number_word(len(report.hospitals))
    start = (
        f"{count} hospitals trained one model, and none of {report.leak_scan.planted:,} planted "
        "identifiers was found in anything that left them"
    )
    if benefit is None:
        return f"{start}."
    now = f"{benefit.federated:.2f}"
    if benefit.holds:
        return (
            f"{start}. On the test patients of all of them it reaches a Dice of {now}; "
            f"{benefit.rival}, {benefit.alone:.2f}."
        )
    return (
        f"{start}. But it is not better than {benefit.rival}: Dice {now} against "
        f"{benefit.alone:.2f} on average, {benefit.federated_worst:.2f} against "
        f"{benefit.alone_worst:.2f} at the worst hospital."
    )


def _benefit(report: DemoReport) -> Benefit | None:
    names = tuple(h.name for h in report.hospitals)
    federated = next((m for m in report.models if m.kind == "federated"), None)
    together = mean_and_worst(federated, names) if federated else None
    home = own_models(report)
    if federated is None or together is None or home.keys() != set(names):
        return None
    local = [mean_and_worst(m, names) for m in report.models if m.kind == "local"]
    abroad = [pair for pair in local if pair is not None]
    everywhere = len(abroad) == len(local)
    rivals = abroad if everywhere else [(fmean(home.values()), min(home.values()))]
    return Benefit(
        federated=together[0],
        federated_worst=together[1],
        alone=fmean(mean for mean, _ in rivals),
        alone_worst=fmean(worst for _, worst in rivals),
        everywhere=everywhere,
        at_home=fmean(home.values()),
        better_at_home=tuple(n for n in names if _beats(home[n], federated.dice[n])),
    )


def _beats(one: float, other: float) -> bool:
    return round(one, 2) > round(other, 2)


def _leaks(report: DemoReport) -> Check:
    scan = report.leak_scan
    hits = sum(t.hits for t in scan.targets)
    named = {t.hospital for t in scan.targets}
    empty = [f"{t.place} of {t.hospital or 'consortium'}" for t in scan.targets if t.nbytes <= 0]
    empty += [f"anything of {h.name}" for h in report.hospitals if h.name not in named]
    empty += [f"traffic of {h.name}" for h in report.hospitals if h.departures.wire_bytes <= 0]
    name = "Nothing identified leaves"
    if empty:
        return Check(name, False, f"Not searched, or empty: {', '.join(empty)}.")
    searched = sum(t.nbytes for t in scan.targets)
    sentence = f"{scan.planted:,} planted strings, {searched:,} bytes searched, {hits:,} hits."
    return Check(name, hits == 0 and scan.planted > 0, sentence)


def _control(report: DemoReport) -> Check:
    controls = report.leak_scan.controls
    found, planted = sum(c.found for c in controls), sum(c.planted for c in controls)
    covered = {c.hospital for c in controls}
    held = (
        all(c.planted > 0 and c.found == c.planted for c in controls)
        and all(h.name in covered for h in report.hospitals)
        and planted >= report.leak_scan.planted  # a string without a control proves nothing
    )
    return Check(
        "The search can find",
        held,
        f"In the archives themselves, the same search finds {found:,} of {planted:,}.",
    )


def _nothing_lost(report: DemoReport) -> Check:
    found = sum(h.road.found for h in report.hospitals)
    sealed = sum(h.road.sealed for h in report.hospitals)
    aside = sum(sum(h.quarantined.values()) for h in report.hospitals)
    held = found > 0 and all(_accounted(h) for h in report.hospitals)
    return Check(
        "Nothing is lost",
        held,
        f"{found:,} studies found = {sealed:,} sealed + {aside:,} quarantined with a code.",
    )


def _accounted(hospital: HospitalReport) -> bool:
    return hospital.road.found == hospital.road.sealed + sum(hospital.quarantined.values())


def _only_approved(report: DemoReport) -> Check:
    signed = [h for h in report.hospitals if h.approvers and h.terms_digest]
    return Check(
        "Only approved jobs run",
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
        "Every round is trained",
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
        "Results return to the PACS", held, f"{stored:,} stored, {found:,} found again by C-FIND."
    )
