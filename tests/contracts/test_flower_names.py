"""What FedPACS relies on inside Flower. A new Flower version that moves any of it fails here.

The imports at the top of `fedpacs.agent.assignment`, `fedpacs.agent.runtime_link` and
`fedpacs.server.control` are part of the contract: this file imports them all.
"""

from __future__ import annotations

import ast
import inspect
import warnings
from importlib.metadata import version

import pytest
from flwr.app import Array, Message
from flwr.common.constant import ErrorCode
from flwr.proto.node_pb2 import NodeInfo
from flwr.proto.runtime_pb2 import AcquireTaskResponse, PullTaskInputResponse
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg
from flwr.supercore.constant import TaskType
from flwr.supercore.exit import ExitCode
from flwr.supercore.inflatable.inflatable_utils import (
    inflate_object_from_contents,
    pull_objects,
    push_object_contents_from_iterable,
)
from flwr.supercore.runtime import RuntimeHttpClient
from flwr.superlink import extensions
from flwr.superlink import main as superlink_main
from flwr.superlink.cli.flower_superlink import _parse_args_run_superlink
from flwr.supernode import start_client_internal
from flwr.supernode.cli.flower_supernode import _parse_args_run_supernode

import fedpacs.agent.assignment
import fedpacs.agent.brisk_supernode as brisk
import fedpacs.agent.runtime_link
import fedpacs.server.control
from fedpacs.federation.brisk import pull_briskly
from fedpacs.server import exchange


def fields(message):
    return {field.name for field in message.DESCRIPTOR.fields}


def parameters(function):
    return set(inspect.signature(function).parameters)


def test_the_version_is_the_one_that_was_read():
    assert version("flwr").startswith("1.41.")


def test_tasks_are_taken_as_flower_s_own_process_takes_them():
    assert TaskType.CLIENT_APP == "flwr-clientapp"
    assert {"task", "token"} <= fields(AcquireTaskResponse)
    assert {"context", "run", "fab"} <= fields(PullTaskInputResponse)
    source = inspect.getsource(RuntimeHttpClient.AcquireTask)
    assert fedpacs.agent.runtime_link._ACQUIRE_METHOD in source


def test_objects_travel_as_before():
    assert {"object_ids", "pull_object_fn", "max_time", "initial_backoff", "backoff_cap"} <= (
        parameters(pull_objects)
    )
    assert {"object_id", "object_contents"} <= parameters(inflate_object_from_contents)
    assert {"object_contents", "push_object_fn"} <= parameters(push_object_contents_from_iterable)


def test_arrays_are_never_unpickled():
    assert "allow_pickle=False" in inspect.getsource(Array.numpy)


def test_a_message_is_built_and_answered_as_before():
    assert {"content", "error", "reply_to", "ttl", "group_id"} <= parameters(Message.__init__)
    assert isinstance(Message.content, property)
    assert Message.content.fset is not None


def test_the_error_codes_mean_what_they_meant():
    assert ErrorCode.INVALID_FAB == 7
    assert ErrorCode.CLIENT_APP_RAISED_EXCEPTION == 2
    assert exchange._NODE_UNAVAILABLE == ErrorCode.NODE_UNAVAILABLE


def test_nodes_are_named_by_registration():
    assert {"node_id", "name", "public_key", "status"} <= fields(NodeInfo)
    assert {"push_messages", "pull_messages", "get_nodes"} <= set(dir(Grid))


def test_the_strategy_takes_what_we_give_it():
    assert {"weighted_by_key", "arrayrecord_key", "min_train_nodes"} <= parameters(FedAvg.__init__)
    assert {"server_round", "replies"} <= parameters(FedAvg.aggregate_train)


def test_the_supernode_s_loop_sleeps_as_the_brisk_one_expects():
    tree = ast.parse(inspect.getsource(start_client_internal))
    uses = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "time"
    ]
    assert {use.attr for use in uses} == {"sleep"}, "Pace stands for `time.sleep` alone"
    slept = [
        ast.literal_eval(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and node.func in uses
    ]
    assert sorted(slept) == [brisk._BUSY_S, brisk._BUSY_S, brisk._IDLE_S]


def test_the_first_wait_can_be_shortened(monkeypatch):
    defaults = dict(pull_objects.__kwdefaults__)
    assert defaults["initial_backoff"] == 1
    monkeypatch.setattr(pull_objects, "__kwdefaults__", defaults)
    pull_briskly()
    assert pull_objects.__kwdefaults__["initial_backoff"] < 1


def test_what_is_read_in_the_supernode_s_log_is_still_written():
    source = inspect.getsource(start_client_internal)
    assert '"SuperNode ID: %s"' in source
    assert '"Sent successfully"' in source
    assert any(getattr(ExitCode, name) == 305 for name in dir(ExitCode) if name.isupper())


def options(parser):
    return {option for action in parser._actions for option in action.option_strings}


def test_the_programs_take_the_options_that_we_pass():
    assert {
        "--isolation",
        "--superlink",
        "--root-certificates",
        "--auth-supernode-private-key",
        "--superexec-auth-secret-file",
        "--host",
        "--port",
    } <= options(_parse_args_run_supernode())
    assert {
        "--ssl-ca-certfile",
        "--ssl-certfile",
        "--ssl-keyfile",
        "--enable-supernode-auth",
        "--disable-runtime-dependency-installation",
        "--host",
        "--port",
        "--database",
    } <= options(_parse_args_run_superlink())


def test_the_guard_is_the_outermost_middleware(monkeypatch):
    monkeypatch.setattr(extensions, "get_middleware", lambda: ("guard",))
    assert superlink_main._get_middleware()[0] == "guard"


@pytest.fixture(scope="module")
def routes():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Flower's own
        app = superlink_main.create_app()
    return set(app.openapi()["paths"])


def test_the_superlink_s_interfaces_lie_where_the_guard_looks(routes):
    for name in ("list-nodes", "start-run", "stop-run", "stream-logs", "add-app"):
        assert [path for path in routes if path.endswith(f"/{name}")] == [f"/v1/control/{name}"]
    known = ("/v1/control/", "/v1/fleet/", "/v1/runtime/", "/health", "/docs", "/openapi.json")
    assert [path for path in routes if not path.startswith(known)] == []
