"""The embedded PACS, for the demo and for tests: C-ECHO, C-STORE, C-FIND, C-GET, C-MOVE.

A small archive for one machine: no storage commitment, no retention rules, no high
availability. Run it as::

    python -m fedpacs.pacs.embedded --aet PACS --port 11112 --store DIR --allow SITE@127.0.0.1:11113
"""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Self

from fedpacs.config.pacs import Tls
from fedpacs.core.errors import FedpacsError
from fedpacs.pacs.access import AccessList, parse_peer
from fedpacs.pacs.archive_services import SERVICES, ArchiveServices
from fedpacs.pacs.archive_store import ArchiveStore
from fedpacs.pacs.associations import application_entity
from fedpacs.pacs.contexts import ALL_STORAGE_CLASSES, TRANSFER_SYNTAXES
from fedpacs.pacs.errors import CannotListenError, UnsafeStoreError
from fedpacs.pacs.listening import Listener
from fedpacs.pacs.tls import client_context, server_context

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pynetdicom import AE

    from fedpacs.pacs.access import Peer

_TIMEOUT_S = 30.0


class EmbeddedPacs:
    """A running archive.

    Parameters
    ----------
    ae_title
        Its AE title; other called AE titles are rejected.
    address
        Host and port to listen on; port 0 chooses a free one.
    root
        Folder of the store.
    peers
        Who may do what.
    tls
        Speak TLS with callers and C-MOVE destinations, and nothing else.

    Raises
    ------
    CannotListenError
        If the port is taken.
    """

    def __init__(
        self,
        ae_title: str,
        address: tuple[str, int],
        root: Path,
        peers: Iterable[Peer],
        tls: Tls | None = None,
    ) -> None:
        access = AccessList(peers)
        secured = server_context(tls) if tls else None
        self._store = ArchiveStore(root)
        services = ArchiveServices(
            self._store, access, ae_title, client_context(tls) if tls else None
        )
        entity = _entity(ae_title)
        try:
            self._listener = Listener(
                entity, address, entity.supported_contexts, services.handlers(), secured
            )
        except CannotListenError as error:
            self._store.close()
            error.hint = "Choose another port, or stop the program that holds it."
            raise

    @property
    def port(self) -> int:
        """Port it listens on."""
        return self._listener.port

    def close(self) -> None:
        """Stop listening, abort what is open and close the store."""
        self._listener.close()
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _entity(ae_title: str) -> AE:
    entity = application_entity(ae_title, _TIMEOUT_S)
    entity.require_called_aet = True
    entity.maximum_associations = 50
    for service in SERVICES:
        entity.add_supported_context(service)
    for sop_class in ALL_STORAGE_CLASSES:
        entity.add_supported_context(
            sop_class, list(TRANSFER_SYNTAXES), scu_role=True, scp_role=True
        )
    return entity


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m fedpacs.pacs.embedded", description=__doc__)
    parser.add_argument("--aet", required=True, help="AE title of the archive")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, required=True, help="port to listen on; 0: a free one")
    parser.add_argument("--store", type=Path, required=True, help="folder of the store")
    parser.add_argument(
        "--allow",
        action="append",
        default=[],
        metavar="AET@HOST[:PORT][=VERB,...]",
        help="peer that is let in; its port makes it a C-MOVE destination; repeatable",
    )
    parser.add_argument("--tls-ca", type=Path, help="PEM: authorities of those let in")
    parser.add_argument("--tls-certificate", type=Path, help="PEM: certificate of the archive")
    parser.add_argument("--tls-key", metavar="URI", help="its private key, file:PATH or env:NAME")
    return parser.parse_args(arguments)


def _tls(options: argparse.Namespace) -> Tls | None:
    named = (options.tls_ca, options.tls_certificate, options.tls_key)
    if not any(named):
        return None
    if not all(named):
        raise UnsafeStoreError("TLS needs all of --tls-ca, --tls-certificate and --tls-key.")
    return Tls(ca=named[0], certificate=named[1], key=named[2])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT; prints one line when ready."""
    options = _arguments(arguments)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        peers = [parse_peer(text) for text in options.allow]
        address = (options.host, options.port)
        with EmbeddedPacs(options.aet, address, options.store, peers, _tls(options)) as pacs:
            sys.stdout.write(f"ready: {options.aet} at {options.host}:{pacs.port}\n")
            sys.stdout.flush()
            stop.wait()
    except FedpacsError as error:
        sys.stderr.write(f"{error.code}: {error.message} {error.hint}\n")
        return error.exit_status
    return 0


if __name__ == "__main__":
    sys.exit(main())
