from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from fedpacs.crypto.pki import create_authority, issue_server_certificate
from fedpacs.federation.errors import (
    PortTakenError,
    ProcessFailedError,
    UnreachableError,
    UntrustedServerError,
)
from fedpacs.federation.processes import Supervisor, require_free_port, require_superlink

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted on Linux only")
FAMILY = """
import os, subprocess, sys, time
# a child, a child in a session of its own whose parent is gone, and one that ignores SIGTERM
mine = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
orphan = subprocess.run(
    [sys.executable, "-c",
     "import subprocess, sys; print(subprocess.Popen([sys.executable, '-c',"
     " 'import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)'],"
     " start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).pid)"],
    capture_output=True, text=True, check=True)
print("pids", os.getpid(), mine.pid, orphan.stdout.strip(), flush=True)
time.sleep(600)
"""


def pids(child):
    child.wait_until(lambda: "pids" in child.text(), 20)
    return [int(word) for word in child.text().split()[1:4]]


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def gone(processes, timeout_s=15.0):
    deadline = time.monotonic() + timeout_s
    while any(alive(pid) for pid in processes) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(alive(pid) for pid in processes)


@LINUX
def test_leaving_the_block_ends_a_program_and_everything_it_started(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("family", [sys.executable, "-c", FAMILY])
        family = pids(child)
        assert len(family) == 3
        assert all(alive(pid) for pid in family)
    assert gone(family, 0.5)
    assert child.exit_status() is not None


@LINUX
def test_killing_the_parent_ends_them_too(tmp_path):
    code = f"""
import sys, time
from pathlib import Path
from fedpacs.federation.processes import Supervisor
supervisor = Supervisor(Path({str(tmp_path)!r}))
supervisor.start("family", [sys.executable, "-c", {FAMILY!r}])
time.sleep(600)
"""
    parent = subprocess.Popen([sys.executable, "-c", code])
    log = tmp_path / "family.log"
    deadline = time.monotonic() + 30
    while not (log.exists() and "pids" in log.read_text()):
        assert parent.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    family = [int(word) for word in log.read_text().split()[1:4]]
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(family)


@LINUX
def test_killing_the_warden_ends_the_program(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        code = "import os, time; print('pids', os.getpid(), 0, 0, flush=True); time.sleep(600)"
        child = supervisor.start("lone", [sys.executable, "-c", code])
        program = pids(child)[0]
        os.kill(child._warden.pid, signal.SIGKILL)
        assert gone([program])


def test_an_exception_ends_them_too(tmp_path):
    def fail():
        with Supervisor(tmp_path) as supervisor:
            child = supervisor.start("family", [sys.executable, "-c", FAMILY])
            fail.family = pids(child)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert gone(fail.family, 0.5)


def test_output_goes_to_a_log_of_this_user_alone(tmp_path):
    with Supervisor(tmp_path / "logs") as supervisor:
        child = supervisor.start("talker", [sys.executable, "-c", "print('hello')"])
        child.wait_until(lambda: "hello" in child.text(), 20)
    assert (tmp_path / "logs" / "talker.log").stat().st_mode & 0o077 == 0


def test_a_program_that_ends_early_is_an_error_that_names_the_log(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("failing", [sys.executable, "-c", "raise SystemExit(7)"])
        with pytest.raises(ProcessFailedError, match=r"status 7; its log is .*failing\.log"):
            child.wait_until(lambda: False, 20)


def test_a_program_that_does_not_exist_is_an_error(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("absent", ["no-such-program-of-fedpacs"])
        with pytest.raises(ProcessFailedError, match="status 127"):
            child.wait_until(lambda: False, 20)


def test_a_program_that_is_never_ready_is_an_error(tmp_path):
    with Supervisor(tmp_path) as supervisor:
        child = supervisor.start("slow", [sys.executable, "-c", "import time; time.sleep(600)"])
        with pytest.raises(ProcessFailedError, match="not ready after 0 s"):
            child.wait_until(lambda: False, 0.2)


def test_a_taken_port_is_found_before_anything_starts():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTakenError) as caught:
            require_free_port("127.0.0.1", port)
    assert caught.value.hint
    require_free_port("127.0.0.1", port)


class _Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_args):
        pass


@pytest.fixture
def superlink(tmp_path):
    pki = tmp_path / "pki"
    create_authority(pki, "ours")
    issue_server_certificate(pki, ["localhost"])
    server = HTTPServer(("127.0.0.1", 0), _Health)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pki / "server.pem", pki / "server.key")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}", pki
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_superlink_of_this_consortium_is_found(superlink):
    address, pki = superlink
    require_superlink(address, pki / "ca.crt")


def test_a_superlink_of_another_consortium_is_not_trusted(superlink, tmp_path):
    create_authority(tmp_path / "other", "another")
    with pytest.raises(UntrustedServerError):
        require_superlink(superlink[0], tmp_path / "other" / "ca.crt")
    (tmp_path / "no.crt").write_text("no certificate")
    with pytest.raises(UntrustedServerError):
        require_superlink(superlink[0], tmp_path / "no.crt")


def test_nobody_there_is_told_from_somebody_else(tmp_path):
    create_authority(tmp_path, "ours")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    with pytest.raises(UnreachableError):
        require_superlink(f"127.0.0.1:{port}", tmp_path / "ca.crt")
