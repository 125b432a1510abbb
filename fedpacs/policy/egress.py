"""Gate 3, egress: whether an update may leave the hospital."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fedpacs.core.decision import Decision, Reason
from fedpacs.policy.limits import NUM_EXAMPLES, EgressLimits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from fedpacs.core.update import Measurement
    from fedpacs.core.wire import WireSchema

__all__ = ["NUM_EXAMPLES", "EgressFacts", "EgressLimits", "decide", "suppress"]

GATE = "egress"
TRAIN = "train"
EVALUATE = "evaluate"
_SHA256 = re.compile(r"[0-9a-f]{64}")
_ELEMENT_BYTES = {"float32": 4}
_SMALLEST_MEANINGFUL = 2


@dataclass(frozen=True, slots=True)
class EgressFacts:
    """What is known of an update before gate 3, in plain numbers.

    Attributes
    ----------
    message_type
        ``train`` or ``evaluate``.
    job_digest
        SHA-256 of the job that the update was made for.
    approved_job_digest
        SHA-256 of the job that the site approved.
    shapes
        Shape of every array in the update, by name; empty for an evaluation.
    dtypes
        Data type of every array, by name, as ``float32``; another byte order is another type.
    finite
        True if every element of every array is finite.
    update_norm
        L2 norm of the step away from the global weights; 0 for an evaluation.
    metrics
        Every number that would leave, with the patients behind it.
    schema
        The approved record.
    limits
        The stricter of site and job.
    server_round
        Round the update is for.
    """

    message_type: str
    job_digest: str
    approved_job_digest: str
    shapes: Mapping[str, tuple[int, ...]]
    dtypes: Mapping[str, str]
    finite: bool
    update_norm: float
    metrics: Mapping[str, Measurement]
    schema: WireSchema
    limits: EgressLimits
    server_round: int = 0


def decide(facts: EgressFacts) -> Decision:
    """Decide gate 3. It opens only if all of these hold; every broken one is named.

    1. The limits limit something: a positive finite norm, a cell of two or more, a positive size
       (``egress.vacuous-limit``).
    2. The update was made for the approved job, by SHA-256 (``egress.job-not-approved``), for a
       round of it (``egress.round``), and answers ``train`` or ``evaluate``
       (``egress.message-type``).
    3. An answer to ``train`` has exactly one array, of the approved name (``egress.arrays``),
       shape (``egress.shape``) and data type (``egress.dtype``), no larger than allowed
       (``egress.size``). An answer to ``evaluate`` has none (``egress.arrays``).
    4. Every element is finite (``egress.not-finite``).
    5. The norm of the step is a number from 0 to the bound, and 0 for an evaluation
       (``egress.norm-bound``).
    6. Every metric is in the approved record and in the job's allow-list
       (``egress.metric-not-allowed``), a finite number and no text
       (``egress.metric-not-a-number``), and tells how many patients stand behind it
       (``egress.metric-without-patients``).
    7. ``num-examples`` is there (``egress.num-examples-missing``), a whole number of at least its
       patients (``egress.num-examples``), and rests on no fewer patients than the minimum cell;
       it cannot be left out like the others, so the whole update stays (``egress.small-cell``).

    Sentences never repeat the name of what is not allowed: a name could carry data out.

    Parameters
    ----------
    facts
        What is known.

    Returns
    -------
    Decision
        With all reasons, not only the first.
    """
    return Decision.of(GATE, _broken(facts))


def suppress(
    metrics: Mapping[str, Measurement], minimum_cell: int
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Leave out the numbers that too few patients stand behind.

    Parameters
    ----------
    metrics
        Numbers with the patients behind them.
    minimum_cell
        Fewest patients a number may rest on.

    Returns
    -------
    dict
        The numbers that may leave.
    tuple
        Sorted names of those that were left out. If ``num-examples`` is among them, gate 3 has
        refused the update.
    """
    kept = {
        name: float(measured.value)
        for name, measured in metrics.items()
        if measured.num_patients >= minimum_cell
    }
    return kept, tuple(sorted(metrics.keys() - kept.keys()))


def _broken(facts: EgressFacts) -> Iterator[Reason]:
    yield from _limits(facts.limits)
    yield from _task(facts)
    yield from _arrays(facts)
    if facts.finite is not True:
        yield Reason("egress.not-finite", "The update holds values that are not finite.")
    yield from _norm(facts)
    yield from _metrics(facts)
    yield from _num_examples(facts)


