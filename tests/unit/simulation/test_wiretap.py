from __future__ import annotations

import http.client
import os
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fedpacs.crypto.pki import create_authority, issue_server_certificate
from fedpacs.federation.errors import PortTakenError
from fedpacs.simulation.wiretap import Wiretap

ANSWER = b"an answer of the server"


class Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(ANSWER) + len(body)))
        self.end_headers()
        self.wfile.write(ANSWER + body)

    def log_message(self, *_args):
        pass


@pytest.fixture
def pki(tmp_path):
    folder = tmp_path / "pki"
    create_authority(folder, "ours")
    issue_server_certificate(folder, ["localhost"])
    return folder


@pytest.fixture
def superlink(pki):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Echo)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.pem", pki / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def post(address, authority, body):
    trust = ssl.create_default_context(cafile=str(authority / "ca.crt"))
    connection = http.client.HTTPSConnection(address, context=trust, timeout=10)
    try:
        connection.request("POST", "/v1/fleet/push-object", body)
        return connection.getresponse().read()
    finally:
        connection.close()


def test_what_a_hospital_sends_is_in_the_file_byte_for_byte(pki, superlink, tmp_path):
    body = os.urandom(1_000_000)
    with Wiretap(pki, superlink, tmp_path / "tap") as tap:
        assert post(tap.address, pki, body) == ANSWER + body
    recorded = (tmp_path / "tap" / "000001.bin").read_bytes()
    assert recorded.startswith(b"POST /v1/fleet/push-object HTTP/1.1\r\n")
    assert recorded.endswith(b"\r\n\r\n" + body)
    assert ANSWER not in recorded, "what the server answers is not kept"


def test_the_record_is_this_user_s_alone_and_new(pki, superlink, tmp_path):
    record = tmp_path / "tap"
    record.mkdir()
    (record / "000001.bin").write_bytes(b"of an earlier run")
    with Wiretap(pki, superlink, record) as tap:
        assert list(record.iterdir()) == []
        post(tap.address, pki, b"x")
    assert record.stat().st_mode & 0o777 == 0o700
    assert (record / "000001.bin").stat().st_mode & 0o777 == 0o600


def test_what_is_sent_in_one_piece_lies_in_one_piece(pki, superlink, tmp_path):
    bodies = [bytes([number]) * 3_000_000 for number in range(4)]
    with Wiretap(pki, superlink, tmp_path / "tap") as tap:
        threads = [threading.Thread(target=post, args=(tap.address, pki, body)) for body in bodies]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    recorded = [path.read_bytes() for path in (tmp_path / "tap").iterdir()]
    assert all(any(body in content for content in recorded) for body in bodies)


def test_it_is_not_trusted_by_who_trusts_another_authority(pki, superlink, tmp_path):
    create_authority(tmp_path / "other", "another")
    with (
        Wiretap(pki, superlink, tmp_path / "tap") as tap,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        post(tap.address, tmp_path / "other", b"x")


def test_it_does_not_trust_a_server_of_another_authority(superlink, tmp_path):
    create_authority(tmp_path / "other", "another")
    with (
        Wiretap(tmp_path / "other", superlink, tmp_path / "tap") as tap,
        pytest.raises((OSError, http.client.HTTPException)),
    ):
        post(tap.address, tmp_path / "other", b"x")
    assert not list((tmp_path / "tap").iterdir()), "nothing was taken that could not be passed on"


def test_a_superlink_that_is_gone_cuts_the_line(pki, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as probe:
        nobody = f"127.0.0.1:{probe.getsockname()[1]}"
    with (
        Wiretap(pki, nobody, tmp_path / "tap") as tap,
        pytest.raises((OSError, http.client.HTTPException)),
    ):
        post(tap.address, pki, b"x")


def test_a_taken_port_is_a_coded_error(pki, superlink, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortTakenError):
        Wiretap(pki, superlink, tmp_path / "tap", port=other.getsockname()[1])
