"""Gate 3: one array of the approved form, allow-listed numbers on enough patients, nothing else."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fedpacs.core.update import Measurement
from fedpacs.core.wire import WireSchema
from fedpacs.policy.egress import EgressFacts, EgressLimits, decide, suppress

JOB = "c" * 64
SCHEMA = WireSchema.of({"conv.weight": (4, 3), "conv.bias": (4,)}, ("loss", "num-examples"))
LIMITS = EgressLimits(
    maximum_update_norm=10.0,
    minimum_cell=5,
    maximum_update_bytes=64,
    allowed_metrics=("loss", "num-examples"),
    minimum_patients=10,
    maximum_rounds=16,
)
METRICS = {"num-examples": Measurement(120.0, 10), "loss": Measurement(0.5, 10)}
TRAIN = EgressFacts(
    message_type="train",
    job_digest=JOB,
    approved_job_digest=JOB,
    shapes={"weights": (16,)},
    dtypes={"weights": "float32"},
    finite=True,
    update_norm=3.5,
    metrics=METRICS,
    schema=SCHEMA,
    limits=LIMITS,
    server_round=3,
)
EVALUATE = replace(TRAIN, message_type="evaluate", shapes={}, dtypes={}, update_norm=0.0)


def with_metric(name, value, patients=10):
    return {"metrics": {**METRICS, name: Measurement(value, patients)}}


def test_a_training_update_that_keeps_every_rule_passes():
    assert decide(TRAIN).allowed
    assert decide(TRAIN).gate == "egress"


def test_an_evaluation_that_keeps_every_rule_passes():
    assert decide(EVALUATE).allowed


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"job_digest": "d" * 64}, "egress.job-not-approved"),
        ({"approved_job_digest": ""}, "egress.job-not-approved"),
        ({"job_digest": "", "approved_job_digest": ""}, "egress.job-not-approved"),
        ({"server_round": 17}, "egress.round"),
        ({"server_round": -1}, "egress.round"),
        ({"server_round": True}, "egress.round"),
        ({"message_type": "query"}, "egress.message-type"),
        ({"shapes": {}, "dtypes": {}}, "egress.arrays"),
        (
            {
                "shapes": {"weights": (16,), "images": (9,)},
                "dtypes": {"weights": "float32", "images": "float32"},
            },
            "egress.arrays",
        ),
        ({"shapes": {"pixels": (16,)}, "dtypes": {"pixels": "float32"}}, "egress.arrays"),
        ({"shapes": {"weights": (16,)}, "dtypes": {}}, "egress.arrays"),
        ({"shapes": {"weights": (17,)}}, "egress.shape"),
        ({"shapes": {"weights": (4, 4)}}, "egress.shape"),
        ({"shapes": {"weights": ()}}, "egress.shape"),
        ({"dtypes": {"weights": "float64"}}, "egress.dtype"),
        ({"dtypes": {"weights": ">f4"}}, "egress.dtype"),
        ({"dtypes": {"weights": "object"}}, "egress.dtype"),
        ({"finite": False}, "egress.not-finite"),
        ({"finite": None}, "egress.not-finite"),
        ({"update_norm": 10.000001}, "egress.norm-bound"),
        ({"update_norm": -1.0}, "egress.norm-bound"),
        ({"update_norm": math.nan}, "egress.norm-bound"),
        ({"update_norm": math.inf}, "egress.norm-bound"),
        (with_metric("patient-names", 1.0), "egress.metric-not-allowed"),
        (with_metric("loss", math.nan), "egress.metric-not-a-number"),
        (with_metric("loss", math.inf), "egress.metric-not-a-number"),
        (with_metric("loss", "DOE^JANE"), "egress.metric-not-a-number"),
        (with_metric("loss", True), "egress.metric-not-a-number"),
        (with_metric("loss", [0.5]), "egress.metric-not-a-number"),
        (with_metric("loss", 0.5, None), "egress.metric-without-patients"),
        (with_metric("loss", 0.5, -1), "egress.metric-without-patients"),
        ({"metrics": {"loss": Measurement(0.5, 10)}}, "egress.num-examples-missing"),
        (with_metric("num-examples", 120.5), "egress.num-examples"),
        (with_metric("num-examples", 9.0), "egress.num-examples"),
        (with_metric("num-examples", 120.0, 4), "egress.small-cell"),
        ({"limits": replace(LIMITS, maximum_update_bytes=63)}, "egress.size"),
        ({"limits": replace(LIMITS, minimum_cell=1)}, "egress.vacuous-limit"),
        ({"limits": replace(LIMITS, maximum_update_norm=math.inf)}, "egress.vacuous-limit"),
    ],
)
def test_each_rule_closes_the_gate_alone(change, code):
    assert decide(replace(TRAIN, **change)).codes == (code,)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"shapes": {"weights": (16,)}, "dtypes": {"weights": "float32"}}, "egress.arrays"),
        ({"update_norm": 0.1}, "egress.norm-bound"),
        (with_metric("num-examples", 120.0, 4), "egress.small-cell"),
    ],
)
def test_an_evaluation_carries_numbers_only(change, code):
    assert decide(replace(EVALUATE, **change)).codes == (code,)


def test_a_metric_must_be_in_the_record_and_in_the_jobs_list():
    narrow = replace(LIMITS, allowed_metrics=("num-examples",))
    assert decide(replace(TRAIN, limits=narrow)).codes == ("egress.metric-not-allowed",)
    schema = WireSchema(SCHEMA.parameters, ("num-examples",))
    assert decide(replace(TRAIN, schema=schema)).codes == ("egress.metric-not-allowed",)


def test_text_in_num_examples_is_refused_not_raised():
    codes = decide(replace(TRAIN, **with_metric("num-examples", "120"))).codes
    assert codes == ("egress.metric-not-a-number", "egress.num-examples")


def test_a_patients_name_as_a_metrics_or_arrays_name_is_not_repeated():
    smuggled = replace(
        TRAIN,
        shapes={"DOE^JANE": (16,)},
        dtypes={"DOE^JANE": "DOE^JANE"},
        message_type="DOE^JANE",
        **with_metric("DOE^JANE", "DOE^JANE"),
    )
    decision = decide(smuggled)
    assert not decision.allowed
    assert "DOE" not in repr(decision)


def test_numbers_of_small_cells_are_left_out():
    metrics = {
        "num-examples": Measurement(120, 10),
        "loss": Measurement(0.5, 5),
        "dice": Measurement(0.9, 4),
        "precision": Measurement(0.8, 0),
    }
    kept, suppressed = suppress(metrics, 5)
    assert kept == {"num-examples": 120.0, "loss": 0.5}
    assert suppressed == ("dice", "precision")


NAMES = st.sampled_from(["num-examples", "loss", "dice", "precision"])
MEASUREMENTS = st.builds(Measurement, st.floats(0, 1e6), st.integers(0, 30))


@given(st.dictionaries(NAMES, MEASUREMENTS), st.integers(2, 30))
def test_nothing_below_the_cell_leaves_and_nothing_is_lost_silently(metrics, cell):
    kept, suppressed = suppress(metrics, cell)
    assert all(metrics[name].num_patients >= cell for name in kept)
    assert all(metrics[name].num_patients < cell for name in suppressed)
    assert kept.keys() | set(suppressed) == metrics.keys()


@given(
    st.dictionaries(NAMES, MEASUREMENTS),
    st.floats(0, 20),
    st.integers(2, 20),
    st.floats(0.1, 20),
    st.data(),
)
def test_stricter_limits_never_open_a_closed_gate(metrics, norm, cell, bound, data):
    limits = replace(LIMITS, minimum_cell=cell, maximum_update_norm=bound)
    facts = replace(TRAIN, metrics=metrics, update_norm=norm, limits=limits)
    stricter = replace(
        limits,
        minimum_cell=cell + data.draw(st.integers(0, 10)),
        maximum_update_norm=bound * data.draw(st.floats(0.1, 1)),
        maximum_update_bytes=data.draw(st.integers(1, 64)),
        allowed_metrics=tuple(data.draw(st.sets(st.sampled_from(LIMITS.allowed_metrics)))),
    )
    if decide(replace(facts, limits=stricter)).allowed:
        assert decide(facts).allowed


@given(st.dictionaries(NAMES, MEASUREMENTS), st.floats(allow_nan=True, allow_infinity=True))
def test_an_open_gate_means_what_it_says(metrics, norm):
    facts = replace(TRAIN, metrics=metrics, update_norm=norm)
    if decide(facts).allowed:
        assert 0 <= norm <= LIMITS.maximum_update_norm
        assert metrics.keys() <= set(LIMITS.allowed_metrics)
        assert "num-examples" in suppress(metrics, LIMITS.minimum_cell)[0]
