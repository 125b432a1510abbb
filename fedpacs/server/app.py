"""The ServerApp: what Flower starts for a run. It takes the job from the consortium's home.

The bundle names ``fedpacs.server.app:app``, which is this installed module: the server too runs no
code from a bundle.
"""

from __future__ import annotations

import logging
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flwr.serverapp import ServerApp

from fedpacs.core.errors import FedpacsError, ServerError
from fedpacs.core.update import GlobalModel
from fedpacs.core.wire import WireSchema
from fedpacs.federation.brisk import pull_briskly
from fedpacs.federation.bundle import run_config
from fedpacs.federation.schema import wire_schema
from fedpacs.server.asking import ask_for_statistics
from fedpacs.server.control import read_node_key
from fedpacs.server.errors import QuorumError, UnknownJobError
from fedpacs.server.exchange import Sites
from fedpacs.server.home import Home
from fedpacs.server.registry import RunFolder, RunRecord
from fedpacs.server.rounds import Run, run_rounds
from fedpacs.server.superlink import HOME_VARIABLE

if TYPE_CHECKING:
    from flwr.app import Context
    from flwr.serverapp import Grid

    from fedpacs.config.job import JobConfig

_LOG = logging.getLogger(__name__)

app = ServerApp()


@app.main()
def main(grid: Grid, context: Context) -> None:
    """Run the job that the run configuration names.

    Raises
    ------
    FedpacsError
        If the run failed; Flower then marks it failed, and the record holds the code.
    """
    pull_briskly()
    home = Home(Path(os.environ[HOME_VARIABLE]))
    folder = RunFolder.of(home, context.run_id)
    record = RunRecord(str(context.run_id), "", "", 0)
    try:
        job = home.job(str(context.run_config.get("job-digest", "")))
        record = replace(record, job_name=job.job.name, job_digest=job.digest)
        _carry_out(grid, home, context, (job, folder, record))
    except FedpacsError as error:
        _fail(folder, record, error)
        raise
    except Exception as error:
        # whatever goes wrong, whoever follows the run must learn that it ended
        _fail(
            folder, record, ServerAppFailedError(f"The ServerApp failed: {type(error).__name__}.")
        )
        raise


def _carry_out(
    grid: Grid, home: Home, context: Context, work: tuple[JobConfig, RunFolder, RunRecord]
) -> None:
    """Train, or ask for statistics, as the run's configuration says."""
    job, folder, record = work
    given = dict(context.run_config)
    if given == run_config(job):
        record = replace(record, planned=job.federation.rounds)
        folder.write(record)
        run_rounds(_run(grid, home, folder, job), _initial(job), record)
    elif given == run_config(job, "statistics"):
        sites = Sites(grid, _members(home), WireSchema((), ()))
        ask_for_statistics(sites, job, folder, record)
    else:
        raise UnknownJobError("The run's configuration is not the job's.")


class ServerAppFailedError(ServerError):
    """The ServerApp failed in a way nobody foresaw."""

    code = "server.app-failed"
    default_hint = "Read superlink.log in the consortium's home and report it with the log."


def _run(grid: Grid, home: Home, folder: RunFolder, job: JobConfig) -> Run:
    schema = _schema(job)
    return Run(job, schema, Sites(grid, _members(home), schema), folder)


def _members(home: Home) -> dict[str, bytes]:
    return {path.stem: read_node_key(path) for path in sorted(home.members.glob("*.pub"))}


def _schema(job: JobConfig) -> WireSchema:
    from fedpacs.training.networks import build_network, state_shapes

    return wire_schema(job, state_shapes(build_network(job.network, len(job.cohort.labels) + 1)))


def _initial(job: JobConfig) -> GlobalModel:
    from fedpacs.training.networks import initial_weights

    return GlobalModel(job.digest, 0, initial_weights(job))


def _fail(folder: RunFolder, record: RunRecord, error: FedpacsError) -> None:
    record = folder.read() or record
    missing = error.absent if isinstance(error, QuorumError) else {}
    folder.write(
        replace(
            record,
            phase="failed",
            code=error.code,
            message=error.message,
            hint=error.hint,
            missing=missing,
        )
    )
    _LOG.error("run failed", extra={"code": error.code})
