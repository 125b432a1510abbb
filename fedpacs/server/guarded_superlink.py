"""Flower's own SuperLink behind a guard: ``python -m fedpacs.server.guarded_superlink OPTIONS``.

Flower serves three interfaces on one port: Fleet (hospitals; authenticated by node key), Runtime
(its own processes on this machine) and Control (register nodes, start and stop runs, read logs),
which its open-source edition leaves without any authentication. Hospitals must reach the port, so
the guard refuses, before Flower sees the request:

1. everything but Fleet and the health check, when it does not come from this machine;
2. Control without the token in the consortium's home, wherever it comes from.

Nothing else is changed. A reverse proxy on the same machine must let only ``/v1/fleet/`` and
``/health`` pass, since all that it sends comes from this machine.
"""

from __future__ import annotations

import hmac
import ipaddress
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

TOKEN_VARIABLE = "FEDPACS_CONTROL_TOKEN_FILE"  # noqa: S105 - the name of a variable
TOKEN_HEADER = "x-fedpacs-control"  # noqa: S105 - the name of a header
_FLEET = "/v1/fleet/"
_HEALTH = "/health"
_CONTROL = "/v1/control/"
_FORBIDDEN = 403


class Guard:
    """ASGI middleware that lets a request pass or answers 403.

    Parameters
    ----------
    app
        What is guarded.
    token
        Secret that a Control request must carry.
    """

    def __init__(self, app: ASGIApp, token: bytes) -> None:
        self._app = app
        self._token = token

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] == "lifespan" or self._allows(scope):
            await self._app(scope, receive, send)
            return
        await send({"type": "http.response.start", "status": _FORBIDDEN, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    def _allows(self, scope: Scope) -> bool:
        if scope["type"] != "http":
            return False
        path = scope["path"]
        for_hospitals = path.startswith(_FLEET) or path == _HEALTH
        if not for_hospitals and not _from_this_machine(scope):
            return False
        if not path.startswith(_CONTROL):
            return True
        given = dict(scope["headers"]).get(TOKEN_HEADER.encode(), b"")
        return hmac.compare_digest(given, self._token)


def _from_this_machine(scope: Scope) -> bool:
    client, server = scope.get("client"), scope.get("server")
    if client is None or server is None:
        return False
    try:
        # whoever listens on one address only reaches itself from that same address
        return client[0] == server[0] or ipaddress.ip_address(client[0]).is_loopback
    except ValueError:
        return False


def main() -> None:
    """Run Flower's command with the given arguments, guarded.

    Raises
    ------
    KeyError, OSError
        If there is no token: the SuperLink does not start unguarded.
    """
    from flwr.superlink import extensions
    from flwr.superlink.cli import flower_superlink
    from starlette.middleware import Middleware

    token = Path(os.environ[TOKEN_VARIABLE]).read_bytes().strip()
    if not token:
        sys.exit("the control token is empty")
    extensions.get_middleware = lambda: (Middleware(Guard, token=token),)
    flower_superlink()


if __name__ == "__main__":
    main()
