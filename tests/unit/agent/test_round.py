"""One task of a round: answered once, its step measured, the gate obeyed and written down."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from fedpacs.agent.gates import GateClosedError
from fedpacs.agent.round import RepeatedTaskError, Round
from fedpacs.config.job import load_job
from fedpacs.config.shipped import shipped
from fedpacs.config.site import Limits
from fedpacs.core.errors import RecordsError
from fedpacs.core.update import GlobalModel, LocalUpdate, Measurement
from fedpacs.core.wire import WireSchema
from fedpacs.records.events import Event, EventKind

JOB = load_job(shipped("configs", "jobs", "brain-tissue.toml"))
SCHEMA = WireSchema.of({"w": (4,)}, ("num-examples", "train-loss", "test-dice"))
ASKED = np.zeros(4, np.float32)


class Book:
    """The part of a hospital's premises that a round needs, with a book that may be full."""

    def __init__(self, full_at=None):
        self.config = SimpleNamespace(limits=Limits())
        self.kinds = []
        self._full_at = full_at

    def record(self, kind, **fields):
        if kind is self._full_at:
            raise RecordsError("The book is full.")
        self.kinds.append(Event(kind, fields).kind)
        return len(self.kinds)


class Learner:
    """Steps by as much as it is told, and says of itself what it is told."""

    def __init__(self, step=1.0, says=0.0, loss=0.5, size=4):
        self._step, self._says, self._loss, self._size = step, says, loss, size

    def fit(self, model):
        weights = np.full(self._size, self._step, np.float32)
        return self._update(model, weights, {"train-loss": Measurement(self._loss, 9)})

    def score(self, model):
        return self._update(model, None, {"test-dice": Measurement(0.5, 9)})

    def _update(self, model, weights, metrics):
        metrics["num-examples"] = Measurement(40.0, 9)
        return LocalUpdate(model.job_digest, model.server_round, weights, self._says, metrics)


def handler(book=None, **learner):
    return Round(book or Book(), JOB, SCHEMA, Learner(**learner))


def model(server_round=0):
    return GlobalModel(JOB.digest, server_round, ASKED)


@pytest.mark.parametrize("kind", ["train", "evaluate"])
def test_a_round_is_answered_once(kind):
    rounds = handler()
    rounds.handle(kind, model(1))
    with pytest.raises(RepeatedTaskError):
        rounds.handle(kind, model(1))
    assert len(rounds.released) == 1


def test_other_rounds_and_the_other_kind_are_answered():
    rounds = handler()
    for kind, number in (("train", 0), ("train", 1), ("evaluate", 1)):
        rounds.handle(kind, model(number))
    assert len(rounds.released) == 3


def test_a_refused_update_does_not_use_the_round_up():
    rounds = handler(step=1e9)
    for _ in range(2):
        with pytest.raises(GateClosedError):
            rounds.handle("train", model())


@pytest.mark.parametrize("says", [0.0, -1.0, float("nan")])
def test_the_step_is_measured_whatever_the_learner_says(says):
    with pytest.raises(GateClosedError) as caught:
        handler(step=1e9, says=says).handle("train", model())
    assert caught.value.code == "egress.norm-bound"
    assert handler(step=1.0, says=says).handle("train", model()).weights is not None


def test_weights_of_another_size_stay():
    with pytest.raises(GateClosedError) as caught:
        handler(size=5).handle("train", model())
    assert "egress.shape" in caught.value.decision.codes


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_number_that_is_none_closes_the_gate_and_is_in_the_book(loss):
    book = Book()
    with pytest.raises(GateClosedError) as caught:
        handler(book, loss=loss).handle("train", model())
    assert caught.value.code == "egress.metric-not-a-number"
    assert book.kinds[-1] is EventKind.GATE_CLOSED


@pytest.mark.parametrize(
    "full_at", [EventKind.TASK_ACCEPTED, EventKind.GATE_OPENED, EventKind.UPDATE_RELEASED]
)
def test_nothing_is_released_when_the_book_is_full_at_any_step(full_at):
    rounds = handler(Book(full_at))
    with pytest.raises(RecordsError):
        rounds.handle("train", model())
    assert rounds.released == []
