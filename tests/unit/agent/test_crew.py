"""The same work by this process, by a pool, and on a Dask cluster of real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from fedpacs.agent.intake import crew
from fedpacs.agent.intake.crew import Alone, NoSchedulerError, Pool, hire
from fedpacs.agent.intake.work import StudyTask
from fedpacs.config.ingest import Ingest
from fedpacs.config.quality import Quality
from fedpacs.simulation.workspace import free_ports

_START_S = 60


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A scheduler and two workers; gives the address and the processes."""
    folder = tmp_path_factory.mktemp("dask")
    (port,) = free_ports(1)
    address = f"tcp://127.0.0.1:{port}"
    common = {"cwd": folder, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    scheduler = ["dask_scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
    worker = ["dask_worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
    commands = [scheduler, worker, worker]
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{command[0]}", *command[1:]],
            env=environment,
            **common,
        )
        for command in commands
    ]
    yield address, processes
    for process in processes:
        process.kill()
        process.wait()


def tasks(tmp_path, count):
    for number in range(count):
        folder = tmp_path / str(number)
        (folder / "identified").mkdir(parents=True)
        yield StudyTask(
            str(tmp_path / "no-site.toml"), f"2.25.{number}", str(folder), 1, "a" * 64, Quality()
        )


def outcomes_of(workers, given):
    for task in given:
        workers.submit(task)
    found = []
    while len(found) < len(given):
        found.extend(workers.collect(None))
    workers.close()
    return found


def test_a_site_with_one_worker_works_in_its_own_process():
    assert isinstance(hire(Ingest(workers=1)), Alone)
    assert hire(Ingest(workers=3)).size == 3


@pytest.mark.parametrize("workers", [Alone, lambda: Pool(2)])
def test_every_task_gets_its_own_outcome_and_a_code(workers, tmp_path):
    found = outcomes_of(workers(), list(tasks(tmp_path, 5)))
    assert {outcome.task.subject for outcome in found} == {f"2.25.{n}" for n in range(5)}
    assert {outcome.refusal.code for outcome in found} == {"config.unreadable"}


def test_a_study_that_ends_its_process_is_lost_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "prepare", _deadly)
    found = outcomes_of(Pool(2), list(tasks(tmp_path, 5)))
    codes = {outcome.task.subject: outcome.refusal.code for outcome in found}
    assert codes.pop("2.25.3") == "deid.worker-died"
    assert set(codes.values()) == {"config.unreadable"}


def _deadly(task):
    from fedpacs.agent.intake.work import prepare

    if task.subject == "2.25.3":
        os.kill(os.getpid(), signal.SIGKILL)
    return prepare(task)


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch):
    monkeypatch.setattr(crew, "_CONNECT_S", 1)
    with pytest.raises(NoSchedulerError):
        hire(Ingest(scheduler="tcp://127.0.0.1:9"))


def test_a_cluster_does_the_same_work(cluster, tmp_path):
    workers = hire(Ingest(scheduler=cluster[0]))
    wait_for(workers, 2)
    found = outcomes_of(workers, list(tasks(tmp_path, 6)))
    assert {outcome.task.subject for outcome in found} == {f"2.25.{n}" for n in range(6)}
    assert {outcome.refusal.code for outcome in found} == {"config.unreadable"}


def test_a_worker_of_a_cluster_that_is_killed_loses_and_doubles_nothing(
    cluster, tmp_path, monkeypatch
):
    address, processes = cluster
    workers = hire(Ingest(scheduler=address))
    wait_for(workers, 2)
    given = list(tasks(tmp_path, 30))

    def slowly(task):  # in here, so that it travels by value: workers have no such module
        import time as clock

        from fedpacs.agent.intake.work import prepare

        clock.sleep(0.1)
        return prepare(task)

    monkeypatch.setattr(crew, "prepare", slowly)
    for task in given:
        workers.submit(task)
    found = workers.collect(None)
    processes[2].kill()
    while len(found) < len(given):
        found.extend(workers.collect(None))
    workers.close()
    subjects = [outcome.task.subject for outcome in found]
    assert sorted(subjects) == sorted(task.subject for task in given)


def wait_for(workers, count):
    deadline = time.monotonic() + _START_S
    while len(workers._client.nthreads()) < count:
        assert time.monotonic() < deadline, "the workers did not come"
        time.sleep(0.1)
