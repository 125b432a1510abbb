from __future__ import annotations

from copy import deepcopy
from types import SimpleNamespace

import numpy as np
import pytest
from flwr.app import Error, Message
from flwr.supercore.task_identity import TaskIdentity

from fedpacs.config.job import load_job
from fedpacs.config.shipped import shipped
from fedpacs.core.update import ReleasedUpdate
from fedpacs.core.wire import WireSchema
from fedpacs.federation.messages import read_model, write_update


class GridInProcess:
    """Flower's grid with hospitals that answer at once, in this process.

    Attributes
    ----------
    hospitals
        By name: a function from message to reply, or None for silence; absent means offline.
    """

    def __init__(self, keys):
        self.keys = keys
        self.hospitals = {}
        self.asked = []
        self._replies = {}
        self._number = 0

    def get_nodes(self):
        return [
            SimpleNamespace(
                node_id=10 + list(self.keys).index(name) if name in self.keys else 99,
                name=name,
                status="online",
                public_key=self.keys.get(name, b"unknown"),
            )
            for name in self.hospitals
        ]

    def push_messages(self, messages):
        names = {node.node_id: node.name for node in self.get_nodes()}
        numbers = []
        for message in messages:
            self._number += 1
            message.metadata.__dict__["_message_id"] = f"m{self._number}"
            name = names[message.metadata.dst_node_id]
            self.asked.append((name, message.metadata.message_type, message.metadata.group_id))
            reply = self.hospitals[name](deepcopy(message))
            if reply is not None:
                self._replies[message.metadata.message_id] = reply
            numbers.append(message.metadata.message_id)
        return numbers

    def pull_messages(self, message_ids):
        return [self._replies.pop(key) for key in message_ids if key in self._replies]


@pytest.fixture(autouse=True)
def task_identity(monkeypatch):
    for name in ("run_id", "node_id", "task_id"):
        monkeypatch.setattr(TaskIdentity, f"_{name}", 1)


@pytest.fixture
def schema():
    return WireSchema.of({"w": (2, 2), "b": (1,)}, ("num-examples", "train-loss"))


@pytest.fixture
def job():
    job = load_job(shipped("configs", "jobs", "brain-tissue.toml"))
    rules = job.federation.model_copy(
        update={"rounds": 3, "minimum_sites": 2, "round_timeout_s": 0.3}
    )
    return job.model_copy(update={"federation": rules})


@pytest.fixture
def keys():
    return {"aurora": b"key-a\n", "birch": b"key-b", "cedar": b"key-c"}


@pytest.fixture
def grid(keys):
    return GridInProcess(keys)


@pytest.fixture
def adds(schema, job):
    """Make a hospital that adds a number to the weights and weighs as many examples."""

    def hospital(number, examples=1.0, **metrics):
        def answer(message):
            model = read_model(message.content, schema, job.digest)
            train = message.metadata.message_type == "train"
            weights = model.weights + np.float32(number) if train else None
            numbers = {"num-examples": examples, **metrics}
            update = ReleasedUpdate(job.digest, model.server_round, weights, numbers)
            return Message(write_update(update, schema), reply_to=message)

        return answer

    return hospital


@pytest.fixture
def fails():
    def hospital(reason, code=2):
        return lambda message: Message(Error(code, reason), reply_to=message)

    return hospital


@pytest.fixture
def hospitals(adds, fails):
    return adds, fails
