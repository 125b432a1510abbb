"""The question for statistics and its answer on the wire: those records, or none."""

from __future__ import annotations

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, MetricRecord, RecordDict

from fedpacs.core.errors import FederationError
from fedpacs.federation.questions import read_answer, read_question, write_answer, write_question

JOB = "a" * 64


def answer(array, name="statistics"):
    return RecordDict({"arrays": ArrayRecord({name: array})})


def claiming(**claims):
    array = Array(np.frombuffer(b"{}", np.uint8))
    for name, value in claims.items():
        setattr(array, name, value)
    return answer(array)


def test_what_is_asked_and_answered_is_read():
    read_question(write_question(JOB), JOB)
    assert read_answer(write_answer(b'{"site": "aurora"}\n')) == b'{"site": "aurora"}\n'


@pytest.mark.parametrize(
    "content",
    [
        write_question("b" * 64),
        RecordDict(),
        RecordDict({"config": MetricRecord({"job-digest": 1})}),
        RecordDict({"config": ConfigRecord({"job-digest": JOB, "path": "/etc/passwd"})}),
        RecordDict({"config": ConfigRecord({"job-digest": JOB.encode()})}),
        RecordDict({**write_question(JOB), **write_answer(b"x")}),
    ],
)
def test_any_other_question_is_refused(content):
    with pytest.raises(FederationError):
        read_question(content, JOB)


@pytest.mark.parametrize(
    "content",
    [
        RecordDict(),
        RecordDict({"arrays": ConfigRecord({"statistics": b"x"})}),
        RecordDict({**write_answer(b"x"), "metrics": MetricRecord({"patients": 3})}),
        answer(Array(np.zeros(3, np.uint8)), "images"),
        answer(Array(np.zeros(3, np.float32))),
        answer(Array(np.zeros((2, 2), np.uint8))),
        claiming(data=b"\x93NUMPY garbage"),
        claiming(data=b"\x93NUMPY" + b"x" * 5_000_000),
        claiming(stype="pickle"),
    ],
)
def test_any_other_answer_is_refused(content):
    with pytest.raises(FederationError):
        read_answer(content)


def test_an_array_of_objects_is_never_unpickled():
    class Bomb:
        def __reduce__(self):
            return pytest.fail, ("unpickled",)

    import io

    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    with pytest.raises(FederationError):
        read_answer(claiming(data=buffer.getvalue(), shape=(1,)))
