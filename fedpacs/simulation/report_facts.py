"""What the report of the demo is made from: plain frozen facts, measured, never judged here.

Judgement (does it hold, is it better) is derived from these in `report_view`, so the page cannot
claim more than was counted. Every patient of the demo is synthetic; that alone is why a "before"
picture and a "before" value may stand here. Over 300 lines because it is one list of fields with
their units.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    import numpy as np
    from numpy.typing import NDArray

    from fedpacs.core.ps315 import Action


@dataclass(frozen=True, slots=True)
class GateCount:
    """How often a gate was asked, and what it answered.

    Attributes
    ----------
    refused
        Times it stayed closed, by code of the broken rule.
    """

    opened: int
    refused: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class RoadCounts:
    """One hospital's counts along the road.

    Attributes
    ----------
    found, retrieved, reconciled, deidentified, sealed
        Studies. `sealed` includes those that an earlier run had sealed, so that
        ``found == sealed + quarantined`` says that nothing was lost.
    instances
        DICOM objects in the sealed studies.
    disclosure, cohort, egress
        Gates 1, 2 and 3. Gate 1 is asked once a study, gate 2 once a cohort, gate 3 once a
        message (training and evaluation).
    train, validation, test
        Patients.
    rounds_trained
        Rounds in which the hospital trained and its update was released.
    results_stored, results_found
        DICOM results that the PACS accepted, and those it then named when queried.
    """

    found: int
    retrieved: int
    reconciled: int
    deidentified: int
    disclosure: GateCount
    sealed: int
    instances: int
    train: int
    validation: int
    test: int
    cohort: GateCount
    rounds_trained: int
    egress: GateCount
    results_stored: int
    results_found: int

    @property
    def patients(self) -> int:
        """Patients in the cohort."""
        return self.train + self.validation + self.test


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """What one hospital measured in one round.

    Attributes
    ----------
    loss
        Mean training loss; None when it was suppressed or not measured.
    validation_dice
        Mean Dice of the hospital's validation patients, 0 to 1; None likewise.
    """

    server_round: int
    loss: float | None
    validation_dice: float | None


@dataclass(frozen=True, slots=True)
class WireRecord:
    """One kind of record that left: ``weights`` or a metric.

    Attributes
    ----------
    count
        How often it was sent.
    nbytes
        Bytes of its content, all times together.
    """

    name: str
    count: int
    nbytes: int


@dataclass(frozen=True, slots=True)
class Departures:
    """Everything that left one hospital.

    Attributes
    ----------
    digests
        SHA-256 of each released message as the book holds them, in order.
    wire_bytes
        All bytes the hospital sent to the consortium, protocol included, as the tap counted them
        after decryption.
    suppressed
        How often a metric was left out because too few patients stood behind it, by name.
    """

    records: tuple[WireRecord, ...]
    digests: tuple[str, ...]
    wire_bytes: int
    suppressed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class BookCheck:
    """What the verification of one hospital's book said.

    Attributes
    ----------
    root
        Merkle root of the last checkpoint, hexadecimal.
    public_key
        Key that the checkpoints were verified with, ``ed25519:`` and 64 hexadecimal digits.
    fault_code
        Why it failed; empty when it is whole.
    tampered_copy_refused
        Whether a copy with one altered entry was refused; None when this was not tried.
    """

    entries: int
    checkpoints: int
    root: str
    public_key: str
    ok: bool
    fault_code: str = ""
    tampered_copy_refused: bool | None = None


@dataclass(frozen=True, slots=True)
class HospitalReport:
    """One hospital.

    Attributes
    ----------
    retrieve
        ``C-MOVE``, ``C-GET`` or ``folder``.
    archive
        Product that plays its PACS, for example ``Orthanc 1.12``.
    quarantined
        Studies (or files) put aside, by code.
    approvers
        Who signed the job's terms, by the names in ``site.toml``.
    terms_digest
        SHA-256 that they signed.
    """

    name: str
    title: str
    retrieve: str
    archive: str
    profile: str
    profile_digest: str
    road: RoadCounts
    quarantined: Mapping[str, int]
    curve: tuple[CurvePoint, ...]
    departures: Departures
    book: BookCheck
    approvers: tuple[str, ...] = ()
    terms_digest: str = ""


@dataclass(frozen=True, slots=True)
class TagRow:
    """One attribute of one instance, before and after.

    Attributes
    ----------
    tag
        As ``(0010,0010)``.
    after
        New value; ignored when `action` removes the attribute.
    action
        PS3.15 Table E.1-1a code; None for an attribute that the engine added.
    reason
        The rule and its clause, readable by a data protection officer.
    """

    tag: str
    attribute: str
    before: str
    after: str
    action: Action | None
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class BeforeAfter:
    """One image instance before and after de-identification.

    Attributes
    ----------
    before, after
        Pixels as a viewer would window them, shape ``(Y, X)`` or ``(Y, X, 3)``, uint8.
    pixels_identical
        Whether the stored pixel bytes of both files are the same.
    """

    hospital: str
    profile: str
    before: NDArray[np.uint8]
    after: NDArray[np.uint8]
    pixels_identical: bool
    rows: tuple[TagRow, ...]


@dataclass(frozen=True, slots=True)
class ModelScores:
    """Dice of one model on the test patients of every hospital.

    Attributes
    ----------
    trained_at
        Name of the hospital for a local model, else empty.
    dice
        Hospital name to mean Dice, 0 to 1, of its test patients. A hospital may be missing.
    """

    kind: Literal["local", "pooled", "federated"]
    dice: Mapping[str, float]
    trained_at: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """One slice of a test patient with its truth and what the model drew.

    Attributes
    ----------
    image
        Shape ``(Y, X)``, uint8.
    truth, predicted
        Label maps, shape ``(Y, X)``, uint8, 0 background then 1..n in the order of `labels`.
    dice
        Mean Dice over this patient's whole volume; None when not measured.
    """

    hospital: str
    image: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    labels: tuple[str, ...]
    dice: float | None = None


@dataclass(frozen=True, slots=True)
class SegFacts:
    """One DICOM SEG that went back into a PACS.

    Attributes
    ----------
    archive
        AE title and product of the PACS that took it.
    segments
        Coded meanings of its segments.
    stored, found
        Whether C-STORE succeeded and C-FIND then named it.
    """

    hospital: str
    sop_class_name: str
    sop_class_uid: str
    series_description: str
    segments: tuple[str, ...]
    frames: int
    nbytes: int
    archive: str
    stored: bool
    found: bool
    model_digest: str


@dataclass(frozen=True, slots=True)
class ScanTarget:
    """One place that was searched for planted strings.

    Attributes
    ----------
    place
        What it is, for example ``decrypted traffic to the consortium``.
    hospital
        Hospital whose strings or data these are; empty for a place of the consortium.
    hits
        Planted strings found there.
    nbytes
        Bytes searched. A place with none counts as not searched, which breaks the promise.
    """

    place: str
    hospital: str
    nbytes: int
    hits: int


@dataclass(frozen=True, slots=True)
class ControlScan:
    """The positive control: the same scanner where the strings must be.

    Attributes
    ----------
    planted
        Strings that were planted there.
    found
        How many of them the scanner found.
    """

    place: str
    hospital: str
    nbytes: int
    planted: int
    found: int


@dataclass(frozen=True, slots=True)
class LeakScan:
    """The search for every planted string in everything that left or lies behind gate 1.

    Attributes
    ----------
    planted
        Different strings looked for, of all hospitals.
    kinds
        What they are, for example ``patient names``.
    encodings
        Forms each string was looked for in, for example ``UTF-16LE``.
    """

    planted: int
    kinds: tuple[str, ...]
    encodings: tuple[str, ...]
    targets: tuple[ScanTarget, ...]
    controls: tuple[ControlScan, ...]


@dataclass(frozen=True, slots=True)
class JobFacts:
    """The job that was approved and run.

    Attributes
    ----------
    parameters
        Trainable numbers of the network.
    rounds
        Rounds the job asked for.
    minimum_cell
        Smallest number of patients that a released metric may rest on.
    """

    name: str
    title: str
    purpose: str
    digest: str
    network: str
    parameters: int
    rounds: int
    minimum_cell: int


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long a step of the demo took."""

    step: str
    seconds: float


@dataclass(frozen=True, slots=True)
class DemoReport:
    """Everything on the page.

    Attributes
    ----------
    made_at
        When the demo ended, with time zone.
    seed
        Seed of the phantoms and of training.
    versions
        Name of a component to its version.
    limits
        What this run in particular does not show, a sentence or two each; the template already
        says what no run of the demo can show.
    """

    made_at: datetime
    seed: int
    job: JobFacts
    hospitals: tuple[HospitalReport, ...]
    before_after: BeforeAfter
    models: tuple[ModelScores, ...]
    segmentation: Segmentation
    results: tuple[SegFacts, ...]
    leak_scan: LeakScan
    times: tuple[StepTime, ...]
    versions: Mapping[str, str]
    limits: tuple[str, ...] = ()
