"""Three hospitals and a consortium: Flower's own processes, TLS, node keys, SQLite.

Only the hospitals' work is a toy: each adds its number to the weights, so that the average is
known beforehand.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
import threading
import time
from dataclasses import replace
from pathlib import Path

import httpx
import numpy as np
import pytest

from fedpacs.agent.executor import Executor
from fedpacs.agent.ports import Permit
from fedpacs.agent.statistics_service import StatisticsExecutor
from fedpacs.agent.supernode import NotRegisteredError, SuperNodeOptions, start_supernode
from fedpacs.config.consortium import ConsortiumConfig, ConsortiumIdentity, SuperLinkConfig
from fedpacs.config.job import load_job
from fedpacs.config.shipped import shipped
from fedpacs.core.errors import FederationError
from fedpacs.core.update import ReleasedUpdate
from fedpacs.core.wire import WireSchema
from fedpacs.crypto.pki import create_authority, create_node_key
from fedpacs.federation.bundle import build_bundle, bundle_digest, run_config
from fedpacs.federation.errors import PortTakenError, UnreachableError, UntrustedServerError
from fedpacs.federation.model_file import load_model
from fedpacs.federation.processes import Supervisor
from fedpacs.federation.schema import wire_schema
from fedpacs.server.consortium import Consortium
from fedpacs.server.errors import NotStartedError
from fedpacs.simulation.wiretap import Wiretap
from fedpacs.training.networks import build_network, initial_weights, state_shapes

pytestmark = pytest.mark.slow

ROUNDS = 2
HOSPITALS = {"aurora": 1.0, "birch": 2.0, "cedar": 3.0}
STRANGER = "stranger"


def processes(consortium):
    workspace = str(consortium.home.path.parent).encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            command = entry.read_bytes()
            if workspace in command:
                found.append(command)
    return found


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def job():
    job = load_job(shipped("configs", "jobs", "brain-tissue.toml"))
    rules = job.federation.model_copy(
        update={"rounds": ROUNDS, "minimum_sites": 3, "round_timeout_s": 60.0}
    )
    small = {"channels": [4, 8], "strides": [2], "num_res_units": 0, "norm": "instance"}
    network = job.network.model_copy(update={"parameters": small})
    return job.model_copy(update={"federation": rules, "network": network})


@pytest.fixture(scope="module")
def schema(job):
    return wire_schema(job, state_shapes(build_network(job.network, len(job.cohort.labels) + 1)))


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tmp_path_factory.mktemp("federation")


@pytest.fixture(scope="module")
def consortium(workspace):
    consortium = Consortium(
        ConsortiumConfig(
            consortium=ConsortiumIdentity(name="story"),
            superlink=SuperLinkConfig(port=free_port()),
            home=workspace / "home",
            members=tuple(HOSPITALS),
        )
    )
    for name in (*HOSPITALS, STRANGER):
        (workspace / name).mkdir()
        create_node_key(workspace / name / "node")
        if name in HOSPITALS:
            consortium.admit(name, workspace / name / "node.pub")
    return consortium


@pytest.fixture(scope="module")
def superlink(consortium):
    with consortium.started() as child:
        yield f"127.0.0.1:{consortium.config.superlink.port}"
        assert child.exit_status() is None
        assert [command for command in processes(consortium) if b"brisk_supernode" in command] == []
    assert processes(consortium) == [], "whoever was started is gone"


def options(workspace, consortium, name, superlink, **changes):
    given = SuperNodeOptions(
        superlink=superlink,
        root_certificates=consortium.root_certificates,
        node_key=workspace / name / "node",
        runtime_port=free_port(),
        runtime_secret=os.urandom(32),
        folder=workspace / name / "flower",
    )
    return replace(given, **changes)


class Adds:
    def __init__(self, number):
        self.number = number

    def handle(self, message_type, model):
        weights = model.weights + np.float32(self.number) if message_type == "train" else None
        numbers = {"num-examples": self.number, "train-loss": 1 / self.number}
        return ReleasedUpdate(model.job_digest, model.server_round, weights, numbers)


class Hospital(threading.Thread):
    """A SuperNode process and an executor, as `fedpacs site train` runs them."""

    def __init__(self, options, supervisor, permit, number):
        super().__init__(daemon=True)
        self.tasks, self.payloads, self.ended = [], [], threading.Event()
        self.supernode = start_supernode(options, supervisor)
        self._executor = Executor(
            options.runtime_address, options.runtime_secret, permit, Adds(number), self._keep
        )

    def _keep(self, payload):
        self.payloads.append(payload)

    def run(self):
        def until(task):
            self.tasks.append(task)
            return task.message_type == "evaluate" and task.code is None

        self._executor.serve(until, self.ended.is_set)
        self.supernode.wait_until_sent(len(self.tasks))
        self._executor.close()


def permit_of(job, schema, **changes):
    permit = Permit(
        job_digest=job.digest,
        bundle_digest=bundle_digest(build_bundle(job)),
        run_config=run_config(job),
        schema=schema,
        rounds=job.federation.rounds,
        refusal=lambda: None,
    )
    return replace(permit, **changes)


def test_three_hospitals_train_one_model_and_nothing_else_leaves(
    workspace, consortium, superlink, job, schema
):
    seen = []
    record = workspace / "aurora.tap"
    with (
        Wiretap(consortium.home.pki, superlink, record) as tap,
        Supervisor(workspace / "logs-a") as one,
        Supervisor(workspace / "logs-b") as two,
        Supervisor(workspace / "logs-c") as three,
    ):
        ways = {"aurora": tap.address, "birch": superlink, "cedar": superlink}
        hospitals = {
            name: Hospital(
                options(workspace, consortium, name, ways[name]),
                supervisor,
                permit_of(job, schema),
                HOSPITALS[name],
            )
            for name, supervisor in zip(HOSPITALS, (one, two, three), strict=True)
        }
        assert {member.name for member in consortium.status().members if member.online} == set(
            HOSPITALS
        )
        for hospital in hospitals.values():
            hospital.start()
        report = consortium.run(job, lambda _what, done, _total: seen.append(done))
        for hospital in hospitals.values():
            hospital.join(60)
            assert not hospital.is_alive()

    assert report.failed is None
    assert (report.rounds, report.planned, report.sites) == (ROUNDS, ROUNDS, tuple(HOSPITALS))
    assert seen[-1] == ROUNDS
    assert report.absent == {}
    # each round adds (1*1 + 2*2 + 3*3) / (1 + 2 + 3)
    model, digest = load_model(report.model_file, schema, job.digest)
    assert np.allclose(model.weights, initial_weights(job) + ROUNDS * 14 / 6, atol=1e-5)
    assert model.server_round == ROUNDS
    assert digest == report.model_digest == report.model_file.stem
    assert report.curves["birch"]["train-loss"] == (0.5, 0.5)
    assert {site: given["num-examples"] for site, given in report.evaluation.items()} == HOSPITALS

    tapped = b"".join(path.read_bytes() for path in sorted(record.iterdir()))
    assert record.stat().st_mode & 0o077 == 0
    weights = [
        payload[start : start + schema.nbytes]
        for payload in hospitals["aurora"].payloads
        if (start := payload.find(b"\x93NUMPY")) >= 0
    ]
    assert len(weights) == ROUNDS
    assert all(piece in tapped for piece in weights), "what was handed over is what was carried"
    assert tapped.count(b"POST /v1/fleet/") > ROUNDS
    assert b"/v1/control/" not in tapped
    assert str(workspace).encode() not in tapped


def test_three_hospitals_tell_their_statistics_and_nothing_is_trained(
    workspace, consortium, superlink, job
):
    permit = replace(
        permit_of(job, WireSchema((), ())),
        bundle_digest=bundle_digest(build_bundle(job, "statistics")),
        run_config=run_config(job, "statistics"),
    )
    left = {name: [] for name in HOSPITALS}
    with contextlib.ExitStack() as stack:
        threads = []
        for name in HOSPITALS:
            supervisor = stack.enter_context(Supervisor(workspace / f"logs-statistics-{name}"))
            given = options(workspace, consortium, name, superlink)
            start_supernode(given, supervisor)
            executor = StatisticsExecutor(
                given.runtime_address,
                given.runtime_secret,
                permit,
                lambda name=name: f"statistics of {name}".encode(),
                left[name].append,
            )
            stack.callback(executor.close)
            thread = threading.Thread(target=executor.serve, args=(lambda task: not task.code,))
            thread.start()
            threads.append(thread)
        report = consortium.run(job, purpose="statistics")
        for thread in threads:
            thread.join(60)
    assert report.failed is None
    assert (report.rounds, report.model_file) == (0, None)
    folder = consortium.home.runs / report.run_id / "statistics"
    assert {path.stem: path.read_text() for path in folder.iterdir()} == {
        name: f"statistics of {name}" for name in HOSPITALS
    }
    assert all(f"statistics of {name}".encode() in left[name][0] for name in HOSPITALS)


def test_the_record_of_a_run_is_there_for_later(consortium, superlink, job):
    assert superlink
    status = consortium.status()
    assert status.running
    assert [(r.job_digest, r.rounds) for r in status.runs if r.failed is None] == [
        (job.digest, ROUNDS),
        (job.digest, 0),
    ]
    assert all(member.registered and member.key_present for member in status.members)


def test_a_run_that_one_hospital_refuses_fails_and_names_it(
    workspace, consortium, superlink, job, schema
):
    other = job.model_copy(update={"training": job.training.model_copy(update={"seed": 5})})
    revoked = [None, None, "agent.approval-revoked"]
    with (
        Supervisor(workspace / "logs-d") as one,
        Supervisor(workspace / "logs-e") as two,
        Supervisor(workspace / "logs-f") as three,
    ):
        hospitals = [
            Hospital(
                options(workspace, consortium, name, superlink),
                supervisor,
                permit_of(other, schema, refusal=lambda refusal=refusal: refusal),
                HOSPITALS[name],
            )
            for name, supervisor, refusal in zip(HOSPITALS, (one, two, three), revoked, strict=True)
        ]
        for hospital in hospitals:
            hospital.start()
        report = consortium.run(other)
        for hospital in hospitals:
            hospital.ended.set()
            hospital.join(60)
    assert report.failed == "server.quorum-lost"
    assert report.rounds == 0
    assert report.model_file is None
    assert report.absent == {"cedar": {1: "agent.approval-revoked"}}
    assert "cedar (agent.approval-revoked)" in report.message
    assert hospitals[2].tasks[0].code == "agent.approval-revoked"


def test_a_bundle_that_no_hospital_approved_is_refused_by_all(
    workspace, consortium, superlink, job, schema
):
    unknown = job.model_copy(update={"training": job.training.model_copy(update={"seed": 6})})
    with (
        Supervisor(workspace / "logs-g") as one,
        Supervisor(workspace / "logs-h") as two,
        Supervisor(workspace / "logs-i") as three,
    ):
        hospitals = [
            Hospital(
                options(workspace, consortium, name, superlink),
                supervisor,
                permit_of(job, schema),
                HOSPITALS[name],
            )
            for name, supervisor in zip(HOSPITALS, (one, two, three), strict=True)
        ]
        for hospital in hospitals:
            hospital.start()
        report = consortium.run(unknown)
        for hospital in hospitals:
            hospital.ended.set()
            hospital.join(60)
    assert report.failed == "server.quorum-lost"
    assert set(report.absent) == set(HOSPITALS)
    assert {code for by_round in report.absent.values() for code in by_round.values()} == {
        "agent.bundle-not-approved"
    }


def test_too_few_hospitals_end_the_run_in_time(consortium, superlink, job):
    assert superlink
    rules = job.federation.model_copy(update={"round_timeout_s": 1.0})
    start = time.monotonic()
    report = consortium.run(job.model_copy(update={"federation": rules}))
    assert report.failed == "server.too-few-sites"
    assert "aurora, birch, cedar" in report.message
    assert report.hint
    assert time.monotonic() - start < 60


def test_a_hospital_that_is_not_registered_is_told_so(workspace, consortium, superlink):
    with (
        Supervisor(workspace / "logs-stranger") as supervisor,
        pytest.raises(NotRegisteredError) as caught,
    ):
        start_supernode(options(workspace, consortium, STRANGER, superlink), supervisor)
    assert ".pub" in caught.value.hint


def test_a_superlink_with_another_certificate_is_not_trusted(workspace, consortium, superlink):
    create_authority(workspace / "elsewhere", "another")
    given = options(
        workspace,
        consortium,
        "aurora",
        superlink,
        root_certificates=workspace / "elsewhere" / "ca.crt",
    )
    with Supervisor(workspace / "logs-x") as supervisor, pytest.raises(UntrustedServerError):
        start_supernode(given, supervisor)


def test_a_superlink_that_is_not_there_is_a_coded_error(workspace, consortium, superlink):
    assert superlink
    given = options(workspace, consortium, "aurora", f"127.0.0.1:{free_port()}")
    with Supervisor(workspace / "logs-y") as supervisor, pytest.raises(UnreachableError) as caught:
        start_supernode(given, supervisor)
    assert isinstance(caught.value, FederationError)
    assert "firewall" in caught.value.hint


def test_a_taken_port_is_a_coded_error(workspace, consortium, superlink):
    with socket.create_server(("127.0.0.1", 0)) as other:
        given = options(
            workspace, consortium, "aurora", superlink, runtime_port=other.getsockname()[1]
        )
        with Supervisor(workspace / "logs-z") as supervisor, pytest.raises(PortTakenError):
            start_supernode(given, supervisor)
    with pytest.raises(PortTakenError), consortium.started():
        pytest.fail("a second SuperLink on the same port")


def test_the_control_interface_answers_nobody_without_the_token(consortium, superlink):
    url = f"https://{superlink}/v1/control/list-nodes"
    headers = {"content-type": "application/x-protobuf", "accept": "application/x-protobuf"}
    token = consortium.home.control_token.read_text()
    assert consortium.home.control_token.stat().st_mode & 0o077 == 0
    trust = ssl.create_default_context(cafile=str(consortium.root_certificates))
    with httpx.Client(verify=trust) as client:
        assert client.post(url, headers=headers).status_code == 403
        wrong = {**headers, "x-fedpacs-control": "0" * 64}
        assert client.post(url, headers=wrong).status_code == 403
        right = {**headers, "x-fedpacs-control": token}
        assert client.post(url, headers=right).status_code != 403


def test_a_consortium_that_was_never_started_says_so(workspace, job):
    config = ConsortiumConfig(
        consortium=ConsortiumIdentity(name="idle"),
        superlink=SuperLinkConfig(port=free_port()),
        home=workspace / "idle",
        members=("aurora", "birch", "cedar"),
    )
    idle = Consortium(config)
    assert not idle.status().running
    rules = job.federation.model_copy(update={"minimum_sites": 2})
    for name in ("aurora", "birch"):
        idle.home.prepare()
        (idle.home.members / f"{name}.pub").write_bytes(
            (workspace / name / "node.pub").read_bytes()
        )
    with pytest.raises(NotStartedError):
        idle.run(job.model_copy(update={"federation": rules}))
