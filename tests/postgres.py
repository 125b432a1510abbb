"""A real PostgreSQL for tests: a cluster of its own, on a Unix socket, as an unprivileged user."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

_UNPRIVILEGED = "nobody"


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is missing: apt-get install postgresql"
    return found[-1].parent


def _as_user() -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid():
        return []
    user = pwd.getpwnam(_UNPRIVILEGED)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@pytest.fixture(scope="session")
def postgres_folder():
    """Folder of the socket of a running server; gone with the session."""
    # a short path: that of a socket may have 107 bytes
    folder = Path(tempfile.mkdtemp(prefix="pg", dir="/tmp"))
    folder.chmod(0o700)
    if not os.getuid():
        shutil.chown(folder, _UNPRIVILEGED)
    programs, data = _programs(), folder / "data"
    environment = {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8", "HOME": str(folder)}
    initdb = [programs / "initdb", "-D", data, "-U", "fedpacs", "-A", "trust", "--no-sync"]
    subprocess.run(
        [*_as_user(), *initdb], check=True, capture_output=True, env=environment, cwd=folder
    )
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*_as_user(), programs / "postgres", "-D", data, "-k", folder, "-h", "", "-F"],
            stdout=subprocess.DEVNULL,
            stderr=log,
            env=environment,
            cwd=folder,
        )
    try:
        _wait_until_ready(programs, folder, server)
        yield folder
    finally:
        server.send_signal(2)  # fast shutdown
        server.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_until_ready(programs: Path, folder: Path, server: subprocess.Popen) -> None:
    for _ in range(100):
        assert server.poll() is None, (folder / "log").read_text()
        ready = [programs / "pg_isready", "-q", "-h", folder, "-U", "fedpacs", "-t", "1"]
        if subprocess.run(ready, check=False).returncode == 0:
            return
    raise AssertionError((folder / "log").read_text())


@pytest.fixture
def postgres_url(postgres_folder):
    """URL of an empty database."""
    name = f"t{uuid.uuid4().hex}"
    createdb = [_programs() / "createdb", "-h", postgres_folder, "-U", "fedpacs", name]
    subprocess.run(createdb, check=True, capture_output=True)
    return f"postgresql+psycopg://fedpacs@/{name}?host={postgres_folder}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    """URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    return request.getfixturevalue("postgres_url")
