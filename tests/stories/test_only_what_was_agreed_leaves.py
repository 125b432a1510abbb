"""Gate 3 with a real hospital behind it: what it lets through, what it keeps, what it writes."""

import numpy as np
import pytest

from fedpacs.agent.gates import GateClosedError
from fedpacs.agent.learner import Learner
from fedpacs.agent.round import Round
from fedpacs.agent.snapshot import current_cohort
from fedpacs.core.errors import RecordsError
from fedpacs.core.update import GlobalModel, LocalUpdate, Measurement
from fedpacs.records.events import EventKind
from fedpacs.training.networks import initial_weights


@pytest.fixture
def hospital(ingested):
    site = ingested.site()
    learner = Learner(site.premises, ingested.job, current_cohort(site.premises, ingested.job))
    return site, ingested.job, Round(site.premises, ingested.job, learner.schema, learner)


def update(job, schema, **changes):
    facts = {
        "job_digest": job.digest,
        "server_round": 0,
        "weights": np.zeros(schema.size, np.float32),
        "update_norm": 1.0,
        "metrics": {"num-examples": Measurement(40.0, 6), "train-loss": Measurement(0.5, 6)},
    }
    return LocalUpdate(**{**facts, **changes})


def kinds(site):
    return [entry.event.kind for entry in site.premises.book.entries()]


def test_a_round_trains_here_and_releases_weights_and_numbers_only(hospital):
    site, job, handler = hospital
    model = GlobalModel(job.digest, 0, initial_weights(job))
    released = handler.handle("train", model)
    assert released.weights.shape == model.weights.shape
    assert not np.array_equal(released.weights, model.weights)
    assert set(released.metrics) <= {"num-examples", "train-loss", "validation-dice"}
    assert kinds(site)[-3:] == [
        EventKind.TASK_ACCEPTED,
        EventKind.GATE_OPENED,
        EventKind.UPDATE_RELEASED,
    ]


def test_a_number_that_rests_on_few_patients_stays(hospital):
    _, job, handler = hospital
    metrics = {
        "num-examples": Measurement(40.0, 6),
        "validation-dice": Measurement(0.8, 4),
    }
    released = handler.release("train", update(job, handler.schema, metrics=metrics))
    assert released.metrics == {"num-examples": 40.0}
    assert released.suppressed == ("validation-dice",)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"update_norm": 1e6}, "egress.norm-bound"),
        ({"update_norm": float("nan")}, "egress.norm-bound"),
        ({"job_digest": "f" * 64}, "egress.job-not-approved"),
        (
            {"metrics": {"num-examples": Measurement(40.0, 6), "mrn": Measurement(20417733.0, 6)}},
            "egress.metric-not-allowed",
        ),
        ({"metrics": {"num-examples": Measurement(3.0, 1)}}, "egress.small-cell"),
    ],
)
def test_anything_else_stays_and_the_book_says_why(hospital, changes, code):
    site, job, handler = hospital
    with pytest.raises(GateClosedError) as caught:
        handler.release("train", update(job, handler.schema, **changes))
    assert caught.value.code == code
    last = list(site.premises.book.entries())[-1].event
    assert (last.kind, last.fields["code"]) == (EventKind.GATE_CLOSED, code)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_numbers_stay(hospital, value):
    _, job, handler = hospital
    weights = np.zeros(handler.schema.size, np.float32)
    weights[7] = value
    with pytest.raises(GateClosedError) as caught:
        handler.release("train", update(job, handler.schema, weights=weights))
    assert caught.value.code == "egress.not-finite"


@pytest.mark.parametrize("dtype", [np.float64, np.int32])
def test_another_type_or_shape_stays(hospital, dtype):
    _, job, handler = hospital
    for weights in (np.zeros(handler.schema.size, dtype), np.zeros(9, np.float32)):
        with pytest.raises(GateClosedError):
            handler.release("train", update(job, handler.schema, weights=weights))


def test_nothing_is_released_when_the_book_cannot_be_written(hospital):
    site, job, handler = hospital
    site.premises.book.close()
    (site.config.store.path.parent / "book.db").unlink()
    with pytest.raises(RecordsError):
        handler.release("train", update(job, handler.schema))
    assert handler.released == []