def _limits(limits: EgressLimits) -> Iterator[Reason]:
    norm = limits.maximum_update_norm
    if not (
        math.isfinite(norm)
        and norm > 0
        and limits.minimum_cell >= _SMALLEST_MEANINGFUL
        and limits.maximum_update_bytes > 0
    ):
        yield Reason("egress.vacuous-limit", "A limit is missing or limits nothing.")


def _task(facts: EgressFacts) -> Iterator[Reason]:
    if not _SHA256.fullmatch(facts.job_digest) or facts.job_digest != facts.approved_job_digest:
        yield Reason(
            "egress.job-not-approved",
            "The update was made for a job that the site did not approve.",
        )
    if type(facts.server_round) is not int or not (
        0 <= facts.server_round <= facts.limits.maximum_rounds
    ):
        yield Reason("egress.round", "The update is for a round outside the approved job.")
    if facts.message_type not in (TRAIN, EVALUATE):
        yield Reason("egress.message-type", "The update answers neither `train` nor `evaluate`.")


def _arrays(facts: EgressFacts) -> Iterator[Reason]:
    schema = facts.schema
    expected = () if facts.message_type == EVALUATE else (schema.array_name,)
    if tuple(facts.shapes) != expected or tuple(facts.dtypes) != expected:
        yield Reason(
            "egress.arrays",
            f"The update has {len(facts.shapes)} arrays; "
            f"the approved record has {len(expected)}, of one certain name.",
        )
        return
    for name in expected:
        if facts.shapes[name] != (schema.size,):
            yield Reason("egress.shape", "The array has not the shape of the approved record.")
        if facts.dtypes[name] != schema.dtype or schema.dtype not in _ELEMENT_BYTES:
            yield Reason("egress.dtype", "The array has not the data type of the approved record.")
    nbytes = len(expected) * schema.size * _ELEMENT_BYTES.get(schema.dtype, 8)
    if nbytes > facts.limits.maximum_update_bytes:
        yield Reason(
            "egress.size",
            f"The update has {nbytes} bytes; {facts.limits.maximum_update_bytes} are allowed.",
        )


def _norm(facts: EgressFacts) -> Iterator[Reason]:
    bound = 0.0 if facts.message_type == EVALUATE else facts.limits.maximum_update_norm
    # Written so that NaN, for which every comparison is false, is refused.
    if not 0.0 <= facts.update_norm <= bound:
        yield Reason(
            "egress.norm-bound",
            f"The step's norm is {facts.update_norm:.4g}; {bound:.4g} is allowed.",
        )


def _metrics(facts: EgressFacts) -> Iterator[Reason]:
    allowed = {*facts.schema.metrics, NUM_EXAMPLES} & {*facts.limits.allowed_metrics, NUM_EXAMPLES}
    strangers = len(facts.metrics.keys() - allowed)
    if strangers:
        yield Reason(
            "egress.metric-not-allowed",
            f"{strangers} numbers are not among those that the job may send.",
        )
    values = [measured.value for measured in facts.metrics.values()]
    if not all(_is_number(value) for value in values):
        yield Reason("egress.metric-not-a-number", "A metric is not a finite number.")
    patients = [measured.num_patients for measured in facts.metrics.values()]
    if not all(type(count) is int and count >= 0 for count in patients):
        yield Reason(
            "egress.metric-without-patients",
            "A metric does not tell how many patients stand behind it.",
        )


def _num_examples(facts: EgressFacts) -> Iterator[Reason]:
    measured = facts.metrics.get(NUM_EXAMPLES)
    if measured is None:
        yield Reason("egress.num-examples-missing", "The update does not tell its num-examples.")
        return
    value, patients = measured.value, measured.num_patients
    if not (_is_number(value) and value >= patients and float(value).is_integer()):
        yield Reason(
            "egress.num-examples", "num-examples is not a whole number of at least its patients."
        )
    if patients < facts.limits.minimum_cell:
        yield Reason(
            "egress.small-cell",
            f"The update rests on {patients} patients; "
            f"{facts.limits.minimum_cell} are needed for anything to leave.",
        )


def _is_number(value: object) -> bool:
    # A bool is an int to Python; as a metric it is a mistake.
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
