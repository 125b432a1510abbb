"""From a job and its network's shapes to the wire schema: all that may travel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fedpacs.core.wire import WireSchema
from fedpacs.federation.errors import UnexpectedRecordError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fedpacs.config.job import JobConfig

NUM_EXAMPLES = "num-examples"
"""Metric that weighs a site in the average (Flower's name for it); always in the schema."""


def wire_schema(job: JobConfig, shapes: Mapping[str, tuple[int, ...]]) -> WireSchema:
    """Derive the schema; both halves and the approvers compute the same digest from it.

    Parameters
    ----------
    job
        Names the metrics that may leave; ``num-examples`` is always among them, since the average
        cannot be formed without it.
    shapes
        Floating-point state of the job's network by name, in state-dict order.

    Raises
    ------
    UnexpectedRecordError
        If the network has no state to share.
    """
    if not shapes:
        raise UnexpectedRecordError("The network of the job has no floating-point state.")
    return WireSchema.of(shapes, tuple({*job.egress.metrics, NUM_EXAMPLES}))
