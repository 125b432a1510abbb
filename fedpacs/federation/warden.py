"""The warden: runs one program and leaves nothing of it behind, whatever happens.

Run as ``python -m fedpacs.federation.warden PROGRAM [ARGUMENT ...]`` with a pipe as standard
input. The program and all its descendants are ended when the pipe closes or the parent is gone
(also after ``kill -9``), on SIGTERM, and when the program itself ends. Flower's processes start
others in sessions of their own, so a process group is not enough: the warden makes itself the
reaper of every orphan below it (Linux ``PR_SET_CHILD_SUBREAPER``) and ends whoever is left. If the
warden is killed, the kernel kills the program (``PR_SET_PDEATHSIG``).

Standard library only, so that it starts at once.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

_GRACE_S = 8.0
_POLL_S = 0.1
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36
_NOT_FOUND = 127


class _Stopped(Exception):  # noqa: N818 - a request to stop, not an error
    """SIGTERM or SIGINT arrived."""


def main(argv: list[str]) -> int:
    """Run the program and give its exit status (128 + signal number when killed)."""
    parent = os.getppid()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    try:
        program = subprocess.Popen(  # noqa: S603 - the parent is FedPACS and chose the program
            argv,
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_warden,  # noqa: PLW1509 - the warden has one thread
        )
    except OSError as error:
        sys.stderr.write(f"cannot start {argv[0]}: {error.strerror}\n")
        return _NOT_FOUND
    try:
        _watch(program, parent)
    except _Stopped:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _end(program)
    status = program.returncode
    return status if status >= 0 else 128 - status


def _watch(program: subprocess.Popen[bytes], parent: int) -> None:
    while _reap(program.pid):
        readable, _, _ = select.select([0], [], [], _POLL_S)
        if (readable and not os.read(0, 1)) or os.getppid() != parent:
            return


def _reap(program: int) -> bool:
    """Collect orphans that ended; say whether the program, which is not collected, still runs."""
    while True:
        ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended is None:
            return True
        if ended.si_pid == program:
            return False
        os.waitpid(ended.si_pid, os.WNOHANG)


def _end(program: subprocess.Popen[bytes]) -> None:
    if program.poll() is None:
        program.terminate()
        try:
            program.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()
    while left := _descendants():
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                continue
        time.sleep(_POLL_S / 10)


def _descendants() -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    found: list[int] = []
    frontier = [os.getpid()]
    while frontier:
        frontier = [child for parent in frontier for child in children.get(parent, ())]
        found += frontier
    return found


def _stop(_signum: int, _frame: object) -> None:
    raise _Stopped


def _die_with_warden() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
