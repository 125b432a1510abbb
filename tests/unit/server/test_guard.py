from __future__ import annotations

import asyncio

import pytest

from fedpacs.server.guarded_superlink import Guard

TOKEN = b"t" * 64


def passes(path, client="192.0.2.7", server="198.51.100.1", token=None, kind="http"):
    """Say whether the guard let one request through to the application."""
    reached, sent = [], []

    async def app(_scope, _receive, _send):
        reached.append(path)

    async def send(message):
        sent.append(message)

    headers = [] if token is None else [(b"x-fedpacs-control", token)]
    scope = {
        "type": kind,
        "path": path,
        "headers": headers,
        "client": client and (client, 5),
        "server": (server, 8000),
    }
    asyncio.run(Guard(app, TOKEN)(scope, None, send))
    if not reached:
        assert sent[0]["status"] == 403
    return bool(reached)


@pytest.mark.parametrize("path", ["/v1/fleet/pull-messages", "/health"])
def test_hospitals_reach_the_fleet_interface_and_the_health_check(path):
    assert passes(path)


@pytest.mark.parametrize(
    "path",
    [
        "/v1/control/start-run",
        "/v1/control/register-node",
        "/v1/runtime/acquire-task",
        "/docs",
        "/openapi.json",
        "/",
        "/healthy",
        "/v1/fleet",
        "//v1/fleet/x",
        "/V1/FLEET/x",
    ],
)
def test_hospitals_reach_nothing_else_even_with_the_token(path):
    assert not passes(path)
    assert not passes(path, token=TOKEN)


def test_this_machine_reaches_the_runtime_interface():
    assert passes("/v1/runtime/acquire-task", client="127.0.0.1")
    assert passes("/v1/runtime/acquire-task", client="::1")
    assert passes("/v1/runtime/acquire-task", client="198.51.100.1"), "its own address"


@pytest.mark.parametrize("token", [None, b"", b"t" * 63, b"u" * 64])
def test_control_needs_the_token_even_on_this_machine(token):
    assert not passes("/v1/control/start-run", client="127.0.0.1", token=token)


def test_control_opens_with_the_token_on_this_machine():
    assert passes("/v1/control/start-run", client="127.0.0.1", token=TOKEN)


def test_who_has_no_address_is_a_stranger():
    assert not passes("/v1/runtime/acquire-task", client=None)
    assert not passes("/v1/runtime/acquire-task", client="unix")


def test_other_protocols_do_not_pass():
    assert not passes("/v1/fleet/x", kind="websocket")
    assert passes("", kind="lifespan")
