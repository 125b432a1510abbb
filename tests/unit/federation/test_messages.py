from __future__ import annotations

import io

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.core.update import GlobalModel, ReleasedUpdate
from fedpacs.core.wire import WireSchema
from fedpacs.federation.errors import NotFiniteError, UnexpectedRecordError, WrongJobError
from fedpacs.federation.messages import (
    message_kind,
    read_model,
    read_update,
    write_model,
    write_update,
)

JOB = "a" * 64
SCHEMA = WireSchema.of({"w": (3, 2), "b": (2,)}, ("loss", "num-examples"))
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


def model(server_round=0, value=1.0):
    return GlobalModel(JOB, server_round, np.full(SCHEMA.size, value, np.float32))


def update(weights=True, **metrics):
    packed = np.arange(SCHEMA.size, dtype=np.float32) if weights else None
    return ReleasedUpdate(JOB, 0, packed, {"num-examples": 8.0, **metrics})


@given(st.lists(finite, min_size=8, max_size=8), st.integers(0, 10_000))
def test_a_model_arrives_bit_for_bit(values, server_round):
    sent = GlobalModel(JOB, server_round, np.array(values, np.float32))
    read = read_model(write_model(sent, SCHEMA), SCHEMA, JOB)
    assert read.server_round == server_round
    assert read.weights.tobytes() == sent.weights.tobytes()
    assert read.weights.dtype == np.float32


@given(st.lists(finite, min_size=8, max_size=8), st.floats(0.5, 1e6), finite)
def test_an_update_arrives_bit_for_bit(values, examples, loss):
    sent = ReleasedUpdate(
        JOB, 3, np.array(values, np.float32), {"num-examples": examples, "loss": loss}
    )
    read = read_update(write_update(sent, SCHEMA), SCHEMA, "train", model(3))
    assert read.weights.tobytes() == sent.weights.tobytes()
    assert read.metrics == sent.metrics
    assert (read.job_digest, read.server_round) == (JOB, 3)


def test_a_reply_has_no_room_for_text():
    content = write_update(update(loss=0.5), SCHEMA)
    assert set(content) == {"arrays", "metrics"}
    assert not content.config_records
    assert all(type(value) is float for value in content["metrics"].values())


def test_an_evaluation_carries_numbers_only():
    content = write_update(update(weights=False, loss=0.5), SCHEMA)
    assert set(content) == {"metrics"}
    assert read_update(content, SCHEMA, "evaluate", model()).weights is None


def _with(content, key, record):
    return RecordDict({**dict(content), key: record})


def _array(values, **declared):
    array = Array(np.asarray(values))
    for name, value in declared.items():
        setattr(array, name, value)
    return ArrayRecord({"weights": array})


GOOD = np.zeros(8, np.float32)
PICKLED = io.BytesIO()
np.save(PICKLED, np.array([{"x": 1}], dtype=object), allow_pickle=True)


@pytest.mark.parametrize(
    "arrays",
    [
        ArrayRecord(),
        ArrayRecord({"weights": Array(GOOD), "more": Array(GOOD)}),
        ArrayRecord({"other": Array(GOOD)}),
        _array(np.zeros(8, np.float64)),
        _array(np.zeros(7, np.float32)),
        _array(np.zeros((8, 1), np.float32)),
        _array(np.zeros(8, np.float64), dtype="float32"),
        _array(np.zeros(9, np.float32), shape=(8,)),
        _array(GOOD, stype="pickle"),
        _array(GOOD, data=b"\x93NUMPY broken"),
        _array(GOOD, data=b""),
        _array(GOOD, data=PICKLED.getvalue()),
        _array(GOOD, data=b"\0" * 100_000),
    ],
)
def test_any_other_array_is_refused_on_both_sides(arrays):
    with pytest.raises(UnexpectedRecordError):
        read_model(_with(write_model(model(), SCHEMA), "arrays", arrays), SCHEMA, JOB)
    with pytest.raises(UnexpectedRecordError):
        read_update(
            _with(write_update(update(), SCHEMA), "arrays", arrays), SCHEMA, "train", model()
        )


