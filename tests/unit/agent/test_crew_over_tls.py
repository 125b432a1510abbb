"""A Dask cluster over TLS: both sides prove themselves, and nobody else gets in."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from fedpacs.agent.intake import crew
from fedpacs.agent.intake.crew import NoSchedulerError, hire
from fedpacs.agent.intake.work import StudyTask
from fedpacs.config.ingest import Ingest, SchedulerTls
from fedpacs.config.quality import Quality
from fedpacs.simulation.workspace import free_ports

_START_S = 60


def ingest(address, tls):
    key = tls.key.removeprefix("file:")
    names = SchedulerTls(certificate_authority=tls.ca, certificate=tls.certificate, key=key)
    return Ingest(scheduler=address, scheduler_tls=names)


@pytest.fixture(scope="module")
def scheduler(certificates, tmp_path_factory):
    """A scheduler and a worker that take certificates of the hospital's authority only."""
    folder = tmp_path_factory.mktemp("dask-tls")
    (port,) = free_ports(1)
    address, pacs = f"tls://127.0.0.1:{port}", certificates.pacs
    files = ["--tls-ca-file", str(pacs.ca), "--tls-cert", str(pacs.certificate)]
    files += ["--tls-key", pacs.key.removeprefix("file:")]
    alone = ["--no-nanny", "--no-dashboard"]
    commands = (
        ["dask_scheduler", "--host", address, "--no-dashboard", *files],
        ["dask_worker", address, "--host", "tls://127.0.0.1", "--nthreads", "1", *alone, *files],
    )
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}
    log = (folder / "log").open("wb")
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:]],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
        for words in commands
    ]
    yield address
    for process in processes:
        process.kill()
        process.wait()
    log.close()


def hired(config):
    deadline = time.monotonic() + _START_S
    while True:
        try:
            return hire(config)
        except NoSchedulerError:
            if time.monotonic() > deadline:
                raise


def test_a_site_with_a_certificate_of_the_authority_has_its_work_done(
    scheduler, certificates, tmp_path
):
    workers = hired(ingest(scheduler, certificates.site))
    (tmp_path / "study" / "identified").mkdir(parents=True)
    site_file = str(tmp_path / "no-site.toml")
    workers.submit(StudyTask(site_file, "2.25.1", str(tmp_path / "study"), 1, "a" * 64, Quality()))
    (outcome,) = workers.collect(None)
    assert (outcome.task.subject, outcome.refusal.code) == ("2.25.1", "config.unreadable")
    workers.close()


def test_strangers_are_refused_on_both_sides(scheduler, certificates, monkeypatch):
    hired(ingest(scheduler, certificates.site)).close()  # it does answer
    monkeypatch.setattr(crew, "_CONNECT_S", 3)
    stranger = certificates.other.sign("stranger").model_copy(update={"ca": certificates.site.ca})
    misled = certificates.site.model_copy(update={"ca": certificates.other.path})
    for tls in (stranger, misled):
        with pytest.raises(NoSchedulerError):
            hire(ingest(scheduler, tls))
    with pytest.raises(NoSchedulerError):
        hire(Ingest(scheduler=scheduler.replace("tls:", "tcp:")))


def test_certificates_that_are_not_there_are_told(certificates, tmp_path):
    missing = certificates.site.model_copy(update={"key": f"file:{tmp_path}/none.key"})
    with pytest.raises(NoSchedulerError):
        hire(ingest("tls://127.0.0.1:9", missing))
