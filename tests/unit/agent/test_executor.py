"""The executor against the true Runtime API of Flower's SuperNode, served in this process."""

from __future__ import annotations

import logging
import socket
import threading
import time
from dataclasses import replace

import numpy as np
import pytest
import uvicorn
from flwr.app import ConfigRecord, Message, RecordDict
from flwr.app.message import remove_content_from_message
from flwr.common.constant import ErrorCode
from flwr.supercore.fab import Fab
from flwr.supercore.inflatable.inflatable_object import (
    get_all_nested_objects,
    get_object_tree,
    iterate_object_tree,
)
from flwr.supercore.inflatable.inflatable_utils import inflate_object_from_contents
from flwr.supercore.object_store import ObjectStoreFactory
from flwr.supercore.run import Run
from flwr.supercore.task_identity import TaskIdentity
from flwr.supernode.main import create_app
from flwr.supernode.nodestate import NodeStateFactory
from flwr.supernode.start_client_internal import _pull_and_store_message

from fedpacs.agent.executor import Executor
from fedpacs.agent.ports import Permit
from fedpacs.agent.runtime_link import SuperNodeLostError, SuperNodeRefusedError
from fedpacs.config.job import load_job
from fedpacs.config.shipped import shipped
from fedpacs.core.errors import PolicyError, RecordsError
from fedpacs.core.update import GlobalModel, ReleasedUpdate
from fedpacs.core.wire import WireSchema
from fedpacs.federation.bundle import build_bundle, bundle_digest, run_config
from fedpacs.federation.messages import read_update, write_model

JOB = load_job(shipped("configs", "jobs", "brain-tissue.toml"))
SCHEMA = WireSchema.of({"w": (4, 2), "b": (2,)}, ("num-examples", "train-loss"))
SECRET = bytes(range(32))
NODE = 42
PATIENT = "Mustermann^Erika"


class SuperNode:
    """Flower's SuperNode without its way to a SuperLink: messages are put in and taken out."""

    def __init__(self) -> None:
        objects = ObjectStoreFactory()
        states = NodeStateFactory(objectstore_factory=objects)
        self.state, self.store = states.state(), objects.store()
        self.state.set_node_id(NODE)
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self.port = probe.getsockname()[1]
        app = create_app(state_factory=states, superexec_auth_secret=SECRET)
        self._server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=self.port, log_level="error", ws="none")
        )
        self._thread = threading.Thread(target=self._server.run)
        self._thread.start()
        while self._thread.is_alive() and not self._server.started:
            time.sleep(0.01)
        self._runs = 0

    def give(self, content, kind="train", bundle=None, **override):
        self._runs += 1
        TaskIdentity.run_id, TaskIdentity.node_id, TaskIdentity.task_id = self._runs, 1, 1
        message = Message(content, dst_node_id=NODE, message_type=kind)
        message.metadata.__dict__["_message_id"] = message.object_id
        objects = {key: item.deflate() for key, item in get_all_nested_objects(message).items()}
        bundle = build_bundle(JOB) if bundle is None else bundle
        run = Run.create_empty(self._runs)
        run.override_config, run.series_id = override, self._runs
        run.fab_hash = bundle_digest(bundle)
        _pull_and_store_message(
            state=self.state,
            object_store=self.store,
            node_config={"site": "secret-site"},
            receive=lambda: (remove_content_from_message(message), get_object_tree(message)),
            get_run=lambda _run_id: run,
            get_fab=lambda digest, _run_id: Fab(digest, bundle, {}),
            pull_object=lambda _run_id, key: objects[key],
            confirm_message_received=lambda _run_id, _key: None,
            trusted_entities=None,
        )
        return message

    def replies(self):
        found = []
        for header in self.state.get_messages_legacy(is_reply=True):
            tree = self.store.get_object_tree(header.metadata.message_id)
            contents = {b.object_id: self.store.get(b.object_id) for b in iterate_object_tree(tree)}
            found.append((inflate_object_from_contents(tree.object_id, dict(contents)), contents))
        return found

    def close(self):
        self._server.should_exit = True
        self._thread.join()


@pytest.fixture
def supernode(monkeypatch, tmp_path):
    monkeypatch.setenv("FLWR_HOME", str(tmp_path / "flwr"))
    node = SuperNode()
    yield node
    node.close()


class Adds:
    """A handler that adds one to the weights, and remembers what it was asked."""

    def __init__(self, raises=None):
        self.asked = []
        self.raises = raises

    def handle(self, message_type, model):
        self.asked.append((message_type, model))
        if self.raises:
            raise self.raises
        weights = model.weights + np.float32(1) if message_type == "train" else None
        return ReleasedUpdate(JOB.digest, model.server_round, weights, {"num-examples": 9.0})


