"""Messages on the wire: Flower records to our types and back, and nothing besides.

A message to a site holds one packed array and two plain values (job digest, round). A reply holds
at most the packed array, and numbers whose names the schema lists; it has no room for text.
Whatever else a record holds makes the whole message invalid, on both sides.

References
----------
B. McMahan et al., Communication-Efficient Learning of Deep Networks from Decentralized Data,
AISTATS 2017 (what travels: weights and the number of examples behind them).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from fedpacs.core.update import GlobalModel, ReleasedUpdate
from fedpacs.federation.errors import NotFiniteError, UnexpectedRecordError, WrongJobError
from fedpacs.federation.schema import NUM_EXAMPLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from fedpacs.core.wire import WireSchema

MessageKind = Literal["train", "evaluate", "query"]

TRAIN: MessageKind = "train"
EVALUATE: MessageKind = "evaluate"

ARRAYS = "arrays"
CONFIG = "config"
METRICS = "metrics"
_JOB_DIGEST = "job-digest"
_SERVER_ROUND = "server-round"
_MAXIMUM_EXAMPLES = 1e9
"""Far beyond any hospital; more would drown the other sites' weights in the average."""
_NPY_HEADER_BYTES = 4096
"""Room for the header of NumPy's .npy format around the packed values."""


def message_kind(message_type: str) -> MessageKind:
    """Narrow Flower's message type to the two of training; statistics have one of their own.

    Raises
    ------
    UnexpectedRecordError
        For any other type.
    """
    if message_type == TRAIN:
        return TRAIN
    if message_type == EVALUATE:
        return EVALUATE
    raise UnexpectedRecordError("The message is neither `train` nor `evaluate`.")


def write_model(model: GlobalModel, schema: WireSchema) -> RecordDict:
    """Put a global model into a record for a site."""
    return RecordDict(
        {
            ARRAYS: _pack(model.weights, schema),
            CONFIG: ConfigRecord(
                {_JOB_DIGEST: model.job_digest, _SERVER_ROUND: model.server_round}
            ),
        }
    )


def read_model(content: RecordDict, schema: WireSchema, job_digest: str) -> GlobalModel:
    """Take the global model out of a record that the server sent.

    Raises
    ------
    UnexpectedRecordError
        If the record holds anything but what `write_model` puts there.
    WrongJobError
        If it belongs to another job.
    NotFiniteError
        If the weights are not all finite.
    """
    _require_keys(content, {ARRAYS: ArrayRecord, CONFIG: ConfigRecord})
    config = content[CONFIG]
    if set(config) != {_JOB_DIGEST, _SERVER_ROUND}:
        raise UnexpectedRecordError("The configuration of a message has unexpected keys.")
    server_round = config[_SERVER_ROUND]
    if type(server_round) is not int or server_round < 0:
        raise UnexpectedRecordError("The round of a message is not a number of a round.")
    if config[_JOB_DIGEST] != job_digest:
        raise WrongJobError("A message names another job.")
    return GlobalModel(job_digest, server_round, _unpack(content.array_records[ARRAYS], schema))


def write_update(update: ReleasedUpdate, schema: WireSchema) -> RecordDict:
    """Put a released update into a record for the server.

    Raises
    ------
    UnexpectedRecordError
        If a metric is not in the schema or not a number: gate 3 let it through by mistake.
    """
    records: dict[str, ArrayRecord | MetricRecord] = {}
    if update.weights is not None:
        records[ARRAYS] = _pack(update.weights, schema)
    records[METRICS] = MetricRecord({**_numbers(update.metrics, schema)})
    return RecordDict(records)  # type: ignore[arg-type] # invariant dict of a union of records


def read_update(
    content: RecordDict, schema: WireSchema, kind: MessageKind, asked: GlobalModel
) -> ReleasedUpdate:
    """Take an update out of a site's reply.

    Parameters
    ----------
    kind
        A ``train`` reply must hold weights, an ``evaluate`` reply must not.
    asked
        Model that the reply answers; the reply itself does not name job or round.

    Raises
    ------
    UnexpectedRecordError
        If the record holds anything but what `write_update` puts there.
    NotFiniteError
        If the weights are not all finite.
    """
    kinds: dict[str, type] = {METRICS: MetricRecord}
    if kind == TRAIN:
        kinds[ARRAYS] = ArrayRecord
    _require_keys(content, kinds)
    metrics = _numbers(dict(content[METRICS]), schema)
    if not 0 < metrics.get(NUM_EXAMPLES, 0) <= _MAXIMUM_EXAMPLES:
        raise UnexpectedRecordError("A reply does not say how many examples stand behind it.")
    weights = _unpack(content.array_records[ARRAYS], schema) if kind == TRAIN else None
    return ReleasedUpdate(asked.job_digest, asked.server_round, weights, metrics)


def _require_keys(content: RecordDict, kinds: Mapping[str, type]) -> None:
    if set(content) != set(kinds):
        raise UnexpectedRecordError("A message holds other records than the schema names.")
    if any(type(content[key]) is not kind for key, kind in kinds.items()):
        raise UnexpectedRecordError("A message holds a record of another kind.")


def _numbers(metrics: Mapping[str, object], schema: WireSchema) -> dict[str, float]:
    numbers: dict[str, float] = {}
    for name, value in metrics.items():
        if name not in schema.metrics:
            raise UnexpectedRecordError("A message holds a metric that the schema does not name.")
        if type(value) not in (int, float) or not math.isfinite(value):  # type: ignore[arg-type] # narrowed by the first half
            raise UnexpectedRecordError("A metric is not one finite number.")
        numbers[name] = float(value)  # type: ignore[arg-type] # checked above
    return numbers


def _pack(weights: NDArray[np.float32], schema: WireSchema) -> ArrayRecord:
    if weights.shape != (schema.size,) or weights.dtype != np.float32:
        raise UnexpectedRecordError("The weights do not have the shape and type of the schema.")
    return ArrayRecord({schema.array_name: Array(np.ascontiguousarray(weights, dtype="<f4"))})


def _unpack(record: ArrayRecord, schema: WireSchema) -> NDArray[np.float32]:
    if list(record) != [schema.array_name]:
        raise UnexpectedRecordError("A message holds other arrays than the schema names.")
    array = record[schema.array_name]
    declared = (array.dtype, tuple(array.shape), array.stype)
    if declared != (schema.dtype, (schema.size,), "numpy.ndarray"):
        raise UnexpectedRecordError("An array does not have the shape and type of the schema.")
    if len(array.data) > schema.nbytes + _NPY_HEADER_BYTES:
        raise UnexpectedRecordError("An array is longer than the schema allows.")
    try:
        values = array.numpy()  # Flower reads it with allow_pickle=False
    except (
        Exception
    ) as error:  # NumPy's reader fails in many ways on foreign bytes, MemoryError too
        raise UnexpectedRecordError("An array cannot be read.") from error
    if values.shape != (schema.size,) or values.dtype != np.dtype("<f4"):
        raise UnexpectedRecordError("An array is not what it says it is.")
    if not np.isfinite(values).all():
        raise NotFiniteError("The weights in a message are not all finite.")
    return np.ascontiguousarray(values, dtype=np.float32)
