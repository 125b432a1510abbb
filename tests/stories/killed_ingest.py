"""An ingest that is killed (SIGKILL) before its n-th step, for many n, and then done again.

Run as a script: ``killed_ingest.py SITE JOB OUT STRIDE``. For n = 1, 1 + STRIDE, ... it copies the
folder SITE to OUT/n, forks a child that ingests there and kills itself before the n-th step, then
another that gets through, and stops when the first gets through by itself. A step is anything that
changes something outside the process: a commit of book or index, a study put into quarantine or
taken out, every file of the sealed store written or removed, every folder of staging emptied.
Nothing that starts threads runs before a fork.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import traceback
from pathlib import Path

from fedpacs.agent.quarantine import Quarantine
from fedpacs.agent.site import Site
from fedpacs.cohort.vault import Vault
from fedpacs.config.job import load_job
from fedpacs.core.errors import PolicyError
from fedpacs.records.book import Book
from fedpacs.records.study_index import StudyIndex

_GATE = 9


class Countdown:
    """Kills this process when it has been counted down."""

    def __init__(self, left: int) -> None:
        self._left = left

    def step(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def arm(self, owner: object, name: str) -> None:
        original = getattr(owner, name)

        def stepping(*arguments, **keywords):
            self.step()
            answer = original(*arguments, **keywords)
            self.step()
            return answer

        setattr(owner, name, stepping)


def ingest(folder: Path, job: Path, left: int) -> int:
    """Ingest in a child that may kill itself; give how it ended."""
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    countdown = Countdown(left)
    for owner, name in (
        (Book, "append"),
        (StudyIndex, "put"),
        (Quarantine, "put"),
        (Quarantine, "release"),
        (Vault, "write"),
        (Vault, "remove"),
        (shutil, "rmtree"),
    ):
        countdown.arm(owner, name)
    try:
        Site.open(folder / "site.toml").ingest(load_job(job))
    except PolicyError:  # two patients are too few for gate 2, and everything is sealed by then
        os._exit(_GATE)
    except BaseException:  # noqa: BLE001 - the parent is told, whatever it is
        traceback.print_exc()
    os._exit(1)


def main(site: str, job: str, out: str, stride: str) -> None:
    for left in range(1, 10_000, int(stride)):
        folder = Path(out) / f"{left:04d}"
        shutil.copytree(site, folder)
        ended = ingest(folder, Path(job), left)
        if ended == _GATE:
            shutil.rmtree(folder)
            return
        if ended != -signal.SIGKILL or ingest(folder, Path(job), 0) != _GATE:
            sys.exit(f"the ingest itself failed at step {left}")
    sys.exit("the ingest never got through")


if __name__ == "__main__":
    main(*sys.argv[1:])