PERMIT = Permit(
    job_digest=JOB.digest,
    bundle_digest=bundle_digest(build_bundle(JOB)),
    run_config=run_config(JOB),
    schema=SCHEMA,
    rounds=3,
    refusal=lambda: None,
)


@pytest.fixture
def make(supernode):
    made = []

    def build(permit=PERMIT, handler=None, on_egress=lambda _payload: None, secret=SECRET):
        executor = Executor(
            f"127.0.0.1:{supernode.port}", secret, permit, handler or Adds(), on_egress
        )
        made.append(executor)
        return executor

    yield build
    for executor in made:
        executor.close()


def model(server_round=0, job_digest=JOB.digest):
    return GlobalModel(job_digest, server_round, np.arange(SCHEMA.size, dtype=np.float32))


def content(server_round=0, job_digest=JOB.digest):
    return write_model(model(server_round, job_digest), SCHEMA)


def test_no_task_is_no_task(make):
    assert make().take() is None


def test_an_approved_train_task_is_answered_from_this_process(supernode, make):
    handler, left = Adds(), []
    asked = supernode.give(content(2))
    task = make(handler=handler, on_egress=left.append).take()
    [(reply, contents)] = supernode.replies()
    assert (task.message_type, task.server_round, task.code) == ("train", 2, None)
    assert reply.metadata.reply_to_message_id == asked.metadata.message_id
    update = read_update(reply.content, SCHEMA, "train", model(2))
    assert np.array_equal(update.weights, model().weights + 1)
    assert update.metrics == {"num-examples": 9.0}
    [(kind, given)] = handler.asked
    assert kind == "train"
    assert given.weights.tobytes() == model().weights.tobytes()
    assert task.bytes_sent == len(left[0])
    assert all(piece in left[0] for piece in contents.values())


def test_the_payload_is_all_that_the_supernode_got(supernode, make):
    left = []
    supernode.give(content())
    make(on_egress=left.append).take()
    [(_, contents)] = supernode.replies()
    rest = left[0]
    for piece in contents.values():
        assert rest.count(piece) == 1
        rest = rest.replace(piece, b"")
    assert b"secret-site" not in left[0]
    assert len(rest) < 500, "what remains is the message's header"


def test_an_evaluation_of_the_last_model_sends_numbers_only(supernode, make):
    supernode.give(content(3), "evaluate")
    task = make().take()
    [(reply, _)] = supernode.replies()
    assert (task.message_type, task.server_round, task.code) == ("evaluate", 3, None)
    assert set(reply.content) == {"metrics"}


def refused(supernode, make, code, handler=None, **options):
    handler = handler or Adds()
    left = []
    task = make(handler=handler, on_egress=left.append, **options).take()
    [(reply, _)] = supernode.replies()
    assert task.code == code
    assert reply.has_error()
    assert reply.error.reason == code, "the server is told the code and nothing else"
    assert code.encode() in left[0], "a refusal is egress, too"
    return handler, reply


def test_another_bundle_is_refused(supernode, make):
    other = JOB.model_copy(update={"training": JOB.training.model_copy(update={"seed": 1})})
    supernode.give(content(), bundle=build_bundle(other))
    handler, reply = refused(supernode, make, "agent.bundle-not-approved")
    assert reply.error.code == ErrorCode.INVALID_FAB
    assert handler.asked == []


def test_nothing_of_a_bundle_is_installed(supernode, make, tmp_path):
    supernode.give(content())
    make().take()
    assert not list((tmp_path / "flwr").rglob("*.toml"))


@pytest.mark.parametrize("override", [{"job-digest": "0" * 64}, {"protocol": "2.0.0"}])
def test_an_overridden_run_configuration_is_refused(supernode, make, override):
    supernode.give(content(), **override)
    handler, _ = refused(supernode, make, "agent.run-config-not-approved")
    assert handler.asked == []


@pytest.mark.parametrize("kind", ["query", "train.other"])
def test_another_type_of_message_is_refused(supernode, make, kind):
    supernode.give(content(), kind)
    handler, _ = refused(supernode, make, "agent.message-type-not-approved")
    assert handler.asked == []


@pytest.mark.parametrize(("kind", "server_round"), [("train", 3), ("train", 99), ("evaluate", 4)])
def test_a_round_beyond_the_approved_is_refused(supernode, make, kind, server_round):
    supernode.give(content(server_round), kind)
    handler, _ = refused(supernode, make, "agent.round-not-approved")
    assert handler.asked == []


def test_a_message_of_another_job_is_refused(supernode, make):
    supernode.give(content(job_digest="e" * 64))
    handler, _ = refused(supernode, make, "federation.wrong-job")
    assert handler.asked == []


