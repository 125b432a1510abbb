"""The right half of the road: what is learned, what is released, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class GlobalModel:
    """A model as the consortium sends it out.

    Attributes
    ----------
    weights
        Shape ``(wire schema size,)``, float32, packed.
    server_round
        Round that produced it; 0 is the initial model.
    """

    job_digest: str
    server_round: int
    weights: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A number together with how many patients stand behind it, for the small-cell rule."""

    value: float
    num_patients: int


@dataclass(frozen=True, slots=True, eq=False)
class LocalUpdate:
    """What training at one hospital produced. It must not leave: gate 3 turns it into the next.

    Attributes
    ----------
    weights
        Shape ``(wire schema size,)``, float32, packed; None for an evaluation, which gives
        numbers only.
    update_norm
        L2 norm of ``weights - global weights``, the size of the step; 0 for an evaluation.
    metrics
        Numbers by name, ``num-examples`` (the weight in the average) among them.
    """

    job_digest: str
    server_round: int
    weights: NDArray[np.float32] | None
    update_norm: float
    metrics: Mapping[str, Measurement]


@dataclass(frozen=True, slots=True, eq=False)
class ReleasedUpdate:
    """An update that gate 3 let through, after the book took down its digest and size.

    Attributes
    ----------
    suppressed
        Names of the metrics that were left out because too few patients stand behind them.
    """

    job_digest: str
    server_round: int
    weights: NDArray[np.float32] | None
    metrics: Mapping[str, float]
    suppressed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A DICOM object made by the model for one original study, back in its PACS."""

    sop_instance_uid: str
    series_instance_uid: str
    sop_class_uid: str
    model_digest: str
    confirmed: bool
    """True once the PACS answered a query for it."""
