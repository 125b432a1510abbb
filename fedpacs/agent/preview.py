"""What a job is and what would leave a hospital, before anything runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.config.job import load_job
from fedpacs.federation.bundle import build_bundle, bundle_digest
from fedpacs.federation.schema import wire_schema
from fedpacs.federation.statistics import statistics_schema
from fedpacs.training.networks import build_network, state_shapes

if TYPE_CHECKING:
    from pathlib import Path

    from fedpacs.config.job import JobConfig
    from fedpacs.core.wire import WireSchema


@dataclass(frozen=True, slots=True)
class RecordPreview:
    """One record that may leave."""

    name: str
    kind: str
    shape: tuple[int, ...]
    dtype: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class TablePreview:
    """One table of statistics that may leave, if that is approved."""

    table: str
    cells: int
    from_to: str


@dataclass(frozen=True, slots=True)
class StatisticsPreview:
    """Statistics that may leave once, after an approval of their own.

    Attributes
    ----------
    noise
        In words.
    sums_for_harmonisation
        True if sums over patients of intensity landmarks and label volumes may leave, too.
    """

    tables: tuple[TablePreview, ...]
    noise: str
    sums_for_harmonisation: bool
    schema_digest: str


@dataclass(frozen=True, slots=True)
class Preview:
    """Everything that may leave a hospital under one job, and its digests.

    Attributes
    ----------
    records
        One packed array and the allow-listed numbers; there is no room for text.
    tensors
        Number of tensors packed into the array.
    minimum_cell
        Numbers that rest on fewer patients are left out.
    bytes_per_round, bytes_total
        Upper bound of the payload, without the protocol's own bytes.
    """

    job: str
    title: str
    purpose: str
    records: tuple[RecordPreview, ...]
    tensors: int
    parameters: int
    rounds: int
    minimum_cell: int
    maximum_update_norm: float
    bytes_per_round: int
    bytes_total: int
    job_digest: str
    schema_digest: str
    bundle_digest: str
    statistics: StatisticsPreview | None = None


def lint_job(path: Path) -> JobConfig:
    """Read a job and see that its network can be built.

    Raises
    ------
    ConfigError
        With every fault of the file.
    TrainingError
        If the network's parameters do not make a network.
    """
    job = load_job(path)
    schema_of(job)
    return job


def schema_of(job: JobConfig) -> WireSchema:
    """Compute the wire schema of a job with this machine's own software."""
    network = build_network(job.network, num_classes=len(job.cohort.labels) + 1)
    return wire_schema(job, state_shapes(network))


def preview(job: JobConfig) -> Preview:
    """Say what would leave."""
    schema = schema_of(job)
    numbers = tuple(RecordPreview(name, "number", (), "float64", 8) for name in schema.metrics)
    array = RecordPreview(schema.array_name, "array", (schema.size,), schema.dtype, schema.nbytes)
    rounds = job.federation.rounds
    per_round = schema.nbytes + sum(record.size_bytes for record in numbers)
    evaluation = sum(record.size_bytes for record in numbers)
    return Preview(
        job=job.job.name,
        title=job.job.title,
        purpose=job.job.purpose,
        records=(array, *numbers),
        tensors=len(schema.parameters),
        parameters=schema.size,
        rounds=rounds,
        minimum_cell=job.egress.minimum_cell,
        maximum_update_norm=job.egress.maximum_update_norm,
        bytes_per_round=per_round,
        bytes_total=rounds * per_round + evaluation,
        job_digest=job.digest,
        schema_digest=schema.digest,
        bundle_digest=bundle_digest(build_bundle(job)),
        statistics=preview_statistics(job),
    )


def preview_statistics(job: JobConfig) -> StatisticsPreview | None:
    """Say which statistics would leave; None if the job asks for none."""
    if job.statistics is None:
        return None
    schema = statistics_schema(job)
    noise = schema.noise
    return StatisticsPreview(
        tables=tuple(
            TablePreview(form.name, len(form.cells), f"{form.cells[0]} to {form.cells[-2]}")
            for form in schema.forms.values()
        ),
        noise=f"epsilon {noise.epsilon:g}, delta {noise.delta:g}" if noise else "none: exact",
        sums_for_harmonisation=schema.moments,
        schema_digest=schema.digest,
    )