def test_a_message_with_more_than_the_schema_names_is_refused(supernode, make):
    more = content()
    more["instructions"] = ConfigRecord({"send": "everything"})
    supernode.give(more)
    handler, _ = refused(supernode, make, "federation.unexpected-record")
    assert handler.asked == []


def test_a_message_larger_than_the_job_needs_is_neither_taken_in_nor_opened(supernode, make):
    more = content()
    more["ballast"] = ConfigRecord({"blob": bytes(3 << 20)})
    supernode.give(more)
    handler, reply = refused(supernode, make, "agent.message-too-large")
    assert reply.error.code == ErrorCode.INVALID_FAB
    assert handler.asked == []


def test_after_a_message_too_large_the_next_one_is_answered(supernode, make):
    more = content()
    more["ballast"] = ConfigRecord({"blob": bytes(3 << 20)})
    executor = make()
    supernode.give(more)
    assert executor.take().code == "agent.message-too-large"
    supernode.give(content())
    assert executor.take().code is None


def test_an_empty_message_is_refused(supernode, make):
    supernode.give(RecordDict())
    handler, _ = refused(supernode, make, "federation.unexpected-record")
    assert handler.asked == []


def test_a_revocation_holds_for_the_very_next_task(supernode, make):
    standing = [None]
    handler = Adds()
    executor = make(permit=replace(PERMIT, refusal=lambda: standing[0]), handler=handler)
    supernode.give(content(0))
    assert executor.take().code is None
    standing[0] = "agent.approval-revoked"
    supernode.give(content(1))
    assert executor.take().code == "agent.approval-revoked"
    assert len(handler.asked) == 1


def test_no_word_about_the_approval_is_a_refusal(supernode, make):
    def unreadable():
        raise RecordsError("the book is not readable")

    supernode.give(content())
    permit = replace(PERMIT, refusal=unreadable)
    handler, _ = refused(supernode, make, "records.failed", permit=permit)
    assert handler.asked == []


@pytest.mark.parametrize(
    ("raised", "code"),
    [
        (PolicyError(f"gate 3 stays closed for {PATIENT}"), "policy.refused"),
        (ValueError(f"cannot read /data/{PATIENT}/1.dcm"), "agent.task-failed"),
        (KeyError(PATIENT), "agent.task-failed"),
        (MemoryError(PATIENT), "agent.task-failed"),
    ],
)
def test_a_failure_tells_the_server_and_the_log_a_code_only(supernode, make, caplog, raised, code):
    left = []
    supernode.give(content())
    with caplog.at_level(logging.DEBUG):
        task = make(handler=Adds(raised), on_egress=left.append).take()
    [(reply, _)] = supernode.replies()
    assert task.code == reply.error.reason == code
    assert reply.error.code == ErrorCode.CLIENT_APP_RAISED_EXCEPTION
    assert PATIENT.encode() not in left[0]
    assert PATIENT not in caplog.text


def test_an_update_beyond_the_schema_does_not_leave(supernode, make):
    class Leaks(Adds):
        def handle(self, message_type, model):
            released = super().handle(message_type, model)
            return replace(released, metrics={**released.metrics, "age": 71.0})

    supernode.give(content())
    refused(supernode, make, "federation.unexpected-record", handler=Leaks())


def test_what_the_book_did_not_take_is_not_sent(supernode, make):
    def unwritable(_payload):
        raise RecordsError("the book is not writable")

    supernode.give(content())
    with pytest.raises(RecordsError):
        make(on_egress=unwritable).take()
    assert supernode.replies() == []


def test_the_wrong_secret_gets_no_task(supernode, make):
    supernode.give(content())
    with pytest.raises(SuperNodeRefusedError):
        make(secret=b"x" * 32).take()
    assert make().take().code is None


def test_a_supernode_that_is_gone_is_an_error(make, supernode, monkeypatch):
    executor = make()
    supernode.close()
    monkeypatch.setattr("fedpacs.agent.executor._LOST_AFTER_S", 0.2)
    with pytest.raises(SuperNodeLostError):
        executor.serve(lambda _task: False, poll_s=0.05)


def test_serving_ends_when_told(supernode, make):
    for server_round in range(3):
        supernode.give(content(server_round))
    seen = []

    def until(task):
        seen.append(task.server_round)
        return task.server_round == 2

    make().serve(until, poll_s=0.01)
    assert seen == [0, 1, 2]
    make().serve(until, stopped=lambda: True)


def test_a_task_without_a_message_is_no_reason_to_stop(supernode, make):
    question = supernode.give(content())
    supernode.state.delete_messages(message_ids=[question.metadata.message_id])
    executor = make()
    assert executor.take().code == "agent.reply-not-sent"
    supernode.give(content())
    assert executor.take().code is None
