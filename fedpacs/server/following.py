"""Following a run from outside: the record that its ServerApp writes, and Flower's word for it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from fedpacs.server.errors import RunDiedError
from fedpacs.server.registry import RunRecord

if TYPE_CHECKING:
    from collections.abc import Callable

    from fedpacs.config.job import JobConfig
    from fedpacs.server.control import Control
    from fedpacs.server.registry import RunFolder

_LOOK_S = 0.2
_ASK_FLOWER_S = 2.0
_LAST_WORD_S = 3.0
"""How long a ServerApp's last record may take after Flower says that the run is over."""


def follow(
    control: Control,
    run_id: int,
    job: JobConfig,
    folder: RunFolder,
    tell: Callable[[str, int, int], None],
) -> RunRecord:
    """Wait for the end of a run and give its record, telling of every round.

    A run that Flower ended without our ServerApp's word (killed, not startable) is recorded as
    failed with ``server.run-died``; it is never waited for.
    """
    rounds, ask_at, over_at = -1, 0.0, None
    while True:
        record = folder.read()
        if record is not None and len(record.rounds) > rounds:
            rounds = len(record.rounds)
            tell("Rounds", rounds, record.planned)
        if record is not None and record.ended:
            return record
        now = time.monotonic()
        if over_at is not None and now > over_at + _LAST_WORD_S:
            return _died(folder, run_id, job)
        if over_at is None and now > ask_at:
            ask_at = now + _ASK_FLOWER_S
            over_at = now if control.run_state(run_id).finished else None
        time.sleep(_LOOK_S)


def _died(folder: RunFolder, run_id: int, job: JobConfig) -> RunRecord:
    error = RunDiedError("Flower ended the run before its ServerApp did.")
    record = folder.read() or RunRecord(
        str(run_id), job.job.name, job.digest, job.federation.rounds
    )
    record = replace(
        record, phase="failed", code=error.code, message=error.message, hint=error.hint
    )
    folder.write(record)
    return record
