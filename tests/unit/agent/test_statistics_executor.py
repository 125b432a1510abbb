"""The executor of statistics against Flower's own Runtime API: one question, nothing else."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest
from flwr.app import RecordDict

from fedpacs.agent.statistics_service import StatisticsExecutor
from fedpacs.core.errors import PolicyError, RecordsError
from fedpacs.core.wire import WireSchema
from fedpacs.federation.bundle import build_bundle, bundle_digest, run_config
from fedpacs.federation.questions import read_answer, write_question

_SPEC = importlib.util.spec_from_file_location(
    "executor_tests", Path(__file__).with_name("test_executor.py")
)
shared = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(shared)
JOB, SECRET, supernode = shared.JOB, shared.SECRET, shared.supernode

BUNDLE = build_bundle(JOB, "statistics")
PERMIT = replace(
    shared.PERMIT,
    bundle_digest=bundle_digest(BUNDLE),
    run_config=run_config(JOB, "statistics"),
    schema=WireSchema((), ()),
    rounds=0,
)
FILE = b'{"site": "aurora"}\n'


class Desk:
    """What the hospital releases, and what it wrote down of what left."""

    def __init__(self, raises=None):
        self.released, self.left, self.raises = 0, [], raises

    def release(self):
        self.released += 1
        if self.raises:
            raise self.raises
        return FILE


@pytest.fixture
def take(supernode):
    def taken(desk, permit=PERMIT, note=None):
        executor = StatisticsExecutor(
            f"127.0.0.1:{supernode.port}", SECRET, permit, desk.release, note or desk.left.append
        )
        try:
            return executor.take()
        finally:
            executor.close()

    return taken


def give(supernode, content=None, kind="query", bundle=BUNDLE, **override):
    content = write_question(JOB.digest) if content is None else content
    return supernode.give(content, kind, bundle, **override)


def test_the_approved_question_is_answered_with_the_file_and_written_down(supernode, take):
    give(supernode)
    desk = Desk()
    task = take(desk)
    ((reply, _),) = supernode.replies()
    assert (task.code, task.message_type) == (None, "query")
    assert read_answer(reply.content) == FILE
    assert FILE in desk.left[0]


@pytest.mark.parametrize(
    ("given", "permit", "code"),
    [
        ({"kind": "train"}, {}, "agent.message-type-not-approved"),
        ({"kind": "evaluate"}, {}, "agent.message-type-not-approved"),
        ({"bundle": build_bundle(JOB)}, {}, "agent.bundle-not-approved"),
        ({"protocol": "9"}, {}, "agent.run-config-not-approved"),
        ({}, {"refusal": lambda: "agent.statistics-not-approved"}, "agent.statistics-not-approved"),
        ({"content": write_question("b" * 64)}, {}, "federation.wrong-job"),
        ({"content": RecordDict()}, {}, "federation.unexpected-record"),
    ],
)
def test_anything_else_is_refused_with_a_code_and_nothing_is_released(
    supernode, take, given, permit, code
):
    give(supernode, **given)
    desk = Desk()
    assert take(desk, replace(PERMIT, **permit)).code == code
    assert desk.released == 0
    ((reply, _),) = supernode.replies()
    assert reply.error.reason == code


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (PolicyError("Mustermann"), "policy.refused"),
        (ValueError("Mustermann"), "agent.task-failed"),
    ],
)
def test_when_it_cannot_be_released_the_consortium_is_told_a_code(supernode, take, raised, code):
    give(supernode)
    assert take(Desk(raised)).code == code
    ((reply, contents),) = supernode.replies()
    assert reply.error.reason == code
    assert b"Mustermann" not in b"".join(contents.values())


def test_what_cannot_be_written_down_does_not_leave(supernode, take):
    def full(_payload):
        raise RecordsError("The book is full.")

    give(supernode)
    with pytest.raises(RecordsError):
        take(Desk(), note=full)
    assert supernode.replies() == []


def test_an_executor_of_training_does_not_answer_the_question(supernode):
    give(supernode, bundle=build_bundle(JOB))
    executor = shared.Executor(
        f"127.0.0.1:{supernode.port}", SECRET, shared.PERMIT, shared.Adds(), lambda _p: None
    )
    assert executor.take().code == "agent.message-type-not-approved"
    executor.close()
