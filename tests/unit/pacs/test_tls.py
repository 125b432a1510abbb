from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest
from archives import READER_AE, dimse

from fedpacs.pacs.access import parse_peer
from fedpacs.pacs.embedded import EmbeddedPacs
from fedpacs.pacs.open import open_reader

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from certificates import Certificates


@pytest.fixture
def secure(certificates: Certificates, tmp_path: Path) -> Iterator[EmbeddedPacs]:
    """The embedded PACS over mutual TLS."""
    peers = [parse_peer(f"{READER_AE}@127.0.0.1")]
    address = ("127.0.0.1", 0)
    with EmbeddedPacs("EMBEDDED", address, tmp_path / "pacs", peers, certificates.pacs) as pacs:
        yield pacs


def _last(port: int, plain_or_tls, **changes):
    config = dimse("c-get", port, "EMBEDDED", None, tls=plain_or_tls).model_copy(update=changes)
    reader = open_reader(config)
    steps = reader.probe()
    reader.close()
    return steps


def test_both_sides_show_their_certificates(secure, certificates):
    steps = _last(secure.port, certificates.site)
    assert [step.name for step in steps][:3] == ["tcp", "tls", "association"]
    assert all(step.passed for step in steps), steps


def _without_certificate(c: Certificates):
    return c.site.model_copy(update={"certificate": None, "key": None})


FAILURES = {
    "pacs.tls-client-certificate": _without_certificate,
    "pacs.tls-untrusted": lambda c: c.site.model_copy(update={"ca": c.other.path}),
    "pacs.tls-host-name": lambda c: c.site.model_copy(update={"server_name": "other.example"}),
    "pacs.tls-files": lambda c: c.site.model_copy(update={"certificate": c.site.ca}),
}


@pytest.mark.parametrize("code", FAILURES)
def test_each_failure_has_its_words(secure, certificates, code):
    step = _last(secure.port, None, tls=FAILURES[code](certificates))[-1]
    assert (step.name, step.code) == ("tls", code)
    assert step.advice


def test_a_certificate_of_another_authority_is_refused(secure, certificates):
    stranger = certificates.other.sign("stranger").model_copy(update={"ca": certificates.ours.path})
    step = _last(secure.port, stranger)[-1]
    assert (step.name, step.code) == ("tls", "pacs.tls-client-certificate")


def test_an_expired_certificate_is_named(certificates, tmp_path):
    expired = certificates.ours.sign("expired", expired=True)
    peers = [parse_peer(f"{READER_AE}@127.0.0.1")]
    with EmbeddedPacs("EMBEDDED", ("127.0.0.1", 0), tmp_path, peers, expired) as pacs:
        assert _last(pacs.port, certificates.site)[-1].code == "pacs.tls-expired"


def test_a_plain_peer_and_a_plain_configuration_are_told_apart(secure, certificates, embedded_pacs):
    assert _last(embedded_pacs.port, certificates.site)[-1].code == "pacs.tls-not-spoken"
    assert _last(secure.port, None)[-1].code == "pacs.tls-expected"


def test_a_caller_that_says_nothing_keeps_nobody_waiting(secure, certificates):
    with socket.create_connection(("127.0.0.1", secure.port)):
        assert all(step.passed for step in _last(secure.port, certificates.site))


def test_a_probe_ends_after_five_seconds_whatever_the_peer_does():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        held = []
        thread = threading.Thread(target=lambda: held.append(silent.accept()), daemon=True)
        thread.start()
        steps = _last(silent.getsockname()[1], None)
        for connection, _ in held:
            connection.close()
    assert not steps[-1].passed
    assert sum(step.elapsed_s for step in steps) < 5.5
