"""From the books and answers of a demo to the facts of its report; nothing is measured anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING

from fedpacs.agent.consent import state_of
from fedpacs.agent.premises import Premises
from fedpacs.agent.preview import preview
from fedpacs.config.pacs import FolderPacs
from fedpacs.core.cohort import Split
from fedpacs.records.approvals import ApprovalState
from fedpacs.records.events import EventKind
from fedpacs.simulation.report_facts import (
    CurvePoint,
    Departures,
    GateCount,
    HospitalReport,
    JobFacts,
    ModelScores,
    RoadCounts,
    WireRecord,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fedpacs.config.job import JobConfig
    from fedpacs.core.cohort import Cohort
    from fedpacs.records.events import Event
    from fedpacs.server.report import RunReport
    from fedpacs.simulation.comparison import Comparison
    from fedpacs.simulation.report_facts import BookCheck, SegFacts
    from fedpacs.simulation.workspace import HospitalPlace

_NUMBER_BYTES = 8
_COMPONENTS = ("fedpacs", "flwr", "torch", "monai", "pydicom", "pynetdicom", "highdicom")


def versions() -> dict[str, str]:
    """Give the versions of what did the work."""
    return {name: version(name) for name in _COMPONENTS}


def job_facts(job: JobConfig) -> JobFacts:
    """Give the job as people read it."""
    return JobFacts(
        name=job.job.name,
        title=job.job.title,
        purpose=job.job.purpose,
        digest=job.digest,
        network=job.network.name,
        parameters=preview(job).parameters,
        rounds=job.federation.rounds,
        minimum_cell=job.egress.minimum_cell,
    )


def model_scores(comparison: Comparison) -> tuple[ModelScores, ...]:
    """Give the scores of every model in the order of the chart."""
    local = (ModelScores("local", dice, trained_at=name) for name, dice in comparison.local.items())
    return (
        *local,
        ModelScores("pooled", comparison.pooled),
        ModelScores("federated", comparison.federated),
    )


@dataclass(frozen=True, slots=True)
class Part:
    """What is known of one hospital's part in the run.

    Attributes
    ----------
    job
        What was approved.
    run
        The consortium's side.
    cohort
        The hospital's cohort.
    book
        What the verification of its book said.
    started_at
        Entries in its book before this run: what earlier demos did is not counted for the run.
    update_bytes
        Size of the packed array.
    result
        What its PACS said of the result when it was asked again.
    """

    job: JobConfig
    run: RunReport
    cohort: Cohort
    book: BookCheck
    started_at: int
    update_bytes: int
    result: SegFacts


def hospital_report(place: HospitalPlace, part: Part) -> HospitalReport:
    """Tell one hospital's part."""
    premises = Premises.open(place.site_file)
    entries = list(premises.book.entries())
    config = premises.config
    terms, signed_by = _approval(premises, part.job)
    of_run = [entry.event for entry in entries if entry.index >= part.started_at]
    is_folder = isinstance(config.pacs, FolderPacs)
    return HospitalReport(
        name=place.name,
        title=config.site.title,
        retrieve="folder" if is_folder else place.pacs.retrieve.upper(),
        archive="FedPACS embedded PACS",
        profile=premises.profile.name,
        profile_digest=premises.profile.digest,
        road=_road([entry.event for entry in entries], of_run, part.cohort, part.result),
        quarantined=premises.quarantine.counts(),
        curve=_curve(part.run, place.name),
        departures=_departures(place, part, of_run),
        book=part.book,
        approvers=signed_by,
        terms_digest=terms,
    )


def _approval(premises: Premises, job: JobConfig) -> tuple[str, tuple[str, ...]]:
    """Give what stands approved, every signature verified again; nothing when nothing does."""
    terms = premises.approvals.latest(job.digest)
    if terms is None or state_of(premises, terms.digest) is not ApprovalState.APPROVED:
        return "", ()
    statements = premises.approvals.statements(terms.digest)
    return terms.digest, tuple(sorted({statement.approver for statement in statements}))


def _road(
    all_events: list[Event], events_of_run: list[Event], cohort: Cohort, result: SegFacts
) -> RoadCounts:
    studies = {
        kind: len({e.fields["study"] for e in all_events if e.kind is kind})
        for kind in (
            EventKind.STUDY_FOUND,
            EventKind.STUDY_RETRIEVED,
            EventKind.STUDY_DEIDENTIFIED,
            EventKind.STUDY_SEALED,
        )
    }
    sealed = [e for e in all_events if e.kind is EventKind.STUDY_SEALED]
    kinds = Counter(e.kind for e in events_of_run)
    parts = {split: len(cohort.patients(split)) for split in Split}
    return RoadCounts(
        found=studies[EventKind.STUDY_FOUND],
        retrieved=studies[EventKind.STUDY_RETRIEVED],
        reconciled=studies[EventKind.STUDY_RETRIEVED],
        deidentified=studies[EventKind.STUDY_DEIDENTIFIED],
        disclosure=_gate(all_events, "disclosure"),
        sealed=studies[EventKind.STUDY_SEALED],
        instances=sum({e.fields["study"]: int(e.fields["instances"]) for e in sealed}.values()),
        train=parts[Split.TRAIN],
        validation=parts[Split.VALIDATION],
        test=parts[Split.TEST],
        cohort=_gate(all_events, "cohort"),
        rounds_trained=kinds[EventKind.UPDATE_RELEASED],
        egress=_gate(events_of_run, "egress"),
        results_stored=int(result.stored),
        results_found=int(result.found),
    )


def _gate(events: Iterable[Event], gate: str) -> GateCount:
    """Count different subjects, so that a demo run again does not count a cohort twice."""
    opened = {e.fields["subject"] for e in events if _of_gate(e, EventKind.GATE_OPENED, gate)}
    closed = {
        (e.fields["subject"], str(e.fields["code"]))
        for e in events
        if _of_gate(e, EventKind.GATE_CLOSED, gate)
    }
    return GateCount(len(opened), dict(Counter(code for _, code in closed)))


def _of_gate(event: Event, kind: EventKind, gate: str) -> bool:
    return event.kind is kind and event.fields["gate"] == gate


def _curve(run: RunReport, name: str) -> tuple[CurvePoint, ...]:
    curves = run.curves[name]
    absent = (None,) * run.rounds
    losses = curves.get("train-loss", absent)
    dices = curves.get("validation-dice", absent)
    return tuple(
        CurvePoint(number, loss, dice)
        for number, (loss, dice) in enumerate(zip(losses, dices, strict=True), start=1)
    )


def _departures(place: HospitalPlace, part: Part, events: list[Event]) -> Departures:
    run = part.run
    sent: Counter[str] = Counter()
    for name, values in run.curves[place.name].items():
        sent[name] += sum(value is not None for value in values)
    sent.update(run.evaluation.get(place.name, {}).keys())
    records = [WireRecord("weights", run.rounds, run.rounds * part.update_bytes)]
    records += [WireRecord(name, n, n * _NUMBER_BYTES) for name, n in sorted(sent.items())]
    suppressed = {
        name: sum(value is None for value in values)
        for name, values in run.curves[place.name].items()
    }
    return Departures(
        records=tuple(records),
        digests=tuple(str(e.fields["payload"]) for e in events if e.kind is EventKind.PAYLOAD_SENT),
        wire_bytes=sum(file.stat().st_size for file in place.wire.iterdir()),
        suppressed={name: count for name, count in suppressed.items() if count},
    )
