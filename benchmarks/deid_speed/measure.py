"""CPU time, wall time and memory of a command and all that it starts."""

from __future__ import annotations

import ctypes
import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command cost.

    Parameters
    ----------
    cpu_s
        User and system time of it and its children.
    wall_s
        From start to end.
    peak_mb
        Largest resident set of one of its processes, by the kernel's high-water mark.
    resident_mb
        Resident sets of all its processes together, sampled about once a second.
    """

    cpu_s: float
    wall_s: float
    peak_mb: float
    resident_mb: tuple[float, ...] = field(default=())


class _Watch(threading.Thread):
    """Looks at the memory of a process and its descendants until it is told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.pid = pid
        self.done = threading.Event()
        self.peak_mb = 0.0
        self.samples: list[float] = []

    def run(self) -> None:
        turn = 0
        while not self.done.wait(0.1 if turn < 20 else 0.5):
            turn += 1
            family = _family(self.pid)
            self.peak_mb = max([self.peak_mb, *map(_peak_mb, family)])
            if turn > 20 and turn % 2 == 0:
                self.samples.append(sum(map(_resident_mb, family)))


def run(command: list[str], log: Path) -> Cost:
    """Run a command to its end.

    Parameters
    ----------
    command
        Program and arguments.
    log
        Receives what it prints.
    """
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # What outlives the command comes to us, with its time: a fork server and its workers
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with log.open("wb") as stream:
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=stream, stderr=stream, env=environment)
        watch = _Watch(process.pid)
        watch.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.monotonic() - begin
        cpu = usage.ru_utime + usage.ru_stime + _orphans()
        process.returncode = os.waitstatus_to_exitcode(status)
        watch.done.set()
        watch.join()
    return Cost(cpu, wall, watch.peak_mb, tuple(watch.samples))


def _orphans() -> float:
    """Wait for what the command left behind; gives its CPU seconds."""
    seconds = 0.0
    while True:
        try:
            _, _, usage = os.wait4(-1, 0)
        except ChildProcessError:
            return seconds
        seconds += usage.ru_utime + usage.ru_stime


def _family(pid: int) -> list[int]:
    """Give a process and its descendants."""
    found = [pid]
    for one in found:
        try:
            children = Path(f"/proc/{one}/task/{one}/children").read_text().split()
        except OSError:
            continue  # it has ended
        found.extend(map(int, children))
    return found


def _peak_mb(pid: int) -> float:
    """Read the high-water mark; rusage's would hold that of this process before exec."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0  # it has ended
    line = next((one for one in status.splitlines() if one.startswith("VmHWM")), "VmHWM: 0 kB")
    return int(line.split()[1]) / 1024


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0  # it has ended
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
