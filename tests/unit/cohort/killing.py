"""A process that kills itself before the n-th file operation inside a store, for each n.

Run as a script: ``killing.py STORE OUT ACT ARGUMENT``. For n = 1, 2, ... it copies STORE to
OUT/n, forks a child that performs the act there and is killed (SIGKILL) before its n-th operation,
and stops when a child gets through. It imports nothing that starts threads, so forking is safe.
"""

from __future__ import annotations

import os
import pickle
import shutil
import signal
import sys
from hashlib import sha256
from pathlib import Path

from fedpacs.cohort.store import SealedStore

KEY = sha256(b"key of the test store").digest()
_EVENTS = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.listdir", "os.scandir")


def arm(folder: Path, countdown: int) -> None:
    """Kill this process before the n-th operation below the folder."""
    state = {"left": countdown}

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in _EVENTS and str(arguments[0]).startswith(str(folder)):
            state["left"] -= 1
            if state["left"] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def act(folder: Path, name: str, argument: str) -> None:
    """Put a pickled study, forget a patient, create or recover a store."""
    store = SealedStore.open(folder, KEY)
    if name == "put":
        store.put(pickle.loads(Path(argument).read_bytes()))  # noqa: S301 - written by the test
    elif name == "forget":
        store.forget(argument)


def main(base: str, out: str, name: str, argument: str) -> None:
    countdown = 0
    while True:
        countdown += 1
        folder = Path(out) / f"{countdown:04d}"
        if Path(base).exists():
            shutil.copytree(base, folder)
        child = os.fork()
        if child == 0:
            arm(folder, countdown)
            act(folder, name, argument)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.WIFEXITED(status):
            if os.waitstatus_to_exitcode(status):
                sys.exit(f"the act itself failed at {countdown}")
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