def test_an_array_whose_header_lies_about_its_size_is_refused():
    header = io.BytesIO()
    shape = {"descr": "<f4", "fortran_order": False, "shape": (10**15,)}
    np.lib.format.write_array_header_1_0(header, shape)
    lying = Array(np.zeros(SCHEMA.size, "<f4"))
    lying.data = header.getvalue() + bytes(4)
    content = write_model(model(), SCHEMA)
    content["arrays"] = ArrayRecord({"weights": lying})
    with pytest.raises(UnexpectedRecordError):
        read_model(content, SCHEMA, JOB)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(value):
    weights = GOOD.copy()
    weights[3] = value
    with pytest.raises(NotFiniteError):
        read_model(_with(write_model(model(), SCHEMA), "arrays", _array(weights)), SCHEMA, JOB)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"job-digest": JOB},
        {"job-digest": JOB, "server-round": 0, "lr": 0.1},
        {"job-digest": JOB, "server-round": -1},
        {"job-digest": JOB, "server-round": 1.0},
        {"job-digest": JOB, "server-round": True},
    ],
)
def test_any_other_configuration_of_a_message_is_refused(config):
    content = _with(write_model(model(), SCHEMA), "config", ConfigRecord(config))
    with pytest.raises(UnexpectedRecordError):
        read_model(content, SCHEMA, JOB)


def test_a_message_of_another_job_is_refused():
    with pytest.raises(WrongJobError):
        read_model(write_model(model(), SCHEMA), SCHEMA, "b" * 64)


@pytest.mark.parametrize("key", ["extra", "weights"])
@pytest.mark.parametrize("record", [ConfigRecord({"note": "text"}), MetricRecord({"loss": 1.0})])
def test_an_additional_record_is_refused_on_both_sides(key, record):
    with pytest.raises(UnexpectedRecordError):
        read_model(_with(write_model(model(), SCHEMA), key, record), SCHEMA, JOB)
    with pytest.raises(UnexpectedRecordError):
        read_update(_with(write_update(update(), SCHEMA), key, record), SCHEMA, "train", model())


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        {"loss": 1.0},
        {"num-examples": 0},
        {"num-examples": -3.0},
        {"num-examples": 3.0, "age": 1.0},
        {"num-examples": 3.0, "loss": float("nan")},
        {"num-examples": 3.0, "loss": [1.0, 2.0]},
        {"num-examples": float("inf")},
        {"num-examples": 1e300},
    ],
)
def test_any_other_number_is_refused_by_the_server(metrics):
    content = _with(write_update(update(), SCHEMA), "metrics", MetricRecord(metrics))
    with pytest.raises(UnexpectedRecordError):
        read_update(content, SCHEMA, "train", model())


def test_a_site_does_not_send_what_the_schema_does_not_name():
    with pytest.raises(UnexpectedRecordError):
        write_update(update(age=40.0), SCHEMA)
    with pytest.raises(UnexpectedRecordError):
        write_update(ReleasedUpdate(JOB, 0, np.zeros(9, np.float32), {}), SCHEMA)
    with pytest.raises(UnexpectedRecordError):
        write_update(ReleasedUpdate(JOB, 0, np.zeros(8, np.float64), {}), SCHEMA)


def test_a_train_reply_without_weights_and_an_evaluation_with_them_are_refused():
    with pytest.raises(UnexpectedRecordError):
        read_update(write_update(update(weights=False), SCHEMA), SCHEMA, "train", model())
    with pytest.raises(UnexpectedRecordError):
        read_update(write_update(update(), SCHEMA), SCHEMA, "evaluate", model())


@pytest.mark.parametrize("kind", ["query", "train.extra", "", "TRAIN"])
def test_there_are_two_kinds_of_messages(kind):
    with pytest.raises(UnexpectedRecordError):
        message_kind(kind)
    assert [message_kind("train"), message_kind("evaluate")] == ["train", "evaluate"]
